// Floating-point formats, FPCR and FPSR, and the parts of a number.
// Arm ARM (DDI 0487), shared pseudocode: FPUnpack, FPProcessException, FPProcessNaN(s), FPDefaultNaN.
//
// Numbers travel as their bits in the low end of a u64. Functions are generic over a format, given as
// a marker type of which only size and signedness count, so that each is compiled once per format and all
// constants fold.

import { FPCR, FPSR } from '../../memory/layout';

/** BFloat16: only ever a result, rounded from single precision. */
export type BFloat = u8;
export type Half = u16;
export type Single = u32;
export type Double = u64;
/**
 * Half precision as the source or result of a conversion between formats: FPCR.FZ16 does not apply and
 * FPCR.AHP does (FPUnpackCV, FPRoundCV).
 */
export type ConvertedHalf = i16;

// ---------------------------------------------------------------- control and status

export const FPCR_FZ16: u32 = 1 << 19;
export const FPCR_FZ: u32 = 1 << 24;
export const FPCR_DN: u32 = 1 << 25;
export const FPCR_AHP: u32 = 1 << 26;

export const INVALID_OPERATION: u32 = 1 << 0;
export const DIVIDE_BY_ZERO: u32 = 1 << 1;
export const OVERFLOW: u32 = 1 << 2;
export const UNDERFLOW: u32 = 1 << 3;
export const INEXACT: u32 = 1 << 4;
export const INPUT_DENORMAL: u32 = 1 << 7;

export const TIE_EVEN: i32 = 0;
export const PLUS_INFINITY: i32 = 1;
export const MINUS_INFINITY: i32 = 2;
export const TOWARDS_ZERO: i32 = 3;
export const TIE_AWAY: i32 = 4;
/** Von Neumann rounding: the lowest bit is set when the result is inexact. */
export const ODD: i32 = 5;

export function fpcr(): u32 {
  return load<u32>(FPCR);
}

/** FPProcessException. Trapped exceptions are not implemented (the enable bits of FPCR read as zero). */
export function raise(exceptions: u32): void {
  store<u32>(FPSR, load<u32>(FPSR) | exceptions);
}

/** The rounding mode of FPCR; its encoding is the one used throughout. */
export function currentRounding(): i32 {
  return ((fpcr() >> 22) & 3) as i32;
}

/** 7 or -1 stands for the rounding mode of FPCR. */
export function resolveRounding(rounding: i32): i32 {
  return (rounding as u32) > (ODD as u32) ? currentRounding() : rounding;
}

/** Whether the fast paths may be taken: round to nearest, no flushing, no default NaN. */
export function isPlainMode(): bool {
  return fpcr() == 0;
}

/** Whether another inexact result would change nothing. */
export function inexactIsKnown(): bool {
  return (load<u32>(FPSR) & INEXACT) != 0;
}

// ---------------------------------------------------------------- formats

export function fractionBits<F>(): i32 {
  if (sizeof<F>() == 8) return 52;
  if (sizeof<F>() == 4) return 23;
  if (sizeof<F>() == 2) return 10;
  return 7;
}

export function exponentBits<F>(): i32 {
  if (sizeof<F>() == 8) return 11;
  if (sizeof<F>() == 2) return 5;
  return 8;
}

/** The biased exponent of infinities and NaNs. */
export function maxBiased<F>(): i32 {
  return (1 << exponentBits<F>()) - 1;
}

export function bias<F>(): i32 {
  return maxBiased<F>() >> 1;
}

export function signBit<F>(): u64 {
  return (1 as u64) << (fractionBits<F>() + exponentBits<F>());
}

export function fractionMask<F>(): u64 {
  return ((1 as u64) << fractionBits<F>()) - 1;
}

export function infinity<F>(): u64 {
  return (maxBiased<F>() as u64) << fractionBits<F>();
}

export function quietBit<F>(): u64 {
  return (1 as u64) << (fractionBits<F>() - 1);
}

export function defaultNaN<F>(): u64 {
  return infinity<F>() | quietBit<F>();
}

/** FPCR.FZ, or FZ16 for half precision; conversions to and from half precision never flush it. */
export function flushes<F>(): bool {
  if (sizeof<F>() == 2) {
    if (isSigned<F>()) return false;
    return (fpcr() & FPCR_FZ16) != 0;
  }
  return (fpcr() & FPCR_FZ) != 0;
}

// ---------------------------------------------------------------- parts of a number

export function magnitude<F>(bits: u64): u64 {
  return bits & (signBit<F>() - 1);
}

/** 0 or 1. */
export function signOf<F>(bits: u64): u64 {
  return (bits & signBit<F>()) != 0 ? 1 : 0;
}

export function withSign<F>(sign: u64, rest: u64): u64 {
  return sign != 0 ? rest | signBit<F>() : rest;
}

export function isNaN<F>(bits: u64): bool {
  return magnitude<F>(bits) > infinity<F>();
}

export function isSignalling<F>(bits: u64): bool {
  return isNaN<F>(bits) && (bits & quietBit<F>()) == 0;
}

export function isInfinite<F>(bits: u64): bool {
  return magnitude<F>(bits) == infinity<F>();
}

export function isZero<F>(bits: u64): bool {
  return magnitude<F>(bits) == 0;
}

/** An operand as FPUnpack sees it: a denormal is a zero while inputs are flushed. */
export function input<F>(bits: u64): u64 {
  const size = magnitude<F>(bits);
  if (size == 0 || size > fractionMask<F>()) return bits;
  if (!flushes<F>()) return bits;
  // Half-precision inputs are flushed without a trace.
  if (sizeof<F>() != 2) raise(INPUT_DENORMAL);
  return bits & signBit<F>();
}

/** Exponent of the leading one of a finite number that is not zero. */
export function exponentOf<F>(bits: u64): i32 {
  const size = magnitude<F>(bits);
  const biased = (size >> fractionBits<F>()) as i32;
  if (biased != 0) return biased - bias<F>();
  return 1 - bias<F>() + 63 - fractionBits<F>() - (clz(size) as i32);
}

/** The digits of a finite number that is not zero, the leading one at bit 63. */
export function significandOf<F>(bits: u64): u64 {
  const size = magnitude<F>(bits);
  if (size <= fractionMask<F>()) return size << clz(size);
  return ((size & fractionMask<F>()) | (fractionMask<F>() + 1)) << (63 - fractionBits<F>());
}

// ---------------------------------------------------------------- NaNs

/** FPProcessNaN. */
export function quietNaN<F>(bits: u64): u64 {
  if (isSignalling<F>(bits)) raise(INVALID_OPERATION);
  return (fpcr() & FPCR_DN) != 0 ? defaultNaN<F>() : bits | quietBit<F>();
}

/** FPProcessNaNs: a signalling NaN before a quiet one, the first operand before the second. One of them is a NaN. */
export function pickNaN<F>(a: u64, b: u64): u64 {
  if (isSignalling<F>(a)) return quietNaN<F>(a);
  if (isSignalling<F>(b)) return quietNaN<F>(b);
  return quietNaN<F>(isNaN<F>(a) ? a : b);
}

/** The default NaN as the result of an operation that has none. */
export function invalid<F>(): u64 {
  raise(INVALID_OPERATION);
  return defaultNaN<F>();
}
