// Conversion between floating-point formats. Arm ARM, shared pseudocode: FPConvert, FPConvertBF,
// FPUnpackCV, FPRoundCV.

import {
  BFloat,
  ConvertedHalf,
  currentRounding,
  defaultNaN,
  Double,
  exponentOf,
  fpcr,
  FPCR_AHP,
  FPCR_DN,
  inexactIsKnown,
  infinity,
  input,
  INVALID_OPERATION,
  isInfinite,
  isNaN,
  isSignalling,
  isZero,
  ODD,
  raise,
  signBit,
  significandOf,
  signOf,
  Single,
  withSign,
} from './format.as';
import { convertedNaN } from './nan.as';
import { round } from './round.as';

function convert<F, T>(operand: u64, rounding: i32): u64 {
  const a = input<F>(operand);
  const sign = signOf<F>(a);
  const fromAlternative = sizeof<F>() == 2 && (fpcr() & FPCR_AHP) != 0;
  const toAlternative = sizeof<T>() == 2 && (fpcr() & FPCR_AHP) != 0;
  if (!fromAlternative) {
    if (isNaN<F>(a)) {
      if (toAlternative || isSignalling<F>(a)) raise(INVALID_OPERATION);
      if (toAlternative) return withSign<T>(sign, 0);
      return (fpcr() & FPCR_DN) != 0 ? defaultNaN<T>() : convertedNaN<F, T>(a);
    }
    if (isInfinite<F>(a)) {
      if (!toAlternative) return withSign<T>(sign, infinity<T>());
      raise(INVALID_OPERATION);
      return withSign<T>(sign, signBit<T>() - 1);
    }
  }
  if (isZero<F>(a)) return withSign<T>(sign, 0);
  // In the alternative format the highest exponent is one of numbers, which these two read it as.
  return round<T>(sign, exponentOf<F>(a), significandOf<F>(a), rounding);
}

export function f16tof32(a: u32): u32 {
  return convert<ConvertedHalf, Single>(a, currentRounding()) as u32;
}
export function f16tof64(a: u32): u64 {
  return convert<ConvertedHalf, Double>(a, currentRounding());
}
export function f32tof16(a: u32): u32 {
  return convert<Single, ConvertedHalf>(a, currentRounding()) as u32;
}
export function f64tof16(a: u64): u32 {
  return convert<Double, ConvertedHalf>(a, currentRounding()) as u32;
}

export function f32tof64(a: u32): u64 {
  const x = reinterpret<f32>(a);
  // Zeros, and normal numbers whatever FPCR says.
  if (x == 0 ? a << 1 == 0 : abs(x) >= 1.1754943508222875e-38 && abs(x) < Infinity) {
    return reinterpret<u64>(x as f64);
  }
  return convert<Single, Double>(a, currentRounding());
}

export function f64tof32(a: u64): u32 {
  if (fpcr() == 0) {
    const x = reinterpret<f64>(a);
    const result = x as f32;
    const size = abs(result as f64);
    // The smallest normal number may have been reached by rounding up, which is an underflow.
    if (size < Infinity && size > 1.1754943508222875e-38 && ((result as f64) == x || inexactIsKnown())) {
      return reinterpret<u32>(result);
    }
  }
  return convert<Double, Single>(a, currentRounding()) as u32;
}

/** FCVTXN: rounded to odd, for a second rounding to something shorter. */
export function f64tof32odd(a: u64): u32 {
  return convert<Double, Single>(a, ODD) as u32;
}

export function f32tobf16(a: u32): u32 {
  return convert<Single, BFloat>(a, currentRounding()) as u32;
}
