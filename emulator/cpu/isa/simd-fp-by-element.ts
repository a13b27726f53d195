// AdvSIMD floating-point instructions that multiply by one element of a vector.
// Arm ARM (DDI 0487), "Advanced SIMD vector x indexed element", "… scalar x indexed element".
//
// The element: H:L:M for half precision (with Vm among V0..V15), H:L for single, H for double.

import { bit, bits, type InstructionRow, instruction } from './define.ts';
import {
  buildLanes,
  compute,
  type FloatBits,
  formatOfSz,
  laneCount,
  laneOf,
  negatedIf,
  readScalar,
  writeVector,
  selective,
} from './fp-values.ts';
import type { Field, I32, Int, Ops } from './ops.ts';
import { complexFormat, complexMultiplyLane } from './simd-fp-three-same.ts';

/** Each element can be read through the address of the register; the index is a byte offset. */
export function element(ops: Ops, laneBits: FloatBits, register: Field, byteOffset: I32): Int {
  const shifted = ops.simd('i8x16.swizzle', ops.readV(register), byteNumbersFrom(ops, byteOffset));
  return ops.let(ops.extractLane(laneBits, shifted, 0));
}

const byteNumbersFrom = (ops: Ops, first: I32) =>
  ops.simd('i8x16.add', ops.splat(8, first), ops.v128(0x0706050403020100n, 0x0f0e0d0c0b0a0908n));

interface ElementFields {
  readonly H: number;
  readonly L: number;
  readonly M: number;
  readonly Rm: number;
}

/** Byte offset of the element, by the size of the lanes. */
function elementOffset({ H, L, M }: ElementFields, laneBits: number): number {
  if (laneBits === 16) return 2 * (4 * H + 2 * L + M);
  return laneBits === 32 ? 4 * (2 * H + L) : 8 * H;
}

const derived = (fields: ElementFields, laneBits: number) => ({
  offset: elementOffset(fields, laneBits),
  Vm: laneBits === 16 ? fields.Rm : 16 * fields.M + fields.Rm,
});

/** By U and the upper two bits of the opcode; the lower ones are 01. */
const NAMES = ['FMLA', 'FMLS', 'FMUL', undefined, undefined, undefined, 'FMULX', undefined];
const isAllocated = ({ U, opcode }: { readonly U: number; readonly opcode: number }): boolean =>
  NAMES[4 * U + opcode] !== undefined;

function lane(
  ops: Ops,
  laneBits: FloatBits,
  kind: { U: number; opcode: number },
  d: () => Int,
  n: Int,
  m: Int,
): Int {
  if (kind.U) return compute(ops, 'fmulx', laneBits, n, m);
  if (kind.opcode === 2) return compute(ops, 'fmul', laneBits, n, m);
  return compute(ops, 'fmuladd', laneBits, d(), negatedIf(ops, kind.opcode === 1, laneBits, n), m);
}

interface Operands {
  readonly Rd: Field;
  readonly Rn: Field;
  readonly Vm: Field;
  readonly offset: Field;
}

function byElement(
  ops: Ops,
  laneBits: FloatBits,
  Q: number,
  kind: { U: number; opcode: number },
  operands: Operands,
): void {
  const m = element(ops, laneBits, operands.Vm, ops.small(operands.offset));
  const n = ops.readV(operands.Rn);
  const d = ops.readV(operands.Rd);
  const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) =>
    lane(ops, laneBits, kind, () => laneOf(ops, laneBits, d, i), laneOf(ops, laneBits, n, i), m),
  );
  writeVector(ops, Q, operands.Rd, result);
}

function scalarByElement(
  ops: Ops,
  laneBits: FloatBits,
  kind: { U: number; opcode: number },
  operands: Operands,
): void {
  const m = element(ops, laneBits, operands.Vm, ops.small(operands.offset));
  const n = readScalar(ops, operands.Rn, laneBits);
  const result = lane(ops, laneBits, kind, () => readScalar(ops, operands.Rd, laneBits), n, m);
  ops.writeVLane0(operands.Rd, laneBits, result);
}

const vector = instruction(
  'FMLA, FMLS, FMUL, FMULX (by element)',
  '0 Q:1 U:1 01111 1 sz:1 L:1 M:1 Rm:4 opcode:2 01 H:1 0 Rn:5 Rd:5',
  {
    static: { Q: bit, U: bit, sz: bit, opcode: bits(2) },
    combination: ({ Q, sz, ...kind }) => isAllocated(kind) && (Q === 1 || sz === 0),
    accept: ({ sz, L }) => sz === 0 || L === 0,
    derive: ({ sz, H, L, M, Rm }) => derived({ H, L, M, Rm }, formatOfSz(sz)),
    fp: true,
    execute(ops, { Q, U, sz, opcode, Rd, Rn, Vm, offset }) {
      byElement(ops, formatOfSz(sz), Q, { U, opcode }, { Rd, Rn, Vm, offset });
    },
  },
);

