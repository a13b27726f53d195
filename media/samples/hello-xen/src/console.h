// The console: the ring that the toolstack set up or, in a domain without one, Xen's own console.

#pragma once

#include "base.h"

void console_init(void);
// Once event channels work: input comes as an event.
void console_listen(void);
void console_write(const char *text, size_t size);
bool console_read(char *byte);
// 0 on Xen's own console.
u32 console_port(void);
