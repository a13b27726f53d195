// Guests that behave as badly as a guest can: a section each, entered at its first word with the MMU off,
// interrupts masked and EL1 or, for a bare machine, EL2. make-guests.ts turns them into guests.json.

.macro guest name
.section .text.\name, "ax"
.balign 4
.endm

// A vector table whose every entry goes to 1f of the caller: 16 entries of 128 bytes.
.macro vectors handler
.balign 2048
99:
.rept 16
  b \handler
  .balign 128
.endr
.endm

// Vectors of this guest, at whichever level it runs; x0 keeps the address.
.macro set_vectors
  adr x0, 99f
  mrs x9, CurrentEL
  tbz x9, #3, 98f
  msr vbar_el2, x0
  b 97f
98:
  msr vbar_el1, x0
97:
  isb
.endm

// Returns from an exception to the instruction behind the one that took it.
.macro skip_and_return
  mrs x9, CurrentEL
  tbz x9, #3, 98f
  mrs x9, elr_el2
  add x9, x9, #4
  msr elr_el2, x9
  eret
98:
  mrs x9, elr_el1
  add x9, x9, #4
  msr elr_el1, x9
  eret
.endm

// Where no memory is, with the vectors of reset: the abort's handler is not there either.
guest jump_to_nowhere
  mov x0, #0x3000
  movk x0, #0x00f0, lsl #32
  br x0

// The first exception leads to VBAR_EL1 = 0, where nothing is.
guest exception_loop
  msr vbar_el1, xzr
  isb
  svc #0
  b .

// The handler itself takes an exception.
guest exception_in_handler
  set_vectors
  udf #0
1:udf #1
  vectors 1b

// The handler returns to the instruction that faults.
guest fault_for_ever
  set_vectors
  mov x1, #0x0c000000
  ldr x2, [x1]
1:eret
  vectors 1b

// This code serves as translation tables.
guest broken_tables
  adr x0, .
  and x0, x0, #~0xfff
  msr ttbr0_el1, x0
  msr ttbr1_el1, x0
  mov x1, #0x10
  msr tcr_el1, x1
  isb
  mrs x2, sctlr_el1
  orr x2, x2, #1
  msr sctlr_el1, x2
  isb
