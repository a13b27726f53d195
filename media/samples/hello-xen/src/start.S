// The first instructions. The file begins with the header of an arm64 Image (Linux,
// Documentation/arch/arm64/booting.rst), so that xl takes the flat file where it does not take an ELF.
//
// Xen enters here at EL1 with the MMU and caches off, interrupts masked, and the physical address of
// the device tree in x0.

#define SCTLR_M (1 << 0)
#define SCTLR_C (1 << 2)
#define SCTLR_I (1 << 12)

  .section .head, "ax"
  .global _start
_start:
  b start
  .word 0
  .quad 0             // text_offset: the image goes to the start of memory
  .quad image_size
  .quad 0xa           // little endian, 4 KiB pages, any 2 MiB boundary will do
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .word 0

  .text
start:
  mrs x1, CurrentEL
  cmp x1, #(1 << 2)
  b.ne park           // EL2 would be Xen's own place

  adrp x19, _start    // where the image lies in memory
  mov x20, x0
  adrp x0, bss_start
  adrp x1, bss_end
  bl clear
  adrp x0, boot_stack_top
  mov sp, x0

  // With the MMU off every address is a physical one, and code that reaches its data relative to the
  // PC works unchanged. What it writes goes past the caches, so lines that Xen left in them are dropped.
  mov x0, x19
  mov x1, x20
  bl build_boot_tables
  mov x21, x0
  adrp x0, bss_start
  adrp x1, bss_end
  bl invalidate

  ldp x0, x1, [x21]
  msr ttbr0_el1, x0
  msr ttbr1_el1, x1
  ldp x0, x1, [x21, #16]
  msr tcr_el1, x0
  msr mair_el1, x1
  tlbi vmalle1
  dsb nsh
  isb
  mrs x0, sctlr_el1
  mov x1, #(SCTLR_M | SCTLR_C | SCTLR_I)
  orr x0, x0, x1
  msr sctlr_el1, x0
  isb

  // Still at the physical address, which is mapped to itself. On to where the kernel is linked.
  ldr x0, =at_link_address
  br x0

at_link_address:
  ldr x0, =boot_stack_top
  mov sp, x0
  ldr x0, =vectors
  msr vbar_el1, x0
  isb
  mov x0, x19
  mov x1, x20
  mov x29, xzr        // a debugger ends its call stack here
  mov x30, xzr
  bl kernel_main

park:
  wfi
  b park

// clear(x0 = start, x1 = end): both are multiples of 16.
clear:
  cmp x0, x1
  b.hs 1f
  stp xzr, xzr, [x0], #16
  b clear
1:
  ret

// invalidate(x0 = start, x1 = end): drops the data cache lines of the range.
invalidate:
  mrs x2, ctr_el0
  ubfx x2, x2, #16, #4
  mov x3, #4
  lsl x3, x3, x2      // CTR_EL0.DminLine counts words
1:
  dc ivac, x0
  add x0, x0, x3
  cmp x0, x1
  b.lo 1b
  dsb sy
  ret

  .bss
  .balign 4096
boot_stack:
  .skip 4 * 4096
boot_stack_top:
