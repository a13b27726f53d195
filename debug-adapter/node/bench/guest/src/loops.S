// The workloads that measure single things, in assembly so that no compiler changes them.

  .text

// Arithmetic with flags: 12 or 14 instructions a turn.
  .global run_alu
run_alu:
  mov x1, #50000
  mul x1, x0, x1
  ldr x0, =0x9e3779b97f4a7c15
  ldr x2, =0x5555aaaa3333cccc
  mov x3, xzr
  mov x4, xzr
  mov x5, xzr
1:
  eor x0, x0, x0, lsl #13
  eor x0, x0, x0, lsr #7
  eor x0, x0, x0, lsl #17
  adds x3, x3, x0
  adcs x4, x4, x2
  sbc x5, x5, x3
  cmp x0, x2
  csel x6, x4, x5, hi
  tst x1, #3
  b.ne 2f
  add w5, w5, w6
  ror x4, x4, #3
2:
  sub x1, x1, #1
  cmp x1, #0
  b.gt 1b
  eor x0, x3, x4
  eor x0, x0, x5
  eor x0, x0, x6
  ret

// CRC-32 bit by bit: a branch that depends on data.
  .global run_crc
run_crc:
  mov x1, #4000
  mul x0, x0, x1
  mov w1, #-1
  ldr w2, =0xedb88320
1:
  eor w1, w1, w0
  mov w3, #32
2:
  tbz w1, #0, 3f
  lsr w1, w1, #1
  eor w1, w1, w2
  b 4f
3:
  lsr w1, w1, #1
4:
  subs w3, w3, #1
  b.ne 2b
  subs x0, x0, #1
  b.ne 1b
  mov w0, w1
  ret

// copy_words(to, from, bytes, times)
  .global copy_words
copy_words:
1:
  mov x4, x0
  mov x5, x1
  add x6, x1, x2
2:
  ldr x7, [x5], #8
  str x7, [x4], #8
  cmp x5, x6
  b.ne 2b
  subs x3, x3, #1
  b.ne 1b
  ldr x0, [x4, #-8]
  ret

// chase(first, steps): each node points to the next
  .global chase
chase:
  mov x2, xzr
1:
  ldr x3, [x0, #8]
  add x2, x2, x3
  ldr x0, [x0]
  subs x1, x1, #1
  b.ne 1b
  mov x0, x2
  ret

// stride(buffer, steps): bytes, words and pairs through 64 KiB; some of them cross from page to page
  .global stride
stride:
  mov x2, xzr
  mov x3, xzr
  mov w4, wzr
1:
  add x5, x0, x2
  ldrb w6, [x5]
  ldp x7, x8, [x5, #16]
  add x3, x3, x7
  eor x3, x3, x8
  add w4, w4, w6
  str w4, [x5, #32]
  stp x3, x8, [x5, #40]
  ldrsh x9, [x5, #6]
  add x3, x3, x9
  add x2, x2, #328
  and x2, x2, #0xfff8
  subs x1, x1, #1
  b.ne 1b
  add x0, x3, x4
  ret

// Calls of leaves, direct and through a register.
  .global run_call
run_call:
  stp x29, x30, [sp, #-32]!
  stp x19, x20, [sp, #16]
  mov x1, #40000
  mul x19, x0, x1
  mov x20, xzr
  mov x0, #1
1:
  bl first_leaf
  bl second_leaf
  add x20, x20, x0
  adr x9, first_leaf
  blr x9
  bl second_leaf
  eor x20, x20, x0
  subs x19, x19, #1
  b.ne 1b
  mov x0, x20
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #32
  ret
first_leaf:
  add x0, x0, #7
  eor x0, x0, x0, lsr #11
  ret
second_leaf:
  add x0, x0, x0, lsl #2
  ror x0, x0, #9
  ret

// fib(n): recursion with stack frames
  .global fib
fib:
  cmp x0, #2
  b.lo 1f
  stp x29, x30, [sp, #-32]!
  stp x19, x20, [sp, #16]
  mov x19, x0
  sub x0, x0, #1
  bl fib
  mov x20, x0
  sub x0, x19, #2
  bl fib
  add x0, x0, x20
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #32
1:
  ret
