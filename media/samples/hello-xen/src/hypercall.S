// The ways out of the kernel.

  .text
// i64 hypercall(number, a, b, c): arguments go in x0 to x2, the number in x16.
  .global hypercall
hypercall:
  mov x16, x0
  mov x0, x1
  mov x1, x2
  mov x2, x3
  hvc #0xea1
  ret

// i64 firmware_call(function)
  .global firmware_call
firmware_call:
  hvc #0
  ret

// i64 enter_task(entry, stack, u64 *kernel_sp): keeps what a C caller expects to survive, then goes to
// EL0 with all other registers cleared. It returns when somebody calls leave_task.
  .global enter_task
enter_task:
  stp x29, x30, [sp, #-96]!
  mov x29, sp
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  mov x3, sp
  str x3, [x2]
  msr daifset, #2     // until ERET, SPSR_EL1 and ELR_EL1 must stay
  msr elr_el1, x0
  msr sp_el0, x1
  msr spsr_el1, xzr   // EL0, interrupts on
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  mov x\n, xzr
  .endr
  eret

// leave_task(u64 kernel_sp, i64 result): makes enter_task return. What lies deeper on the stack, the
// frame of the exception in which the task ended, is forgotten.
  .global leave_task
leave_task:
  mov sp, x0
  mov x0, x1
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #96
  ret
