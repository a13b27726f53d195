// Scalar floating-point arithmetic, rounding, comparison, selection and moves between registers.
// Arm ARM (DDI 0487), "Data Processing -- Scalar Floating-Point and Advanced SIMD".

import { bit, type InstructionRow, instruction } from './define.ts';
import {
  ROUND_BY_FPCR,
  absolute,
  compute,
  conditionMask,
  expandImmediate,
  floatConstant,
  formatOf,
  holds,
  inEachPrecision,
  negated,
  negatedIf,
  readScalar,
  since,
  singleOrDouble,
  suffix,
  type FloatOperation,
  selective,
} from './fp-values.ts';
import type { Int } from './ops.ts';

// ---------------------------------------------------------------- one source

const oneSource = inEachPrecision((ftypes, feature) =>
  instruction(
    `FMOV (register), FABS, FNEG, FSQRT (scalar)${suffix(feature)}`,
    '00011110 ftype:2 1 0000 opcode:2 10000 Rn:5 Rd:5',
    {
      static: { ftype: ftypes, opcode: [0, 1, 2, 3] },
      fp: true,
      ...since(feature),
      execute(ops, { ftype, opcode, Rn, Rd }) {
        const bits = formatOf(ftype);
        const operand = readScalar(ops, Rn, bits);
        ops.writeVLane0(Rd, bits, unary(operand));

        function unary(value: Int): Int {
          if (opcode === 0) return value;
          if (opcode === 1) return absolute(ops, bits, value);
          if (opcode === 2) return negated(ops, bits, value);
          return compute(ops, 'fsqrt', bits, value);
        }
      },
    },
  ),
);

/** `opc` 0..7: N, P, M, Z, A, unallocated, X, I. */
const FRINT_ROUNDING = [0, 1, 2, 3, 4, undefined, ROUND_BY_FPCR, ROUND_BY_FPCR];

const roundToIntegral = inEachPrecision((ftypes, feature) =>
  instruction(
    `FRINTN, FRINTP, FRINTM, FRINTZ, FRINTA, FRINTX, FRINTI (scalar)${suffix(feature)}`,
    '00011110 ftype:2 1 001 opc:3 10000 Rn:5 Rd:5',
    {
      static: { ftype: ftypes },
      accept: ({ opc }) => opc !== 5,
      derive: ({ opc }) => ({ rounding: FRINT_ROUNDING[opc] ?? 0, exact: opc === 6 ? 1 : 0 }),
      fp: true,
      ...since(feature),
      execute(ops, { ftype, Rn, Rd, rounding, exact }) {
        const bits = formatOf(ftype);
        const operand = readScalar(ops, Rn, bits);
        ops.writeVLane0(
          Rd,
          bits,
          compute(ops, 'frint', bits, operand, ops.small(rounding), ops.small(exact)),
        );
      },
    },
  ),
);

const roundToSize = instruction(
  'FRINT32Z, FRINT32X, FRINT64Z, FRINT64X (scalar)',
  '00011110 ftype:2 1 0100 wide:1 x:1 10000 Rn:5 Rd:5',
  {
    static: { ftype: singleOrDouble },
    derive: ({ wide, x }) => ({ rounding: x ? ROUND_BY_FPCR : 3, size: wide ? 64 : 32 }),
    since: 'FEAT_FRINTTS',
    fp: true,
    execute(ops, { ftype, Rn, Rd, rounding, size }) {
      const bits = formatOf(ftype) === 64 ? 64 : 32;
      const operand = readScalar(ops, Rn, bits);
      const result = ops.call<Int>(`frintsize${bits}`, operand, ops.small(rounding), ops.small(size));
      ops.writeVLane0(Rd, bits, result);
    },
  },
);

/** Between formats; half precision as a storage format is not a feature. */
const convertFormat = instruction('FCVT', '00011110 ftype:2 1 0001 opc:2 10000 Rn:5 Rd:5', {
  static: { ftype: [0, 1, 3], opc: [0, 1, 3] },
  combination: ({ ftype, opc }) => ftype !== opc,
  fp: true,
  execute(ops, { ftype, opc, Rn, Rd }) {
    const from = formatOf(ftype);
    const to = formatOf(opc);
    const operand = readScalar(ops, Rn, from);
    ops.writeVLane0(Rd, to, ops.call<Int>(`f${from}tof${to}` as 'f32tof64', operand));
  },
});

const convertToBFloat = instruction('BFCVT', '00011110 01 1 000110 10000 Rn:5 Rd:5', {
  since: 'FEAT_BF16',
  fp: true,
  execute(ops, { Rn, Rd }) {
    ops.writeVLane0(Rd, 16, ops.call<Int>('f32tobf16', readScalar(ops, Rn, 32)));
  },
});

// ---------------------------------------------------------------- two and three sources

const BINARY: readonly FloatOperation[] = [
  'fmul',
  'fdiv',
  'fadd',
  'fsub',
  'fmax',
  'fmin',
  'fmaxnum',
  'fminnum',
  'fmul',
];

