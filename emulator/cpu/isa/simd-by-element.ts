// AdvSIMD vector x indexed element, and AdvSIMD scalar x indexed element: the integer rows. Arm
// ARM (DDI 0487), "Data Processing -- Scalar Floating-Point and Advanced SIMD".

import { bit, instruction } from './define.ts';
import type { Field, Ops, V128 } from './ops.ts';
import {
  type Arrangement,
  type Lanes,
  lanesOf,
  type Saturated,
  scalarOf,
  splatLane,
  vectorOf,
  writeLanes,
  writeSaturated,
} from './simd-lanes.ts';
import {
  type DoublingAccumulation,
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  doublingMultiplyLong,
  writeDoublingProduct,
} from './simd-saturate.ts';
import { dotProducts } from './simd-three-same-extra.ts';

const HS = [1, 2];
const halfOrWord = ({ size }: { size: number }) => size === 1 || size === 2;

interface Index {
  readonly size: number;
  readonly L: number;
  readonly M: number;
  readonly Rm: number;
  readonly H: number;
}

/** Register and byte offset of the element: halfwords have an index of three bits, H:L:M, and only V0 to V15. */
const element = ({ size, L, M, Rm, H }: Index) =>
  size === 1
    ? { Vm: Rm, offset: 2 * ((H << 2) | (L << 1) | M) }
    : { Vm: (M << 4) | Rm, offset: 4 * ((H << 1) | L) };

interface Fields {
  readonly Q: number;
  readonly size: number;
  readonly Vm: Field;
  readonly offset: Field;
  readonly Rn: Field;
  readonly Rd: Field;
}

const readElement = (ops: Ops, size: number, { Vm, offset }: Pick<Fields, 'Vm' | 'offset'>): V128 =>
  splatLane(ops, size, ops.readV(Vm), ops.small(offset));

type Meaning = (lanes: Lanes, n: V128, element: V128, d: () => V128) => V128 | Saturated;

const vector = (meaning: Meaning) => ({
  static: { Q: bit, size: HS },
  accept: halfOrWord,
  derive: element,
  fp: true,
  execute: (ops: Ops, fields: Fields) => perform(ops, vectorOf(fields.size, fields.Q), fields, meaning),
});

const scalar = (meaning: Meaning) => ({
  static: { size: HS },
  accept: halfOrWord,
  derive: element,
  fp: true,
  execute: (ops: Ops, fields: Omit<Fields, 'Q'>) => perform(ops, scalarOf(fields.size), fields, meaning),
});

function perform(ops: Ops, arrangement: Arrangement, fields: Omit<Fields, 'Q'>, meaning: Meaning): void {
  const m = readElement(ops, fields.size, fields);
  const result = meaning(lanesOf(ops, fields.size), ops.readV(fields.Rn), m, () => ops.readV(fields.Rd));
  if ('saturated' in result) writeSaturated(ops, arrangement, fields.Rd, result);
  else writeLanes(ops, arrangement, fields.Rd, result);
}

const long = (accumulate?: (wide: Lanes, d: V128, product: V128) => V128) => ({
  static: { Q: bit, U: bit, size: HS },
  accept: halfOrWord,
  derive: element,
  fp: true,
  execute(ops: Ops, fields: Fields & { readonly U: number }) {
    const m = readElement(ops, fields.size, fields);
    const product = lanesOf(ops, fields.size).extendedMul(
      ops.readV(fields.Rn),
      m,
      fields.Q === 1,
      fields.U === 1,
    );
    const wide = lanesOf(ops, fields.size + 1);
    ops.writeV(fields.Rd, accumulate ? accumulate(wide, ops.readV(fields.Rd), product) : product);
  },
});

const doublingLong = (accumulation: DoublingAccumulation) => ({
  static: { Q: bit, size: HS },
  accept: halfOrWord,
  derive: element,
  fp: true,
  execute(ops: Ops, fields: Fields) {
    const m = readElement(ops, fields.size, fields);
    const product = doublingMultiplyLong(lanesOf(ops, fields.size), ops.readV(fields.Rn), m, fields.Q === 1);
    writeDoublingProduct(ops, vectorOf(fields.size + 1, 1), fields.Rd, product, accumulation);
  },
});

const scalarDoublingLong = (accumulation: DoublingAccumulation) => ({
  static: { size: HS },
  accept: halfOrWord,
  derive: element,
  fp: true,
  execute(ops: Ops, fields: Omit<Fields, 'Q'>) {
    const m = readElement(ops, fields.size, fields);
    const product = doublingMultiplyLong(lanesOf(ops, fields.size), ops.readV(fields.Rn), m, false);
    writeDoublingProduct(ops, scalarOf(fields.size + 1), fields.Rd, product, accumulation);
  },
});

const multiplyHigh: Meaning = (l, n, m) => doublingMultiplyHigh(l, n, m, false);
const multiplyHighRounded: Meaning = (l, n, m) => doublingMultiplyHigh(l, n, m, true);
const accumulateHigh: Meaning = (l, n, m, d) => doublingMultiplyAccumulateHigh(l, d(), n, m, false);
const subtractHigh: Meaning = (l, n, m, d) => doublingMultiplyAccumulateHigh(l, d(), n, m, true);

