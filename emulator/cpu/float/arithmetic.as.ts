// Addition, subtraction, multiplication, division and square root.
// Arm ARM, shared pseudocode: FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPSqrt.
//
// The exported functions of single and double precision first try WebAssembly's own arithmetic, which rounds
// to nearest: it is right while FPCR is zero and the result is an ordinary number, and the only thing it
// does not tell is whether the result is inexact. That must not be known once FPSR.IXC is set; before, a
// test that costs little has to show that the result is exact, else the exact way is taken.

import {
  currentRounding,
  Double,
  exponentOf,
  fractionBits,
  Half,
  inexactIsKnown,
  infinity,
  input,
  invalid,
  isInfinite,
  isNaN,
  isPlainMode,
  isZero,
  DIVIDE_BY_ZERO,
  pickNaN,
  quietNaN,
  raise,
  signBit,
  significandOf,
  signOf,
  Single,
  withSign,
} from './format.as';
import { round, shiftRightSticky, zeroOfDifference } from './round.as';
import { multiplyHigh } from './wide.as';

// ---------------------------------------------------------------- exact

/** a + b, or a - b with `flip` = the sign bit: the sign of a NaN is not touched by a subtraction. */
function sum<F>(first: u64, second: u64, flip: u64): u64 {
  const a = input<F>(first);
  let b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  b ^= flip;
  if (isInfinite<F>(a)) {
    if (isInfinite<F>(b) && a != b) return invalid<F>();
    return a;
  }
  if (isInfinite<F>(b)) return b;
  const rounding = currentRounding();
  if (isZero<F>(a) && isZero<F>(b)) return a == b ? a : zeroOfDifference<F>(rounding);
  if (isZero<F>(a)) return b;
  if (isZero<F>(b)) return a;
  return sumOfNumbers<F>(a, b, rounding);
}

function sumOfNumbers<F>(a: u64, b: u64, rounding: i32): u64 {
  let exponent = exponentOf<F>(a);
  // One bit of room for the carry; the ten or more unused ones below keep a difference exact enough to round.
  let x = significandOf<F>(a) >> 1;
  let y = significandOf<F>(b) >> 1;
  const distance = exponent - exponentOf<F>(b);
  if (distance >= 0) {
    y = shiftRightSticky(y, distance);
  } else {
    x = shiftRightSticky(x, -distance);
    exponent -= distance;
  }
  let sign = signOf<F>(a);
  let total: u64;
  if (sign == signOf<F>(b)) {
    total = x + y;
  } else if (x == y) {
    return zeroOfDifference<F>(rounding);
  } else if (x > y) {
    total = x - y;
  } else {
    total = y - x;
    sign ^= 1;
  }
  const shift = clz(total) as i32;
  return round<F>(sign, exponent + 1 - shift, total << shift, rounding);
}

function product<F>(first: u64, second: u64, extended: bool): u64 {
  const a = input<F>(first);
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  const sign = signOf<F>(a) ^ signOf<F>(b);
  if (isInfinite<F>(a) || isInfinite<F>(b)) {
    if (!isZero<F>(a) && !isZero<F>(b)) return withSign<F>(sign, infinity<F>());
    if (!extended) return invalid<F>();
    const two = (((infinity<F>() >> fractionBits<F>()) + 1) >> 1) << fractionBits<F>();
    return withSign<F>(sign, two);
  }
  if (isZero<F>(a) || isZero<F>(b)) return withSign<F>(sign, 0);
  const x = significandOf<F>(a);
  const y = significandOf<F>(b);
  let digits = multiplyHigh(x, y);
  const low = x * y;
  let exponent = exponentOf<F>(a) + exponentOf<F>(b) + 1;
  if ((digits as i64) >= 0) {
    digits = (digits << 1) | (low >> 63);
    exponent -= 1;
    return round<F>(sign, exponent, digits | (low << 1 != 0 ? 1 : 0), currentRounding());
  }
  return round<F>(sign, exponent, digits | (low != 0 ? 1 : 0), currentRounding());
}

function quotient<F>(first: u64, second: u64): u64 {
  const a = input<F>(first);
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  const sign = signOf<F>(a) ^ signOf<F>(b);
  if (isInfinite<F>(a)) return isInfinite<F>(b) ? invalid<F>() : withSign<F>(sign, infinity<F>());
  if (isZero<F>(b)) {
    if (isZero<F>(a)) return invalid<F>();
    raise(DIVIDE_BY_ZERO);
    return withSign<F>(sign, infinity<F>());
  }
  if (isZero<F>(a) || isInfinite<F>(b)) return withSign<F>(sign, 0);

  let exponent = exponentOf<F>(a) - exponentOf<F>(b);
  let rest = significandOf<F>(a) >> (63 - fractionBits<F>());
  const divisor = significandOf<F>(b) >> (63 - fractionBits<F>());
  if (rest < divisor) {
    rest <<= 1;
    exponent -= 1;
  }
  // One digit before the point, then 5 times 11 bits: two more than double precision keeps.
  let digits = rest / divisor;
  rest %= divisor;
  for (let step = 0; step < 5; step++) {
    digits = (digits << 11) | ((rest << 11) / divisor);
    rest = (rest << 11) % divisor;
  }
  return round<F>(sign, exponent, (digits << 8) | (rest != 0 ? 1 : 0), currentRounding());
}

function squareRoot<F>(operand: u64): u64 {
  const a = input<F>(operand);
  if (isNaN<F>(a)) return quietNaN<F>(a);
  if (isZero<F>(a)) return a;
  if (signOf<F>(a) != 0) return invalid<F>();
  if (isInfinite<F>(a)) return a;

  const exponent = exponentOf<F>(a);
  // The radicand in [1, 4) with one at bit 55; each step finds a digit of the root, one at bit 55 too.
  let rest = significandOf<F>(a) >> (8 - (exponent & 1));
  let root: u64 = 0;
  let known: u64 = 0;
  for (let digit: u64 = 1 << 55; digit != 0; digit >>= 1) {
    const trial = known + digit;
    if (trial <= rest) {
      known = trial + digit;
      rest -= trial;
      root += digit;
    }
    rest <<= 1;
  }
  return round<F>(0, exponent >> 1, (root << 8) | (rest != 0 ? 1 : 0), currentRounding());
}

// ---------------------------------------------------------------- half precision

export function fadd16(a: u32, b: u32): u32 {
  return sum<Half>(a, b, 0) as u32;
}
export function fsub16(a: u32, b: u32): u32 {
  return sum<Half>(a, b, signBit<Half>()) as u32;
}
export function fmul16(a: u32, b: u32): u32 {
  return product<Half>(a, b, false) as u32;
}
export function fmulx16(a: u32, b: u32): u32 {
  return product<Half>(a, b, true) as u32;
}
export function fdiv16(a: u32, b: u32): u32 {
  return quotient<Half>(a, b) as u32;
}
export function fsqrt16(a: u32): u32 {
  return squareRoot<Half>(a) as u32;
}

// ---------------------------------------------------------------- single precision

const LEAST_NORMAL_32: f64 = 1.1754943508222875e-38;

/** Whether the plain result of an operation on finite numbers may stand, given the same in double precision. */
function isOrdinary32(result: f32, precise: f64, precise_is_exact: bool): bool {
  const size = abs(result);
  // The smallest normal number may have been reached by rounding up, which is an underflow.
  if (!(size < Infinity) || !((size as f64) > LEAST_NORMAL_32)) return false;
  return inexactIsKnown() || (precise_is_exact && (result as f64) == precise);
}

export function fadd32(a: u32, b: u32): u32 {
  if (isPlainMode()) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    const result = x + y;
    if (isOrdinarySum32(x, y, result)) return reinterpret<u32>(result);
  }
  return sum<Single>(a, b, 0) as u32;
}

export function fsub32(a: u32, b: u32): u32 {
  if (isPlainMode()) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    const result = x - y;
    if (isOrdinarySum32(x, -y, result)) return reinterpret<u32>(result);
  }
  return sum<Single>(a, b, signBit<Single>()) as u32;
}

/** Sums that are zero or denormal are exact; of the others the error is a number and can be computed. */
function isOrdinarySum32(x: f32, y: f32, result: f32): bool {
  if (!(abs(result) < Infinity)) return false;
  if (inexactIsKnown()) return true;
  const other = result - x;
  return x - (result - other) + (y - other) == 0;
}

