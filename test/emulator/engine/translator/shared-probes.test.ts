// Accesses that share what one of them has found in the TLB, where that turns out to be another page every time.

import { expect, test } from 'vitest';
import { PROGRAM, RandomMachine, type Translate } from './random-machine.ts';

const DATA = 0x4020_0000;
const INSTRUCTIONS = 200_000;

/** X20 is 512 bytes in front of the end of a page: one access each way. */
const LOOP = [
  0xd2800014 | ((DATA & 0xffff) << 5), // MOVZ x20
  0xf2a00014 | ((DATA >>> 16) << 5), // MOVK x20, LSL 16
  0x91380294, // ADD x20, x20, #0xe00
  0xd2804e32, // MOV x18, #625
  0xf9000280, // STR x0, [x20]
  0xad100680, // STP q0, q1, [x20, #512]
  0xad500e82, // LDP q2, q3, [x20, #512]
  0x91000400, // ADD x0, x0, #1
  0xf1000652, // SUBS x18, x18, #1
  0x54ffff61, // B.NE to STR
  0x17fffff9, // B to MOV x18: for ever
];

function hashOf(translate: Translate): string {
  const machine = new RandomMachine({ program: Uint32Array.from(LOOP), seed: 1, translate });
  machine.runTo(INSTRUCTIONS, () => 2000);
  expect(machine.registers()['pc']).toMatch(new RegExp(`^${(PROGRAM >>> 12).toString(16)}`));
  return machine.hash();
}

test.each([1, 100, 1000])('pairs of vector registers, threshold %i', (threshold) => {
  expect(hashOf({ threshold })).toBe(hashOf(undefined));
});
