// NaNs from one format to another. Arm ARM, shared pseudocode: FPConvertNaN.

import { fractionBits, fractionMask, infinity, quietBit, signOf, withSign } from './format.as';

/** The NaN of format T with the sign and the upper fraction digits of one of format F, quiet. */
export function convertedNaN<F, T>(bits: u64): u64 {
  const fraction = bits & fractionMask<F>();
  const distance = fractionBits<T>() - fractionBits<F>();
  const moved = distance >= 0 ? fraction << distance : fraction >> -distance;
  return withSign<T>(signOf<F>(bits), infinity<T>() | quietBit<T>() | moved);
}
