// What the AdvSIMD rows share: which lanes of a register an instruction works on, operations on
// all lanes of one size, and the shuffles that move lanes.
//
// A 64-bit form (Q = 0) and a scalar form compute on the whole register like the 128-bit form;
// what stands above the lanes they own is dropped when the result is written, and is not looked
// at when saturation is.

import { SIMD, type SimdOperation } from '../../base/wasm/opcodes.ts';
import type { I32, Int, Ops, Register, V128, Value } from './ops.ts';

type LaneBits = 8 | 16 | 32 | 64;

/** The width of a lane whose size field (log2 of its bytes) is given. */
export const laneBits = (size: number): LaneBits => (8 << size) as LaneBits;

const SHAPES = ['i8x16', 'i16x8', 'i32x4', 'i64x2'];

/** The lanes an instruction owns: their size and how many bytes of the register they are. */
export interface Arrangement {
  readonly size: number;
  readonly bytes: number;
}

export const vectorOf = (size: number, Q: number): Arrangement => ({ size, bytes: Q ? 16 : 8 });
export const scalarOf = (size: number): Arrangement => ({ size, bytes: 1 << size });

/** Doubleword lanes need the whole register: there is no vector of one. */
export const fitsRegister = ({ Q, size }: { readonly Q: number; readonly size: number }): boolean =>
  size < 3 || Q === 1;

/** Writes the lanes of the arrangement and clears the rest of the register. */
export function writeLanes(ops: Ops, { size, bytes }: Arrangement, register: Register, value: V128): void {
  if (bytes === 16) ops.writeV(register, value);
  else if (bytes === 8) ops.writeVLow(register, value);
  else ops.writeVLane0(register, laneBits(size), ops.extractLane(laneBits(size), value, 0));
}

/** A result with the lanes (or any bits of them) in which it was saturated. */
export interface Saturated {
  readonly value: V128;
  readonly saturated: V128;
}

/** Sets FPSR.QC when any lane of the arrangement was saturated. */
export function noteSaturation(ops: Ops, { size, bytes }: Arrangement, saturated: V128): void {
  ops.when(anyLane(ops, size, bytes, saturated), () => {
    ops.call('setSaturated');
  });
}

function anyLane(ops: Ops, size: number, bytes: number, mask: V128): I32 {
  if (bytes === 16) return ops.simdTest('v128.any_true', mask);
  const lane = ops.extractLane(bytes === 8 ? 64 : laneBits(size), mask, 0);
  return ops.eqz(ops.eqz(lane));
}

/** Writes a result that may have been saturated, and notes it if so. */
export function writeSaturated(
  ops: Ops,
  arrangement: Arrangement,
  register: Register,
  result: Saturated,
): void {
  noteSaturation(ops, arrangement, result.saturated);
  writeLanes(ops, arrangement, register, result.value);
}

/** Writes narrowed lanes: alone (Q = 0), or to the high half, keeping the low one (Q = 1). */
export function writeNarrow(ops: Ops, Q: number, Rd: Register, narrowed: V128): void {
  if (Q) ops.writeV(Rd, replaceHigh(ops, ops.readV(Rd), narrowed));
  else ops.writeVLow(Rd, narrowed);
}

/** The same bits in every lane. */
export function splatConstant(ops: Ops, size: number, value: bigint): V128 {
  const bits = 8n << BigInt(size);
  const lane = BigInt.asUintN(Number(bits), value);
  let doubleword = 0n;
  for (let shift = 0n; shift < 64n; shift += bits) doubleword |= lane << shift;
  return ops.v128(doubleword, doubleword);
}

/** 0, 1, 2, … 15 in the bytes of a register. */
export const byteNumbers = (ops: Ops): V128 => ops.v128(0x0706050403020100n, 0x0f0e0d0c0b0a0908n);

/** The bytes of a vector from a byte offset known at run time onwards; zero beyond the end. */
export function fromByte(ops: Ops, vector: V128, offset: I32): V128 {
  const indexes = ops.simd('i8x16.add', ops.splat(8, offset), byteNumbers(ops));
  return ops.let(ops.simd('i8x16.swizzle', vector, indexes));
}

