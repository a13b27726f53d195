// The cryptographic instructions, composed to whole algorithms whose results the standards give.

import { expect, test } from 'vitest';
import { on, runProgram } from './simd-program.ts';

const AESE = 0x4e284800;
const AESD = 0x4e285800;
const AESMC = 0x4e286800;
const AESIMC = 0x4e287800;
const EOR = 0x6e201c00;
const MOV = 0x4ea01c00;
const ADD_4S = 0x4ea08400;

/** Bytes in memory order as a register value. */
const register = (bytes: string): string => (bytes.match(/../g) ?? []).reverse().join('');
/** Words, lane 0 first, as a register value. */
const lanes = (...words: number[]): string =>
  words
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .reverse()
    .join('');
const lanesOf = (value: string): string[] => (value.match(/.{8}/g) ?? []).reverse();

// FIPS 197, appendix B: plain text, expanded key, cipher text.
const PLAIN = register('3243f6a8885a308d313198a2e0370734');
const CIPHER = register('3925841d02dc09fbdc118597196a0b32');
const ROUND_KEYS = [
  '2b7e151628aed2a6abf7158809cf4f3c',
  'a0fafe1788542cb123a339392a6c7605',
  'f2c295f27a96b9435935807a7359f67f',
  '3d80477d4716fe3e1e237e446d7a883b',
  'ef44a541a8525b7fb671253bdb0bad00',
  'd4d1c6f87c839d87caf2b8bc11f915bc',
  '6d88a37a110b3efddbf98641ca0093fd',
  '4e54f70e5f5fc9f384a64fb24ea6dc4f',
  'ead27321b58dbad2312bf5607f8d292f',
  'ac7766f319fadc2128d12941575c006e',
  'd014f9a8c9ee2589e13f0cc8b6630ca6',
].map(register);

const keys = Object.fromEntries(ROUND_KEYS.map((key, i) => [`v${i + 1}`, key]));

test('AESE and AESMC encrypt the example of FIPS 197', () => {
  const rounds = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((key) => [on(AESE, 0, key), on(AESMC, 0, 0)]);
  const program = [...rounds, on(AESE, 0, 10), on(EOR, 0, 0, 11)];
  expect(runProgram(program, { ...keys, v0: PLAIN }).reg('v0')).toBe(CIPHER);
});

test('AESD and AESIMC decrypt it', () => {
  const inverseKeys = [2, 3, 4, 5, 6, 7, 8, 9, 10].map((key) => on(AESIMC, key, key));
  const rounds = [11, 10, 9, 8, 7, 6, 5, 4, 3].flatMap((key) => [on(AESD, 0, key), on(AESIMC, 0, 0)]);
  const program = [...inverseKeys, ...rounds, on(AESD, 0, 2), on(EOR, 0, 0, 1)];
  expect(runProgram(program, { ...keys, v0: CIPHER }).reg('v0')).toBe(PLAIN);
});

