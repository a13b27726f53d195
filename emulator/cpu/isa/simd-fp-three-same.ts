// AdvSIMD floating-point instructions of three registers of the same lanes: vectors, pairwise, scalars,
// complex numbers, and FMLAL. Arm ARM (DDI 0487), "Advanced SIMD three same", "… (FP16)",
// "… extra", "scalar three same".
//
// `a` is the upper bit of the size field, `opcode` the lower three bits of the opcode; the FP16 forms
// have the same operations under the same U, a, opcode.

import { bit, bits, type InstructionRow, instruction } from './define.ts';
import {
  absolute,
  buildLanes,
  compute,
  type FloatBits,
  type FloatOperation,
  formatOfSz,
  laneCount,
  laneMask,
  laneOf,
  negated,
  negatedIf,
  readScalar,
  writeVector,
  selective,
  operationTable,
  type Selector,
} from './fp-values.ts';
import type { Field, I32, Int, Ops, V128 } from './ops.ts';

interface Operation {
  readonly name: string;
  /** Scalar forms exist. */
  readonly scalar?: true;
  /** Works on neighbours of the concatenated operands. */
  readonly pairwise?: true;
  /** Reads the destination. */
  readonly accumulates?: true;
  readonly lane: (ops: Ops, bits: FloatBits, n: Int, m: Int, d: Int | undefined) => Int;
}

const simple =
  (operation: FloatOperation): Operation['lane'] =>
  (ops, laneBits, n, m) =>
    compute(ops, operation, laneBits, n, m);

const comparison =
  (operation: FloatOperation): Operation['lane'] =>
  (ops, laneBits, n, m) =>
    laneMask(ops, laneBits, compute(ops, operation, laneBits, n, m) as I32);

const absoluteComparison =
  (operation: FloatOperation): Operation['lane'] =>
  (ops, laneBits, n, m) =>
    comparison(operation)(ops, laneBits, absolute(ops, laneBits, n), absolute(ops, laneBits, m), undefined);

const multiplyAdd =
  (negate: boolean): Operation['lane'] =>
  (ops, laneBits, n, m, d) => {
    if (!d) throw new Error('a multiply-add without its addend');
    return compute(ops, 'fmuladd', laneBits, d, negatedIf(ops, negate, laneBits, n), m);
  };

const difference: Operation['lane'] = (ops, laneBits, n, m) =>
  absolute(ops, laneBits, compute(ops, 'fsub', laneBits, n, m));

