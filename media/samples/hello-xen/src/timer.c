// The generic timer (Arm ARM DDI 0487, "The Generic Timer"), as its virtual half shows it: the count
// starts at 0 with the domain.

#include "timer.h"
#include "exceptions.h"

#define CNTV_CTL_ENABLE 1

struct timer timer;

static void arm_timer(const struct timer *t) {
  write_sysreg(cntv_cval_el0, t->next);
  // Xen masks the timer in this register when it fires, so it is written each time.
  write_sysreg(cntv_ctl_el0, CNTV_CTL_ENABLE);
  isb();
}

void handle_timer_tick(struct timer *t) {
  t->ticks++;
  t->next += t->interval;
  arm_timer(t);
}

static void timer_interrupt(void *context) { handle_timer_tick(context); }

void timer_init(struct timer *t, unsigned intid, unsigned ticks_per_second) {
  t->frequency = read_sysreg(cntfrq_el0);
  t->interval = t->frequency / ticks_per_second;
  t->next = read_sysreg(cntvct_el0) + t->interval;
  t->ticks = 0;
  t->intid = intid;
  arm_timer(t);
  on_interrupt(intid, timer_interrupt, t);
}

void wait_for_ticks(const struct timer *t, u64 count) {
  const volatile u64 *ticks = &t->ticks;
  u64 until = *ticks + count;
  interrupts_off();
  while (*ticks < until) wait_for_interrupt();
  interrupts_on();
}
