// What the floating-point rows share: formats by their encoding, values lane by lane, and the
// bit operations that are no arithmetic (negation, absolute value).
//
// Floating-point values are raw bits: i32 for half (zero-extended) and single precision, i64 for
// double. All arithmetic is in the kernels of cpu/float/.

import type { FloatBits } from '../float/kernels.ts';
import type { KernelName } from '../kernels.ts';
import { bit, bits, type InstructionRow } from './define.ts';
import type { I32, Int, Ops, Register, V128, Value } from './ops.ts';

export type { FloatBits } from '../float/kernels.ts';

/** The format of an `ftype` field; 2 is not allocated. */
export const formatOf = (ftype: number): FloatBits => (ftype === 3 ? 16 : ftype === 1 ? 64 : 32);
/** The format of an `sz` bit. */
export const formatOfSz = (sz: number): FloatBits => (sz ? 64 : 32);

/** `ftype` without half precision: what every core with floating point has. */
export const singleOrDouble = [0, 1] as const;

/** Half precision is a feature, so each scalar row exists twice: for the other two formats, and for it. */
export const inEachPrecision = (
  row: (ftypes: readonly number[], feature: 'FEAT_FP16' | undefined) => InstructionRow,
): readonly InstructionRow[] => [row(singleOrDouble, undefined), row([3], 'FEAT_FP16')];

/** The members of a row, and the end of its name, that say so. */
export const since = (feature: 'FEAT_FP16' | undefined) => (feature ? { since: feature } : {});
export const suffix = (feature: 'FEAT_FP16' | undefined): string => (feature ? ' (half precision)' : '');

/**
 * A row that is nobody's but for the static values it lists, so that rows of one pattern can share its words:
 * integer and floating-point lanes, half precision and the rest.
 */
export function selective(row: InstructionRow): InstructionRow {
  const { statics, combination, accept } = row;
  return {
    ...row,
    accept(fields) {
      for (const [name, values] of statics) if (!values.includes(fields[name] ?? -1)) return false;
      return (combination?.(fields) ?? true) && (accept?.(fields) ?? true);
    },
  };
}

/** What selects an operation within a group of rows: U, the upper bit of size, and the opcode. */
export interface Selector {
  readonly U: number;
  readonly a: number;
  readonly opcode: number;
}

/** Operations by U:a:opcode. Those that are missing are not allocated. */
export function operationTable<Operation extends { readonly name: string }>(
  rows: Readonly<Record<number, Operation>>,
  opcodeBits: number,
) {
  const find = ({ U, a, opcode }: Selector): Operation | undefined =>
    rows[(((U << 1) | a) << opcodeBits) | opcode];
  return {
    find,
    /** Of a handler, which exists for allocated operations only. */
    known(selector: Selector): Operation {
      const operation = find(selector);
      if (!operation) throw new Error('a handler for an unallocated operation');
      return operation;
    },
    selectors: { U: bit, a: bit, opcode: bits(opcodeBits) },
    namesOf: (select: (operation: Operation) => boolean): string =>
      Object.values(rows)
        .filter(select)
        .map(({ name }) => name)
        .join(', '),
  };
}

export const floatConstant = (ops: Ops, bits: FloatBits, value: bigint): Int =>
  bits === 64 ? ops.i64(value) : ops.i32(Number(BigInt.asIntN(32, value)));

const signBit = (ops: Ops, bits: FloatBits): Int => floatConstant(ops, bits, 1n << BigInt(bits - 1));

/** FPNeg. */
export const negated = (ops: Ops, bits: FloatBits, value: Int): Int => ops.xor(value, signBit(ops, bits));
/** FPAbs. */
export const absolute = (ops: Ops, bits: FloatBits, value: Int): Int =>
  ops.and(value, floatConstant(ops, bits, (1n << BigInt(bits - 1)) - 1n));

export const negatedIf = (ops: Ops, negate: boolean, bits: FloatBits, value: Int): Int =>
  negate ? negated(ops, bits, value) : value;

