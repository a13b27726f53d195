// Runs a random program again and again, in turn at EL1 and at EL0, and survives whatever it does.
// make-harness.ts turns this into harness.json; random-machine.ts loads it and sets up the page tables.
//
// The program may use X0 to X15 and all vector registers as it likes, and X16 to X24, X29, X30 where it
// knows what it does. X25 to X28 belong to the harness. It ends with SVC #0x77.

.equ TABLES, 0x40040000
.equ PROGRAM, 0x40100000
.equ DATA, 0x40200000
// Where EL0 sees program and data.
.equ USER, 0x10000000
.equ GICD, 0x08000000
.equ GICR, 0x080a0000
.equ GICR_SGI, 0x080b0000
.equ VIRTUAL_TIMER, 1 << 27

.text
start:
  // GICv3: group 1, the interrupt of the virtual timer.
  ldr x0, =GICD
  mov w1, #0x12
  str w1, [x0]
  ldr x0, =GICR
  str wzr, [x0, #0x14]
  ldr x0, =GICR_SGI
  ldr w1, =VIRTUAL_TIMER
  str w1, [x0, #0x80]
  str w1, [x0, #0x100]
  mov x0, #7
  msr S3_0_C12_C12_5, x0        // ICC_SRE_EL1
  isb
  mov x0, #0xff
  msr S3_0_C4_C6_0, x0          // ICC_PMR_EL1
  mov x0, #1
  msr S3_0_C12_C12_7, x0        // ICC_IGRPEN1_EL1

  adr x0, vectors
  msr vbar_el1, x0
  mov x0, #(3 << 20)
  msr cpacr_el1, x0
  mov x0, #0x303
  msr cntkctl_el1, x0
  ldr x0, =TABLES
  msr ttbr0_el1, x0
  ldr x0, =0x04ff
  msr mair_el1, x0
  ldr x0, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
  msr tcr_el1, x0
  tlbi vmalle1
  dsb sy
  isb
  // M, C, I, UMA, DZE, UCT, nTWI, nTWE, UCI
  mrs x0, sctlr_el1
  ldr x1, =0x0405d205
  orr x0, x0, x1
  msr sctlr_el1, x0
  isb
  mov x0, #7
  msr cntv_tval_el0, x0
  mov x0, #1
  msr cntv_ctl_el0, x0
  mov x25, #0
  mov x28, #0

// A round of the program, at the other level than before. X25 counts them: some have FP disabled, for EL0 or
// altogether, and every other sixteen have alignment checked.
next:
  add x25, x25, #1
  and x27, x25, #15
  mov x26, #(3 << 20)
  mov x24, #(1 << 20)
  cmp x27, #8
  csel x26, x24, x26, eq
  cmp x27, #13
  csel x26, xzr, x26, eq
  msr cpacr_el1, x26
  mrs x26, sctlr_el1
  ubfx x27, x25, #4, #1
  bfi x26, x27, #1, #1
  msr sctlr_el1, x26
  isb
  ldr x19, =PROGRAM
  ldr x24, =DATA
  mov x26, #5                   // EL1h, interrupts on
  tbnz x25, #0, 1f
  ldr x27, =USER
  add x19, x19, x27
  add x24, x24, x27
  mov x26, #0                   // EL0
1:
  add x27, x24, #0x1, lsl #12
  add x27, x27, #0x800
  mov sp, x27
  msr sp_el0, x27
  msr spsr_el1, x26
  msr elr_el1, x19
  mov x20, x24
  mov x21, x24
  mov x22, #8
  mov x18, #1
  mov x23, #1
  mov x29, #1
  mov x30, x19
  eret

// What it took is mixed into X28; what faulted is skipped.
synchronous:
  mrs x27, esr_el1
  add x28, x28, x27
  ror x28, x28, #9
  lsr x26, x27, #26
  cmp x26, #0x15
  b.eq supervisor_call
  cmp x26, #0x20                // instruction aborts: it lost its way
  b.eq next
  cmp x26, #0x21
  b.eq next
  cmp x26, #0x22                // so it did with a misaligned PC
  b.eq next
  cmp x26, #0x0e                // illegal execution state
  b.eq next
  mrs x26, far_el1
  eor x28, x28, x26
  mrs x26, elr_el1
  add x28, x28, x26
  add x26, x26, #4
  msr elr_el1, x26
  eret
supervisor_call:
  and w26, w27, #0xffff
  cmp w26, #0x77
  b.eq next
  eret

// The timer's next interrupt comes after a while that the program decides.
interrupt:
  mrs x26, S3_0_C12_C12_0       // ICC_IAR1_EL1
  mrs x27, elr_el1
  add x28, x28, x27
  ror x28, x28, #5
  and x27, x28, #0x7f
  add x27, x27, #3
  msr cntv_tval_el0, x27
  isb
  msr S3_0_C12_C12_1, x26       // ICC_EOIR1_EL1
  eret

.balign 2048
vectors:
.irp origin, 0, 1, 2, 3
  b synchronous
  .balign 128
  b interrupt
  .balign 128
  b next
  .balign 128
  b next
  .balign 128
.endr
  .ltorg
