// Rounding to an integral value and conversion to and from integers and fixed-point numbers.
// Arm ARM, shared pseudocode: FPRoundInt, FPRoundIntN, FPToFixed, FPToFixedJS, FixedToFP.
//
// `rounding` is 7 or -1 for the mode in FPCR, or one of format.as.ts.

import {
  bias,
  currentRounding,
  Double,
  exponentOf,
  fractionBits,
  Half,
  INEXACT,
  inexactIsKnown,
  input,
  INVALID_OPERATION,
  isInfinite,
  isNaN,
  isPlainMode,
  isZero,
  quietNaN,
  raise,
  resolveRounding,
  signBit,
  significandOf,
  signOf,
  Single,
  TOWARDS_ZERO,
  withSign,
} from './format.as';
import { round, roundsUp, shiftRightSticky } from './round.as';

/** The whole part, rounded, of significand * 2^(exponent-63), for exponent < 64. A carry out of 64 bits gives 0. */
function rounded(sign: u64, exponent: i32, significand: u64, rounding: i32): u64 {
  const rest = fractionPart(exponent, significand);
  const whole = exponent < 0 ? 0 : significand >> (63 - exponent);
  return roundsUp(sign, (whole & 1) != 0, rest, rounding) ? whole + 1 : whole;
}

/** What follows the point, half at bit 63, sticky. */
function fractionPart(exponent: i32, significand: u64): u64 {
  if (exponent >= 63) return 0;
  if (exponent >= 0) return significand << (exponent + 1);
  return shiftRightSticky(significand, -1 - exponent);
}

// ---------------------------------------------------------------- to an integral value

function integral<F>(operand: u64, rounding: i32, exact: bool): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) return quietNaN<F>(a);
  if (isInfinite<F>(a) || isZero<F>(a)) return a;
  return integralOfNumber<F>(a, resolveRounding(rounding), exact);
}

function integralOfNumber<F>(a: u64, rounding: i32, exact: bool): u64 {
  const exponent = exponentOf<F>(a);
  if (exponent >= fractionBits<F>()) return a;
  const sign = signOf<F>(a);
  const significand = significandOf<F>(a);
  const whole = rounded(sign, exponent, significand, rounding);
  if (exact && fractionPart(exponent, significand) != 0) raise(INEXACT);
  if (whole == 0) return withSign<F>(sign, 0);
  const zeros = clz(whole) as i32;
  return round<F>(sign, 63 - zeros, whole << zeros, TOWARDS_ZERO);
}

/** FRINT32, FRINT64: what does not fit into that many bits becomes the least integer of that size. */
function integralOfSize<F>(operand: u64, rounding: i32, size: i32): u64 {
  const a = input<F>(operand);
  if (isZero<F>(a)) return a;
  const least = signBit<F>() | (((bias<F>() + size - 1) as u64) << fractionBits<F>());
  if (isNaN<F>(a) || isInfinite<F>(a) || exponentOf<F>(a) >= size) {
    raise(INVALID_OPERATION);
    return least;
  }
  const sign = signOf<F>(a);
  const whole = rounded(sign, exponentOf<F>(a), significandOf<F>(a), rounding);
  const limit = ((1 as u64) << (size - 1)) - 1 + sign;
  if (whole > limit) {
    raise(INVALID_OPERATION);
    return least;
  }
  return integralOfNumber<F>(a, rounding, true);
}

export function frint16(a: u32, rounding: i32, exact: i32): u32 {
  return integral<Half>(a, rounding, exact != 0) as u32;
}
export function frint32(a: u32, rounding: i32, exact: i32): u32 {
  return integral<Single>(a, rounding, exact != 0) as u32;
}
export function frint64(a: u64, rounding: i32, exact: i32): u64 {
  return integral<Double>(a, rounding, exact != 0);
}
export function frintsize32(a: u32, rounding: i32, size: i32): u32 {
  return integralOfSize<Single>(a, resolveRounding(rounding), size) as u32;
}
export function frintsize64(a: u64, rounding: i32, size: i32): u64 {
  return integralOfSize<Double>(a, resolveRounding(rounding), size);
}

// ---------------------------------------------------------------- to integer and fixed point

/** a * 2^fractionDigits as an integer of `size` bits, saturated; in two's complement within those bits. */
function toFixed<F>(operand: u64, fractionDigits: i32, rounding: i32, unsigned: i32, size: i32): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) {
    raise(INVALID_OPERATION);
    return 0;
  }
  if (isZero<F>(a)) return 0;
  const sign = signOf<F>(a);
  const ones = ~(0 as u64) >> (64 - size);
  const most = unsigned != 0 ? (sign != 0 ? 0 : ones) : (ones >> 1) + sign;
  const exponent = exponentOf<F>(a) + fractionDigits;
  if (isInfinite<F>(a) || exponent > 63) return saturated(sign, most, ones);
  const significand = significandOf<F>(a);
  const whole = rounded(sign, exponent, significand, resolveRounding(rounding));
  // Rounding up from 64 ones gives 0.
  const carried = whole == 0 && exponent == 63;
  if (whole > most || carried) return saturated(sign, most, ones);
  if (fractionPart(exponent, significand) != 0) raise(INEXACT);
  return (sign != 0 ? 0 - whole : whole) & ones;
}

function saturated(sign: u64, most: u64, ones: u64): u64 {
  raise(INVALID_OPERATION);
  return (sign != 0 ? 0 - most : most) & ones;
}

