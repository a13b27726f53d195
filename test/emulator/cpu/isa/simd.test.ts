// Integer AdvSIMD: what the forms have in common, and the corners in which they differ. The
// results follow from the Arm ARM's pseudocode by hand.

import { expect, test } from 'vitest';
import { combinationIndex, enumerateHandlers } from '../../../../emulator/engine/interpreter/enumerate.ts';
import { simd } from '../../../../emulator/cpu/isa/simd.ts';
import { on, runProgram } from './simd-program.ts';

const QC = '8000000';

test('SQADD limits each lane and sets FPSR.QC, which the next instruction leaves set', () => {
  const sqadd8h = on(0x4e600c00, 0, 1, 2);
  const sqaddHarmless = on(0x4e600c00, 3, 4, 4);
  const { reg } = runProgram([sqadd8h, sqaddHarmless], {
    v1: '7fff_8000_0001_ffff_0000_0000_0000_0000',
    v2: '0001_ffff_0001_0001_0000_0000_0000_0000',
  });
  expect(reg('v0')).toBe('7fff8000000200000000000000000000');
  expect(reg('fpsr')).toBe(QC);
});

test('a 64-bit form clears the upper half and does not see it saturate', () => {
  const sqadd4h = on(0x0e600c00, 0, 1, 1);
  const { reg } = runProgram([sqadd4h], {
    v0: 'ffffffffffffffff_ffffffffffffffff',
    v1: '7fff7fff7fff7fff_0001000200030004',
  });
  expect(reg('v0')).toBe('00000000000000000002000400060008');
  expect(reg('fpsr')).toBe('0');
});

test('a scalar form works on lane 0 alone', () => {
  const sqaddScalarByte = on(0x5e200c00, 0, 1, 1);
  const { reg } = runProgram([sqaddScalarByte], { v1: '7f7f7f7f7f7f7f7f_7f7f7f7f7f7f7f20' });
  expect(reg('v0')).toBe('00000000000000000000000000000040');
  expect(reg('fpsr')).toBe('0');
});

test('USHL takes its amount from the signed low byte: negative shifts right, too far gives zero', () => {
  const ushl4s = on(0x6ea04400, 0, 1, 2);
  const { reg } = runProgram([ushl4s], {
    v1: '80000001_80000001_80000001_80000001',
    v2: '123456ff_00000001_000000e0_00000080',
  });
  expect(reg('v0')).toBe('40000000000000020000000000000000');
});

test('SQRSHL rounds when it shifts right and saturates when it shifts left', () => {
  const sqrshl2d = on(0x4ee05c00, 0, 1, 2);
  const { reg } = runProgram([sqrshl2d], {
    v1: '8000000000000000_0000000000000003',
    v2: '0000000000000001_00000000000000ff',
  });
  expect(reg('v0')).toBe('80000000000000000000000000000002');
  expect(reg('fpsr')).toBe(QC);
});

test('USHR by the whole width gives zero, SSHR the sign, URSHR the bit last shifted out', () => {
  const [ushr, sshr, urshr] = [0x6f080400, 0x4f080400, 0x6f082400];
  const set = { v1: 'ff80807f00010203_0405060708090a0b' };
  expect(runProgram([on(ushr, 0, 1)], set).reg('v0')).toBe('0'.repeat(32));
  expect(runProgram([on(sshr, 0, 1)], set).reg('v0')).toBe('ffffff00000000000000000000000000');
  expect(runProgram([on(urshr, 0, 1)], set).reg('v0')).toBe('01010100000000000000000000000000');
});

test('SLI keeps the low bits of the destination, SRI the high ones', () => {
  const sli = on(0x6f0c5400, 0, 1);
  const sri = on(0x6f0c4400, 0, 1);
  const set = { v0: '5'.repeat(32), v1: 'a'.repeat(32) };
  expect(runProgram([sli], set).reg('v0')).toBe('a5'.repeat(16));
  expect(runProgram([sri], set).reg('v0')).toBe('5a'.repeat(16));
});