/** By U:a:opcode. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  0b00000: { name: 'FMAXNM', lane: simple('fmaxnum') },
  0b00001: { name: 'FMLA', accumulates: true, lane: multiplyAdd(false) },
  0b00010: { name: 'FADD', lane: simple('fadd') },
  0b00011: { name: 'FMULX', scalar: true, lane: simple('fmulx') },
  0b00100: { name: 'FCMEQ', scalar: true, lane: comparison('fcmpeq') },
  0b00110: { name: 'FMAX', lane: simple('fmax') },
  0b00111: { name: 'FRECPS', scalar: true, lane: simple('frecps') },
  0b01000: { name: 'FMINNM', lane: simple('fminnum') },
  0b01001: { name: 'FMLS', accumulates: true, lane: multiplyAdd(true) },
  0b01010: { name: 'FSUB', lane: simple('fsub') },
  0b01110: { name: 'FMIN', lane: simple('fmin') },
  0b01111: { name: 'FRSQRTS', scalar: true, lane: simple('frsqrts') },
  0b10000: { name: 'FMAXNMP', pairwise: true, lane: simple('fmaxnum') },
  0b10010: { name: 'FADDP', pairwise: true, lane: simple('fadd') },
  0b10011: { name: 'FMUL', lane: simple('fmul') },
  0b10100: { name: 'FCMGE', scalar: true, lane: comparison('fcmpge') },
  0b10101: { name: 'FACGE', scalar: true, lane: absoluteComparison('fcmpge') },
  0b10110: { name: 'FMAXP', pairwise: true, lane: simple('fmax') },
  0b10111: { name: 'FDIV', lane: simple('fdiv') },
  0b11000: { name: 'FMINNMP', pairwise: true, lane: simple('fminnum') },
  0b11010: { name: 'FABD', scalar: true, lane: difference },
  0b11100: { name: 'FCMGT', scalar: true, lane: comparison('fcmpgt') },
  0b11101: { name: 'FACGT', scalar: true, lane: absoluteComparison('fcmpgt') },
  0b11110: { name: 'FMINP', pairwise: true, lane: simple('fmin') },
};

const operations = operationTable(OPERATIONS, 3);
const { selectors } = operations;

const isVector = (selector: Selector): boolean => operations.find(selector) !== undefined;
const isScalar = (selector: Selector): boolean => operations.find(selector)?.scalar === true;
const vectorNames = operations.namesOf(() => true);
const scalarNames = operations.namesOf(({ scalar }) => scalar === true);

interface Registers {
  readonly Rd: Field;
  readonly Rn: Field;
  readonly Rm: Field;
}

function vectorOperation(
  ops: Ops,
  operation: Operation,
  laneBits: FloatBits,
  Q: number,
  registers: Registers,
): void {
  const n = ops.readV(registers.Rn);
  const m = ops.readV(registers.Rm);
  const d = operation.accumulates ? ops.readV(registers.Rd) : undefined;
  const count = laneCount(laneBits, Q);
  const lane = (vector: V128, index: number): Int => laneOf(ops, laneBits, vector, index);
  const result = buildLanes(ops, laneBits, count, (i) => {
    if (operation.pairwise) {
      const from = 2 * i < count ? n : m;
      const first = (2 * i) % count;
      return operation.lane(ops, laneBits, lane(from, first), lane(from, first + 1), undefined);
    }
    return operation.lane(ops, laneBits, lane(n, i), lane(m, i), d && lane(d, i));
  });
  writeVector(ops, Q, registers.Rd, result);
}

function scalarOperation(ops: Ops, operation: Operation, laneBits: FloatBits, registers: Registers): void {
  const n = readScalar(ops, registers.Rn, laneBits);
  const m = readScalar(ops, registers.Rm, laneBits);
  ops.writeVLane0(registers.Rd, laneBits, operation.lane(ops, laneBits, n, m, undefined));
}

const vector = instruction(
  `${vectorNames} (vector)`,
  '0 Q:1 U:1 01110 a:1 sz:1 1 Rm:5 11 opcode:3 1 Rn:5 Rd:5',
  {
    static: { Q: bit, sz: bit, ...selectors },
    combination: ({ Q, sz, ...selector }) => isVector(selector) && (Q === 1 || sz === 0),
    fp: true,
    execute(ops, { Q, sz, U, a, opcode, Rd, Rn, Rm }) {
      vectorOperation(ops, operations.known({ U, a, opcode }), formatOfSz(sz), Q, { Rd, Rn, Rm });
    },
  },
);

const vectorHalf = instruction(
  `${vectorNames} (vector, half precision)`,
  '0 Q:1 U:1 01110 a:1 10 Rm:5 00 opcode:3 1 Rn:5 Rd:5',
  {
    static: { Q: bit, ...selectors },
    combination: isVector,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { Q, U, a, opcode, Rd, Rn, Rm }) {
      vectorOperation(ops, operations.known({ U, a, opcode }), 16, Q, { Rd, Rn, Rm });
    },
  },
);

const scalar = instruction(
  `${scalarNames} (scalar)`,
  '01 U:1 11110 a:1 sz:1 1 Rm:5 11 opcode:3 1 Rn:5 Rd:5',
  {
    static: { sz: bit, ...selectors },
    combination: isScalar,
    fp: true,
    execute(ops, { sz, U, a, opcode, Rd, Rn, Rm }) {
      scalarOperation(ops, operations.known({ U, a, opcode }), formatOfSz(sz), { Rd, Rn, Rm });
    },
  },
);

const scalarHalf = instruction(
  `${scalarNames} (scalar, half precision)`,
  '01 U:1 11110 a:1 10 Rm:5 00 opcode:3 1 Rn:5 Rd:5',
  {
    static: selectors,
    combination: isScalar,
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { U, a, opcode, Rd, Rn, Rm }) {
      scalarOperation(ops, operations.known({ U, a, opcode }), 16, { Rd, Rn, Rm });
    },
  },
);

// ---------------------------------------------------------------- half-precision products added to single

/** FMLAL and FMLSL take the lower half of the factors, FMLAL2 and FMLSL2 the upper one. */
const widening = instruction(
  'FMLAL, FMLAL2, FMLSL, FMLSL2 (vector)',
  '0 Q:1 upper:1 01110 subtract:1 01 Rm:5 11 lower:1 01 1 Rn:5 Rd:5',
  {
    static: { Q: bit, upper: bit, subtract: bit },
    // The opcode is 11101 for the lower half and 11001 for the upper one.
    accept: ({ upper, lower }) => upper !== lower,
    since: 'FEAT_FHM',
    fp: true,
    execute(ops, { Q, upper, subtract, Rd, Rn, Rm }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const d = ops.readV(Rd);
      const count = laneCount(32, Q);
      const from = upper ? count : 0;
      const result = buildLanes(ops, 32, count, (i) => {
        const factor = negatedIf(ops, subtract === 1, 16, laneOf(ops, 16, n, from + i));
        return ops.call<Int>('fmuladd16to32', laneOf(ops, 32, d, i), factor, laneOf(ops, 16, m, from + i));
      });
      writeVector(ops, Q, Rd, result);
    },
  },
);