/** A kernel that exists for every format: its name without the size. */
export type FloatOperation =
  | 'fadd'
  | 'fsub'
  | 'fmul'
  | 'fmulx'
  | 'fdiv'
  | 'fsqrt'
  | 'fmax'
  | 'fmin'
  | 'fmaxnum'
  | 'fminnum'
  | 'frecps'
  | 'frsqrts'
  | 'frecpe'
  | 'frsqrte'
  | 'frecpx'
  | 'fmuladd'
  | 'fcmp'
  | 'fcmpeq'
  | 'fcmpge'
  | 'fcmpgt'
  | 'frint';

export const compute = (
  ops: Ops,
  operation: FloatOperation,
  bits: FloatBits,
  ...args: readonly Value[]
): Int => ops.call<Int>(`${operation}${bits}` satisfies KernelName, ...args);

/** A vector whose lanes are computed one after the other, lane 0 first; those beyond `count` are zero. */
export function buildLanes(ops: Ops, bits: FloatBits, count: number, lane: (index: number) => Int): V128 {
  let result = ops.v128(0n, 0n);
  for (let i = 0; i < count; i++) result = ops.let(ops.replaceLane(bits, result, i, lane(i)));
  return result;
}

export const laneOf = (ops: Ops, bits: FloatBits, vector: V128, index: number): Int =>
  ops.let(ops.extractLane(bits, vector, index));

/** Lanes of a register of 64 bits, or 128 with Q. */
export const laneCount = (bits: number, Q: number): number => (Q ? 128 : 64) / bits;

/** All ones or zero, from 1 or 0. */
export const laneMask = (ops: Ops, bits: FloatBits, condition: I32): Int => {
  const mask = ops.neg(condition);
  return bits === 64 ? ops.extendS(mask) : mask;
};

/** Writes a vector of which only the lanes of a 64-bit form count when Q is 0. */
export function writeVector(ops: Ops, Q: number, register: Register, value: V128): void {
  if (Q) ops.writeV(register, value);
  else ops.writeVLow(register, value);
}

/** The 16-bit lane 0 as the kernels want it; the other sizes as well. */
export const readScalar = (ops: Ops, register: Register, bits: FloatBits): Int =>
  ops.readVLane0(register, bits);

/** VFPExpandImm: sign, three bits of exponent, four of fraction. */
export function expandImmediate(imm8: number, bits: FloatBits): bigint {
  const exponentBits = { 16: 5, 32: 8, 64: 11 }[bits];
  const fractionBits = bits - exponentBits - 1;
  const sign = BigInt(imm8 >> 7);
  const high = (imm8 >> 6) & 1;
  // NOT(b6) : Replicate(b6, E-3) : imm8<5:4>
  let exponent = BigInt(high ^ 1);
  for (let i = 0; i < exponentBits - 3; i++) exponent = (exponent << 1n) | BigInt(high);
  exponent = (exponent << 2n) | BigInt((imm8 >> 4) & 3);
  const fraction = BigInt(imm8 & 15) << BigInt(fractionBits - 4);
  return (sign << BigInt(bits - 1)) | (exponent << BigInt(fractionBits)) | fraction;
}

/**
 * A condition code that is only known at run time: bit n of the mask says whether it holds when N, Z, C, V
 * are the bits of n. Rows derive the mask and test it with `holds`.
 */
export function conditionMask(condition: number): number {
  let mask = 0;
  for (let nzcv = 0; nzcv < 16; nzcv++) if (conditionHolds(condition, nzcv)) mask |= 1 << nzcv;
  return mask;
}

/** ConditionHolds. */
function conditionHolds(condition: number, nzcv: number): boolean {
  const n = (nzcv & 8) !== 0;
  const z = (nzcv & 4) !== 0;
  const c = (nzcv & 2) !== 0;
  const v = (nzcv & 1) !== 0;
  const base = [z, c, n, v, c && !z, n === v, n === v && !z, true][condition >> 1] ?? true;
  return (condition & 1) !== 0 && condition !== 15 ? !base : base;
}

export const holds = (ops: Ops, mask: I32): I32 => ops.let(ops.and(ops.shrU(mask, ops.nzcv()), ops.i32(1)));

/** The rounding argument of the kernels that stands for FPCR.RMode. */
export const ROUND_BY_FPCR = 7;
export const ROUND = { tieEven: 0, plusInfinity: 1, minusInfinity: 2, zero: 3, tieAway: 4 } as const;