test('SQDMULH saturates only for the square of the minimum', () => {
  const sqdmulh4s = on(0x4ea0b400, 0, 1, 2);
  const { reg } = runProgram([sqdmulh4s], {
    v1: '80000000_80000000_40000000_7fffffff',
    v2: '80000000_7fffffff_40000000_7fffffff',
  });
  expect(reg('v0')).toBe('7fffffff80000001200000007ffffffe');
  expect(reg('fpsr')).toBe(QC);
});

test('SQXTUN2 fills the upper half and keeps the lower one', () => {
  const sqxtun2 = on(0x6e212800, 0, 1);
  const { reg } = runProgram([sqxtun2], {
    v0: '1122334455667788',
    v1: 'ffff_0100_00ff_0001_0002_0003_0004_0005',
  });
  expect(reg('v0')).toBe('00ffff01020304051122334455667788');
  expect(reg('fpsr')).toBe(QC);
});

test('TBL reads on from V31 to V0; an index beyond the table gives zero, with TBX the old byte', () => {
  const tbl2 = on(0x4e002000, 4, 31, 5);
  const tbx2 = on(0x4e003000, 4, 31, 5);
  const set = {
    v31: '0f0e0d0c0b0a0908_0706050403020100',
    v0: '1f1e1d1c1b1a1918_1716151413121110',
    v5: 'ff_20_1f_10_0f_00_80_11_00_00_00_00_00_00_00_01',
    v4: '9'.repeat(32),
  };
  expect(runProgram([tbl2], set).reg('v4')).toBe('00001f100f0000110000000000000001');
  expect(runProgram([tbx2], set).reg('v4')).toBe('99991f100f0099110000000000000001');
});

test('UADDLV of sixteen bytes needs the wider result', () => {
  expect(runProgram([on(0x6e303800, 0, 1)], { v1: 'f'.repeat(32) }).reg('v0')).toBe(
    (16 * 255).toString(16).padStart(32, '0'),
  );
});

test('INS moves one lane to another and leaves the rest', () => {
  const insWord3From1 = on(0x6e1c2400, 0, 1);
  const { reg } = runProgram([insWord3From1], {
    v0: '1'.repeat(32),
    v1: '00000000_00000000_deadbeef_00000000',
  });
  expect(reg('v0')).toBe('deadbeef111111111111111111111111');
});

test('SMOV to a W register leaves the upper half of X clear', () => {
  const set = { v1: '80' };
  expect(runProgram([on(0x0e012c00, 0, 1)], set).reg('x0')).toBe('ffffff80');
  expect(runProgram([on(0x4e012c00, 0, 1)], set).reg('x0')).toBe('ffffffffffffff80');
});

test('MOVI of 64 bits makes a byte of each bit; FMOV expands sign, exponent and fraction', () => {
  const moviD = 0x2f00e400 | (0b101 << 16) | (0b00001 << 5);
  const fmov4s = 0x4f00f400 | (0b011 << 16) | (0b10000 << 5);
  expect(runProgram([moviD]).reg('v0')).toBe('0000000000000000ff00ff00000000ff');
  expect(runProgram([fmov4s]).reg('v0')).toBe('3f8000003f8000003f8000003f800000');
});

test('a vector of one doubleword is UNDEFINED', () => {
  const add1d = on(0x0ee08400, 0, 1, 2);
  const mul2d = on(0x4ee09c00, 0, 1, 2);
  expect(runProgram([add1d]).exception).toBe('undef');
  expect(runProgram([mul2d]).exception).toBe('undef');
});

test('every word that a row accepts has a handler', () => {
  const { byCombination } = enumerateHandlers(simd);
  let word = 1;
  for (const [index, row] of simd.entries()) {
    for (let i = 0; i < 500; i++) {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      const candidate = ((word & ~row.mask) | row.value) >>> 0;
      const fields: Record<string, number> = {};
      for (const { name, shift, width } of row.fields)
        fields[name] = (candidate >>> shift) & ((1 << width) - 1);
      if (row.accept && !row.accept(fields)) continue;
      const combination = combinationIndex(row, { ...fields, ...row.derive?.(fields) });
      expect(
        byCombination[index]?.[combination],
        `${row.name}, word ${candidate.toString(16)}`,
      ).toBeDefined();
    }
  }
});