/** A dot product takes four bytes as its element: register and offset as for words. */
const dot = (nUnsigned: (U: number) => boolean, mUnsigned: (U: number) => boolean) => ({
  static: { Q: bit, U: bit },
  derive: ({ L, M, Rm, H }: Omit<Index, 'size'>) => element({ size: 2, L, M, Rm, H }),
  fp: true,
  execute(ops: Ops, fields: Omit<Fields, 'size'> & { readonly U: number }) {
    const m = readElement(ops, 2, fields);
    const products = dotProducts(ops, ops.readV(fields.Rn), m, nUnsigned(fields.U), mUnsigned(fields.U));
    writeLanes(ops, vectorOf(2, fields.Q), fields.Rd, lanesOf(ops, 2).add(ops.readV(fields.Rd), products));
  },
});

export const simdByElement = [
  instruction(
    'MLA (by element)',
    '0 Q:1 1 01111 size:2 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5',
    vector((l, n, m, d) => l.add(d(), l.mul(n, m))),
  ),
  instruction(
    'MLS (by element)',
    '0 Q:1 1 01111 size:2 L:1 M:1 Rm:4 0100 H:1 0 Rn:5 Rd:5',
    vector((l, n, m, d) => l.sub(d(), l.mul(n, m))),
  ),
  instruction(
    'MUL (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 1000 H:1 0 Rn:5 Rd:5',
    vector((l, n, m) => l.mul(n, m)),
  ),
  instruction(
    'SMLAL, SMLAL2, UMLAL, UMLAL2 (by element)',
    '0 Q:1 U:1 01111 size:2 L:1 M:1 Rm:4 0010 H:1 0 Rn:5 Rd:5',
    long((l, d, product) => l.add(d, product)),
  ),
  instruction(
    'SMLSL, SMLSL2, UMLSL, UMLSL2 (by element)',
    '0 Q:1 U:1 01111 size:2 L:1 M:1 Rm:4 0110 H:1 0 Rn:5 Rd:5',
    long((l, d, product) => l.sub(d, product)),
  ),
  instruction(
    'SMULL, SMULL2, UMULL, UMULL2 (by element)',
    '0 Q:1 U:1 01111 size:2 L:1 M:1 Rm:4 1010 H:1 0 Rn:5 Rd:5',
    long(),
  ),
  instruction(
    'SQDMLAL, SQDMLAL2 (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 0011 H:1 0 Rn:5 Rd:5',
    doublingLong('add'),
  ),
  instruction(
    'SQDMLSL, SQDMLSL2 (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 0111 H:1 0 Rn:5 Rd:5',
    doublingLong('subtract'),
  ),
  instruction(
    'SQDMULL, SQDMULL2 (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 1011 H:1 0 Rn:5 Rd:5',
    doublingLong('none'),
  ),
  instruction(
    'SQDMULH (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5',
    vector(multiplyHigh),
  ),
  instruction(
    'SQRDMULH (by element)',
    '0 Q:1 0 01111 size:2 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5',
    vector(multiplyHighRounded),
  ),
  instruction('SQRDMLAH (by element)', '0 Q:1 1 01111 size:2 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5', {
    ...vector(accumulateHigh),
    since: 'FEAT_RDM',
  }),
  instruction('SQRDMLSH (by element)', '0 Q:1 1 01111 size:2 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', {
    ...vector(subtractHigh),
    since: 'FEAT_RDM',
  }),
  instruction('SDOT, UDOT (by element)', '0 Q:1 U:1 01111 10 L:1 M:1 Rm:4 1110 H:1 0 Rn:5 Rd:5', {
    ...dot(
      (U) => U === 1,
      (U) => U === 1,
    ),
    since: 'FEAT_DotProd',
  }),
  // Here U is bit 23, which tells the two mixed forms apart: it says that n is the unsigned operand.
  instruction('SUDOT, USDOT (by element)', '0 Q:1 0 01111 U:1 0 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', {
    ...dot(
      (U) => U === 1,
      (U) => U === 0,
    ),
    since: 'FEAT_I8MM',
  }),
];

export const simdScalarByElement = [
  instruction(
    'SQDMLAL (scalar, by element)',
    '01 0 11111 size:2 L:1 M:1 Rm:4 0011 H:1 0 Rn:5 Rd:5',
    scalarDoublingLong('add'),
  ),
  instruction(
    'SQDMLSL (scalar, by element)',
    '01 0 11111 size:2 L:1 M:1 Rm:4 0111 H:1 0 Rn:5 Rd:5',
    scalarDoublingLong('subtract'),
  ),
  instruction(
    'SQDMULL (scalar, by element)',
    '01 0 11111 size:2 L:1 M:1 Rm:4 1011 H:1 0 Rn:5 Rd:5',
    scalarDoublingLong('none'),
  ),
  instruction(
    'SQDMULH (scalar, by element)',
    '01 0 11111 size:2 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5',
    scalar(multiplyHigh),
  ),
  instruction(
    'SQRDMULH (scalar, by element)',
    '01 0 11111 size:2 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5',
    scalar(multiplyHighRounded),
  ),
  instruction('SQRDMLAH (scalar, by element)', '01 1 11111 size:2 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5', {
    ...scalar(accumulateHigh),
    since: 'FEAT_RDM',
  }),
  instruction('SQRDMLSH (scalar, by element)', '01 1 11111 size:2 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', {
    ...scalar(subtractHigh),
    since: 'FEAT_RDM',
  }),
];
