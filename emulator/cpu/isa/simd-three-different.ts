// AdvSIMD three different, and AdvSIMD scalar three different: long, wide and narrowing
// operations. Arm ARM (DDI 0487), "Data Processing -- Scalar Floating-Point and Advanced SIMD".
//
// The forms named with a 2 (Q = 1) read or write the high half of the narrow operands.

import { bit, instruction } from './define.ts';
import type { Field, Ops, V128 } from './ops.ts';
import { type Lanes, lanesOf, scalarOf, truncateLanes, vectorOf, writeNarrow } from './simd-lanes.ts';
import { polynomialProductsLong } from './simd-polynomial.ts';
import { type DoublingAccumulation, doublingMultiplyLong, writeDoublingProduct } from './simd-saturate.ts';

const BHS = [0, 1, 2];
const HS = [1, 2];

interface Fields {
  readonly Q: number;
  readonly U: number;
  readonly size: number;
  readonly Rm: Field;
  readonly Rn: Field;
  readonly Rd: Field;
}

const accept = ({ size }: { size: number }) => size < 3;

/** Lanes of twice the size from the halves of both operands that Q selects. */
const long = (meaning: (wide: Lanes, n: V128, m: V128, d: () => V128, unsigned: boolean) => V128) => ({
  static: { Q: bit, U: bit, size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { Q, U, size, Rm, Rn, Rd }: Fields) {
    const l = lanesOf(ops, size);
    const n = l.extend(ops.readV(Rn), Q === 1, U === 1);
    const m = l.extend(ops.readV(Rm), Q === 1, U === 1);
    ops.writeV(
      Rd,
      meaning(lanesOf(ops, size + 1), n, m, () => ops.readV(Rd), U === 1),
    );
  },
});

/** Wide lanes with the half of the second operand that Q selects. */
const wide = (meaning: (wide: Lanes, n: V128, m: V128) => V128) => ({
  static: { Q: bit, U: bit, size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { Q, U, size, Rm, Rn, Rd }: Fields) {
    const m = lanesOf(ops, size).extend(ops.readV(Rm), Q === 1, U === 1);
    ops.writeV(Rd, meaning(lanesOf(ops, size + 1), ops.readV(Rn), m));
  },
});

/** The high halves of wide lanes, rounded when U is set. */
const narrowHigh = (meaning: (wide: Lanes, n: V128, m: V128) => V128) => ({
  static: { Q: bit, U: bit, size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { Q, U, size, Rm, Rn, Rd }: Fields) {
    const l = lanesOf(ops, size + 1);
    const half = l.bits / 2;
    const result = meaning(l, ops.readV(Rn), ops.readV(Rm));
    const rounded = U ? l.add(result, l.constant(1n << BigInt(half - 1))) : result;
    writeNarrow(ops, Q, Rd, truncateLanes(ops, size, l.shr(rounded, ops.i32(half), true)));
  },
});

/** Products of twice the size. */
const multiplyLong = (accumulate?: (wide: Lanes, d: V128, product: V128) => V128) => ({
  static: { Q: bit, U: bit, size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { Q, U, size, Rm, Rn, Rd }: Fields) {
    const product = lanesOf(ops, size).extendedMul(ops.readV(Rn), ops.readV(Rm), Q === 1, U === 1);
    const result = accumulate ? accumulate(lanesOf(ops, size + 1), ops.readV(Rd), product) : product;
    ops.writeV(Rd, result);
  },
});

const doublingLong = (accumulation: DoublingAccumulation) => ({
  static: { Q: bit, size: HS },
  accept: ({ size }: { size: number }) => HS.includes(size),
  fp: true,
  execute(ops: Ops, { Q, size, Rm, Rn, Rd }: Omit<Fields, 'U'>) {
    const product = doublingMultiplyLong(lanesOf(ops, size), ops.readV(Rn), ops.readV(Rm), Q === 1);
    writeDoublingProduct(ops, vectorOf(size + 1, 1), Rd, product, accumulation);
  },
});

const scalarDoublingLong = (accumulation: DoublingAccumulation) => ({
  static: { size: HS },
  accept: ({ size }: { size: number }) => HS.includes(size),
  fp: true,
  execute(ops: Ops, { size, Rm, Rn, Rd }: Omit<Fields, 'U' | 'Q'>) {
    const product = doublingMultiplyLong(lanesOf(ops, size), ops.readV(Rn), ops.readV(Rm), false);
    writeDoublingProduct(ops, scalarOf(size + 1), Rd, product, accumulation);
  },
});

