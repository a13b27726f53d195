// AdvSIMD two-register miscellaneous: the forms that halve or double the lanes. Arm ARM
// (DDI 0487), XTN, SQXTN, UQXTN, SQXTUN, SHLL.

import { bit, instruction } from './define.ts';
import type { Field, Ops } from './ops.ts';
import {
  lanesOf,
  noteSaturation,
  scalarOf,
  truncateLanes,
  vectorOf,
  writeLanes,
  writeNarrow,
} from './simd-lanes.ts';
import { type Narrowing, narrowSaturating } from './simd-saturate.ts';

const BHS = [0, 1, 2];
const accept = ({ size }: { size: number }) => size < 3;

interface Fields {
  readonly Q: number;
  readonly size: number;
  readonly Rn: Field;
  readonly Rd: Field;
}

const narrow = (narrowing: Narrowing) => ({
  static: { Q: bit, size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { Q, size, Rn, Rd }: Fields) {
    const { value, saturated } = narrowSaturating(lanesOf(ops, size + 1), ops.readV(Rn), narrowing);
    noteSaturation(ops, vectorOf(size + 1, 1), saturated);
    writeNarrow(ops, Q, Rd, value);
  },
});

const scalarNarrow = (narrowing: Narrowing) => ({
  static: { size: BHS },
  accept,
  fp: true,
  execute(ops: Ops, { size, Rn, Rd }: Omit<Fields, 'Q'>) {
    const { value, saturated } = narrowSaturating(lanesOf(ops, size + 1), ops.readV(Rn), narrowing);
    noteSaturation(ops, scalarOf(size + 1), saturated);
    writeLanes(ops, scalarOf(size), Rd, value);
  },
});

export const simdTwoRegisterNarrow = [
  instruction('XTN, XTN2', '0 Q:1 0 01110 size:2 10000 10010 10 Rn:5 Rd:5', {
    static: { Q: bit, size: BHS },
    accept,
    fp: true,
    execute(ops, { Q, size, Rn, Rd }) {
      writeNarrow(ops, Q, Rd, truncateLanes(ops, size, ops.readV(Rn)));
    },
  }),
  instruction(
    'SQXTUN, SQXTUN2 (vector)',
    '0 Q:1 1 01110 size:2 10000 10010 10 Rn:5 Rd:5',
    narrow('signed-to-unsigned'),
  ),
  instruction('SHLL, SHLL2', '0 Q:1 1 01110 size:2 10000 10011 10 Rn:5 Rd:5', {
    static: { Q: bit, size: BHS },
    accept,
    fp: true,
    execute(ops, { Q, size, Rn, Rd }) {
      const narrowLanes = lanesOf(ops, size);
      const extended = narrowLanes.extend(ops.readV(Rn), Q === 1, true);
      ops.writeV(Rd, lanesOf(ops, size + 1).shl(extended, ops.i32(narrowLanes.bits)));
    },
  }),
  instruction('SQXTN, SQXTN2 (vector)', '0 Q:1 0 01110 size:2 10000 10100 10 Rn:5 Rd:5', narrow('signed')),
  instruction('UQXTN, UQXTN2 (vector)', '0 Q:1 1 01110 size:2 10000 10100 10 Rn:5 Rd:5', narrow('unsigned')),
];

export const simdScalarTwoRegisterNarrow = [
  instruction(
    'SQXTUN (scalar)',
    '01 1 11110 size:2 10000 10010 10 Rn:5 Rd:5',
    scalarNarrow('signed-to-unsigned'),
  ),
  instruction('SQXTN (scalar)', '01 0 11110 size:2 10000 10100 10 Rn:5 Rd:5', scalarNarrow('signed')),
  instruction('UQXTN (scalar)', '01 1 11110 size:2 10000 10100 10 Rn:5 Rd:5', scalarNarrow('unsigned')),
];
