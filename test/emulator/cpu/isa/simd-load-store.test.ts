// Loads and stores of SIMD&FP registers. The memory of the start state counts upwards: byte i of
// it is i modulo 256.

import { expect, test } from 'vitest';
import { DATA, on, runProgram } from './simd-program.ts';

const x1 = DATA.toString(16);

test('LD3 deals the elements of a structure out to three registers', () => {
  const ld3x16b = on(0x4c404000, 0, 1);
  const { reg } = runProgram([ld3x16b], { x1 });
  expect(reg('v0')).toBe('2d2a2724211e1b1815120f0c09060300');
  expect(reg('v1')).toBe('2e2b2825221f1c191613100d0a070401');
  expect(reg('v2')).toBe('2f2c292623201d1a1714110e0b080502');
});

test('LD4 of 64-bit registers clears their upper halves and wraps from V31 to V0', () => {
  const ld4x4h = on(0x0c400400, 30, 1);
  const dirty = 'f'.repeat(32);
  const { reg } = runProgram([ld4x4h], { x1, v30: dirty, v31: dirty, v0: dirty, v1: dirty });
  expect(reg('v30')).toBe('00000000000000001918111009080100');
  expect(reg('v31')).toBe('00000000000000001b1a13120b0a0302');
  expect(reg('v0')).toBe('00000000000000001d1c15140d0c0504');
  expect(reg('v1')).toBe('00000000000000001f1e17160f0e0706');
});

test('ST2 interleaves, and post-index by register adds the register', () => {
  const st2x2s = on(0x0c808800, 0, 1, 2);
  const { reg, memory } = runProgram([st2x2s], {
    x1,
    x2: '100',
    v0: 'f0f1f2f3_e0e1e2e3',
    v1: 'd0d1d2d3_c0c1c2c3',
  });
  expect(memory).toEqual([[x1, 'e3e2e1e0c3c2c1c0f3f2f1f0d3d2d1d0']]);
  expect(reg('x1')).toBe((DATA + 0x100).toString(16));
});

test('LD1 of one lane keeps the others; post-index without register adds the size of the element', () => {
  const ld1HalfwordLane5 = on(0x4ddf4800, 0, 1);
  const { reg } = runProgram([ld1HalfwordLane5], { x1, v0: '7'.repeat(32) });
  expect(reg('v0')).toBe('77777777010077777777777777777777');
  expect(reg('x1')).toBe((DATA + 2).toString(16));
});

test('LD2R repeats each element in its register', () => {
  const { reg } = runProgram([on(0x4d60c000, 0, 1)], { x1 });
  expect(reg('v0')).toBe('00'.repeat(16));
  expect(reg('v1')).toBe('01'.repeat(16));
});

test('LDR of a B register clears the other fifteen bytes', () => {
  const { reg } = runProgram([on(0x3d400000 | (0x20 << 10), 0, 1)], { x1, v0: 'f'.repeat(32) });
  expect(reg('v0')).toBe('00000000000000000000000000000020');
});

test('LDR with a sign-extended index scales it by the size of the register', () => {
  const ldrQ = on(0x3ce0d800, 0, 1, 2);
  const { reg } = runProgram([ldrQ], { x1: (DATA + 0x40).toString(16), x2: 'ffffffff' });
  expect(reg('v0')).toBe('3f3e3d3c3b3a39383736353433323130');
});

test('a store of a pair that faults in its second half changes neither memory nor base', () => {
  const stpPreQ = on(0xad800000 | (1 << 15) | (2 << 10), 0, 1);
  const { memory, exception, reg } = runProgram([stpPreQ], { x1: '20001fe0', v0: 'f'.repeat(32) });
  expect(exception).toBe('data_abort');
  expect(memory).toHaveLength(0);
  expect(reg('x1')).toBe('20001fe0');
});
