#pragma once

#include "base.h"

// What vectors.S saves: 288 bytes.
struct exception_frame {
  u64 x[31];
  u64 sp;
  u64 pc;
  u64 pstate;
  u64 record[2];
};

typedef void interrupt_handler(void *context);

// Routes an interrupt to a function and lets it through the GIC.
void on_interrupt(unsigned intid, interrupt_handler *handler, void *context);
