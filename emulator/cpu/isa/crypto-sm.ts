// Cryptographic SM3 and SM4. Arm ARM (DDI 0487), "Cryptographic three-register, imm2",
// "four-register", "three-register SHA 512" and "two-register SHA 512" classes.

import { bit, instruction } from './define.ts';
import type { I32, Ops, V128 } from './ops.ts';
import { fromWords, majority, rotateLeft, words } from './crypto-sha.ts';
import { fromByte, lanesOf } from './simd-lanes.ts';

export const cryptoSm3 = [
  instruction('SM3SS1', '110011100 10 Rm:5 0 Ra:5 Rn:5 Rd:5', {
    since: 'FEAT_SM3',
    fp: true,
    execute(ops, { Rm, Ra, Rn, Rd }) {
      const top = (vector: V128) => ops.extractLane(32, vector, 3) as I32;
      const rotated = rotateLeft(ops, top(ops.readV(Rn)), 12);
      const sum = ops.let(ops.add(ops.add(rotated, top(ops.readV(Rm))), top(ops.readV(Ra))));
      ops.writeV(Rd, ops.replaceLane(32, ops.v128(0n, 0n), 3, rotateLeft(ops, sum, 7)));
    },
  }),
  instruction('SM3TT1A, SM3TT1B, SM3TT2A, SM3TT2B', '11001110010 Rm:5 10 imm2:2 second:1 B:1 Rn:5 Rd:5', {
    static: { second: bit, B: bit },
    derive: ({ imm2 }) => ({ offset: 4 * imm2 }),
    since: 'FEAT_SM3',
    fp: true,
    execute(ops, { second, B, offset, Rm, Rn, Rd }) {
      const [d0, d1, d2, d3] = words(ops, ops.readV(Rd));
      const n3 = ops.extractLane(32, ops.readV(Rn), 3) as I32;
      const w = ops.extractLane(32, fromByte(ops, ops.readV(Rm), ops.small(offset)), 0) as I32;
      let mixed = ops.xor(d1, ops.xor(d3, d2));
      if (B) mixed = second ? chooseByTop(ops, d3, d2, d1) : majority(ops, d3, d1, d2);
      const constant = second ? n3 : ops.xor(n3, rotateLeft(ops, d3, 12));
      const t = ops.let(ops.add(ops.add(mixed, d0), ops.add(constant, w)));
      const top = second ? ops.xor(t, ops.xor(rotateLeft(ops, t, 9), rotateLeft(ops, t, 17))) : t;
      ops.writeV(Rd, fromWords(ops, [d1, rotateLeft(ops, d2, second ? 19 : 9), d3, top]));
    },
  }),
  instruction('SM3PARTW1', '11001110011 Rm:5 1 1 00 00 Rn:5 Rd:5', {
    since: 'FEAT_SM3',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const [s0, s1, s2, s3] = words(ops, l.xor(ops.readV(Rd), ops.readV(Rn)));
      const [, m1, m2, m3] = words(ops, ops.readV(Rm));
      const mixed = (sum: I32, from: I32) => permute1(ops, ops.let(ops.xor(sum, rotateLeft(ops, from, 15))));
      const r0 = ops.let(mixed(s0, m1));
      ops.writeV(Rd, fromWords(ops, [r0, mixed(s1, m2), mixed(s2, m3), mixed(s3, r0)]));
    },
  }),
  instruction('SM3PARTW2', '11001110011 Rm:5 1 1 00 01 Rn:5 Rd:5', {
    since: 'FEAT_SM3',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const l = lanesOf(ops, 2);
      const m = ops.readV(Rm);
      const rotated = l.or(l.shl(m, ops.i32(7)), l.shr(m, ops.i32(25), true));
      const t = l.xor(ops.readV(Rn), rotated);
      const carried = ops.let(rotateLeft(ops, ops.extractLane(32, t, 0) as I32, 15));
      const result = l.xor(ops.readV(Rd), t);
      const top = ops.xor(ops.extractLane(32, result, 3) as I32, permute1(ops, carried));
      ops.writeV(Rd, ops.replaceLane(32, result, 3, top));
    },
  }),
];

export const cryptoSm4 = [
  instruction('SM4E', '11001110110 00000 10 00 01 Rn:5 Rd:5', {
    since: 'FEAT_SM4',
    fp: true,
    execute(ops, { Rn, Rd }) {
      const keys = words(ops, ops.readV(Rn));
      ops.writeV(Rd, sm4Rounds(ops, ops.readV(Rd), keys, [2, 10, 18, 24]));
    },
  }),
  instruction('SM4EKEY', '11001110011 Rm:5 1 1 00 10 Rn:5 Rd:5', {
    since: 'FEAT_SM4',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const constants = words(ops, ops.readV(Rm));
      ops.writeV(Rd, sm4Rounds(ops, ops.readV(Rn), constants, [13, 23]));
    },
  }),
];

/** The permutation P1 of SM3. */
const permute1 = (ops: Ops, value: I32): I32 =>
  ops.xor(value, ops.xor(rotateLeft(ops, value, 15), rotateLeft(ops, value, 23)));

/** y where x is set, else z. */
const chooseByTop = (ops: Ops, x: I32, y: I32, z: I32): I32 => ops.or(ops.and(x, y), ops.and(ops.not(x), z));

/** Four rounds of SM4: each word made from the other three and a key, through the substitution. */
function sm4Rounds(ops: Ops, state: V128, keys: readonly I32[], rotations: readonly number[]): V128 {
  let [a, b, c, d] = words(ops, state);
  for (const key of keys) {
    const mixed = ops.xor(ops.xor(b, c), ops.xor(d, key));
    const substituted = ops.let(ops.call<I32>('sm4SubBytes', mixed));
    const spread = rotations.reduce<I32>(
      (sum, amount) => ops.xor(sum, rotateLeft(ops, substituted, amount)),
      substituted,
    );
    [a, b, c, d] = [b, c, d, ops.let(ops.xor(a, spread))];
  }
  return fromWords(ops, [a, b, c, d]);
}
