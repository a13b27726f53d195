// The kernel's side of the EL0 task.

#include "task.h"
#include "console.h"
#include "mmu.h"
#include "system-calls.h"
#include "timer.h"

#define TASK_CODE_VA 0x400000ul
#define TASK_STACK_VA 0x800000ul
#define TASK_STACK_SIZE (2 * PAGE_SIZE)
#define ASID 1

// Addresses of the linker script.
extern char task_image[], task_image_end[];

// hypercall.S
i64 enter_task(u64 entry, u64 stack, u64 *kernel_sp);
_Noreturn void leave_task(u64 kernel_sp, i64 result);

static u8 stack[TASK_STACK_SIZE] PAGE_ALIGNED;
static struct task *running;

void task_init(struct task *t, const char *name) {
  *t = (struct task){.name = name, .tables = new_task_tables()};
  map_for_task(t->tables, TASK_CODE_VA, phys_of(task_image), (u64)(task_image_end - task_image), TASK_CODE);
  map_for_task(t->tables, TASK_STACK_VA, phys_of(stack), TASK_STACK_SIZE, TASK_DATA);
}

int run_task(struct task *t) {
  use_task_tables(t->tables, ASID);
  running = t;
  // The program begins with task_main: the linker script puts it first.
  int code = (int)enter_task(TASK_CODE_VA, TASK_STACK_VA + TASK_STACK_SIZE, &t->kernel_sp);
  running = NULL;
  interrupts_on();
  return code;
}

void end_task(int code) { leave_task(running->kernel_sp, code); }

// The task could pass any address, the kernel's own too.
static i64 write_for_task(u64 text, u64 size) {
  for (u64 done = 0; done < size;) {
    u64 at = text + done;
    u64 piece = round_up(at + 1, PAGE_SIZE) - at;
    if (piece > size - done) piece = size - done;
    if (!task_can_read(at)) return -1;
    console_write((const char *)at, piece);
    done += piece;
  }
  return (i64)size;
}

void handle_system_call(struct exception_frame *frame) {
  running->system_calls++;
  switch ((enum system_call)frame->x[8]) {
    case CALL_WRITE:
      frame->x[0] = (u64)write_for_task(frame->x[0], frame->x[1]);
      return;
    case CALL_TICKS:
      frame->x[0] = timer.ticks;
      return;
    case CALL_SLEEP: {
      // Interrupts inside come back here, so what this exception saved in registers is in the frame.
      wait_for_ticks(&timer, frame->x[0]);
      interrupts_off();
      return;
    }
    case CALL_EXIT:
      end_task((int)frame->x[0]);
  }
  frame->x[0] = (u64)-1;
}