/** One lane, whose number is known at run time, in every lane. */
export function splatLane(ops: Ops, size: number, vector: V128, byteOffset: I32): V128 {
  const withinLane = byteList(16, (i) => i & ((1 << size) - 1));
  const indexes = ops.simd('i8x16.add', ops.splat(8, byteOffset), bytesConstant(ops, withinLane));
  return ops.let(ops.simd('i8x16.swizzle', vector, indexes));
}

/** All ones in the lane that begins at a byte offset known at run time, else zero. */
export function laneMask(ops: Ops, size: number, byteOffset: I32): V128 {
  const laneStarts = byteList(16, (i) => i & ~((1 << size) - 1));
  return ops.simd('i8x16.eq', ops.splat(8, byteOffset), bytesConstant(ops, laneStarts));
}

/** The low 64 bits of both operands, the first one below. */
export const joinLow = (ops: Ops, low: V128, high: V128): V128 =>
  ops.let(
    ops.shuffle(
      low,
      high,
      byteList(16, (i) => (i < 8 ? i : i + 8)),
    ),
  );

/** The first operand with its high half replaced by the low half of the second. */
const replaceHigh = joinLow;

export const byteList = (length: number, byte: (index: number) => number): number[] =>
  Array.from({ length }, (_, index) => byte(index));

export function bytesConstant(ops: Ops, bytes: readonly number[]): V128 {
  const half = (from: number) =>
    bytes.slice(from, from + 8).reduceRight((value, byte) => (value << 8n) | BigInt(byte & 0xff), 0n);
  return ops.v128(half(0), half(8));
}

/**
 * A shuffle that says, for each lane of the result, which lane of the concatenation a:b it is.
 * With 8 bytes in use the concatenation is that of the low halves, as pairwise forms see it.
 */
export function shuffleLanes(
  ops: Ops,
  { size, bytes }: Arrangement,
  a: V128,
  b: V128,
  lane: (index: number) => number,
): V128 {
  const lanes = bytes >> size;
  const list = byteList(16, (i) => {
    const from = lane((i % bytes) >> size);
    const start = from < lanes ? from << size : 16 + ((from - lanes) << size);
    return start + (i & ((1 << size) - 1));
  });
  return ops.let(ops.shuffle(a, b, list));
}

/** Even-numbered lanes of a:b, as UZP1 takes them. */
export const evenLanes = (ops: Ops, arrangement: Arrangement, a: V128, b: V128): V128 =>
  shuffleLanes(ops, arrangement, a, b, (i) => 2 * i);

/** Odd-numbered lanes of a:b, as UZP2 takes them. */
export const oddLanes = (ops: Ops, arrangement: Arrangement, a: V128, b: V128): V128 =>
  shuffleLanes(ops, arrangement, a, b, (i) => 2 * i + 1);

/** The low half of every lane of twice the size, in both halves of the result. */
export function truncateLanes(ops: Ops, narrowSize: number, wide: V128): V128 {
  return evenLanes(ops, vectorOf(narrowSize, 1), wide, wide);
}

/** Operations on all lanes of one size. Every result is computed once, where it is asked for. */
export interface Lanes {
  readonly ops: Ops;
  readonly size: number;
  readonly bits: LaneBits;
  add(a: V128, b: V128): V128;
  sub(a: V128, b: V128): V128;
  mul(a: V128, b: V128): V128;
  neg(a: V128): V128;
  abs(a: V128): V128;
  min(a: V128, b: V128, unsigned: boolean): V128;
  max(a: V128, b: V128, unsigned: boolean): V128;
  eq(a: V128, b: V128): V128;
  ne(a: V128, b: V128): V128;
  gt(a: V128, b: V128, unsigned: boolean): V128;
  ge(a: V128, b: V128, unsigned: boolean): V128;
  /** Shifts by an amount below the lane width. */
  shl(a: V128, amount: I32): V128;
  shr(a: V128, amount: I32, unsigned: boolean): V128;
  and(a: V128, b: V128): V128;
  or(a: V128, b: V128): V128;
  xor(a: V128, b: V128): V128;
  /** a and not b. */
  andNot(a: V128, b: V128): V128;
  not(a: V128): V128;
  /** Bits of a where the mask is set, else of b. */
  choose(mask: V128, a: V128, b: V128): V128;
  constant(value: bigint): V128;
  /** Sign in every bit of the lane. */
  signs(a: V128): V128;
  /** The most negative value. */
  minimum(): V128;
  /** Lanes of twice the size, from the low or the high half of a. */
  extend(a: V128, high: boolean, unsigned: boolean): V128;
  /** Products of twice the size, of the low or the high halves. */
  extendedMul(a: V128, b: V128, high: boolean, unsigned: boolean): V128;
}

