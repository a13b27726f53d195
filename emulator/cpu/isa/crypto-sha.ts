// Cryptographic three-register and two-register SHA: SHA1 and SHA256. Arm ARM (DDI 0487),
// SHAchoose(), SHAmajority(), SHA256hash().
//
// The four rounds of a hash instruction are written out over the words of its operands.

import { bit, instruction } from './define.ts';
import type { I32, Ops, V128 } from './ops.ts';
import { byteList, lanesOf } from './simd-lanes.ts';

export const cryptoSha = [
  instruction('SHA1C, SHA1P, SHA1M', '01011110 00 0 Rm:5 00 op:2 00 Rn:5 Rd:5', {
    static: { op: [0, 1, 2] },
    accept: ({ op }) => op < 3,
    since: 'FEAT_SHA1',
    fp: true,
    execute(ops, { op, Rm, Rn, Rd }) {
      const mix = [choose, parity, majority][op] ?? choose;
      let [a, b, c, d] = words(ops, ops.readV(Rd));
      let e = ops.readVLane0(Rn, 32);
      for (const w of words(ops, ops.readV(Rm))) {
        const sum = ops.add(ops.add(e, rotateLeft(ops, a, 5)), ops.add(mix(ops, b, c, d), w));
        [a, b, c, d, e] = [ops.let(sum), a, ops.let(rotateLeft(ops, b, 30)), c, d];
      }
      ops.writeV(Rd, fromWords(ops, [a, b, c, d]));
    },
  }),
  instruction('SHA1SU0', '01011110 00 0 Rm:5 0 011 00 Rn:5 Rd:5', {
    since: 'FEAT_SHA1',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const d = ops.readV(Rd);
      const joined = wordsFrom(ops, d, ops.readV(Rn), 2);
      ops.writeV(Rd, l.xor(l.xor(joined, d), ops.readV(Rm)));
    },
  }),
  instruction('SHA256H, SHA256H2', '01011110 00 0 Rm:5 0 10 part:1 00 Rn:5 Rd:5', {
    static: { part: bit },
    since: 'FEAT_SHA256',
    fp: true,
    execute(ops, { part, Rm, Rn, Rd }) {
      const d = ops.readV(Rd);
      const n = ops.readV(Rn);
      const [x, y] = sha256Hash(ops, part ? n : d, part ? d : n, ops.readV(Rm));
      ops.writeV(Rd, fromWords(ops, part ? y : x));
    },
  }),
  instruction('SHA256SU1', '01011110 00 0 Rm:5 0 110 00 Rn:5 Rd:5', {
    since: 'FEAT_SHA256',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const m = ops.readV(Rm);
      const sums = words(ops, l.add(ops.readV(Rd), wordsFrom(ops, ops.readV(Rn), m, 1)));
      const [, , w2, w3] = words(ops, m);
      // The upper two words continue from the two just made.
      const r0 = ops.let(ops.add(sums[0], sigma1(ops, w2)));
      const r1 = ops.let(ops.add(sums[1], sigma1(ops, w3)));
      const r2 = ops.add(sums[2], sigma1(ops, r0));
      const r3 = ops.add(sums[3], sigma1(ops, r1));
      ops.writeV(Rd, fromWords(ops, [r0, r1, r2, r3]));
    },
  }),
  instruction('SHA1H', '01011110 00 10100 00000 10 Rn:5 Rd:5', {
    since: 'FEAT_SHA1',
    fp: true,
    execute(ops, { Rn, Rd }) {
      ops.writeVLane0(Rd, 32, rotateLeft(ops, ops.readVLane0(Rn, 32), 30));
    },
  }),
  instruction('SHA1SU1', '01011110 00 10100 00001 10 Rn:5 Rd:5', {
    since: 'FEAT_SHA1',
    fp: true,
    execute(ops, { Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const [t0, t1, t2, t3] = words(
        ops,
        l.xor(ops.readV(Rd), wordsFrom(ops, ops.readV(Rn), l.constant(0n), 1)),
      );
      const last = ops.xor(rotateLeft(ops, t3, 1), rotateLeft(ops, t0, 2));
      ops.writeV(
        Rd,
        fromWords(ops, [rotateLeft(ops, t0, 1), rotateLeft(ops, t1, 1), rotateLeft(ops, t2, 1), last]),
      );
    },
  }),
  instruction('SHA256SU0', '01011110 00 10100 00010 10 Rn:5 Rd:5', {
    since: 'FEAT_SHA256',
    fp: true,
    execute(ops, { Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const d = ops.readV(Rd);
      const t = wordsFrom(ops, d, ops.readV(Rn), 1);
      const rotated = l.xor(rotateLanes(ops, t, 7), rotateLanes(ops, t, 18));
      ops.writeV(Rd, l.add(d, l.xor(rotated, l.shr(t, ops.i32(3), true))));
    },
  }),
];

type Words = [I32, I32, I32, I32];

/** The four words of a register, lowest first. */
export function words(ops: Ops, vector: V128): Words {
  const word = (lane: number) => ops.let(ops.extractLane(32, vector, lane) as I32);
  return [word(0), word(1), word(2), word(3)];
}

export function fromWords(ops: Ops, [a, b, c, d]: readonly [I32, I32, I32, I32]): V128 {
  let vector = ops.splat(32, a);
  vector = ops.replaceLane(32, vector, 1, b);
  vector = ops.replaceLane(32, vector, 2, c);
  return ops.replaceLane(32, vector, 3, d);
}

export const rotateLeft = (ops: Ops, value: I32, amount: number): I32 =>
  ops.rotr(value, ops.i32(32 - amount));

/** Four words of high:low from that word of low onwards. */
export const wordsFrom = (ops: Ops, low: V128, high: V128, first: number): V128 =>
  ops.let(
    ops.shuffle(
      low,
      high,
      byteList(16, (i) => i + 4 * first),
    ),
  );

function rotateLanes(ops: Ops, vector: V128, right: number): V128 {
  const l = lanesOf(ops, 2);
  return l.or(l.shr(vector, ops.i32(right), true), l.shl(vector, ops.i32(32 - right)));
}

const choose = (ops: Ops, x: I32, y: I32, z: I32): I32 => ops.xor(ops.and(ops.xor(y, z), x), z);
const parity = (ops: Ops, x: I32, y: I32, z: I32): I32 => ops.xor(ops.xor(x, y), z);
export const majority = (ops: Ops, x: I32, y: I32, z: I32): I32 =>
  ops.or(ops.and(x, y), ops.and(ops.or(x, y), z));

const rotations = (ops: Ops, value: I32, first: number, second: number, third: number): I32 => {
  const rotated = (amount: number) => ops.rotr(value, ops.i32(amount));
  return ops.xor(ops.xor(rotated(first), rotated(second)), rotated(third));
};

const sigma1 = (ops: Ops, value: I32): I32 => {
  const rotated = ops.xor(ops.rotr(value, ops.i32(17)), ops.rotr(value, ops.i32(19)));
  return ops.xor(rotated, ops.shrU(value, ops.i32(10)));
};

/** Four rounds of SHA256 on the state y:x, where x is a, b, c, d and y is e, f, g, h. */
function sha256Hash(ops: Ops, x: V128, y: V128, schedule: V128): [Words, Words] {
  let [a, b, c, d] = words(ops, x);
  let [e, f, g, h] = words(ops, y);
  for (const w of words(ops, schedule)) {
    const t = ops.let(ops.add(ops.add(h, rotations(ops, e, 6, 11, 25)), ops.add(choose(ops, e, f, g), w)));
    const sum = ops.add(t, ops.add(rotations(ops, a, 2, 13, 22), majority(ops, a, b, c)));
    [a, b, c, d, e, f, g, h] = [ops.let(sum), a, b, c, ops.let(ops.add(d, t)), e, f, g];
  }
  return [
    [a, b, c, d],
    [e, f, g, h],
  ];
}
