// The exception vectors: every register goes into a struct exception_frame (exceptions.h) on the stack,
// and C decides. The order of the sixteen entries is the architecture's.

  .macro entry kind
  .balign 0x80
  sub sp, sp, #288
  stp x0, x1, [sp]
  stp x2, x3, [sp, #16]
  mov x1, #\kind
  b save_and_handle
  .endm

  .text
  .balign 0x800
  .global vectors
vectors:
  .irp kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  entry \kind
  .endr

  .balign 0x80
save_and_handle:
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

  // SP of what was interrupted: SP_EL0 for a program at EL0, else ours.
  mrs x2, sp_el0
  add x3, sp, #288
  cmp x1, #8
  csel x2, x2, x3, hs
  mrs x3, elr_el1
  mrs x4, spsr_el1
  stp x30, x2, [sp, #240]
  stp x3, x4, [sp, #256]

  // A frame record of what was interrupted, so that a debugger's call stack goes on through here.
  stp x29, x3, [sp, #272]
  add x29, sp, #272

  mov x0, sp
  bl handle_exception

  .global restore_and_return
restore_and_return:
  ldp x30, x2, [sp, #240]
  ldp x3, x4, [sp, #256]
  msr elr_el1, x3
  msr spsr_el1, x4
  tst x4, #0xf        // PSTATE.M is 0 for EL0
  b.ne 1f
  msr sp_el0, x2
1:
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
  ldp x0, x1, [sp], #288
  eret
