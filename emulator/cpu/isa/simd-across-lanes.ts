// AdvSIMD across lanes, and AdvSIMD scalar pairwise. Arm ARM (DDI 0487), "Data Processing --
// Scalar Floating-Point and Advanced SIMD". Floating-point reductions: simd-fp-*.ts.

import { bit, instruction } from './define.ts';
import type { Field, Ops, V128 } from './ops.ts';
import { type Lanes, lane0, laneBits, lanesOf, vectorOf } from './simd-lanes.ts';
import { addPairsLong, reduceLanes } from './simd-pairs.ts';

const BHS = [0, 1, 2];

/** Two 32-bit lanes are too few for a reduction: pairwise forms exist for them. */
const accept = ({ Q, size }: { Q: number; size: number }) => size < 2 || (size === 2 && Q === 1);

interface Fields {
  readonly Q: number;
  readonly U: number;
  readonly size: number;
  readonly Rn: Field;
  readonly Rd: Field;
}

const reduction = (combine: (l: Lanes, a: V128, b: V128, unsigned: boolean) => V128) => ({
  static: { Q: bit, U: bit, size: BHS },
  combination: accept,
  accept,
  fp: true,
  execute(ops: Ops, { Q, U, size, Rn, Rd }: Fields) {
    const l = lanesOf(ops, size);
    const result = reduceLanes(l, vectorOf(size, Q), ops.readV(Rn), (a, b) => combine(l, a, b, U === 1));
    ops.writeVLane0(Rd, laneBits(size), lane0(ops, size, result));
  },
});

export const simdAcrossLanes = [
  instruction('SADDLV, UADDLV', '0 Q:1 U:1 01110 size:2 11000 00011 10 Rn:5 Rd:5', {
    static: { Q: bit, U: bit, size: BHS },
    combination: accept,
    accept,
    fp: true,
    execute(ops, { Q, U, size, Rn, Rd }) {
      const l = lanesOf(ops, size + 1);
      const pairs = addPairsLong(ops, size, ops.readV(Rn), U === 1);
      const result = reduceLanes(l, vectorOf(size + 1, Q), pairs, l.add);
      ops.writeVLane0(Rd, laneBits(size + 1), lane0(ops, size + 1, result));
    },
  }),
  instruction(
    'SMAXV, UMAXV',
    '0 Q:1 U:1 01110 size:2 11000 01010 10 Rn:5 Rd:5',
    reduction((l, a, b, unsigned) => l.max(a, b, unsigned)),
  ),
  instruction(
    'SMINV, UMINV',
    '0 Q:1 U:1 01110 size:2 11000 11010 10 Rn:5 Rd:5',
    reduction((l, a, b, unsigned) => l.min(a, b, unsigned)),
  ),
  instruction('ADDV', '0 Q:1 0 01110 size:2 11000 11011 10 Rn:5 Rd:5', {
    static: { Q: bit, size: BHS },
    combination: accept,
    accept,
    fp: true,
    execute(ops, { Q, size, Rn, Rd }) {
      const l = lanesOf(ops, size);
      const result = reduceLanes(l, vectorOf(size, Q), ops.readV(Rn), l.add);
      ops.writeVLane0(Rd, laneBits(size), lane0(ops, size, result));
    },
  }),
  instruction('ADDP (scalar)', '01 0 11110 11 11000 11011 10 Rn:5 Rd:5', {
    fp: true,
    execute(ops, { Rn, Rd }) {
      const l = lanesOf(ops, 3);
      const result = reduceLanes(l, vectorOf(3, 1), ops.readV(Rn), l.add);
      ops.writeVLane0(Rd, 64, lane0(ops, 3, result));
    },
  }),
];
