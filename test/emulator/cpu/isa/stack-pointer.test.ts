// SP alignment checking at EL0 (SCTLR_EL1.SA0 is set): DDI 0487, "SP alignment checking".

import { expect, test } from 'vitest';
import { DATA, runProgram } from './simd-program.ts';

const SUB_SP_8 = 0xd10023ff;
const ADD_SP_8 = 0x910023ff;
const STR_X0_SP_8 = 0xf90007e0;
const LDR_X1_SP = 0xf94003e1;
const LDP_Q_SP = 0xad4007e0;
const LDXR_X1_SP = 0xc85f7fe1;
const LDR_X1_X2 = 0xf9400041;
const LDR_X1_SP_POST_8 = 0xf84087e1;
const LDR_X1_SP_POST_16 = 0xf84107e1;
const MOV_SP_X2 = 0x9100005f;
const ADD_SP_SP_X2 = 0x8b2263ff;
const PRFM_SP = 0xf98003e0;
const LDR_X1_LITERAL = 0x580003e1;

const SP_ALIGNMENT = 'exception class 0x26';
const x2 = DATA.toString(16);
const endOf = (...program: number[]): string | undefined => runProgram(program, { x2 }).exception;

test('an access through a misaligned SP faults, whatever its address', () => {
  for (const access of [STR_X0_SP_8, LDR_X1_SP, LDP_Q_SP, LDXR_X1_SP, LDR_X1_SP_POST_16]) {
    expect(endOf(access)).toBeUndefined();
    expect(endOf(SUB_SP_8, access)).toBe(SP_ALIGNMENT);
  }
});

test('each way to write SP is noticed', () => {
  for (const [write, x2] of [
    [SUB_SP_8, '8'],
    [LDR_X1_SP_POST_8, '8'],
    [MOV_SP_X2, (DATA + 8).toString(16)],
    [ADD_SP_SP_X2, '8'],
  ] as const) {
    expect(runProgram([write, LDR_X1_SP], { x2 }).exception).toBe(SP_ALIGNMENT);
  }
});

test('a misaligned SP hurts nobody who does not use it, and may be aligned again', () => {
  expect(endOf(SUB_SP_8, LDR_X1_X2, PRFM_SP, LDR_X1_LITERAL)).toBeUndefined();
  expect(runProgram([SUB_SP_8, LDR_X1_X2], { x2 }).reg('x1')).toBe('706050403020100');
  expect(endOf(SUB_SP_8, ADD_SP_8, LDR_X1_SP)).toBeUndefined();
});