// ---------------------------------------------------------------- complex numbers

const COMPLEX_FORMATS: Readonly<Record<number, FloatBits>> = { 1: 16, 2: 32, 3: 64 };
export const complexFormat = (size: number): FloatBits => COMPLEX_FORMATS[size] ?? 32;

/** Real and imaginary parts alternate; the second operand is turned by 90 or 270 degrees before the addition. */
const complexAdd = instruction('FCADD', '0 Q:1 1 01110 size:2 0 Rm:5 111 rot:1 01 Rn:5 Rd:5', {
  static: { Q: bit, size: [1, 2, 3], rot: bit },
  combination: ({ Q, size }) => Q === 1 || size !== 3,
  since: 'FEAT_FCMA',
  fp: true,
  execute(ops, { Q, size, rot, Rd, Rn, Rm }) {
    const laneBits = complexFormat(size);
    const n = ops.readV(Rn);
    const m = ops.readV(Rm);
    const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) => {
      const imaginary = (i & 1) === 1;
      const other = laneOf(ops, laneBits, m, i ^ 1);
      const turned = negatedIf(ops, imaginary === (rot === 1), laneBits, other);
      return compute(ops, 'fadd', laneBits, laneOf(ops, laneBits, n, i), turned);
    });
    writeVector(ops, Q, Rd, result);
  },
});

/**
 * One lane of FCMLA: the product of one part of the first complex number with both parts of the second,
 * turned by `rot` quarters, added to the destination. `factor` gives a lane of the second number.
 */
export function complexMultiplyLane(
  ops: Ops,
  laneBits: FloatBits,
  rot: number,
  index: number,
  d: V128,
  n: V128,
  factor: (part: number) => Int,
): Int {
  const imaginary = index & 1;
  const part = rot & 1;
  const multiplicand = laneOf(ops, laneBits, n, (index & ~1) + part);
  const other = factor(imaginary ^ part);
  // 0: (+, +), 90: (-, +), 180: (-, -), 270: (+, -) for real and imaginary lane.
  const negate = imaginary ? rot >= 2 : rot === 1 || rot === 2;
  const turned = negate ? negated(ops, laneBits, other) : other;
  return compute(ops, 'fmuladd', laneBits, laneOf(ops, laneBits, d, index), multiplicand, turned);
}

const complexMultiplyAdd = instruction('FCMLA', '0 Q:1 1 01110 size:2 0 Rm:5 110 rot:2 1 Rn:5 Rd:5', {
  static: { Q: bit, size: [1, 2, 3], rot: bits(2) },
  combination: ({ Q, size }) => Q === 1 || size !== 3,
  since: 'FEAT_FCMA',
  fp: true,
  execute(ops, { Q, size, rot, Rd, Rn, Rm }) {
    const laneBits = complexFormat(size);
    const n = ops.readV(Rn);
    const m = ops.readV(Rm);
    const d = ops.readV(Rd);
    const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) =>
      complexMultiplyLane(ops, laneBits, rot, i, d, n, (part) => laneOf(ops, laneBits, m, (i & ~1) + part)),
    );
    writeVector(ops, Q, Rd, result);
  },
});

export const simdFpThreeSame: readonly InstructionRow[] = [
  vector,
  vectorHalf,
  scalar,
  scalarHalf,
  widening,
  complexAdd,
  complexMultiplyAdd,
].map(selective);