export function fmul32(a: u32, b: u32): u32 {
  if (isPlainMode()) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    const result = x * y;
    if (isOrdinary32(result, (x as f64) * (y as f64), true)) return reinterpret<u32>(result);
  }
  return product<Single>(a, b, false) as u32;
}

export function fmulx32(a: u32, b: u32): u32 {
  return product<Single>(a, b, true) as u32;
}

export function fdiv32(a: u32, b: u32): u32 {
  if (isPlainMode()) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    const result = x / y;
    if (isOrdinary32(result, result as f64, (result as f64) * (y as f64) == (x as f64))) {
      // A quotient by an infinity is zero and does not get here.
      return reinterpret<u32>(result);
    }
  }
  return quotient<Single>(a, b) as u32;
}

export function fsqrt32(a: u32): u32 {
  if (isPlainMode()) {
    const x = reinterpret<f32>(a);
    const result = sqrt<f32>(x);
    if (isOrdinary32(result, result as f64, (result as f64) * (result as f64) == (x as f64))) {
      return reinterpret<u32>(result);
    }
  }
  return squareRoot<Single>(a) as u32;
}

// ---------------------------------------------------------------- double precision

const LEAST_NORMAL_64: f64 = 2.2250738585072014e-308;

export function fadd64(a: u64, b: u64): u64 {
  if (isPlainMode()) {
    const x = reinterpret<f64>(a);
    const y = reinterpret<f64>(b);
    const result = x + y;
    if (isOrdinarySum64(x, y, result)) return reinterpret<u64>(result);
  }
  return sum<Double>(a, b, 0);
}

export function fsub64(a: u64, b: u64): u64 {
  if (isPlainMode()) {
    const x = reinterpret<f64>(a);
    const y = reinterpret<f64>(b);
    const result = x - y;
    if (isOrdinarySum64(x, -y, result)) return reinterpret<u64>(result);
  }
  return sum<Double>(a, b, signBit<Double>());
}

function isOrdinarySum64(x: f64, y: f64, result: f64): bool {
  if (!(abs(result) < Infinity)) return false;
  if (inexactIsKnown()) return true;
  const other = result - x;
  return x - (result - other) + (y - other) == 0;
}

/** How many digits the fraction of a normal number has up to its last one, the leading one included. */
function digitsOf(bits: u64): i32 {
  return 53 - (ctz(bits | ((1 as u64) << 52)) as i32);
}

function isOrdinary64(result: f64): bool {
  const size = abs(result);
  return size < Infinity && size > LEAST_NORMAL_64;
}

export function fmul64(a: u64, b: u64): u64 {
  if (isPlainMode()) {
    const result = reinterpret<f64>(a) * reinterpret<f64>(b);
    if (isOrdinary64(result) && (inexactIsKnown() || digitsOf(a) + digitsOf(b) <= 53)) {
      return reinterpret<u64>(result);
    }
  }
  return product<Double>(a, b, false);
}

export function fmulx64(a: u64, b: u64): u64 {
  return product<Double>(a, b, true);
}

export function fdiv64(a: u64, b: u64): u64 {
  if (isPlainMode()) {
    const result = reinterpret<f64>(a) / reinterpret<f64>(b);
    if (isOrdinary64(result)) {
      const bits = reinterpret<u64>(result);
      if (inexactIsKnown()) return bits;
      // Exact when quotient times divisor has room and gives the dividend.
      if (digitsOf(bits) + digitsOf(b) <= 53 && result * reinterpret<f64>(b) == reinterpret<f64>(a))
        return bits;
    }
  }
  return quotient<Double>(a, b);
}

export function fsqrt64(a: u64): u64 {
  if (isPlainMode()) {
    const result = sqrt<f64>(reinterpret<f64>(a));
    if (isOrdinary64(result)) {
      const bits = reinterpret<u64>(result);
      if (inexactIsKnown()) return bits;
      if (digitsOf(bits) <= 26 && result * result == reinterpret<f64>(a)) return bits;
    }
  }
  return squareRoot<Double>(a);
}