const twoSources = inEachPrecision((ftypes, feature) =>
  instruction(
    `FMUL, FDIV, FADD, FSUB, FMAX, FMIN, FMAXNM, FMINNM, FNMUL (scalar)${suffix(feature)}`,
    '00011110 ftype:2 1 Rm:5 opcode:4 10 Rn:5 Rd:5',
    {
      static: { ftype: ftypes, opcode: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
      fp: true,
      ...since(feature),
      execute(ops, { ftype, opcode, Rm, Rn, Rd }) {
        const bits = formatOf(ftype);
        const a = readScalar(ops, Rn, bits);
        const b = readScalar(ops, Rm, bits);
        const result = compute(ops, BINARY[opcode] ?? 'fmul', bits, a, b);
        ops.writeVLane0(Rd, bits, negatedIf(ops, opcode === 8, bits, result));
      },
    },
  ),
);

const threeSources = inEachPrecision((ftypes, feature) =>
  instruction(
    `FMADD, FMSUB, FNMADD, FNMSUB${suffix(feature)}`,
    '00011111 ftype:2 o1:1 Rm:5 o0:1 Ra:5 Rn:5 Rd:5',
    {
      static: { ftype: ftypes, o1: bit, o0: bit },
      fp: true,
      ...since(feature),
      execute(ops, { ftype, o1, o0, Rm, Ra, Rn, Rd }) {
        const bits = formatOf(ftype);
        // Operands are negated before the operation: the sign of a NaN changes, too.
        const addend = negatedIf(ops, o1 === 1, bits, readScalar(ops, Ra, bits));
        const a = negatedIf(ops, o1 !== o0, bits, readScalar(ops, Rn, bits));
        const b = readScalar(ops, Rm, bits);
        ops.writeVLane0(Rd, bits, compute(ops, 'fmuladd', bits, addend, a, b));
      },
    },
  ),
);

// ---------------------------------------------------------------- comparison and selection

const compareRows = inEachPrecision((ftypes, feature) =>
  instruction(`FCMP, FCMPE${suffix(feature)}`, '00011110 ftype:2 1 Rm:5 001000 Rn:5 signal:1 zero:1 000', {
    static: { ftype: ftypes, zero: bit },
    fp: true,
    ...since(feature),
    execute(ops, { ftype, zero, signal, Rm, Rn }) {
      const bits = formatOf(ftype);
      const a = readScalar(ops, Rn, bits);
      const b = zero ? floatConstant(ops, bits, 0n) : readScalar(ops, Rm, bits);
      ops.setFlagsNzcv(ops.call(`fcmp${bits}`, a, b, ops.small(signal)));
    },
  }),
);

const conditionalCompare = inEachPrecision((ftypes, feature) =>
  instruction(`FCCMP, FCCMPE${suffix(feature)}`, '00011110 ftype:2 1 Rm:5 cond:4 01 Rn:5 signal:1 nzcv:4', {
    static: { ftype: ftypes },
    derive: ({ cond }) => ({ mask: conditionMask(cond) }),
    fp: true,
    ...since(feature),
    execute(ops, { ftype, mask, signal, nzcv, Rm, Rn }) {
      const bits = formatOf(ftype);
      const a = readScalar(ops, Rn, bits);
      const b = readScalar(ops, Rm, bits);
      ops.when(
        holds(ops, ops.small(mask)),
        () => ops.setFlagsNzcv(ops.call(`fcmp${bits}`, a, b, ops.small(signal))),
        () => ops.setFlagsNzcv(ops.small(nzcv)),
      );
    },
  }),
);

const conditionalSelect = inEachPrecision((ftypes, feature) =>
  instruction(`FCSEL${suffix(feature)}`, '00011110 ftype:2 1 Rm:5 cond:4 11 Rn:5 Rd:5', {
    static: { ftype: ftypes },
    derive: ({ cond }) => ({ mask: conditionMask(cond) }),
    fp: true,
    ...since(feature),
    execute(ops, { ftype, mask, Rm, Rn, Rd }) {
      const bits = formatOf(ftype);
      const a = readScalar(ops, Rn, bits);
      const b = readScalar(ops, Rm, bits);
      ops.writeVLane0(Rd, bits, ops.select(holds(ops, ops.small(mask)), a, b));
    },
  }),
);

const moveImmediate = inEachPrecision((ftypes, feature) =>
  instruction(`FMOV (scalar, immediate)${suffix(feature)}`, '00011110 ftype:2 1 imm8:8 100 00000 Rd:5', {
    static: { ftype: ftypes },
    derive: ({ ftype, imm8 }) => ({ value: expandImmediate(imm8, formatOf(ftype)) }),
    fp: true,
    ...since(feature),
    execute(ops, { ftype, value, Rd }) {
      const bits = formatOf(ftype);
      ops.writeVLane0(Rd, bits, ops.immediate(value, bits === 64 ? 64 : 32));
    },
  }),
);

export const fpDataProcessing: readonly InstructionRow[] = [
  ...oneSource,
  ...roundToIntegral,
  roundToSize,
  convertFormat,
  convertToBFloat,
  ...twoSources,
  ...threeSources,
  ...compareRows,
  ...conditionalCompare,
  ...conditionalSelect,
  ...moveImmediate,
].map(selective);