export function lanesOf(ops: Ops, size: number): Lanes {
  const bits = laneBits(size);
  const run = (name: string, ...args: readonly Value[]) =>
    ops.let(ops.simd(laneOperation(size, name), ...args));
  const logic = (operation: SimdOperation, ...args: readonly Value[]) =>
    ops.let(ops.simd(operation, ...args));
  const sign = (unsigned: boolean) => (unsigned ? 'u' : 's');
  const half = (high: boolean) => (high ? 'high' : 'low');
  const constant = (value: bigint) => splatConstant(ops, size, value);
  const minimum = () => constant(1n << BigInt(bits - 1));

  // WebAssembly has no unsigned comparison of 64-bit lanes: with the signs flipped the signed one serves.
  const compare = (name: string, a: V128, b: V128, unsigned: boolean) => {
    if (size < 3) return run(`${name}_${sign(unsigned)}`, a, b);
    if (!unsigned) return run(`${name}_s`, a, b);
    return run(`${name}_s`, logic('v128.xor', a, minimum()), logic('v128.xor', b, minimum()));
  };

  return {
    ops,
    size,
    bits,
    add: (a, b) => run('add', a, b),
    sub: (a, b) => run('sub', a, b),
    mul: (a, b) => (size > 0 ? run('mul', a, b) : multiplyBytes(ops, a, b)),
    neg: (a) => run('neg', a),
    abs: (a) => run('abs', a),
    min: (a, b, unsigned) => run(`min_${sign(unsigned)}`, a, b),
    max: (a, b, unsigned) => run(`max_${sign(unsigned)}`, a, b),
    eq: (a, b) => run('eq', a, b),
    ne: (a, b) => run('ne', a, b),
    gt: (a, b, unsigned) => compare('gt', a, b, unsigned),
    ge: (a, b, unsigned) => compare('ge', a, b, unsigned),
    shl: (a, amount) => run('shl', a, amount),
    shr: (a, amount, unsigned) => run(`shr_${sign(unsigned)}`, a, amount),
    and: (a, b) => logic('v128.and', a, b),
    or: (a, b) => logic('v128.or', a, b),
    xor: (a, b) => logic('v128.xor', a, b),
    andNot: (a, b) => logic('v128.andnot', a, b),
    not: (a) => logic('v128.not', a),
    choose: (mask, a, b) => logic('v128.bitselect', a, b, mask),
    constant,
    signs: (a) => run('shr_s', a, ops.i32(bits - 1)),
    minimum,
    extend: (a, high, unsigned) =>
      logic(laneOperation(size + 1, `extend_${half(high)}_${SHAPES[size]}_${sign(unsigned)}`), a),
    extendedMul: (a, b, high, unsigned) =>
      logic(laneOperation(size + 1, `extmul_${half(high)}_${SHAPES[size]}_${sign(unsigned)}`), a, b),
  };
}

/** The WebAssembly operation of that name on lanes of that size. */
export function laneOperation(size: number, name: string): SimdOperation {
  const operation = `${SHAPES[size]}.${name}`;
  if (!(operation in SIMD)) throw new Error(`WebAssembly has no ${operation}`);
  return operation as SimdOperation;
}

/** WebAssembly multiplies no bytes: the low bytes of 16-bit products. */
function multiplyBytes(ops: Ops, a: V128, b: V128): V128 {
  const low = ops.simd('i16x8.extmul_low_i8x16_u', a, b);
  const high = ops.simd('i16x8.extmul_high_i8x16_u', a, b);
  return evenLanes(ops, vectorOf(0, 1), low, high);
}

/** Lane 0 as a value as wide as the lane: i64 for 64 bits, else i32. */
export const lane0 = (ops: Ops, size: number, vector: V128): Int =>
  ops.extractLane(laneBits(size), vector, 0);