test('SHA256 of "abc" is that of FIPS 180-4', () => {
  const [H, H2, SU0, SU1] = [0x5e004000, 0x5e005000, 0x5e282800, 0x5e006000];
  // State in v0 and v1, schedule in v4 to v7, constants in v16 to v31.
  const program = [on(MOV, 8, 0, 0), on(MOV, 9, 1, 1)];
  for (let group = 0; group < 16; group++) {
    const w = (n: number): number => 4 + ((group + n) & 3);
    program.push(on(ADD_4S, 2, w(0), 16 + group), on(MOV, 3, 0, 0), on(H, 0, 1, 2), on(H2, 1, 3, 2));
    if (group < 12) program.push(on(SU0, w(0), w(1)), on(SU1, w(0), w(2), w(3)));
  }
  program.push(on(ADD_4S, 0, 0, 8), on(ADD_4S, 1, 1, 9));

  const primes = firstPrimes(64);
  const constants = primes.map((prime) => fractionOfRoot(prime, 3n));
  const initial = primes.slice(0, 8).map((prime) => fractionOfRoot(prime, 2n));
  const set: Record<string, string> = {
    v0: lanes(...initial.slice(0, 4)),
    v1: lanes(...initial.slice(4)),
    v4: lanes(0x61626380, 0, 0, 0),
    v7: lanes(0, 0, 0, 24),
  };
  for (let i = 0; i < 16; i++) set[`v${16 + i}`] = lanes(...constants.slice(4 * i, 4 * i + 4));

  const { reg } = runProgram(program, set);
  expect([...lanesOf(reg('v0')), ...lanesOf(reg('v1'))].join('')).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test('SHA1 of "abc" is that of FIPS 180-4', () => {
  const [C, P, M, SU0, SU1, H] = [0x5e000000, 0x5e001000, 0x5e002000, 0x5e003000, 0x5e281800, 0x5e280800];
  // a to d in v0, e in v1, schedule in v4 to v7, constants in v16 to v19.
  const program = [on(MOV, 8, 0, 0), on(MOV, 9, 1, 1)];
  for (let group = 0; group < 20; group++) {
    const w = (n: number): number => 4 + ((group + n) & 3);
    const mix = [C, P, M, P][Math.floor(group / 5)] as number;
    program.push(
      on(ADD_4S, 2, w(0), 16 + Math.floor(group / 5)),
      on(H, 3, 0),
      on(mix, 0, 1, 2),
      on(MOV, 1, 3, 3),
    );
    if (group < 16) program.push(on(SU0, w(0), w(1), w(2)), on(SU1, w(0), w(3)));
  }
  program.push(on(ADD_4S, 0, 0, 8), on(ADD_4S, 1, 1, 9));

  const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
  const set: Record<string, string> = {
    v0: lanes(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476),
    v1: lanes(0xc3d2e1f0, 0, 0, 0),
    v4: lanes(0x61626380, 0, 0, 0),
    v7: lanes(0, 0, 0, 24),
  };
  constants.forEach((value, i) => {
    set[`v${16 + i}`] = lanes(value, value, value, value);
  });

  const { reg } = runProgram(program, set);
  expect([...lanesOf(reg('v0')), lanesOf(reg('v1'))[0]].join('')).toBe(
    'a9993e364706816aba3e25717850c26c9cd0d89d',
  );
});

test('SM4EKEY and SM4E encrypt the example of GB/T 32907', () => {
  const [SM4E, SM4EKEY] = [0xcec08400, 0xce60c800];
  // Round keys in v8 to v15, from the key in v7 and the constants in v16 to v23.
  const program: number[] = [];
  for (let i = 0; i < 8; i++) program.push(on(SM4EKEY, 8 + i, 7 + i, 16 + i));
  for (let i = 0; i < 8; i++) program.push(on(SM4E, 0, 8 + i));

  const text = [0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210];
  const system = [0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc];
  const set: Record<string, string> = {
    v0: lanes(...text),
    v7: lanes(...text.map((word, i) => word ^ (system[i] as number))),
  };
  const constant = (i: number): number =>
    [0, 1, 2, 3].reduce((word, byte) => (word << 8) | (((4 * i + byte) * 7) & 0xff), 0);
  for (let i = 0; i < 8; i++) set[`v${16 + i}`] = lanes(...[0, 1, 2, 3].map((k) => constant(4 * i + k)));

  expect(lanesOf(runProgram(program, set).reg('v0')).reverse().join('')).toBe(
    '681edf34d206965e86b3e94f536e4246',
  );
});

test('PMULL of doublewords: squaring spreads the bits', () => {
  const { reg } = runProgram([on(0x0ee0e000, 0, 1, 1)], { v1: 'ffffffffffffffff' });
  expect(reg('v0')).toBe('5'.repeat(32));
});

function firstPrimes(count: number): bigint[] {
  const primes: bigint[] = [];
  for (let candidate = 2n; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0n)) primes.push(candidate);
  }
  return primes;
}

/** The first 32 bits of the fraction of a square or cube root. */
function fractionOfRoot(value: bigint, degree: bigint): number {
  const scaled = value << (32n * degree);
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
    if ((root + bit) ** degree <= scaled) root += bit;
  }
  return Number(root & 0xffffffffn);
}