1:add x3, x3, #1
  str x3, [x0, #2048]
  b 1b

// Tables outside of memory, with sizes that TCR does not allow.
guest tables_nowhere
  mov x0, #-4096
  msr ttbr0_el1, x0
  msr ttbr1_el1, x0
  mov x1, #-1
  msr tcr_el1, x1
  isb
  mrs x2, sctlr_el1
  orr x2, x2, #1
  msr sctlr_el1, x2
  isb
  b .

// Every bit of every control register there is.
guest all_ones
  mov x0, #-1
  msr tcr_el1, x0
  msr mair_el1, x0
  msr contextidr_el1, x0
  msr cpacr_el1, x0
  msr cntkctl_el1, x0
  msr cntv_ctl_el0, x0
  msr cntp_ctl_el0, x0
  msr cntv_cval_el0, x0
  msr cntp_tval_el0, x0
  msr mdscr_el1, x0
  msr fpcr, x0
  msr vbar_el1, x0
  msr ttbr0_el1, x0
  msr sctlr_el1, x0
  isb
  b .

// Every hypercall with every argument wild.
guest wild_hypercalls
  set_vectors
  adr x20, 3f
2:ldr x21, [x20], #8
  mov x22, #0
1:mov x16, x22
  mov x0, x21
  mov x1, x21
  mov x2, x21
  mov x3, x21
  mov x4, x21
  hvc #0xea1
  mov x16, x22
  and x0, x22, #31
  mov x1, x21
  mov x2, #1
  mov x3, x21
  mov x4, x21
  hvc #0xea1
  // sched_op_compat(2, 1) would be an orderly reboot.
  cmp x22, #6
  b.eq 5f
  mov x16, x22
  mov x0, #2
  mov x1, #1
  mov x2, x21
  mov x3, x21
  mov x4, x21
  hvc #0xea1
5:add x22, x22, #1
  cmp x22, #64
  b.ne 1b
  cbnz x21, 2b
  b .
1:eret
  .balign 8
3:.quad 0xffffffffffffffff, 0x8000000000000000, 0x7fffffffffffffff, 0x0000ffffffffffff
  .quad 0x40000001, 0x08000000, 0xfffffffc, 0x100000000, 0x1000, 1, 0
  vectors 1b

guest masked_loop
  msr daifset, #15
  b .

guest wfi_for_ever
  msr daifset, #15
1:wfi
  b 1b

guest wfe_for_ever
1:wfe
  b 1b

guest smc_storm
1:mov x0, #-1
  smc #0
  b 1b

guest hvc_storm
1:mov x0, #-1
  hvc #0
  b 1b

// To ROM, to nothing, to the GIC, and unaligned; the handler skips what aborts.
guest device_writes
  set_vectors
2:mov x1, #0
  mov x2, #0x10000
3:str x1, [x1]
  strb w1, [x1, #1]
  ldr x3, [x1]
  stp x3, x4, [x1, #16]
  ldr q0, [x1]
  stur x3, [x1, #3]
  add x1, x1, x2
  lsr x5, x1, #30
  cbz x5, 3b
  b 2b
1:skip_and_return
  vectors 1b

// Rewrites the next instruction over and over, with and without maintenance.
guest self_modifying
  adr x1, 3f
  ldr w2, 4f
  ldr w3, 5f
2:str w2, [x1]
  dc cvau, x1
  dsb ish
  ic ivau, x1
  dsb ish
  isb
  bl 3f
  str w3, [x1]
  bl 3f
  strh w3, [x1]
  bl 3f
  b 2b
3:nop
  ret
4:add x0, x0, #1
5:add x0, x0, #2

// PSCI SYSTEM_OFF, whatever it answers.
guest power_off_loop
1:movz x0, #0x8400, lsl #16
  movk x0, #0x0008
  hvc #0
  movz x0, #0x8400, lsl #16
  movk x0, #0x0008
  smc #0
  b 1b

// PSCI CPU_OFF on the only CPU.
guest cpu_off
1:movz x0, #0x8400, lsl #16
  movk x0, #0x0002
  hvc #0
  movz x0, #0x8400, lsl #16
  movk x0, #0x0002
  smc #0
  b 1b

// PSCI CPU_ON for CPUs that are there and that are not, at entries that are not.
guest cpu_on_storm
  mov x20, #0
1:movz x0, #0xc400, lsl #16
  movk x0, #0x0003
  and x1, x20, #31
  mov x2, x20, lsl #40
  mov x3, x20
  hvc #0
  add x20, x20, #1
  b 1b

// A byte for each store, without looking at the flags.
guest console_flood
  mov x1, #0x09000000
  mov w2, #'#'
1:str w2, [x1]
  b 1b

// The same through console_io(CONSOLEIO_write).
guest hypercall_console_flood
1:mov x16, #18
  mov x0, #0
  mov x1, #64
  adr x2, 2f
  hvc #0xea1
  b 1b
2:.fill 63, 1, 'x'
  .byte 10

// Stack alignment checked, and the handler pushes too.
guest unaligned_sp
  set_vectors
  mrs x1, sctlr_el1
  orr x1, x1, #8
  msr sctlr_el1, x1
  isb
  mov sp, x0
  add sp, sp, #1
1:str x0, [sp, #-16]!
  b 1b
  vectors 1b

// Interrupts of a timer that is always due are never acknowledged: GICv3, bare or of a domain. What aborts
// is skipped.
guest interrupt_storm
  set_vectors
  msr cntv_cval_el0, xzr
  mov x1, #1
  msr cntv_ctl_el0, x1
  mov w2, #-1
  mov w3, #0x13
  mov x1, #0x08000000
  mov x4, #0x080a0000
  bl 3f
  mov x1, #0x1000
  movk x1, #0x0300, lsl #16
  mov x4, #0x03020000
  bl 3f
  mov x5, #0xff
  msr s3_0_c4_c6_0, x5    // ICC_PMR_EL1
  mov x5, #1
  msr s3_0_c12_c12_7, x5  // ICC_IGRPEN1_EL1
  isb
  msr daifclr, #15
1:b 1b
// x1: distributor, x4: redistributor of CPU 0.
3:str w3, [x1]
  str wzr, [x4, #0x14]
  add x4, x4, #0x10000
  str w2, [x4, #0x80]
  str wzr, [x4, #0x400]
  str w2, [x4, #0x100]
  ret
4:skip_and_return
2:eret
  .balign 2048
99:
.rept 4
  b .
  .balign 128
.endr
  b 4b
  .balign 128
.rept 11
  b 2b
  .balign 128
.endr

// Returns to states that do not exist.
guest illegal_return
  set_vectors
  mov x20, #0
1:add x20, x20, #1
  msr spsr_el1, x20
  adr x1, 1b
  msr elr_el1, x1
  eret
  vectors 1b

// Random words as code, made by a linear congruential generator in this page and the next.
guest random_code
  set_vectors
  mov x20, #12345
2:adr x1, 3f
  mov x2, #512
4:movz x3, #0x4e6d
  movk x3, #0x41c6, lsl #16
  mul x20, x20, x3
  add x20, x20, #1013
  lsr x4, x20, #16
  str w4, [x1], #4
  subs x2, x2, #1
  b.ne 4b
  ic iallu
  dsb sy
  isb
  b 3f
1:b 2b
3:.fill 512, 4, 0
  b 2b
  vectors 1b
