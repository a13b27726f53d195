// Cryptographic AES. Arm ARM (DDI 0487), AESSubBytes(), AESShiftRows(), AESMixColumns() and their
// inverses. The state is a column-major 4x4 matrix of bytes, column 0 in the lowest lane.
//
// The substitutions are table lookups and stand in a kernel (crypto/aes.as.ts); the rest is
// lane arithmetic.

import { bit, instruction } from './define.ts';
import type { Ops, V128 } from './ops.ts';
import { byteList, lanesOf } from './simd-lanes.ts';

export const cryptoAes = [
  instruction('AESE, AESD', '01001110 00 10100 0010 D:1 10 Rn:5 Rd:5', {
    static: { D: bit },
    since: 'FEAT_AES',
    fp: true,
    execute(ops, { D, Rn, Rd }) {
      const state = ops.let(ops.simd('v128.xor', ops.readV(Rd), ops.readV(Rn)));
      const substituted = ops.call<V128>(D ? 'aesInverseSubBytes' : 'aesSubBytes', state);
      ops.writeV(Rd, shiftRows(ops, substituted, D ? -1 : 1));
    },
  }),
  instruction('AESMC, AESIMC', '01001110 00 10100 0011 D:1 10 Rn:5 Rd:5', {
    static: { D: bit },
    since: 'FEAT_AES',
    fp: true,
    execute(ops, { D, Rn, Rd }) {
      const state = ops.readV(Rn);
      ops.writeV(Rd, mixColumns(ops, D ? inverseFactor(ops, state) : state));
    },
  }),
];

/** Row r is rotated by r columns. Commutes with the substitution of bytes. */
function shiftRows(ops: Ops, state: V128, direction: number): V128 {
  const list = byteList(16, (i) => (i + 4 * direction * (i & 3)) & 15);
  return ops.shuffle(state, state, list);
}

/** Rows moved up by n within each column. */
function rotateColumns(ops: Ops, state: V128, n: number): V128 {
  return ops.let(
    ops.shuffle(
      state,
      state,
      byteList(16, (i) => (i & 12) | ((i + n) & 3)),
    ),
  );
}

/** Each column times 03 x^3 + 01 x^2 + 01 x + 02: 2a0 + 3a1 + a2 + a3 = 2(a0 + a1) + a1 + a2 + a3. */
function mixColumns(ops: Ops, state: V128): V128 {
  const l = lanesOf(ops, 0);
  const next = rotateColumns(ops, state, 1);
  const others = l.xor(rotateColumns(ops, state, 2), rotateColumns(ops, state, 3));
  return l.xor(timesX(ops, l.xor(state, next)), l.xor(next, others));
}

/**
 * InvMixColumns is MixColumns after a multiplication of each column by 04 x^2 + 05: a0 becomes
 * a0 + 4(a0 + a2).
 */
function inverseFactor(ops: Ops, state: V128): V128 {
  const l = lanesOf(ops, 0);
  const sum = l.xor(state, rotateColumns(ops, state, 2));
  return l.xor(state, timesX(ops, timesX(ops, sum)));
}

/** Each byte times x in the field of AES: reduced by 0x1b when the top bit falls out. */
function timesX(ops: Ops, state: V128): V128 {
  const l = lanesOf(ops, 0);
  return l.xor(l.add(state, state), l.and(l.signs(state), l.constant(0x1bn)));
}
