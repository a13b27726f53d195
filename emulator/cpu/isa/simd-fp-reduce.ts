// Maximum and minimum across all lanes, and pairwise operations to a scalar.
// Arm ARM (DDI 0487), "Advanced SIMD across lanes", "Advanced SIMD scalar pairwise".

import { bit, type InstructionRow, instruction } from './define.ts';
import {
  compute,
  type FloatBits,
  type FloatOperation,
  formatOfSz,
  laneCount,
  laneOf,
  selective,
} from './fp-values.ts';
import type { Int, Ops, V128 } from './ops.ts';

/** FPReduce: the two halves, each reduced the same way. */
function reduced(
  ops: Ops,
  operation: FloatOperation,
  laneBits: FloatBits,
  vector: V128,
  first: number,
  count: number,
): Int {
  if (count === 1) return laneOf(ops, laneBits, vector, first);
  const middle = count / 2;
  const high = reduced(ops, operation, laneBits, vector, first + middle, middle);
  const low = reduced(ops, operation, laneBits, vector, first, middle);
  return compute(ops, operation, laneBits, low, high);
}

/** `plain` tells FMAX from FMAXNM, `min` the minimum. */
const extreme = (plain: number, min: number): FloatOperation => {
  if (plain) return min ? 'fmin' : 'fmax';
  return min ? 'fminnum' : 'fmaxnum';
};

// The opcode is 01100 for the NM forms, 01111 for the others.
const opcodeBits = 'plain:1 again:1';

const acrossSingle = instruction(
  'FMAXV, FMINV, FMAXNMV, FMINNMV',
  `0 1 1 01110 min:1 0 11000 011 ${opcodeBits} 10 Rn:5 Rd:5`,
  {
    static: { min: bit, plain: bit },
    accept: ({ plain, again }) => plain === again,
    fp: true,
    execute(ops, { plain, min, Rd, Rn }) {
      ops.writeVLane0(Rd, 32, reduced(ops, extreme(plain, min), 32, ops.readV(Rn), 0, 4));
    },
  },
);

const acrossHalf = instruction(
  'FMAXV, FMINV, FMAXNMV, FMINNMV (half precision)',
  `0 Q:1 0 01110 min:1 0 11000 011 ${opcodeBits} 10 Rn:5 Rd:5`,
  {
    static: { Q: bit, min: bit, plain: bit },
    accept: ({ plain, again }) => plain === again,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { Q, plain, min, Rd, Rn }) {
      ops.writeVLane0(Rd, 16, reduced(ops, extreme(plain, min), 16, ops.readV(Rn), 0, laneCount(16, Q)));
    },
  },
);

function pair(ops: Ops, operation: FloatOperation, laneBits: FloatBits, vector: V128): Int {
  return compute(
    ops,
    operation,
    laneBits,
    laneOf(ops, laneBits, vector, 0),
    laneOf(ops, laneBits, vector, 1),
  );
}

const pairExtreme = instruction(
  'FMAXP, FMINP, FMAXNMP, FMINNMP (scalar)',
  `01 1 11110 min:1 sz:1 11000 011 ${opcodeBits} 10 Rn:5 Rd:5`,
  {
    static: { min: bit, sz: bit, plain: bit },
    accept: ({ plain, again }) => plain === again,
    fp: true,
    execute(ops, { plain, min, sz, Rd, Rn }) {
      const laneBits = formatOfSz(sz);
      ops.writeVLane0(Rd, laneBits, pair(ops, extreme(plain, min), laneBits, ops.readV(Rn)));
    },
  },
);

const pairExtremeHalf = instruction(
  'FMAXP, FMINP, FMAXNMP, FMINNMP (scalar, half precision)',
  `01 0 11110 min:1 0 11000 011 ${opcodeBits} 10 Rn:5 Rd:5`,
  {
    static: { min: bit, plain: bit },
    accept: ({ plain, again }) => plain === again,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { plain, min, Rd, Rn }) {
      ops.writeVLane0(Rd, 16, pair(ops, extreme(plain, min), 16, ops.readV(Rn)));
    },
  },
);

const pairSum = instruction('FADDP (scalar)', '01 1 11110 0 sz:1 11000 01101 10 Rn:5 Rd:5', {
  static: { sz: bit },
  fp: true,
  execute(ops, { sz, Rd, Rn }) {
    const laneBits = formatOfSz(sz);
    ops.writeVLane0(Rd, laneBits, pair(ops, 'fadd', laneBits, ops.readV(Rn)));
  },
});

const pairSumHalf = instruction('FADDP (scalar, half precision)', '01 0 11110 00 11000 01101 10 Rn:5 Rd:5', {
  since: 'FEAT_FP16',
  fp: true,
  execute(ops, { Rd, Rn }) {
    ops.writeVLane0(Rd, 16, pair(ops, 'fadd', 16, ops.readV(Rn)));
  },
});

export const simdFpReduce: readonly InstructionRow[] = [
  acrossSingle,
  acrossHalf,
  pairExtreme,
  pairExtremeHalf,
  pairSum,
  pairSumHalf,
].map(selective);
