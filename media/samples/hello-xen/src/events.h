// Event channels: interrupts between domains.

#pragma once

#include "xen.h"

typedef void event_handler(void);

void events_init(unsigned intid);
void on_event(u32 port, event_handler *handler);
void notify(u32 port);

// A masked port becomes pending, and nobody is interrupted until it is unmasked.
void mask_event(u32 port);
void unmask_event(u32 port);

// A new port, which the other domain may bind.
u32 offer_port(unsigned domid);

// The number of this domain. No hypercall says it outright.
unsigned own_domid(void);