export const simdThreeDifferent = [
  instruction(
    'SADDL, SADDL2, UADDL, UADDL2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0000 00 Rn:5 Rd:5',
    long((l, n, m) => l.add(n, m)),
  ),
  instruction(
    'SADDW, SADDW2, UADDW, UADDW2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0001 00 Rn:5 Rd:5',
    wide((l, n, m) => l.add(n, m)),
  ),
  instruction(
    'SSUBL, SSUBL2, USUBL, USUBL2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0010 00 Rn:5 Rd:5',
    long((l, n, m) => l.sub(n, m)),
  ),
  instruction(
    'SSUBW, SSUBW2, USUBW, USUBW2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0011 00 Rn:5 Rd:5',
    wide((l, n, m) => l.sub(n, m)),
  ),
  instruction(
    'ADDHN, ADDHN2, RADDHN, RADDHN2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0100 00 Rn:5 Rd:5',
    narrowHigh((l, n, m) => l.add(n, m)),
  ),
  instruction(
    'SABAL, SABAL2, UABAL, UABAL2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0101 00 Rn:5 Rd:5',
    long((l, n, m, d) => l.add(d(), l.abs(l.sub(n, m)))),
  ),
  instruction(
    'SUBHN, SUBHN2, RSUBHN, RSUBHN2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0110 00 Rn:5 Rd:5',
    narrowHigh((l, n, m) => l.sub(n, m)),
  ),
  // The difference of two extended lanes always fits the doubled lane, signed.
  instruction(
    'SABDL, SABDL2, UABDL, UABDL2',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 0111 00 Rn:5 Rd:5',
    long((l, n, m) => l.abs(l.sub(n, m))),
  ),
  instruction(
    'SMLAL, SMLAL2, UMLAL, UMLAL2 (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 1000 00 Rn:5 Rd:5',
    multiplyLong((l, d, product) => l.add(d, product)),
  ),
  instruction(
    'SQDMLAL, SQDMLAL2 (vector)',
    '0 Q:1 0 01110 size:2 1 Rm:5 1001 00 Rn:5 Rd:5',
    doublingLong('add'),
  ),
  instruction(
    'SMLSL, SMLSL2, UMLSL, UMLSL2 (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 1010 00 Rn:5 Rd:5',
    multiplyLong((l, d, product) => l.sub(d, product)),
  ),
  instruction(
    'SQDMLSL, SQDMLSL2 (vector)',
    '0 Q:1 0 01110 size:2 1 Rm:5 1011 00 Rn:5 Rd:5',
    doublingLong('subtract'),
  ),
  instruction(
    'SMULL, SMULL2, UMULL, UMULL2 (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 1100 00 Rn:5 Rd:5',
    multiplyLong(),
  ),
  instruction(
    'SQDMULL, SQDMULL2 (vector)',
    '0 Q:1 0 01110 size:2 1 Rm:5 1101 00 Rn:5 Rd:5',
    doublingLong('none'),
  ),
  instruction('PMULL, PMULL2 (bytes)', '0 Q:1 0 01110 00 1 Rm:5 1110 00 Rn:5 Rd:5', {
    static: { Q: bit },
    fp: true,
    execute(ops, { Q, Rm, Rn, Rd }) {
      ops.writeV(Rd, polynomialProductsLong(ops, ops.readV(Rn), ops.readV(Rm), Q === 1));
    },
  }),
  instruction('PMULL, PMULL2 (doublewords)', '0 Q:1 0 01110 11 1 Rm:5 1110 00 Rn:5 Rd:5', {
    static: { Q: bit },
    since: 'FEAT_PMULL',
    fp: true,
    execute(ops, { Q, Rm, Rn, Rd }) {
      const n = ops.extractLane(64, ops.readV(Rn), Q);
      const m = ops.extractLane(64, ops.readV(Rm), Q);
      ops.writeV(Rd, ops.call<V128>('multiplyPolynomials', n, m));
    },
  }),
];

export const simdScalarThreeDifferent = [
  instruction('SQDMLAL (scalar)', '01 0 11110 size:2 1 Rm:5 1001 00 Rn:5 Rd:5', scalarDoublingLong('add')),
  instruction(
    'SQDMLSL (scalar)',
    '01 0 11110 size:2 1 Rm:5 1011 00 Rn:5 Rd:5',
    scalarDoublingLong('subtract'),
  ),
  instruction('SQDMULL (scalar)', '01 0 11110 size:2 1 Rm:5 1101 00 Rn:5 Rd:5', scalarDoublingLong('none')),
];
