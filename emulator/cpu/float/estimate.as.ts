// Reciprocal estimates. Arm ARM, shared pseudocode: FPRecipEstimate, FPRSqrtEstimate, FPRecpX,
// UnsignedRecipEstimate, UnsignedRSqrtEstimate; the tables of the manual are what RecipEstimate and
// RecipSqrtEstimate compute.

import {
  bias,
  currentRounding,
  DIVIDE_BY_ZERO,
  Double,
  exponentOf,
  flushes,
  fractionBits,
  fractionMask,
  Half,
  INEXACT,
  infinity,
  input,
  invalid,
  isInfinite,
  isNaN,
  isZero,
  magnitude,
  maxBiased,
  OVERFLOW,
  quietNaN,
  raise,
  significandOf,
  signBit,
  signOf,
  Single,
  UNDERFLOW,
  withSign,
} from './format.as';
import { overflowsToInfinity } from './round.as';

/** 256..511 for 256..511, which stand for [0.5, 1). */
function reciprocal(scaled: u32): u32 {
  return ((1 << 19) / (scaled * 2 + 1) + 1) >> 1;
}

/** 256..511 for 128..511, which stand for [0.25, 1). */
function reciprocalRoot(scaled: u32): u32 {
  const a = scaled < 256 ? scaled * 2 + 1 : ((scaled >> 1) << 2) + 2;
  let b: u32 = 512;
  while (a * (b + 1) * (b + 1) < 1 << 28) b++;
  return (b + 1) >> 1;
}

function reciprocalEstimate<F>(operand: u64): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) return quietNaN<F>(a);
  const sign = signOf<F>(a);
  if (isInfinite<F>(a)) return withSign<F>(sign, 0);
  if (isZero<F>(a)) {
    raise(DIVIDE_BY_ZERO);
    return withSign<F>(sign, infinity<F>());
  }
  const exponent = exponentOf<F>(a);
  if (exponent < -bias<F>() - 1) {
    raise(OVERFLOW | INEXACT);
    return withSign<F>(
      sign,
      overflowsToInfinity(sign, currentRounding()) ? infinity<F>() : infinity<F>() - 1,
    );
  }
  if (exponent >= bias<F>() - 1 && flushes<F>()) {
    raise(UNDERFLOW);
    return withSign<F>(sign, 0);
  }
  const estimate = reciprocal((significandOf<F>(a) >> 55) as u32);
  // The estimate has 8 digits after its leading one; a result below the normal numbers moves them right.
  const biased = bias<F>() - 1 - exponent;
  let digits = (estimate as u64) << (fractionBits<F>() - 8);
  if (biased > 0)
    return withSign<F>(sign, ((biased as u64) << fractionBits<F>()) | (digits & fractionMask<F>()));
  digits >>= 1 - biased;
  return withSign<F>(sign, digits);
}

function reciprocalRootEstimate<F>(operand: u64): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) return quietNaN<F>(a);
  const sign = signOf<F>(a);
  if (isZero<F>(a)) {
    raise(DIVIDE_BY_ZERO);
    return withSign<F>(sign, infinity<F>());
  }
  if (sign != 0) return invalid<F>();
  if (isInfinite<F>(a)) return 0;
  const biased = exponentOf<F>(a) + bias<F>();
  const significand = significandOf<F>(a);
  const scaled = (biased & 1) == 0 ? significand >> 55 : significand >> 56;
  const estimate = reciprocalRoot(scaled as u32);
  const resultBiased = (3 * bias<F>() - 1 - biased) >> 1;
  return (
    ((resultBiased as u64) << fractionBits<F>()) | (((estimate & 0xff) as u64) << (fractionBits<F>() - 8))
  );
}

/** FRECPX: the exponent of the reciprocal alone. */
function reciprocalExponent<F>(operand: u64): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) return quietNaN<F>(a);
  const biased = (magnitude<F>(a) >> fractionBits<F>()) as i32;
  const result = biased == 0 ? maxBiased<F>() - 1 : biased ^ maxBiased<F>();
  return (a & signBit<F>()) | ((result as u64) << fractionBits<F>());
}

// ---------------------------------------------------------------- exported

export function frecpe16(a: u32): u32 {
  return reciprocalEstimate<Half>(a) as u32;
}
export function frecpe32(a: u32): u32 {
  return reciprocalEstimate<Single>(a) as u32;
}
export function frecpe64(a: u64): u64 {
  return reciprocalEstimate<Double>(a);
}
export function frsqrte16(a: u32): u32 {
  return reciprocalRootEstimate<Half>(a) as u32;
}
export function frsqrte32(a: u32): u32 {
  return reciprocalRootEstimate<Single>(a) as u32;
}
export function frsqrte64(a: u64): u64 {
  return reciprocalRootEstimate<Double>(a);
}
export function frecpx16(a: u32): u32 {
  return reciprocalExponent<Half>(a) as u32;
}
export function frecpx32(a: u32): u32 {
  return reciprocalExponent<Single>(a) as u32;
}
export function frecpx64(a: u64): u64 {
  return reciprocalExponent<Double>(a);
}

/** URECPE: operand and result are fractions of 32 bits. */
export function urecpe(a: u32): u32 {
  if ((a as i32) >= 0) return 0xffff_ffff;
  return reciprocal(a >> 23) << 23;
}
export function ursqrte(a: u32): u32 {
  if (a >> 30 == 0) return 0xffff_ffff;
  return reciprocalRoot(a >> 23) << 23;
}
