#pragma once

#include "base.h"

struct timer {
  u64 frequency; // of the counter, in Hz
  u64 interval;  // counter steps from tick to tick
  u64 next;      // count at which the next tick is due
  u64 ticks;
  unsigned intid;
};

extern struct timer timer;

void timer_init(struct timer *t, unsigned intid, unsigned ticks_per_second);

// Sleeps until the timer ticked `count` times more.
void wait_for_ticks(const struct timer *t, u64 count);
