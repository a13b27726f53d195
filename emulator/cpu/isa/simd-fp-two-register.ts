// AdvSIMD floating-point instructions of two registers: rounding, conversion, comparison with zero,
// estimates. Arm ARM (DDI 0487), "Advanced SIMD two-register miscellaneous", "… (FP16)" and
// their scalar forms.
//
// `a` is the upper bit of the size field; U:a:opcode tells the operation, in FP16 forms as in the others.

import { bit, type InstructionRow, instruction } from './define.ts';
import {
  absolute,
  buildLanes,
  compute,
  type FloatBits,
  type FloatOperation,
  floatConstant,
  formatOfSz,
  laneCount,
  laneMask,
  laneOf,
  negated,
  ROUND,
  ROUND_BY_FPCR,
  readScalar,
  writeVector,
  selective,
  operationTable,
  type Selector,
} from './fp-values.ts';
import type { I32, Int, Ops } from './ops.ts';

interface Operation {
  readonly name: string;
  /** Vector forms exist; all but FRECPX. */
  readonly vector?: false;
  /** Scalar forms exist. */
  readonly scalar?: true;
  readonly lane: (ops: Ops, bits: FloatBits, operand: Int) => Int;
}

const unary =
  (operation: FloatOperation): Operation['lane'] =>
  (ops, laneBits, n) =>
    compute(ops, operation, laneBits, n);

const integral =
  (rounding: number, exact = 0): Operation['lane'] =>
  (ops, laneBits, n) =>
    compute(ops, 'frint', laneBits, n, ops.i32(rounding), ops.i32(exact));

/** To an integer of the lane's size. */
const toInteger =
  (rounding: number, unsigned: number): Operation['lane'] =>
  (ops, laneBits, n) =>
    ops.call<Int>(
      `f${laneBits}toi${laneBits}` as 'f32toi32',
      n,
      ops.i32(0),
      ops.i32(rounding),
      ops.i32(unsigned),
    );

const fromInteger =
  (unsigned: number): Operation['lane'] =>
  (ops, laneBits, n) =>
    ops.call<Int>(`i${laneBits}tof${laneBits}` as 'i32tof32', n, ops.i32(0), ops.i32(unsigned));

/** Compares with zero; `swapped` asks whether zero is greater (or equal). */
const withZero =
  (operation: FloatOperation, swapped = false): Operation['lane'] =>
  (ops, laneBits, n) => {
    const zero = floatConstant(ops, laneBits, 0n);
    const result = swapped
      ? compute(ops, operation, laneBits, zero, n)
      : compute(ops, operation, laneBits, n, zero);
    return laneMask(ops, laneBits, result as I32);
  };

