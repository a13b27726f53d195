// BFloat16 products that are added in single precision (FEAT_BF16). Arm ARM (DDI 0487). The conversions are
// with those of the other formats: fp-data-processing.ts and simd-fp-two-register.ts.

import { bit, instruction } from './define.ts';
import { buildLanes, laneCount, laneOf, writeVector } from './fp-values.ts';
import type { Field, I32, Int, Ops, V128 } from './ops.ts';
import { element } from './simd-fp-by-element.ts';

/** Each lane of 32 bits plus the products of a pair of one vector with a pair of the other. */
function dotProducts(ops: Ops, Q: number, Rd: Field, Rn: Field, pair: (index: number) => Int): void {
  const n = ops.readV(Rn);
  const d = ops.readV(Rd);
  const result = buildLanes(ops, 32, laneCount(32, Q), (i) =>
    ops.call<Int>('bfdot', laneOf(ops, 32, d, i), laneOf(ops, 32, n, i), pair(i)),
  );
  writeVector(ops, Q, Rd, result);
}

/** A BFloat16 is the upper half of the single-precision number of the same value. */
const widened = (ops: Ops, value: Int): I32 => ops.shl(value as I32, ops.i32(16));

/** Even elements (B) or odd ones (T) of n, each multiplied and added in one rounding, as FPCR says. */
function multiplyAdd(ops: Ops, top: number, Rd: Field, Rn: Field, factor: (index: number) => Int): void {
  const n = ops.readV(Rn);
  const d = ops.readV(Rd);
  const result = buildLanes(ops, 32, 4, (i) => {
    const first = widened(ops, laneOf(ops, 16, n, 2 * i + top));
    const second = widened(ops, factor(2 * i + top));
    return ops.call<Int>('fmuladd32', laneOf(ops, 32, d, i), first, second);
  });
  ops.writeV(Rd, result);
}

/** Row i of the first 2x4 matrix with row j of the second, both of BFloat16, added to cell (i, j). */
function matrixCell(ops: Ops, d: V128, n: V128, m: V128, i: number, j: number): Int {
  const first = ops.call<Int>(
    'bfdot',
    laneOf(ops, 32, d, 2 * i + j),
    laneOf(ops, 32, n, 2 * i),
    laneOf(ops, 32, m, 2 * j),
  );
  return ops.call<Int>('bfdot', first, laneOf(ops, 32, n, 2 * i + 1), laneOf(ops, 32, m, 2 * j + 1));
}

export const simdBfloat = [
  instruction('BFDOT (vector)', '0 Q:1 1 01110 01 0 Rm:5 1 1111 1 Rn:5 Rd:5', {
    static: { Q: bit },
    since: 'FEAT_BF16',
    fp: true,
    execute(ops, { Q, Rm, Rn, Rd }) {
      const m = ops.readV(Rm);
      dotProducts(ops, Q, Rd, Rn, (i) => laneOf(ops, 32, m, i));
    },
  }),
  instruction('BFDOT (by element)', '0 Q:1 0 01111 01 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', {
    static: { Q: bit },
    derive: ({ H, L, M, Rm }) => ({ offset: 4 * (2 * H + L), Vm: 16 * M + Rm }),
    since: 'FEAT_BF16',
    fp: true,
    execute(ops, { Q, Rn, Rd, Vm, offset }) {
      const pair = element(ops, 32, Vm, ops.small(offset));
      dotProducts(ops, Q, Rd, Rn, () => pair);
    },
  }),
  instruction('BFMMLA', '0 1 1 01110 01 0 Rm:5 1 1101 1 Rn:5 Rd:5', {
    since: 'FEAT_BF16',
    fp: true,
    execute(ops, { Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const d = ops.readV(Rd);
      ops.writeV(
        Rd,
        buildLanes(ops, 32, 4, (cell) => matrixCell(ops, d, n, m, cell >> 1, cell & 1)),
      );
    },
  }),
  instruction('BFMLALB, BFMLALT (vector)', '0 top:1 1 01110 11 0 Rm:5 1 1111 1 Rn:5 Rd:5', {
    static: { top: bit },
    since: 'FEAT_BF16',
    fp: true,
    execute(ops, { top, Rm, Rn, Rd }) {
      const m = ops.readV(Rm);
      multiplyAdd(ops, top, Rd, Rn, (i) => laneOf(ops, 16, m, i));
    },
  }),
  instruction('BFMLALB, BFMLALT (by element)', '0 top:1 0 01111 11 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', {
    static: { top: bit },
    derive: ({ H, L, M, Rm }) => ({ offset: 2 * (4 * H + 2 * L + M), Vm: Rm }),
    since: 'FEAT_BF16',
    fp: true,
    execute(ops, { top, Rn, Rd, Vm, offset }) {
      const factor = element(ops, 16, Vm, ops.small(offset));
      multiplyAdd(ops, top, Rd, Rn, () => factor);
    },
  }),
];
