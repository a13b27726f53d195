// What happens after the vectors: interrupts go to their handlers, system calls to the task, and
// everything else is the end, with a report.

#include "exceptions.h"
#include "gic.h"
#include "task.h"

// Entries of the vector table (Arm ARM DDI 0487, "Exception vectors").
enum vector { EL1_SYNC = 4, EL1_IRQ = 5, EL0_SYNC = 8, EL0_IRQ = 9 };

// ESR_EL1.EC
enum exception_class { CLASS_SVC = 0x15, CLASS_FETCH_EL0 = 0x20, CLASS_FETCH_EL1, CLASS_DATA_EL0 = 0x24, CLASS_DATA_EL1 };

#define SPURIOUS 1020 // this and above are no interrupts

struct registration {
  interrupt_handler *handler;
  void *context;
};

static struct registration registrations[32]; // only private interrupts are used

void on_interrupt(unsigned intid, interrupt_handler *handler, void *context) {
  if (intid >= 32) panic("interrupt %u is not a private one", intid);
  registrations[intid] = (struct registration){.handler = handler, .context = context};
  gic_enable(intid);
}

static void handle_interrupts(void) {
  for (;;) {
    u32 acknowledged = gic_acknowledge();
    u32 intid = acknowledged & 0x3ff;
    if (intid >= SPURIOUS) return;
    if (intid < 32 && registrations[intid].handler) registrations[intid].handler(registrations[intid].context);
    gic_end(acknowledged);
  }
}

static const char *describe(unsigned class) {
  switch ((enum exception_class)class) {
    case CLASS_SVC:
      return "system call";
    case CLASS_FETCH_EL0:
    case CLASS_FETCH_EL1:
      return "instruction abort";
    case CLASS_DATA_EL0:
    case CLASS_DATA_EL1:
      return "data abort";
  }
  return "exception";
}

static void print_registers(const struct exception_frame *frame) {
  for (unsigned i = 0; i < 31; i++) {
    print("  x%-3u %016lx%s", i, frame->x[i], i % 3 == 2 ? "\n" : "");
  }
  print("  sp   %016lx\n  pc   %016lx  pstate %08lx\n", frame->sp, frame->pc, frame->pstate);
}

static void handle_synchronous(struct exception_frame *frame, bool from_task) {
  u64 esr = read_sysreg(esr_el1);
  u64 far = read_sysreg(far_el1);
  unsigned class = esr >> 26 & 0x3f;
  if (from_task && class == CLASS_SVC) {
    handle_system_call(frame);
    return;
  }
  print("\n%s at EL%u, ESR %08lx, FAR %016lx\n", describe(class), from_task ? 0 : 1, esr, far);
  print_registers(frame);
  if (from_task) end_task(-1);
  panic("an exception in the kernel");
}

// Called by vectors.S.
void handle_exception(struct exception_frame *frame, unsigned vector) {
  switch ((enum vector)vector) {
    case EL1_IRQ:
    case EL0_IRQ:
      handle_interrupts();
      return;
    case EL1_SYNC:
      handle_synchronous(frame, false);
      return;
    case EL0_SYNC:
      handle_synchronous(frame, true);
      return;
  }
  panic("an exception came through vector %u", vector);
}
