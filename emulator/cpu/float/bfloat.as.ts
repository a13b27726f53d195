// Dot products of BFloat16 pairs. Arm ARM, shared pseudocode: BFDotAdd, BFMulH, BFAdd, BFRound (FPCR.EBF clear).
//
// Whatever FPCR says, these round to odd, flush denormals before and after, make every NaN the default one, go to
// infinity when a result is too large, and leave FPSR alone. A BFloat16 is the upper half of a single.

const DEFAULT_NAN: u32 = 0x7fc0_0000;
const INFINITY: u32 = 0x7f80_0000;
const SIGN: u32 = 0x8000_0000;

@inline
function isNaN32(a: u32): bool {
  return (a & ~SIGN) > INFINITY;
}

@inline
function isInfinite32(a: u32): bool {
  return (a & ~SIGN) == INFINITY;
}

/** BFUnpack: a denormal is a zero. */
@inline
function flushed(a: u32): u32 {
  return (a & INFINITY) == 0 ? a & SIGN : a;
}

/** BFRound of a number that is not zero: its digits cut off in double precision, `more` if others follow. */
function oddSingle(digits: u64, more: bool): u32 {
  const sign = ((digits >> 32) as u32) & SIGN;
  const exponent = (((digits >> 52) & 0x7ff) as i32) - 1023;
  if (exponent < -126) return sign;
  if (exponent > 127) return sign | INFINITY;
  const odd: u32 = more || (digits & 0x1fff_ffff) != 0 ? 1 : 0;
  return sign | (((exponent + 127) as u32) << 23) | ((((digits >> 29) as u32) & 0x7f_ffff) | odd);
}

/** BFMulH of two BFloat16 that stand in the upper halves: the product of 8 by 8 digits is exact in double precision. */
function product(first: u32, second: u32): u32 {
  const a = flushed(first);
  const b = flushed(second);
  if (isNaN32(a) || isNaN32(b)) return DEFAULT_NAN;
  const sign = (a ^ b) & SIGN;
  const anyZero = (a & ~SIGN) == 0 || (b & ~SIGN) == 0;
  if (isInfinite32(a) || isInfinite32(b)) return anyZero ? DEFAULT_NAN : sign | INFINITY;
  if (anyZero) return sign;
  return oddSingle(reinterpret<u64>((reinterpret<f32>(a) as f64) * (reinterpret<f32>(b) as f64)), false);
}

/** BFAdd. */
function sum(first: u32, second: u32): u32 {
  const a = flushed(first);
  const b = flushed(second);
  if (isNaN32(a) || isNaN32(b)) return DEFAULT_NAN;
  if (isInfinite32(a)) return isInfinite32(b) && a != b ? DEFAULT_NAN : a;
  if (isInfinite32(b)) return b;
  if (a == b && (a & ~SIGN) == 0) return a;
  const x = reinterpret<f32>(a) as f64;
  const y = reinterpret<f32>(b) as f64;
  const nearest = x + y;
  if (nearest == 0) return 0;
  // What the sum lost by rounding, exactly. When that made it larger, one unit less cuts the digits off.
  const other = nearest - x;
  const lost = x - (nearest - other) + (y - other);
  const digits = reinterpret<u64>(nearest);
  return oddSingle(lost != 0 && lost < 0 != nearest < 0 ? digits - 1 : digits, lost != 0);
}

/** addend + the products of the two pairs, lower halves first. */
export function bfdot(addend: u32, first: u32, second: u32): u32 {
  const low = product(first << 16, second << 16);
  const high = product(first & 0xffff_0000, second & 0xffff_0000);
  return sum(addend, sum(low, high));
}