/** By U:a:opcode. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  0b00_11000: { name: 'FRINTN', lane: integral(ROUND.tieEven) },
  0b00_11001: { name: 'FRINTM', lane: integral(ROUND.minusInfinity) },
  0b00_11010: { name: 'FCVTNS', scalar: true, lane: toInteger(ROUND.tieEven, 0) },
  0b00_11011: { name: 'FCVTMS', scalar: true, lane: toInteger(ROUND.minusInfinity, 0) },
  0b00_11100: { name: 'FCVTAS', scalar: true, lane: toInteger(ROUND.tieAway, 0) },
  0b00_11101: { name: 'SCVTF', scalar: true, lane: fromInteger(0) },
  0b01_01100: { name: 'FCMGT (zero)', scalar: true, lane: withZero('fcmpgt') },
  0b01_01101: { name: 'FCMEQ (zero)', scalar: true, lane: withZero('fcmpeq') },
  0b01_01110: { name: 'FCMLT (zero)', scalar: true, lane: withZero('fcmpgt', true) },
  0b01_01111: { name: 'FABS', lane: absolute },
  0b01_11000: { name: 'FRINTP', lane: integral(ROUND.plusInfinity) },
  0b01_11001: { name: 'FRINTZ', lane: integral(ROUND.zero) },
  0b01_11010: { name: 'FCVTPS', scalar: true, lane: toInteger(ROUND.plusInfinity, 0) },
  0b01_11011: { name: 'FCVTZS', scalar: true, lane: toInteger(ROUND.zero, 0) },
  0b01_11101: { name: 'FRECPE', scalar: true, lane: unary('frecpe') },
  0b01_11111: { name: 'FRECPX', scalar: true, vector: false, lane: unary('frecpx') },
  0b10_11000: { name: 'FRINTA', lane: integral(ROUND.tieAway) },
  0b10_11001: { name: 'FRINTX', lane: integral(ROUND_BY_FPCR, 1) },
  0b10_11010: { name: 'FCVTNU', scalar: true, lane: toInteger(ROUND.tieEven, 1) },
  0b10_11011: { name: 'FCVTMU', scalar: true, lane: toInteger(ROUND.minusInfinity, 1) },
  0b10_11100: { name: 'FCVTAU', scalar: true, lane: toInteger(ROUND.tieAway, 1) },
  0b10_11101: { name: 'UCVTF', scalar: true, lane: fromInteger(1) },
  0b11_01100: { name: 'FCMGE (zero)', scalar: true, lane: withZero('fcmpge') },
  0b11_01101: { name: 'FCMLE (zero)', scalar: true, lane: withZero('fcmpge', true) },
  0b11_01111: { name: 'FNEG', lane: negated },
  0b11_11001: { name: 'FRINTI', lane: integral(ROUND_BY_FPCR) },
  0b11_11010: { name: 'FCVTPU', scalar: true, lane: toInteger(ROUND.plusInfinity, 1) },
  0b11_11011: { name: 'FCVTZU', scalar: true, lane: toInteger(ROUND.zero, 1) },
  0b11_11101: { name: 'FRSQRTE', scalar: true, lane: unary('frsqrte') },
  0b11_11111: { name: 'FSQRT', lane: unary('fsqrt') },
};

const operations = operationTable(OPERATIONS, 5);
const { selectors } = operations;

const isVector = (selector: Selector): boolean => {
  const operation = operations.find(selector);
  return operation !== undefined && operation.vector !== false;
};
const isScalar = (selector: Selector): boolean => operations.find(selector)?.scalar === true;
const vectorNames = operations.namesOf(({ vector }) => vector !== false);
const scalarNames = operations.namesOf(({ scalar }) => scalar === true);

const vector = instruction(
  `${vectorNames} (vector)`,
  '0 Q:1 U:1 01110 a:1 sz:1 10000 opcode:5 10 Rn:5 Rd:5',
  {
    static: { Q: bit, sz: bit, ...selectors },
    combination: ({ Q, sz, ...selector }) => isVector(selector) && (Q === 1 || sz === 0),
    fp: true,
    execute(ops, { Q, sz, U, a, opcode, Rd, Rn }) {
      const { lane } = operations.known({ U, a, opcode });
      const laneBits = formatOfSz(sz);
      const n = ops.readV(Rn);
      const count = laneCount(laneBits, Q);
      writeVector(
        ops,
        Q,
        Rd,
        buildLanes(ops, laneBits, count, (i) => lane(ops, laneBits, laneOf(ops, laneBits, n, i))),
      );
    },
  },
);

const vectorHalf = instruction(
  `${vectorNames} (vector, half precision)`,
  '0 Q:1 U:1 01110 a:1 111100 opcode:5 10 Rn:5 Rd:5',
  {
    static: { Q: bit, ...selectors },
    combination: isVector,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { Q, U, a, opcode, Rd, Rn }) {
      const { lane } = operations.known({ U, a, opcode });
      const n = ops.readV(Rn);
      const count = laneCount(16, Q);
      writeVector(
        ops,
        Q,
        Rd,
        buildLanes(ops, 16, count, (i) => lane(ops, 16, laneOf(ops, 16, n, i))),
      );
    },
  },
);

const scalar = instruction(`${scalarNames} (scalar)`, '01 U:1 11110 a:1 sz:1 10000 opcode:5 10 Rn:5 Rd:5', {
  static: { sz: bit, ...selectors },
  combination: isScalar,
  fp: true,
  execute(ops, { sz, U, a, opcode, Rd, Rn }) {
    const { lane } = operations.known({ U, a, opcode });
    const laneBits = formatOfSz(sz);
    ops.writeVLane0(Rd, laneBits, lane(ops, laneBits, readScalar(ops, Rn, laneBits)));
  },
});

const scalarHalf = instruction(
  `${scalarNames} (scalar, half precision)`,
  '01 U:1 11110 a:1 111100 opcode:5 10 Rn:5 Rd:5',
  {
    static: selectors,
    combination: isScalar,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { U, a, opcode, Rd, Rn }) {
      const { lane } = operations.known({ U, a, opcode });
      ops.writeVLane0(Rd, 16, lane(ops, 16, readScalar(ops, Rn, 16)));
    },
  },
);

// ---------------------------------------------------------------- not for all formats

const roundToSize = instruction(
  'FRINT32Z, FRINT32X, FRINT64Z, FRINT64X (vector)',
  '0 Q:1 x:1 01110 0 sz:1 10000 1111 wide:1 10 Rn:5 Rd:5',
  {
    static: { Q: bit, sz: bit },
    combination: ({ Q, sz }) => Q === 1 || sz === 0,
    derive: ({ wide, x }) => ({ rounding: x ? ROUND_BY_FPCR : ROUND.zero, size: wide ? 64 : 32 }),
    since: 'FEAT_FRINTTS',
    fp: true,
    execute(ops, { Q, sz, Rd, Rn, rounding, size }) {
      const laneBits = sz ? 64 : 32;
      const mode = ops.small(rounding);
      const limit = ops.small(size);
      const n = ops.readV(Rn);
      const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) =>
        ops.call<Int>(`frintsize${laneBits}`, laneOf(ops, laneBits, n, i), mode, limit),
      );
      writeVector(ops, Q, Rd, result);
    },
  },
);

const estimate = instruction('URECPE, URSQRTE', '0 Q:1 root:1 01110 10 10000 11100 10 Rn:5 Rd:5', {
  static: { Q: bit, root: bit },
  fp: true,
  execute(ops, { Q, root, Rd, Rn }) {
    const n = ops.readV(Rn);
    const result = buildLanes(ops, 32, laneCount(32, Q), (i) =>
      ops.call<Int>(root ? 'ursqrte' : 'urecpe', laneOf(ops, 32, n, i)),
    );
    writeVector(ops, Q, Rd, result);
  },
});

// ---------------------------------------------------------------- between formats

/** The narrowed lanes go to the lower half of the register, clearing the upper, or with Q to the upper half. */
function writeNarrowed(
  ops: Ops,
  upper: number,
  bitsOfLane: FloatBits,
  Rd: Parameters<Ops['readV']>[0],
  lane: (i: number) => Int,
): void {
  const count = laneCount(bitsOfLane, 0);
  const narrowed = buildLanes(ops, bitsOfLane, count, lane);
  if (!upper) {
    ops.writeVLow(Rd, narrowed);
    return;
  }
  ops.writeV(Rd, ops.replaceLane(64, ops.readV(Rd), 1, ops.let(ops.extractLane(64, narrowed, 0))));
}

