// Words are what binutils make of the instructions in the titles.

import { expect, test } from 'vitest';
import { waysOut, writesSp } from '../../../debug-adapter/gdb/range-step.ts';
import { b, bl, bytesOf, cbnz, NOP, RET, assemble } from '../support/assemble.ts';

test.each([
  ['stp x29, x30, [sp, #-32]!', 0xa9be7bfd],
  ['ldp x29, x30, [sp], #32', 0xa8c27bfd],
  ['stp d8, d9, [sp, #-16]!', 0x6dbf27e8],
  ['sub sp, sp, #16', 0xd10043ff],
  ['add sp, x29, #0x1000', 0x914007bf],
  ['mov sp, x29', 0x910003bf],
  ['add sp, sp, x0', 0x8b2063ff],
  ['and sp, x0, #-16', 0x927cec1f],
  ['str x30, [sp, #-16]!', 0xf81f0ffe],
  ['ldr x30, [sp], #16', 0xf84107fe],
  ['ldrsw x1, [sp], #4', 0xb88047e1],
  ['str q0, [sp, #-16]!', 0x3c9f0fe0],
  ['ld1 {v0.16b}, [sp], #16', 0x4cdf73e0],
  ['st1 {v0.b}[3], [sp], #1', 0x0d9f0fe0],
])('%s writes SP', (_, word) => {
  expect(writesSp(word)).toBe(true);
});

test.each([
  ['nop', 0xd503201f],
  ['mov x29, sp', 0x910003fd],
  ['stp x19, x20, [sp, #16]', 0xa90153f3],
  ['stnp x19, x20, [sp, #16]', 0xa80153f3],
  ['ldr x0, [sp, #8]', 0xf94007e0],
  ['ldur x0, [sp, #-8]', 0xf85f83e0],
  ['ldr x0, [x1], #8', 0xf8408420],
  ['ldr x0, [sp, x1]', 0xf8616be0],
  ['tst x0, #-16', 0xf27cec1f],
  ['cmp x0, #1', 0xf100041f],
  ['cmp sp, x0', 0xeb2063ff],
  ['cmn sp, #16', 0xb10043ff],
  ['ld1 {v0.16b}, [sp]', 0x4c4073e0],
  ['sub x0, sp, #16', 0xd10043e0],
  ['eor x0, x1, #1', 0xd2400020],
  ['ldadd x0, x1, [sp]', 0xf82003e1],
  ['swp x0, x1, [sp]', 0xf82083e1],
])('%s leaves SP alone', (_, word) => {
  expect(writesSp(word)).toBe(false);
});

test('a range is left by its branches and its end; calls and returns are executed alone', () => {
  const start = 0x1000n;
  const words = assemble([
    'in',
    NOP,
    cbnz(0, 'in'),
    cbnz(1, 'out'),
    bl('out'),
    RET,
    b('in'),
    'out',
    NOP,
  ]).words;
  const { exits, alone } = waysOut(bytesOf(words.slice(0, 6)), { start, end: start + 24n });
  expect(exits).toEqual([start + 24n]);
  expect([...alone]).toEqual([start + 12n, start + 16n]);
  const shorter = waysOut(bytesOf(words.slice(0, 3)), { start, end: start + 12n });
  expect(shorter.exits).toEqual([start + 12n, start + 24n]);
});
