// The first instructions: the header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), then
// from EL1 with the MMU off to C with the MMU on, everything mapped to itself.

  .section .head, "ax"
  .global _start
_start:
  b start
  .word 0
  .quad 0x200000      // text_offset: the image stands 2 MiB into RAM
  .quad image_size
  .quad 0xa           // little endian, 4 KiB pages
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .word 0

  .text
start:
  mov x19, x0         // device tree
  adrp x0, bss_start
  adrp x1, bss_end
1:
  stp xzr, xzr, [x0], #16
  cmp x0, x1
  b.lo 1b
  adrp x0, stack_top
  mov sp, x0
  bl build_tables
  bl set_up_processor

  mov x0, x19
  mov x29, xzr
  mov x30, xzr
  bl main

  .global power_off
power_off:
  ldr x0, =0x84000008 // PSCI SYSTEM_OFF
  hvc #0
  b power_off

// A further processor begins here; x0 is its number.
  .global start_helper
start_helper:
  mov x19, x0
  adrp x1, helper_stacks
  add x1, x1, x0, lsl #12
  mov sp, x1
  bl set_up_processor
  mov x0, x19
  mov x29, xzr
  mov x30, xzr
  bl help
  ldr x0, =0x84000002 // PSCI CPU_OFF
  hvc #0

// The vectors and the MMU: everything mapped to itself.
set_up_processor:
  adr x0, vectors
  msr vbar_el1, x0
  ldr x0, =boot_table
  msr ttbr0_el1, x0
  ldr x0, =0x04ff     // attribute 0: Normal write-back; 1: Device-nGnRE
  msr mair_el1, x0
  // 39 bits of VA in TTBR0, write-back, inner shareable, no TTBR1, 40 bits of PA
  ldr x0, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
  msr tcr_el1, x0
  tlbi vmalle1
  dsb nsh
  isb
  mrs x0, sctlr_el1
  mov x1, #0x1005     // M, C, I
  orr x0, x0, x1
  msr sctlr_el1, x0
  isb
  ret

// u64 firmware_version(void): PSCI_VERSION
  .global firmware_version
firmware_version:
  ldr x0, =0x84000000
  hvc #0
  ret

// i64 start_processor(u64 number): PSCI CPU_ON. Numbers are affinities.
  .global start_processor
start_processor:
  mov x1, x0
  mov x3, x0
  adr x2, start_helper
  ldr x0, =0xc4000003
  hvc #0
  ret

// u64 xen_version(void): the hypercall xen_version, sub-operation XENVER_version
  .global xen_version
xen_version:
  mov x16, #17
  mov x0, xzr
  mov x1, xzr
  hvc #0xea1
  ret

  .bss
  .balign 4096
  .skip 4 * 4096
stack_top:
// Of the processors 1 to 7; each stack ends where the next begins.
  .balign 4096
helper_stacks:
  .skip 7 * 4096
