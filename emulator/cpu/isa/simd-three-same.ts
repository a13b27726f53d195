// AdvSIMD three same, and AdvSIMD scalar three same: integer arithmetic. Arm ARM (DDI 0487),
// "Data Processing -- Scalar Floating-Point and Advanced SIMD".
//
// The logical operations are in simd-logical.ts, the floating-point rows in simd-fp-*.ts.

import { instruction } from './define.ts';
import type { Field, V128 } from './ops.ts';
import { type Arrangement, evenLanes, type Lanes, oddLanes, type Saturated } from './simd-lanes.ts';
import { laneForms } from './simd-forms.ts';
import { polynomialProducts } from './simd-polynomial.ts';
import {
  absoluteDifference,
  addHalving,
  addHalvingRounded,
  addSaturating,
  doublingMultiplyHigh,
  subHalving,
  subSaturating,
} from './simd-saturate.ts';

interface Operands {
  readonly n: V128;
  readonly m: V128;
  /** The destination before the instruction. */
  readonly d: () => V128;
  readonly arrangement: Arrangement;
  readonly U: number;
}

type Meaning = (lanes: Lanes, operands: Operands) => V128 | Saturated;

const BHS = [0, 1, 2];
const BHSD = [0, 1, 2, 3];
const HS = [1, 2];

const { vector, scalar } = laneForms(
  (ops, { Rn, Rm, Rd, U }: { Rn: Field; Rm: Field; Rd: Field; U: number }, arrangement): Operands => ({
    n: ops.readV(Rn),
    m: ops.readV(Rm),
    d: () => ops.readV(Rd),
    arrangement,
    U,
  }),
);

const addSat: Meaning = (l, { n, m, U }) => addSaturating(l, n, m, U === 1);
const subSat: Meaning = (l, { n, m, U }) => subSaturating(l, n, m, U === 1);
const greater: Meaning = (l, { n, m, U }) => l.gt(n, m, U === 1);
const greaterOrEqual: Meaning = (l, { n, m, U }) => l.ge(n, m, U === 1);
const addSub: Meaning = (l, { n, m, U }) => (U ? l.sub(n, m) : l.add(n, m));
const testOrEqual: Meaning = (l, { n, m, U }) => (U ? l.eq(n, m) : l.ne(l.and(n, m), l.constant(0n)));
const multiplyHigh: Meaning = (l, { n, m, U }) => doublingMultiplyHigh(l, n, m, U === 1);

/** Each lane shifted by the signed low byte of the other operand's lane. */
const shift =
  (how: { rounded?: boolean; saturating?: boolean }): Meaning =>
  ({ ops }, { n, m, arrangement, U }) => {
    const kind = U | (how.rounded ? 2 : 0) | (how.saturating ? 4 : 0);
    return ops.call<V128>(
      'shiftLanes',
      n,
      m,
      ops.i32(arrangement.size),
      ops.i32(arrangement.bytes),
      ops.i32(kind),
    );
  };

/** Combines neighbouring lanes of the concatenation of both operands. */
const pairwise =
  (combine: (l: Lanes, a: V128, b: V128, unsigned: boolean) => V128): Meaning =>
  (l, { n, m, arrangement, U }) =>
    combine(l, evenLanes(l.ops, arrangement, n, m), oddLanes(l.ops, arrangement, n, m), U === 1);

