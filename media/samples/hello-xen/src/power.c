// The ends that a guest can come to.

#include <stdarg.h>

#include "xen.h"

#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009

static _Noreturn void shut_down(u32 reason) {
  hypercall(HYPERVISOR_sched_op, SCHEDOP_shutdown, (u64)&reason, 0);
  for (;;) __asm__ volatile("wfi");
}

void panic(const char *format, ...) {
  interrupts_off();
  va_list arguments;
  va_start(arguments, format);
  print("\npanic: ");
  print_list(format, arguments);
  print("\n");
  va_end(arguments);
  shut_down(SHUTDOWN_crash);
}

void power_off(void) {
  firmware_call(PSCI_SYSTEM_OFF);
  shut_down(SHUTDOWN_poweroff);
}

void reboot(void) {
  firmware_call(PSCI_SYSTEM_RESET);
  panic("the reset did not happen");
}