export function f16toi16(a: u32, fractionDigits: i32, rounding: i32, unsigned: i32): u32 {
  return toFixed<Half>(a, fractionDigits, rounding, unsigned, 16) as u32;
}
export function f16toi32(a: u32, fractionDigits: i32, rounding: i32, unsigned: i32): u32 {
  return toFixed<Half>(a, fractionDigits, rounding, unsigned, 32) as u32;
}
export function f16toi64(a: u32, fractionDigits: i32, rounding: i32, unsigned: i32): u64 {
  return toFixed<Half>(a, fractionDigits, rounding, unsigned, 64);
}
export function f32toi32(a: u32, fractionDigits: i32, rounding: i32, unsigned: i32): u32 {
  return toFixed<Single>(a, fractionDigits, rounding, unsigned, 32) as u32;
}
export function f32toi64(a: u32, fractionDigits: i32, rounding: i32, unsigned: i32): u64 {
  return toFixed<Single>(a, fractionDigits, rounding, unsigned, 64);
}
export function f64toi32(a: u64, fractionDigits: i32, rounding: i32, unsigned: i32): u32 {
  return toFixed<Double>(a, fractionDigits, rounding, unsigned, 32) as u32;
}
export function f64toi64(a: u64, fractionDigits: i32, rounding: i32, unsigned: i32): u64 {
  if (rounding == TOWARDS_ZERO && fractionDigits == 0) {
    // What C does with (long)x. Numbers below 1 may be denormal.
    const x = reinterpret<f64>(a);
    if (x >= 1 && x < 9e18) {
      const whole = x as i64;
      if ((whole as f64) == x || inexactIsKnown()) return whole;
    }
  }
  return toFixed<Double>(a, fractionDigits, rounding, unsigned, 64);
}

/** FJCVTZS: the integer modulo 2^32 in the low half, the Z flag (exact and in range) at bit 32. */
export function fjcvtzs(operand: u64): u64 {
  const a = input<Double>(operand);
  if (isZero<Double>(a)) {
    // Minus zero is not exactly an integer, nor is a denormal that was flushed.
    return operand == 0 ? Z_FLAG : 0;
  }
  if (isNaN<Double>(a) || isInfinite<Double>(a)) {
    raise(INVALID_OPERATION);
    return 0;
  }
  const exponent = exponentOf<Double>(a);
  const significand = significandOf<Double>(a);
  const sign = signOf<Double>(a);
  let whole: u64 = 0;
  if (exponent < 64) whole = rounded(sign, exponent, significand, TOWARDS_ZERO);
  else if (exponent < 64 + 63) whole = significand << (exponent - 63);
  const result = (sign != 0 ? 0 - whole : whole) & 0xffff_ffff;
  if (exponent > 31 || whole > 0x7fff_ffff + sign) {
    raise(INVALID_OPERATION);
    return result;
  }
  if (fractionPart(exponent, significand) != 0) {
    raise(INEXACT);
    return result;
  }
  return result | Z_FLAG;
}

const Z_FLAG: u64 = 0x1_0000_0000;

// ---------------------------------------------------------------- from integer and fixed point

/** An integer, extended to 64 bits, divided by 2^fractionDigits. */
function fromFixed<F>(value: u64, fractionDigits: i32, unsigned: i32): u64 {
  if (value == 0) return 0;
  const sign: u64 = unsigned == 0 && (value as i64) < 0 ? 1 : 0;
  const size = sign != 0 ? 0 - value : value;
  const zeros = clz(size) as i32;
  return round<F>(sign, 63 - zeros - fractionDigits, size << zeros, currentRounding());
}

function extended(value: u32, unsigned: i32): u64 {
  return unsigned != 0 ? (value as u64) : (value as i32 as i64 as u64);
}

export function i16tof16(a: u32, fractionDigits: i32, unsigned: i32): u32 {
  const value = unsigned != 0 ? a & 0xffff : ((a << 16) as i32) >> 16;
  return fromFixed<Half>(extended(value, unsigned), fractionDigits, unsigned) as u32;
}
export function i32tof16(a: u32, fractionDigits: i32, unsigned: i32): u32 {
  return fromFixed<Half>(extended(a, unsigned), fractionDigits, unsigned) as u32;
}
export function i64tof16(a: u64, fractionDigits: i32, unsigned: i32): u32 {
  return fromFixed<Half>(a, fractionDigits, unsigned) as u32;
}
export function i32tof32(a: u32, fractionDigits: i32, unsigned: i32): u32 {
  return fromFixed<Single>(extended(a, unsigned), fractionDigits, unsigned) as u32;
}
export function i64tof32(a: u64, fractionDigits: i32, unsigned: i32): u32 {
  return fromFixed<Single>(a, fractionDigits, unsigned) as u32;
}
export function i32tof64(a: u32, fractionDigits: i32, unsigned: i32): u64 {
  // Exact.
  if (fractionDigits == 0) {
    return reinterpret<u64>(unsigned != 0 ? (a as f64) : (a as i32 as f64));
  }
  return fromFixed<Double>(extended(a, unsigned), fractionDigits, unsigned);
}
export function i64tof64(a: u64, fractionDigits: i32, unsigned: i32): u64 {
  if (fractionDigits == 0 && isPlainMode() && (inexactIsKnown() || a < 1 << 53)) {
    return reinterpret<u64>(unsigned != 0 ? (a as f64) : (a as i64 as f64));
  }
  return fromFixed<Double>(a, fractionDigits, unsigned);
}
