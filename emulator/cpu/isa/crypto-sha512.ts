// Cryptographic SHA512 and SHA3. Arm ARM (DDI 0487), "Cryptographic three-register SHA 512",
// "two-register SHA 512", "four-register", XAR.

import { bit, instruction } from './define.ts';
import type { I64, Ops, V128 } from './ops.ts';
import { wordsFrom } from './crypto-sha.ts';
import { lanesOf } from './simd-lanes.ts';

export const cryptoSha512 = [
  instruction('SHA512H', '11001110011 Rm:5 1 0 00 00 Rn:5 Rd:5', {
    since: 'FEAT_SHA512',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const [x0, x1] = halves(ops, ops.readV(Rn));
      const [y0, y1] = halves(ops, ops.readV(Rm));
      const [w0, w1] = halves(ops, ops.readV(Rd));
      const high = ops.let(ops.add(choose(ops, y1, x0, x1), ops.add(rotations(ops, y1, 14, 18, 41), w1)));
      const next = ops.let(ops.add(high, y0));
      const low = ops.add(choose(ops, next, y1, x0), ops.add(rotations(ops, next, 14, 18, 41), w0));
      ops.writeV(Rd, fromHalves(ops, low, high));
    },
  }),
  instruction('SHA512H2', '11001110011 Rm:5 1 0 00 01 Rn:5 Rd:5', {
    since: 'FEAT_SHA512',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const [x0] = halves(ops, ops.readV(Rn));
      const [y0, y1] = halves(ops, ops.readV(Rm));
      const [w0, w1] = halves(ops, ops.readV(Rd));
      const high = ops.let(ops.add(majority(ops, x0, y1, y0), ops.add(rotations(ops, y0, 28, 34, 39), w1)));
      const low = ops.add(majority(ops, high, y0, y1), ops.add(rotations(ops, high, 28, 34, 39), w0));
      ops.writeV(Rd, fromHalves(ops, low, high));
    },
  }),
  instruction('SHA512SU1', '11001110011 Rm:5 1 0 00 10 Rn:5 Rd:5', {
    since: 'FEAT_SHA512',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const l = lanesOf(ops, 3);
      const n = ops.readV(Rn);
      const rotated = l.xor(rotateRight(ops, n, 19), rotateRight(ops, n, 61));
      const sigma = l.xor(rotated, l.shr(n, ops.i32(6), true));
      ops.writeV(Rd, l.add(l.add(ops.readV(Rd), sigma), ops.readV(Rm)));
    },
  }),
  instruction('SHA512SU0', '11001110110 00000 10 00 00 Rn:5 Rd:5', {
    since: 'FEAT_SHA512',
    fp: true,
    execute(ops, { Rn, Rd }) {
      const l = lanesOf(ops, 3);
      const d = ops.readV(Rd);
      // The high word of d and the low word of n follow the two words that are extended.
      const following = wordsFrom(ops, d, ops.readV(Rn), 2);
      const rotated = l.xor(rotateRight(ops, following, 1), rotateRight(ops, following, 8));
      ops.writeV(Rd, l.add(d, l.xor(rotated, l.shr(following, ops.i32(7), true))));
    },
  }),
];

export const cryptoSha3 = [
  instruction('RAX1', '11001110011 Rm:5 1 0 00 11 Rn:5 Rd:5', {
    since: 'FEAT_SHA3',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      ops.writeV(Rd, ops.simd('v128.xor', ops.readV(Rn), rotateRight(ops, ops.readV(Rm), 63)));
    },
  }),
  instruction('EOR3, BCAX', '110011100 0 clear:1 Rm:5 0 Ra:5 Rn:5 Rd:5', {
    static: { clear: bit },
    since: 'FEAT_SHA3',
    fp: true,
    execute(ops, { clear, Rm, Ra, Rn, Rd }) {
      const combined = ops.simd(clear ? 'v128.andnot' : 'v128.xor', ops.readV(Rm), ops.readV(Ra));
      ops.writeV(Rd, ops.simd('v128.xor', ops.readV(Rn), combined));
    },
  }),
  instruction('XAR', '11001110100 Rm:5 imm6:6 Rn:5 Rd:5', {
    derive: ({ imm6 }) => ({ left: (64 - imm6) & 63 }),
    since: 'FEAT_SHA3',
    fp: true,
    execute(ops, { imm6, left, Rm, Rn, Rd }) {
      const l = lanesOf(ops, 3);
      const sum = l.xor(ops.readV(Rn), ops.readV(Rm));
      ops.writeV(Rd, l.or(l.shr(sum, ops.small(imm6), true), l.shl(sum, ops.small(left))));
    },
  }),
];

const halves = (ops: Ops, vector: V128): [I64, I64] => [
  ops.let(ops.extractLane(64, vector, 0) as I64),
  ops.let(ops.extractLane(64, vector, 1) as I64),
];

const fromHalves = (ops: Ops, low: I64, high: I64): V128 => ops.replaceLane(64, ops.splat(64, low), 1, high);

const choose = (ops: Ops, x: I64, y: I64, z: I64): I64 => ops.xor(ops.and(ops.xor(y, z), x), z);
const majority = (ops: Ops, x: I64, y: I64, z: I64): I64 => ops.or(ops.and(x, y), ops.and(ops.or(x, y), z));

function rotations(ops: Ops, value: I64, first: number, second: number, third: number): I64 {
  const rotated = (amount: number) => ops.rotr(value, ops.i64(amount));
  return ops.xor(ops.xor(rotated(first), rotated(second)), rotated(third));
}

/** Both doublewords rotated. */
function rotateRight(ops: Ops, vector: V128, amount: number): V128 {
  const l = lanesOf(ops, 3);
  return l.or(l.shr(vector, ops.i32(amount), true), l.shl(vector, ops.i32(64 - amount)));
}
