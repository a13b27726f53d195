// 128-bit integers as two halves, for products of double-precision significands.

export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  return aHigh * bHigh + (middle >> 32) + (((middle & 0xffff_ffff) + aLow * bHigh) >> 32);
}

/** Upper half of (high:low) shifted right. */
export function shiftedHigh(high: u64, amount: i32): u64 {
  return amount > 63 ? 0 : high >> amount;
}

/** Lower half of (high:low) shifted right; bit 0 is sticky. */
export function shiftedLow(high: u64, low: u64, amount: i32): u64 {
  if (amount == 0) return low;
  if (amount < 64) return (high << (64 - amount)) | (low >> amount) | (low << (64 - amount) != 0 ? 1 : 0);
  if (amount == 64) return high | (low != 0 ? 1 : 0);
  if (amount < 128) return (high >> (amount - 64)) | ((high << (128 - amount)) | low ? 1 : 0);
  return high | low ? 1 : 0;
}
