// Comparison, maximum and minimum. Arm ARM, shared pseudocode: FPCompare, FPCompareEQ/GE/GT, FPMax, FPMin,
// FPMaxNum, FPMinNum.

import {
  Double,
  Half,
  infinity,
  input,
  INVALID_OPERATION,
  isNaN,
  isSignalling,
  isZero,
  pickNaN,
  raise,
  signBit,
  signOf,
  Single,
} from './format.as';

/** Less than, of numbers of which at most one is a zero. */
function isLess<F>(a: u64, b: u64): bool {
  const aNegative = signOf<F>(a) != 0;
  if (aNegative != (signOf<F>(b) != 0)) return aNegative;
  return aNegative ? a > b : a < b;
}

function isEqual<F>(a: u64, b: u64): bool {
  return a == b || (isZero<F>(a) && isZero<F>(b));
}

/** N, Z, C, V at bits 3..0. A quiet NaN is an invalid operand when `signal` is not 0. */
function compare<F>(first: u64, second: u64, signal: i32): i32 {
  const a = input<F>(first);
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) {
    if (signal != 0 || isSignalling<F>(a) || isSignalling<F>(b)) raise(INVALID_OPERATION);
    return 0b0011;
  }
  if (isEqual<F>(a, b)) return 0b0110;
  return isLess<F>(a, b) ? 0b1000 : 0b0010;
}

const CARRY: i32 = 2;
const ZERO: i32 = 4;

/** Equal; only a signalling NaN is invalid. */
function compareEqual<F>(a: u64, b: u64): i32 {
  return (compare<F>(a, b, 0) & ZERO) != 0 ? 1 : 0;
}
function compareGreaterEqual<F>(a: u64, b: u64): i32 {
  // Unordered is C and V.
  return (compare<F>(a, b, 1) & 3) == CARRY ? 1 : 0;
}
function compareGreater<F>(a: u64, b: u64): i32 {
  return compare<F>(a, b, 1) == CARRY ? 1 : 0;
}

function maximum<F>(first: u64, second: u64): u64 {
  const a = input<F>(first);
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  if (isZero<F>(a) && isZero<F>(b)) return a & b;
  return isLess<F>(b, a) ? a : b;
}

function minimum<F>(first: u64, second: u64): u64 {
  const a = input<F>(first);
  const b = input<F>(second);
  if (isNaN<F>(a) || isNaN<F>(b)) return pickNaN<F>(a, b);
  if (isZero<F>(a) && isZero<F>(b)) return a | b;
  return isLess<F>(a, b) ? a : b;
}

function isQuiet<F>(bits: u64): bool {
  return isNaN<F>(bits) && !isSignalling<F>(bits);
}

/** A quiet NaN beside a number (or a signalling NaN) counts as the least of all. */
function maximumNumber<F>(a: u64, b: u64): u64 {
  const least = infinity<F>() | signBit<F>();
  if (isQuiet<F>(a) && !isQuiet<F>(b)) return maximum<F>(least, b);
  if (isQuiet<F>(b) && !isQuiet<F>(a)) return maximum<F>(a, least);
  return maximum<F>(a, b);
}

function minimumNumber<F>(a: u64, b: u64): u64 {
  const most = infinity<F>();
  if (isQuiet<F>(a) && !isQuiet<F>(b)) return minimum<F>(most, b);
  if (isQuiet<F>(b) && !isQuiet<F>(a)) return minimum<F>(a, most);
  return minimum<F>(a, b);
}

// ---------------------------------------------------------------- exported

export function fcmp16(a: u32, b: u32, signal: i32): i32 {
  return compare<Half>(a, b, signal);
}
export function fcmp32(a: u32, b: u32, signal: i32): i32 {
  return compare<Single>(a, b, signal);
}
export function fcmp64(a: u64, b: u64, signal: i32): i32 {
  return compare<Double>(a, b, signal);
}
export function fcmpeq16(a: u32, b: u32): i32 {
  return compareEqual<Half>(a, b);
}
export function fcmpeq32(a: u32, b: u32): i32 {
  return compareEqual<Single>(a, b);
}
export function fcmpeq64(a: u64, b: u64): i32 {
  return compareEqual<Double>(a, b);
}
export function fcmpge16(a: u32, b: u32): i32 {
  return compareGreaterEqual<Half>(a, b);
}
export function fcmpge32(a: u32, b: u32): i32 {
  return compareGreaterEqual<Single>(a, b);
}
export function fcmpge64(a: u64, b: u64): i32 {
  return compareGreaterEqual<Double>(a, b);
}
export function fcmpgt16(a: u32, b: u32): i32 {
  return compareGreater<Half>(a, b);
}
export function fcmpgt32(a: u32, b: u32): i32 {
  return compareGreater<Single>(a, b);
}
export function fcmpgt64(a: u64, b: u64): i32 {
  return compareGreater<Double>(a, b);
}
export function fmax16(a: u32, b: u32): u32 {
  return maximum<Half>(a, b) as u32;
}
export function fmax32(a: u32, b: u32): u32 {
  return maximum<Single>(a, b) as u32;
}
export function fmax64(a: u64, b: u64): u64 {
  return maximum<Double>(a, b);
}
export function fmin16(a: u32, b: u32): u32 {
  return minimum<Half>(a, b) as u32;
}
export function fmin32(a: u32, b: u32): u32 {
  return minimum<Single>(a, b) as u32;
}
export function fmin64(a: u64, b: u64): u64 {
  return minimum<Double>(a, b);
}
export function fmaxnum16(a: u32, b: u32): u32 {
  return maximumNumber<Half>(a, b) as u32;
}
export function fmaxnum32(a: u32, b: u32): u32 {
  return maximumNumber<Single>(a, b) as u32;
}
export function fmaxnum64(a: u64, b: u64): u64 {
  return maximumNumber<Double>(a, b);
}
export function fminnum16(a: u32, b: u32): u32 {
  return minimumNumber<Half>(a, b) as u32;
}
export function fminnum32(a: u32, b: u32): u32 {
  return minimumNumber<Single>(a, b) as u32;
}
export function fminnum64(a: u64, b: u64): u64 {
  return minimumNumber<Double>(a, b);
}