const narrow = instruction('FCVTN, FCVTN2', '0 Q:1 0 01110 0 sz:1 10000 10110 10 Rn:5 Rd:5', {
  static: { Q: bit, sz: bit },
  fp: true,
  execute(ops, { Q, sz, Rd, Rn }) {
    const n = ops.readV(Rn);
    const to = sz ? 32 : 16;
    const from = sz ? 64 : 32;
    const kernel = sz ? 'f64tof32' : 'f32tof16';
    writeNarrowed(ops, Q, to, Rd, (i) => ops.call<Int>(kernel, laneOf(ops, from, n, i)));
  },
});

const narrowToOdd = instruction('FCVTXN, FCVTXN2 (vector)', '0 Q:1 1 01110 01 10000 10110 10 Rn:5 Rd:5', {
  static: { Q: bit },
  fp: true,
  execute(ops, { Q, Rd, Rn }) {
    const n = ops.readV(Rn);
    writeNarrowed(ops, Q, 32, Rd, (i) => ops.call<Int>('f64tof32odd', laneOf(ops, 64, n, i)));
  },
});

const narrowToOddScalar = instruction('FCVTXN (scalar)', '01 1 11110 01 10000 10110 10 Rn:5 Rd:5', {
  fp: true,
  execute(ops, { Rd, Rn }) {
    ops.writeVLane0(Rd, 32, ops.call<Int>('f64tof32odd', ops.readVLane0(Rn, 64)));
  },
});

const narrowToBFloat = instruction('BFCVTN, BFCVTN2', '0 Q:1 0 01110 10 10000 10110 10 Rn:5 Rd:5', {
  static: { Q: bit },
  since: 'FEAT_BF16',
  fp: true,
  execute(ops, { Q, Rd, Rn }) {
    const n = ops.readV(Rn);
    writeNarrowed(ops, Q, 16, Rd, (i) => ops.call<Int>('f32tobf16', laneOf(ops, 32, n, i)));
  },
});

const lengthen = instruction('FCVTL, FCVTL2', '0 Q:1 0 01110 0 sz:1 10000 10111 10 Rn:5 Rd:5', {
  static: { Q: bit, sz: bit },
  fp: true,
  execute(ops, { Q, sz, Rd, Rn }) {
    const n = ops.readV(Rn);
    const to = sz ? 64 : 32;
    const from = sz ? 32 : 16;
    const count = laneCount(to, 1);
    const first = Q ? count : 0;
    const kernel = sz ? 'f32tof64' : 'f16tof32';
    ops.writeV(
      Rd,
      buildLanes(ops, to, count, (i) => ops.call<Int>(kernel, laneOf(ops, from, n, first + i))),
    );
  },
});

export const simdFpTwoRegister: readonly InstructionRow[] = [
  vector,
  vectorHalf,
  scalar,
  scalarHalf,
  roundToSize,
  estimate,
  narrow,
  narrowToOdd,
  narrowToOddScalar,
  narrowToBFloat,
  lengthen,
].map(selective);
