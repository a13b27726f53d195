// AdvSIMD three same extra, and its scalar forms: rounding doubling multiply-accumulate
// (FEAT_RDM), dot products (FEAT_DotProd, FEAT_I8MM) and 8-bit matrix products (FEAT_I8MM).
// Arm ARM (DDI 0487). FCMLA and FCADD: simd-fp-*.ts; BFloat16: simd-bfloat.ts.

import { bit, instruction } from './define.ts';
import type { Ops, V128 } from './ops.ts';
import { lanesOf, scalarOf, vectorOf, writeLanes, writeSaturated } from './simd-lanes.ts';
import { addPairs32 } from './simd-pairs.ts';
import { doublingMultiplyAccumulateHigh } from './simd-saturate.ts';

const HS = [1, 2];
const halfOrWord = ({ size }: { size: number }) => size === 1 || size === 2;

/** For each 32-bit lane the sum of the products of its four bytes. */
export function dotProducts(ops: Ops, a: V128, b: V128, aUnsigned: boolean, bUnsigned: boolean): V128 {
  const low = rowProducts(ops, a, b, { aHigh: false, bHigh: false, aUnsigned, bUnsigned });
  const high = rowProducts(ops, a, b, { aHigh: true, bHigh: true, aUnsigned, bUnsigned });
  return addPairs32(ops, low, high);
}

/** The products of the two rows of eight bytes of a with those of b: a 2x2 matrix of 32-bit sums. */
function matrixProduct(ops: Ops, a: V128, b: V128, aUnsigned: boolean, bUnsigned: boolean): V128 {
  const cell = (aHigh: boolean, bHigh: boolean) =>
    rowProducts(ops, a, b, { aHigh, bHigh, aUnsigned, bUnsigned });
  const top = addPairs32(ops, cell(false, false), cell(false, true));
  const bottom = addPairs32(ops, cell(true, false), cell(true, true));
  return addPairs32(ops, top, bottom);
}

interface Rows {
  readonly aHigh: boolean;
  readonly bHigh: boolean;
  readonly aUnsigned: boolean;
  readonly bUnsigned: boolean;
}

/** The products of eight bytes with eight bytes, added in pairs. */
function rowProducts(ops: Ops, a: V128, b: V128, { aHigh, bHigh, aUnsigned, bUnsigned }: Rows): V128 {
  const bytes = lanesOf(ops, 0);
  const product = ops.simd(
    'i32x4.dot_i16x8_s',
    bytes.extend(a, aHigh, aUnsigned),
    bytes.extend(b, bHigh, bUnsigned),
  );
  return ops.let(product);
}

export const simdThreeSameExtra = [
  instruction('SQRDMLAH, SQRDMLSH (vector)', '0 Q:1 1 01110 size:2 0 Rm:5 1 000 S:1 1 Rn:5 Rd:5', {
    static: { Q: bit, size: HS, S: bit },
    accept: halfOrWord,
    since: 'FEAT_RDM',
    fp: true,
    execute(ops, { Q, size, S, Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const result = doublingMultiplyAccumulateHigh(lanesOf(ops, size), ops.readV(Rd), n, m, S === 1);
      writeSaturated(ops, vectorOf(size, Q), Rd, result);
    },
  }),
  instruction('SQRDMLAH, SQRDMLSH (scalar)', '01 1 11110 size:2 0 Rm:5 1 000 S:1 1 Rn:5 Rd:5', {
    static: { size: HS, S: bit },
    accept: halfOrWord,
    since: 'FEAT_RDM',
    fp: true,
    execute(ops, { size, S, Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const result = doublingMultiplyAccumulateHigh(lanesOf(ops, size), ops.readV(Rd), n, m, S === 1);
      writeSaturated(ops, scalarOf(size), Rd, result);
    },
  }),
  instruction('SDOT, UDOT (vector)', '0 Q:1 U:1 01110 10 0 Rm:5 1 0010 1 Rn:5 Rd:5', {
    static: { Q: bit, U: bit },
    since: 'FEAT_DotProd',
    fp: true,
    execute(ops, { Q, U, Rm, Rn, Rd }) {
      const products = dotProducts(ops, ops.readV(Rn), ops.readV(Rm), U === 1, U === 1);
      writeLanes(ops, vectorOf(2, Q), Rd, lanesOf(ops, 2).add(ops.readV(Rd), products));
    },
  }),
  instruction('USDOT (vector)', '0 Q:1 0 01110 10 0 Rm:5 1 0011 1 Rn:5 Rd:5', {
    static: { Q: bit },
    since: 'FEAT_I8MM',
    fp: true,
    execute(ops, { Q, Rm, Rn, Rd }) {
      const products = dotProducts(ops, ops.readV(Rn), ops.readV(Rm), true, false);
      writeLanes(ops, vectorOf(2, Q), Rd, lanesOf(ops, 2).add(ops.readV(Rd), products));
    },
  }),
  instruction('SMMLA, UMMLA, USMMLA', '0 1 U:1 01110 10 0 Rm:5 1 010 B:1 1 Rn:5 Rd:5', {
    static: { U: bit, B: bit },
    accept: ({ U, B }) => !(U === 1 && B === 1),
    since: 'FEAT_I8MM',
    fp: true,
    execute(ops, { U, B, Rm, Rn, Rd }) {
      const product = matrixProduct(ops, ops.readV(Rn), ops.readV(Rm), U === 1 || B === 1, U === 1);
      ops.writeV(Rd, lanesOf(ops, 2).add(ops.readV(Rd), product));
    },
  }),
];