export const simdThreeSame = [
  instruction(
    'SHADD, UHADD',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00000 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => addHalving(l, n, m, U === 1)),
  ),
  instruction(
    'SQADD, UQADD (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5',
    vector(BHSD, addSat),
  ),
  instruction(
    'SRHADD, URHADD',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00010 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => addHalvingRounded(l, n, m, U === 1)),
  ),
  instruction(
    'SHSUB, UHSUB',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00100 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => subHalving(l, n, m, U === 1)),
  ),
  instruction(
    'SQSUB, UQSUB (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5',
    vector(BHSD, subSat),
  ),
  instruction(
    'CMGT, CMHI (register, vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00110 1 Rn:5 Rd:5',
    vector(BHSD, greater),
  ),
  instruction(
    'CMGE, CMHS (register, vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 00111 1 Rn:5 Rd:5',
    vector(BHSD, greaterOrEqual),
  ),
  instruction(
    'SSHL, USHL (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5',
    vector(BHSD, shift({})),
  ),
  instruction(
    'SQSHL, UQSHL (register, vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5',
    vector(BHSD, shift({ saturating: true })),
  ),
  instruction(
    'SRSHL, URSHL (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',
    vector(BHSD, shift({ rounded: true })),
  ),
  instruction(
    'SQRSHL, UQRSHL (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5',
    vector(BHSD, shift({ rounded: true, saturating: true })),
  ),
  instruction(
    'SMAX, UMAX',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01100 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => l.max(n, m, U === 1)),
  ),
  instruction(
    'SMIN, UMIN',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01101 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => l.min(n, m, U === 1)),
  ),
  instruction(
    'SABD, UABD',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01110 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, U }) => absoluteDifference(l, n, m, U === 1)),
  ),
  instruction(
    'SABA, UABA',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 01111 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, d, U }) => l.add(d(), absoluteDifference(l, n, m, U === 1))),
  ),
  instruction('ADD, SUB (vector)', '0 Q:1 U:1 01110 size:2 1 Rm:5 10000 1 Rn:5 Rd:5', vector(BHSD, addSub)),
  instruction(
    'CMTST, CMEQ (register, vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10001 1 Rn:5 Rd:5',
    vector(BHSD, testOrEqual),
  ),
  instruction(
    'MLA, MLS (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10010 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m, d, U }) => (U ? l.sub(d(), l.mul(n, m)) : l.add(d(), l.mul(n, m)))),
  ),
  instruction(
    'MUL (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10011 1 Rn:5 Rd:5',
    vector(BHS, (l, { n, m }) => l.mul(n, m), [0]),
  ),
  instruction(
    'PMUL',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10011 1 Rn:5 Rd:5',
    vector([0], ({ ops }, { n, m }) => polynomialProducts(ops, n, m), [1]),
  ),
  instruction(
    'SMAXP, UMAXP',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10100 1 Rn:5 Rd:5',
    vector(
      BHS,
      pairwise((l, a, b, unsigned) => l.max(a, b, unsigned)),
    ),
  ),
  instruction(
    'SMINP, UMINP',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10101 1 Rn:5 Rd:5',
    vector(
      BHS,
      pairwise((l, a, b, unsigned) => l.min(a, b, unsigned)),
    ),
  ),
  instruction(
    'SQDMULH, SQRDMULH (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5',
    vector(HS, multiplyHigh),
  ),
  instruction(
    'ADDP (vector)',
    '0 Q:1 U:1 01110 size:2 1 Rm:5 10111 1 Rn:5 Rd:5',
    vector(
      BHSD,
      pairwise((l, a, b) => l.add(a, b)),
      [0],
    ),
  ),
];

export const simdScalarThreeSame = [
  instruction('SQADD, UQADD (scalar)', '01 U:1 11110 size:2 1 Rm:5 00001 1 Rn:5 Rd:5', scalar(BHSD, addSat)),
  instruction('SQSUB, UQSUB (scalar)', '01 U:1 11110 size:2 1 Rm:5 00101 1 Rn:5 Rd:5', scalar(BHSD, subSat)),
  instruction(
    'CMGT, CMHI (register, scalar)',
    '01 U:1 11110 size:2 1 Rm:5 00110 1 Rn:5 Rd:5',
    scalar([3], greater),
  ),
  instruction(
    'CMGE, CMHS (register, scalar)',
    '01 U:1 11110 size:2 1 Rm:5 00111 1 Rn:5 Rd:5',
    scalar([3], greaterOrEqual),
  ),
  instruction('SSHL, USHL (scalar)', '01 U:1 11110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5', scalar([3], shift({}))),
  instruction(
    'SQSHL, UQSHL (register, scalar)',
    '01 U:1 11110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5',
    scalar(BHSD, shift({ saturating: true })),
  ),
  instruction(
    'SRSHL, URSHL (scalar)',
    '01 U:1 11110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',
    scalar([3], shift({ rounded: true })),
  ),
  instruction(
    'SQRSHL, UQRSHL (scalar)',
    '01 U:1 11110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5',
    scalar(BHSD, shift({ rounded: true, saturating: true })),
  ),
  instruction('ADD, SUB (scalar)', '01 U:1 11110 size:2 1 Rm:5 10000 1 Rn:5 Rd:5', scalar([3], addSub)),
  instruction(
    'CMTST, CMEQ (register, scalar)',
    '01 U:1 11110 size:2 1 Rm:5 10001 1 Rn:5 Rd:5',
    scalar([3], testOrEqual),
  ),
  instruction(
    'SQDMULH, SQRDMULH (scalar)',
    '01 U:1 11110 size:2 1 Rm:5 10110 1 Rn:5 Rd:5',
    scalar(HS, multiplyHigh),
  ),
];
