// Fused multiply-add: one rounding. Arm ARM, shared pseudocode: FPMulAdd, FPMulAddH, FPRecipStepFused,
// FPRSqrtStepFused.

import {
  currentRounding,
  defaultNaN,
  Double,
  exponentOf,
  fpcr,
  FPCR_DN,
  fractionBits,
  Half,
  bias,
  inexactIsKnown,
  infinity,
  input,
  invalid,
  isInfinite,
  isNaN,
  isPlainMode,
  isSignalling,
  isZero,
  pickNaN,
  quietNaN,
  signBit,
  significandOf,
  signOf,
  Single,
  withSign,
} from './format.as';
import { convertedNaN } from './nan.as';
import { round, zeroOfDifference } from './round.as';
import { multiplyHigh, shiftedHigh, shiftedLow } from './wide.as';

/**
 * addend + first * second, of which the factors are in format P and the addend and the result in format F.
 * The operation is invalid for a product of zero and infinity even when the addend is a quiet NaN.
 */
function multiplyAdd<F, P>(addend: u64, first: u64, second: u64): u64 {
  const c = input<F>(addend);
  const a = input<P>(first);
  const b = input<P>(second);
  const zeroTimesInfinity = (isInfinite<P>(a) && isZero<P>(b)) || (isZero<P>(a) && isInfinite<P>(b));
  if (isNaN<F>(c) || isNaN<P>(a) || isNaN<P>(b)) {
    if (zeroTimesInfinity && !isSignalling<F>(c)) return invalid<F>();
    return pickNaNOfThree<F, P>(c, a, b);
  }
  if (zeroTimesInfinity) return invalid<F>();

  const sign = signOf<P>(a) ^ signOf<P>(b);
  if (isInfinite<P>(a) || isInfinite<P>(b)) {
    if (isInfinite<F>(c) && signOf<F>(c) != sign) return invalid<F>();
    return withSign<F>(sign, infinity<F>());
  }
  if (isInfinite<F>(c)) return c;

  const rounding = currentRounding();
  if (isZero<P>(a) || isZero<P>(b)) {
    if (isZero<F>(c) && signOf<F>(c) != sign) return zeroOfDifference<F>(rounding);
    return c;
  }
  const x = significandOf<P>(a);
  const y = significandOf<P>(b);
  let high = multiplyHigh(x, y);
  let low = x * y;
  let exponent = exponentOf<P>(a) + exponentOf<P>(b) + 1;
  if ((high as i64) >= 0) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    exponent -= 1;
  }
  return addToProduct<F>(c, sign, exponent, high, low, rounding);
}

/** c + (-1)^sign * (high:low) * 2^(exponent-127), which has its leading one at bit 127. */
function addToProduct<F>(c: u64, sign: u64, exponent: i32, high: u64, low: u64, rounding: i32): u64 {
  if (isZero<F>(c)) return round<F>(sign, exponent, high | (low != 0 ? 1 : 0), rounding);

  // One bit of room for the carry. Products have at most 106 digits, so none is lost.
  low = (low >> 1) | (high << 63);
  high >>= 1;
  let cHigh = significandOf<F>(c) >> 1;
  let cLow: u64 = 0;
  const distance = exponent - exponentOf<F>(c);
  if (distance >= 0) {
    cLow = shiftedLow(cHigh, 0, distance);
    cHigh = shiftedHigh(cHigh, distance);
  } else {
    low = shiftedLow(high, low, -distance);
    high = shiftedHigh(high, -distance);
    exponent -= distance;
  }

  if (sign == signOf<F>(c)) {
    low += cLow;
    high += cHigh + (low < cLow ? 1 : 0);
  } else if (high > cHigh || (high == cHigh && low >= cLow)) {
    high -= cHigh + (low < cLow ? 1 : 0);
    low -= cLow;
    if ((high | low) == 0) return zeroOfDifference<F>(rounding);
  } else {
    high = cHigh - high - (cLow < low ? 1 : 0);
    low = cLow - low;
    sign ^= 1;
  }
  if (high == 0) {
    high = low;
    low = 0;
    exponent -= 64;
  }
  const shift = clz(high) as i32;
  if (shift != 0) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  return round<F>(sign, exponent + 1 - shift, high | (low != 0 ? 1 : 0), rounding);
}

/** FPProcessNaNs3 and FPProcessNaNs3H. */
function pickNaNOfThree<F, P>(c: u64, a: u64, b: u64): u64 {
  if (isSignalling<F>(c)) return quietNaN<F>(c);
  if (isSignalling<P>(a)) return factorNaN<F, P>(a);
  if (isSignalling<P>(b)) return factorNaN<F, P>(b);
  if (isNaN<F>(c)) return quietNaN<F>(c);
  return factorNaN<F, P>(isNaN<P>(a) ? a : b);
}