const vectorHalf = instruction(
  'FMLA, FMLS, FMUL, FMULX (by element, half precision)',
  '0 Q:1 U:1 01111 00 L:1 M:1 Rm:4 opcode:2 01 H:1 0 Rn:5 Rd:5',
  {
    static: { Q: bit, U: bit, opcode: bits(2) },
    combination: isAllocated,
    derive: ({ H, L, M, Rm }) => derived({ H, L, M, Rm }, 16),
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { Q, U, opcode, Rd, Rn, Vm, offset }) {
      byElement(ops, 16, Q, { U, opcode }, { Rd, Rn, Vm, offset });
    },
  },
);

const scalar = instruction(
  'FMLA, FMLS, FMUL, FMULX (scalar, by element)',
  '01 U:1 11111 1 sz:1 L:1 M:1 Rm:4 opcode:2 01 H:1 0 Rn:5 Rd:5',
  {
    static: { U: bit, sz: bit, opcode: bits(2) },
    combination: isAllocated,
    accept: ({ sz, L }) => sz === 0 || L === 0,
    derive: ({ sz, H, L, M, Rm }) => derived({ H, L, M, Rm }, formatOfSz(sz)),
    fp: true,
    execute(ops, { U, sz, opcode, Rd, Rn, Vm, offset }) {
      scalarByElement(ops, formatOfSz(sz), { U, opcode }, { Rd, Rn, Vm, offset });
    },
  },
);

const scalarHalf = instruction(
  'FMLA, FMLS, FMUL, FMULX (scalar, by element, half precision)',
  '01 U:1 11111 00 L:1 M:1 Rm:4 opcode:2 01 H:1 0 Rn:5 Rd:5',
  {
    static: { U: bit, opcode: bits(2) },
    combination: isAllocated,
    derive: ({ H, L, M, Rm }) => derived({ H, L, M, Rm }, 16),
    since: 'FEAT_FP16',
    fp: true,
    execute(ops, { U, opcode, Rd, Rn, Vm, offset }) {
      scalarByElement(ops, 16, { U, opcode }, { Rd, Rn, Vm, offset });
    },
  },
);

const widening = instruction(
  'FMLAL, FMLAL2, FMLSL, FMLSL2 (by element)',
  '0 Q:1 upper:1 01111 10 L:1 M:1 Rm:4 upperToo:1 subtract:1 00 H:1 0 Rn:5 Rd:5',
  {
    static: { Q: bit, upper: bit, subtract: bit },
    accept: ({ upper, upperToo }) => upper === upperToo,
    derive: ({ H, L, M, Rm }) => derived({ H, L, M, Rm }, 16),
    since: 'FEAT_FHM',
    fp: true,
    execute(ops, { Q, upper, subtract, Rd, Rn, Vm, offset }) {
      const m = element(ops, 16, Vm, ops.small(offset));
      const n = ops.readV(Rn);
      const d = ops.readV(Rd);
      const count = laneCount(32, Q);
      const from = upper ? count : 0;
      const result = buildLanes(ops, 32, count, (i) => {
        const factor = negatedIf(ops, subtract === 1, 16, laneOf(ops, 16, n, from + i));
        return ops.call<Int>('fmuladd16to32', laneOf(ops, 32, d, i), factor, m);
      });
      writeVector(ops, Q, Rd, result);
    },
  },
);

/** The element is a complex number: twice the lane size, index H:L for half precision, H for single. */
const complex = instruction(
  'FCMLA (by element)',
  '0 Q:1 1 01111 size:2 L:1 M:1 Rm:4 0 rot:2 1 H:1 0 Rn:5 Rd:5',
  {
    static: { Q: bit, size: [1, 2], rot: bits(2) },
    combination: ({ Q, size }) => size === 1 || Q === 1,
    accept: ({ Q, size, L, H }) => (size === 1 ? Q === 1 || H === 0 : L === 0),
    derive: ({ size, H, L, M, Rm }) => ({ offset: size === 1 ? 4 * (2 * H + L) : 8 * H, Vm: 16 * M + Rm }),
    since: 'FEAT_FCMA',
    fp: true,
    execute(ops, { Q, size, rot, Rd, Rn, Vm, offset }) {
      const laneBits = complexFormat(size);
      const bytes = laneBits / 8;
      const place = ops.small(offset);
      const parts = [
        element(ops, laneBits, Vm, place),
        element(ops, laneBits, Vm, ops.let(ops.add(place, ops.i32(bytes)))),
      ];
      const n = ops.readV(Rn);
      const d = ops.readV(Rd);
      const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) =>
        complexMultiplyLane(ops, laneBits, rot, i, d, n, (part) => parts[part] as Int),
      );
      writeVector(ops, Q, Rd, result);
    },
  },
);

export const simdFpByElement: readonly InstructionRow[] = [
  vector,
  vectorHalf,
  scalar,
  scalarHalf,
  widening,
  complex,
].map(selective);
