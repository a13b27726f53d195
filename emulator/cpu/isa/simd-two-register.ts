// AdvSIMD two-register miscellaneous, and its scalar forms. Arm ARM (DDI 0487), "Data Processing
// -- Scalar Floating-Point and Advanced SIMD". Narrowing forms: simd-two-register-narrow.ts.

import { bit, instruction } from './define.ts';
import type { Field, V128 } from './ops.ts';
import { byteList, type Lanes, lanesOf, type Saturated, vectorOf, writeLanes } from './simd-lanes.ts';
import { laneForms } from './simd-forms.ts';
import { countLeadingSigns, countLeadingZeros, reverseBits } from './simd-bits.ts';
import { addPairsLong } from './simd-pairs.ts';
import { addSignedToUnsigned, addUnsignedToSigned, saturateNegated } from './simd-saturate.ts';

interface Operands {
  readonly n: V128;
  /** The destination before the instruction. */
  readonly d: () => V128;
  readonly U: number;
}

type Meaning = (lanes: Lanes, operands: Operands) => V128 | Saturated;

const BHS = [0, 1, 2];
const BHSD = [0, 1, 2, 3];

const { vector, scalar } = laneForms(
  (ops, { Rn, Rd, U }: { Rn: Field; Rd: Field; U: number }): Operands => ({
    n: ops.readV(Rn),
    d: () => ops.readV(Rd),
    U,
  }),
);

/** Lanes in reverse order within containers of 2 to the power of `container` bytes. */
const reverse =
  (container: number): Meaning =>
  ({ ops, size }, { n }) => {
    const flip = ((1 << container) - 1) & ~((1 << size) - 1);
    return ops.shuffle(
      n,
      n,
      byteList(16, (i) => i ^ flip),
    );
  };

const addSaturatingMixed: Meaning = (l, { n, d, U }) =>
  U ? addSignedToUnsigned(l, d(), n) : addUnsignedToSigned(l, d(), n);
const saturatingAbsNeg: Meaning = (l, { n, U }) => saturateNegated(l, n, U ? l.neg(n) : l.abs(n));
const absNeg: Meaning = (l, { n, U }) => (U ? l.neg(n) : l.abs(n));

const zero = (l: Lanes) => l.constant(0n);
const aboveZero: Meaning = (l, { n, U }) => (U ? l.ge(n, zero(l), false) : l.gt(n, zero(l), false));
const notAboveZero: Meaning = (l, { n, U }) => (U ? l.ge(zero(l), n, false) : l.eq(n, zero(l)));
const belowZero: Meaning = (l, { n }) => l.signs(n);

export const simdTwoRegister = [
  instruction('REV64', '0 Q:1 U:1 01110 size:2 10000 00000 10 Rn:5 Rd:5', vector(BHS, reverse(3), [0])),
  instruction(
    'REV32 (vector)',
    '0 Q:1 U:1 01110 size:2 10000 00000 10 Rn:5 Rd:5',
    vector([0, 1], reverse(2), [1]),
  ),
  instruction(
    'REV16 (vector)',
    '0 Q:1 U:1 01110 size:2 10000 00001 10 Rn:5 Rd:5',
    vector([0], reverse(1), [0]),
  ),
  instruction(
    'SADDLP, UADDLP',
    '0 Q:1 U:1 01110 size:2 10000 00010 10 Rn:5 Rd:5',
    vector(BHS, ({ ops, size }, { n, U }) => addPairsLong(ops, size, n, U === 1)),
  ),
  instruction(
    'SUQADD, USQADD (vector)',
    '0 Q:1 U:1 01110 size:2 10000 00011 10 Rn:5 Rd:5',
    vector(BHSD, addSaturatingMixed),
  ),
  instruction(
    'CLS, CLZ (vector)',
    '0 Q:1 U:1 01110 size:2 10000 00100 10 Rn:5 Rd:5',
    vector(BHS, (l, { n, U }) => (U ? countLeadingZeros(l, n) : countLeadingSigns(l, n))),
  ),
  instruction(
    'CNT',
    '0 Q:1 U:1 01110 size:2 10000 00101 10 Rn:5 Rd:5',
    vector([0], ({ ops }, { n }) => ops.simd('i8x16.popcnt', n), [0]),
  ),
  instruction('NOT, RBIT (vector)', '0 Q:1 1 01110 0 reverse:1 10000 00101 10 Rn:5 Rd:5', {
    static: { Q: bit, reverse: bit },
    fp: true,
    execute(ops, { Q, reverse, Rn, Rd }) {
      const n = ops.readV(Rn);
      writeLanes(ops, vectorOf(0, Q), Rd, reverse ? reverseBits(ops, n) : ops.simd('v128.not', n));
    },
  }),
  instruction(
    'SADALP, UADALP',
    '0 Q:1 U:1 01110 size:2 10000 00110 10 Rn:5 Rd:5',
    vector(BHS, ({ ops, size }, { n, d, U }) =>
      lanesOf(ops, size + 1).add(d(), addPairsLong(ops, size, n, U === 1)),
    ),
  ),
  instruction(
    'SQABS, SQNEG (vector)',
    '0 Q:1 U:1 01110 size:2 10000 00111 10 Rn:5 Rd:5',
    vector(BHSD, saturatingAbsNeg),
  ),
  instruction(
    'CMGT, CMGE (zero, vector)',
    '0 Q:1 U:1 01110 size:2 10000 01000 10 Rn:5 Rd:5',
    vector(BHSD, aboveZero),
  ),
  instruction(
    'CMEQ, CMLE (zero, vector)',
    '0 Q:1 U:1 01110 size:2 10000 01001 10 Rn:5 Rd:5',
    vector(BHSD, notAboveZero),
  ),
  instruction(
    'CMLT (zero, vector)',
    '0 Q:1 U:1 01110 size:2 10000 01010 10 Rn:5 Rd:5',
    vector(BHSD, belowZero, [0]),
  ),
  instruction('ABS, NEG (vector)', '0 Q:1 U:1 01110 size:2 10000 01011 10 Rn:5 Rd:5', vector(BHSD, absNeg)),
];

export const simdScalarTwoRegister = [
  instruction(
    'SUQADD, USQADD (scalar)',
    '01 U:1 11110 size:2 10000 00011 10 Rn:5 Rd:5',
    scalar(BHSD, addSaturatingMixed),
  ),
  instruction(
    'SQABS, SQNEG (scalar)',
    '01 U:1 11110 size:2 10000 00111 10 Rn:5 Rd:5',
    scalar(BHSD, saturatingAbsNeg),
  ),
  instruction(
    'CMGT, CMGE (zero, scalar)',
    '01 U:1 11110 size:2 10000 01000 10 Rn:5 Rd:5',
    scalar([3], aboveZero),
  ),
  instruction(
    'CMEQ, CMLE (zero, scalar)',
    '01 U:1 11110 size:2 10000 01001 10 Rn:5 Rd:5',
    scalar([3], notAboveZero),
  ),
  instruction(
    'CMLT (zero, scalar)',
    '01 U:1 11110 size:2 10000 01010 10 Rn:5 Rd:5',
    scalar([3], belowZero, [0]),
  ),
  instruction('ABS, NEG (scalar)', '01 U:1 11110 size:2 10000 01011 10 Rn:5 Rd:5', scalar([3], absNeg)),
];