function factorNaN<F, P>(bits: u64): u64 {
  const quiet = quietNaN<P>(bits);
  if (sizeof<F>() == sizeof<P>()) return quiet;
  return (fpcr() & FPCR_DN) != 0 ? defaultNaN<F>() : convertedNaN<P, F>(quiet);
}

/** 2 - a * b, or (3 - a * b) / 2; the product of zero and infinity counts as zero. */
function step<F>(first: u64, second: u64, root: bool): u64 {
  // The first operand is negated before anything else, a NaN too.
  const a = input<F>(first ^ signBit<F>());
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  const one = (bias<F>() as u64) << fractionBits<F>();
  const two = one + ((1 as u64) << fractionBits<F>());
  const half = (1 as u64) << (fractionBits<F>() - 1);
  const sign = signOf<F>(a) ^ signOf<F>(b);
  const zero = isZero<F>(a) || isZero<F>(b);
  if (isInfinite<F>(a) || isInfinite<F>(b)) {
    if (zero) return root ? one | half : two;
    return withSign<F>(sign, infinity<F>());
  }
  if (zero) return root ? one | half : two;

  const x = significandOf<F>(a);
  const y = significandOf<F>(b);
  let high = multiplyHigh(x, y);
  let low = x * y;
  let exponent = exponentOf<F>(a) + exponentOf<F>(b) + 1;
  if ((high as i64) >= 0) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    exponent -= 1;
  }
  // Half of the product plus 1.5 is half of the sum, before rounding.
  if (root) return addToProduct<F>(one | half, sign, exponent - 1, high, low, currentRounding());
  return addToProduct<F>(two, sign, exponent, high, low, currentRounding());
}

// ---------------------------------------------------------------- exported

export function fmuladd16(addend: u32, a: u32, b: u32): u32 {
  return multiplyAdd<Half, Half>(addend, a, b) as u32;
}

/** FMLAL, FMLSL: factors in half precision, addend and result in single. */
export function fmuladd16to32(addend: u32, a: u32, b: u32): u32 {
  return multiplyAdd<Single, Half>(addend, a, b) as u32;
}

const LEAST_NORMAL_32: f64 = 1.1754943508222875e-38;

export function fmuladd32(addend: u32, a: u32, b: u32): u32 {
  if (isPlainMode()) {
    // In double precision the product is exact. The sum is made odd where it is inexact, so that it
    // rounds to single precision as the exact one would.
    const product = (reinterpret<f32>(a) as f64) * (reinterpret<f32>(b) as f64);
    const c = reinterpret<f32>(addend) as f64;
    let sum = product + c;
    const error = errorOfSum(product, c, sum);
    if (error != 0 && abs(sum) < Infinity) sum = towardsOdd(sum, error);
    const result = sum as f32;
    const size = abs(result as f64);
    if (size < Infinity && size > LEAST_NORMAL_32) {
      if (inexactIsKnown() || (error == 0 && (result as f64) == sum)) return reinterpret<u32>(result);
    }
  }
  return multiplyAdd<Single, Single>(addend, a, b) as u32;
}

function errorOfSum(a: f64, b: f64, sum: f64): f64 {
  const other = sum - a;
  return a - (sum - other) + (b - other);
}

/** A sum with an error, moved so that its last bit is set and the exact value lies on the same side of every shorter number. */
function towardsOdd(sum: f64, error: f64): f64 {
  const bits = reinterpret<u64>(sum);
  if ((bits & 1) != 0) return sum;
  const outwards = error > 0 == sum > 0;
  return reinterpret<f64>(outwards ? bits + 1 : bits - 1);
}

// Error-free transformations in double precision were measured: slower than the exact way.
export function fmuladd64(addend: u64, a: u64, b: u64): u64 {
  return multiplyAdd<Double, Double>(addend, a, b);
}

export function frecps16(a: u32, b: u32): u32 {
  return step<Half>(a, b, false) as u32;
}
export function frecps32(a: u32, b: u32): u32 {
  return step<Single>(a, b, false) as u32;
}
export function frecps64(a: u64, b: u64): u64 {
  return step<Double>(a, b, false);
}
export function frsqrts16(a: u32, b: u32): u32 {
  return step<Half>(a, b, true) as u32;
}
export function frsqrts32(a: u32, b: u32): u32 {
  return step<Single>(a, b, true) as u32;
}
export function frsqrts64(a: u64, b: u64): u64 {
  return step<Double>(a, b, true);
}
