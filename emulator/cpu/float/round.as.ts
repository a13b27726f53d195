// From an exact value to the bits of a format. Arm ARM, shared pseudocode: FPRoundBase.

import {
  bias,
  flushes,
  FPCR_AHP,
  fpcr,
  fractionBits,
  INEXACT,
  infinity,
  INVALID_OPERATION,
  maxBiased,
  MINUS_INFINITY,
  ODD,
  OVERFLOW,
  PLUS_INFINITY,
  raise,
  signBit,
  TIE_AWAY,
  TIE_EVEN,
  TOWARDS_ZERO,
  UNDERFLOW,
  withSign,
} from './format.as';

/** Shifts right; a one that is lost stays visible in bit 0 ("sticky"). */
export function shiftRightSticky(value: u64, amount: i32): u64 {
  if (amount == 0) return value;
  if (amount > 63) return value != 0 ? 1 : 0;
  return (value >> amount) | (value << (64 - amount) != 0 ? 1 : 0);
}

/**
 * Whether to go to the next larger magnitude, given the digits that do not fit: `rest` holds them with half a
 * unit at bit 63, `odd` is the lowest digit that does.
 */
export function roundsUp(sign: u64, odd: bool, rest: u64, rounding: i32): bool {
  if (rest == 0) return false;
  const half: u64 = 0x8000_0000_0000_0000;
  if (rounding == TIE_EVEN) return rest > half || (rest == half && odd);
  if (rounding == TIE_AWAY) return rest >= half;
  if (rounding == PLUS_INFINITY) return sign == 0;
  if (rounding == MINUS_INFINITY) return sign != 0;
  return false;
}

/** Whether an overflow goes to infinity rather than to the largest finite number. */
export function overflowsToInfinity(sign: u64, rounding: i32): bool {
  if (rounding == PLUS_INFINITY) return sign == 0;
  if (rounding == MINUS_INFINITY) return sign != 0;
  return rounding != TOWARDS_ZERO && rounding != ODD;
}

/** An exact zero that is the sum of two numbers of different sign. */
export function zeroOfDifference<F>(rounding: i32): u64 {
  return rounding == MINUS_INFINITY ? signBit<F>() : 0;
}

/**
 * The number (-1)^sign * significand * 2^(exponent-63) in format F. The leading one of the significand is
 * at bit 63, and bit 0 may stand for any number of further digits that are not all zero.
 */
export function round<F>(sign: u64, exponent: i32, significand: u64, rounding: i32): u64 {
  const least = 1 - bias<F>();
  let biased = exponent - least + 1;
  let digits = significand;
  // Flushing looks at the value before rounding and sets UFC alone.
  if (biased <= 0) {
    if (flushes<F>()) {
      raise(UNDERFLOW);
      return withSign<F>(sign, 0);
    }
    digits = shiftRightSticky(digits, least - exponent);
    biased = 0;
  }

  const kept = digits >> (63 - fractionBits<F>());
  const rest = digits << (fractionBits<F>() + 1);
  // Underflow too is detected before rounding.
  if (biased == 0 && rest != 0) raise(UNDERFLOW);

  let limit = maxBiased<F>();
  const alternative = sizeof<F>() == 2 && isSigned<F>() && (fpcr() & FPCR_AHP) != 0;
  if (alternative) limit += 1;
  if (biased < limit) {
    let fraction = kept;
    if (rounding == ODD) fraction |= rest != 0 ? 1 : 0;
    if (roundsUp(sign, (kept & 1) != 0, rest, rounding)) fraction += 1;
    // The leading one of a normal number adds itself to the exponent, and so does a carry.
    const bits = (((biased == 0 ? 0 : biased - 1) as u64) << fractionBits<F>()) + fraction;
    if (bits < (limit as u64) << fractionBits<F>()) {
      if (rest != 0) raise(INEXACT);
      return withSign<F>(sign, bits);
    }
  }
  if (alternative) {
    // The alternative half-precision format has no infinities: the largest number stands for what is too large.
    raise(INVALID_OPERATION);
    return withSign<F>(sign, signBit<F>() - 1);
  }
  raise(OVERFLOW | INEXACT);
  return withSign<F>(sign, overflowsToInfinity(sign, rounding) ? infinity<F>() : infinity<F>() - 1);
}
