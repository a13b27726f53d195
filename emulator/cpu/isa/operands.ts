// Pieces of meaning that many integer rows share.

import type { Field, I32, I64, Int, Ops, Width } from './ops.ts';

export const widthOf = (sf: number): Width => (sf ? 64 : 32);

/** LSL, LSR, ASR, ROR by an amount of the value's own type. */
export function shiftBy(ops: Ops, type: number, value: Int, amount: Int): Int {
  switch (type) {
    case 0:
      return ops.shl(value, amount);
    case 1:
      return ops.shrU(value, amount);
    case 2:
      return ops.shrS(value, amount);
    default:
      return ops.rotr(value, amount);
  }
}

/** A small dynamic field as an amount of the given width. */
export function amount(ops: Ops, field: Field, width: Width): Int {
  return ops.toWidth(ops.small(field), width);
}

/** ExtendReg() of the Arm ARM without its shift: UXTB, UXTH, UXTW, UXTX, SXTB … by `option`. */
export function extendRegister(ops: Ops, option: number, value: I64): I64 {
  const bits = 8 << (option & 3);
  if (bits === 64) return value;
  if (option & 4) return ops.signExtend(value, bits);
  return ops.and(value, ops.i64((1n << BigInt(bits)) - 1n));
}

/** ADD, ADDS, SUB, SUBS of two pinned operands. */
export function addOrSubtract(ops: Ops, subtract: number, a: Int, b: Int): Int {
  return ops.let(subtract ? ops.sub(a, b) : ops.add(a, b));
}

/** One i32 with N, Z, C, V at bits 3..0 of a + b + carry. */
export function addWithCarryFlags(ops: Ops, a: Int, b: Int, carry: I32, result: Int): I32 {
  const zero = ops.sub(result, result);
  const carryOut = ops.select(carry, ops.compare('leU', result, a), ops.ltU(result, a));
  const overflow = ops.ltS(ops.and(ops.xor(result, a), ops.xor(result, b)), zero);
  return packFlags(ops, ops.ltS(result, zero), ops.eqz(result), carryOut, overflow);
}

export function packFlags(ops: Ops, n: I32, z: I32, c: I32, v: I32): I32 {
  const high = ops.or(ops.shl(n, ops.i32(3)), ops.shl(z, ops.i32(2)));
  return ops.or(high, ops.or(ops.shl(c, ops.i32(1)), v));
}

/** High 64 bits of the 128-bit product. */
export function multiplyHigh(ops: Ops, a: I64, b: I64, isSigned: boolean): I64 {
  const low = (value: I64): I64 => ops.and(value, ops.i64(0xffffffffn));
  const high = (value: I64): I64 => ops.shrU(value, ops.i64(32));
  const [aLow, aHigh, bLow, bHigh] = [ops.let(low(a)), ops.let(high(a)), ops.let(low(b)), ops.let(high(b))];
  const cross = ops.let(ops.mul(aHigh, bLow));
  const otherCross = ops.let(ops.mul(aLow, bHigh));
  // Sums of what is ready first: the carry out of the low half comes last.
  const lowHalf = ops.add(ops.add(low(cross), low(otherCross)), high(ops.mul(aLow, bLow)));
  const highHalf = ops.add(ops.mul(aHigh, bHigh), ops.add(high(cross), high(otherCross)));
  const unsigned = ops.add(highHalf, high(lowHalf));
  if (!isSigned) return unsigned;
  const ifNegative = (sign: I64, other: I64): I64 => ops.and(ops.shrS(sign, ops.i64(63)), other);
  return ops.sub(ops.sub(unsigned, ifNegative(a, b)), ifNegative(b, a));
}

/** Reverses the bytes of a word. */
export function reverseWord(ops: Ops, value: I32): I32 {
  const pinned = ops.let(value);
  const odd = ops.and(ops.rotr(pinned, ops.i32(8)), ops.i32(0xff00ff00));
  return ops.or(odd, ops.and(ops.rotr(pinned, ops.i32(24)), ops.i32(0x00ff00ff)));
}

/** Reverses the bytes within units of 2, 4 or 8 bytes of an i64. */
export function reverseBytes(ops: Ops, value: I64, unit: 2 | 4 | 8): I64 {
  const swap = (input: I64, bits: number, mask: bigint): I64 => {
    const up = ops.shl(ops.and(input, ops.i64(mask)), ops.i64(bits));
    return ops.let(ops.or(ops.and(ops.shrU(input, ops.i64(bits)), ops.i64(mask)), up));
  };
  let result = swap(value, 8, 0x00ff00ff00ff00ffn);
  if (unit >= 4) result = swap(result, 16, 0x0000ffff0000ffffn);
  if (unit === 8) result = ops.let(ops.binary('rotl', result, ops.i64(32)));
  return result;
}
