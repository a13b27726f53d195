// Exceptions. What comes from EL0 saves every register, as a kernel with processes does.

  .macro entry to
  .balign 0x80
  b \to
  .endm

  .text
  .balign 0x800
  .global vectors
vectors:
  .rept 4
  entry unexpected
  .endr
  entry fault
  entry interrupt
  entry unexpected
  entry unexpected
  entry from_user
  .rept 7
  entry unexpected
  .endr

  .balign 0x80
unexpected:
  mrs x0, esr_el1
  mrs x1, far_el1
  mrs x2, elr_el1
  b report_exception

  .macro save_caller_saved
  stp x0, x1, [sp, #-176]!
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp x8, x9, [sp, #64]
  stp x10, x11, [sp, #80]
  stp x12, x13, [sp, #96]
  stp x14, x15, [sp, #112]
  stp x16, x17, [sp, #128]
  stp x18, x30, [sp, #144]
  mrs x0, elr_el1
  mrs x1, spsr_el1
  stp x0, x1, [sp, #160]
  .endm

  .macro restore_caller_saved
  ldp x0, x1, [sp, #160]
  msr elr_el1, x0
  msr spsr_el1, x1
  ldp x18, x30, [sp, #144]
  ldp x16, x17, [sp, #128]
  ldp x14, x15, [sp, #112]
  ldp x12, x13, [sp, #96]
  ldp x10, x11, [sp, #80]
  ldp x8, x9, [sp, #64]
  ldp x6, x7, [sp, #48]
  ldp x4, x5, [sp, #32]
  ldp x2, x3, [sp, #16]
  ldp x0, x1, [sp], #176
  .endm

fault:
  save_caller_saved
  mrs x2, elr_el1
  mrs x0, esr_el1
  mrs x1, far_el1
  bl handle_fault
  restore_caller_saved
  eret

interrupt:
  save_caller_saved
  bl handle_interrupt
  restore_caller_saved
  eret

// A system call: its number in x8, arguments in x0 and x1. Number 0 ends the program.
from_user:
  sub sp, sp, #272
  stp x0, x1, [sp]
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp x8, x9, [sp, #64]
  stp x10, x11, [sp, #80]
  stp x12, x13, [sp, #96]
  stp x14, x15, [sp, #112]
  stp x16, x17, [sp, #128]
  stp x18, x19, [sp, #144]
  stp x20, x21, [sp, #160]
  stp x22, x23, [sp, #176]
  stp x24, x25, [sp, #192]
  stp x26, x27, [sp, #208]
  stp x28, x29, [sp, #224]
  mrs x20, elr_el1
  mrs x21, spsr_el1
  mrs x22, sp_el0
  stp x30, x20, [sp, #240]
  stp x21, x22, [sp, #256]
  mrs x23, esr_el1
  lsr x24, x23, #26
  cmp x24, #0x15      // SVC
  b.ne unexpected
  cbz x8, leave_user
  mov x2, x1
  mov x1, x0
  mov x0, x8
  bl handle_system_call
  str x0, [sp]
  ldp x21, x22, [sp, #256]
  ldp x30, x20, [sp, #240]
  msr elr_el1, x20
  msr spsr_el1, x21
  msr sp_el0, x22
  ldp x28, x29, [sp, #224]
  ldp x26, x27, [sp, #208]
  ldp x24, x25, [sp, #192]
  ldp x22, x23, [sp, #176]
  ldp x20, x21, [sp, #160]
  ldp x18, x19, [sp, #144]
  ldp x16, x17, [sp, #128]
  ldp x14, x15, [sp, #112]
  ldp x12, x13, [sp, #96]
  ldp x10, x11, [sp, #80]
  ldp x8, x9, [sp, #64]
  ldp x6, x7, [sp, #48]
  ldp x4, x5, [sp, #32]
  ldp x2, x3, [sp, #16]
  ldp x0, x1, [sp], #272
  eret

// u64 enter_user(entry, stack, argument): runs a program at EL0 until its system call 0, and returns what
// that was given.
  .global enter_user
enter_user:
  stp x29, x30, [sp, #-96]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  msr elr_el1, x0
  msr sp_el0, x1
  mov x3, #0x3c0      // EL0, everything masked
  msr spsr_el1, x3
  mov x0, x2
  eret
leave_user:
  ldr x0, [sp]
  add sp, sp, #272
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #96
  ret

// The program at EL0: so many system calls, each given what the last one answered.
  .section .user, "ax"
  .global user_program
user_program:
  mov x19, x0
  mov x0, #1
1:
  mov x1, x19
  mov x8, #1
  svc #0
  subs x19, x19, #1
  b.ne 1b
  mov x8, #0
  svc #0
