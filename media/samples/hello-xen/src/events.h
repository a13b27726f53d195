// Event channels: interrupts between domains.

#pragma once

#include "xen.h"

typedef void event_handler(void);

void events_init(unsigned intid);
void on_event(u32 port, event_handler *handler);
void notify(u32 port);

// The number of this domain. No hypercall says it outright.
unsigned own_domid(void);
