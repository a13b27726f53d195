// The 128-bit product of two polynomials of degree 63 over {0, 1}: PMULL of doublewords. Arm ARM,
// PolynomialMult().

/** The product, by Karatsuba's method from three products of half the length. */
export function multiplyPolynomials(a: u64, b: u64): v128 {
  const a1 = a >> 32;
  const b1 = b >> 32;
  const low = multiplyWords(a & 0xffffffff, b & 0xffffffff);
  const high = multiplyWords(a1, b1);
  const middle = multiplyWords((a ^ a1) & 0xffffffff, (b ^ b1) & 0xffffffff) ^ low ^ high;
  const product = i64x2.splat(low ^ (middle << 32));
  return i64x2.replace_lane(product, 1, high ^ (middle >> 32));
}

/**
 * The product of two polynomials of 32 bits. Every fourth bit of the operands is multiplied at a
 * time, as integers: at most eight ones meet in a place, so carries stay within the three places
 * that are masked off afterwards.
 */
function multiplyWords(a: u64, b: u64): u64 {
  const m0: u64 = 0x1111111111111111;
  const m1: u64 = m0 << 1;
  const m2: u64 = m0 << 2;
  const m3: u64 = m0 << 3;
  const a0 = a & m0;
  const a1 = a & m1;
  const a2 = a & m2;
  const a3 = a & m3;
  const b0 = b & m0;
  const b1 = b & m1;
  const b2 = b & m2;
  const b3 = b & m3;
  const c0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
  const c1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
  const c2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
  const c3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);
  return (c0 & m0) | (c1 & m1) | (c2 & m2) | (c3 & m3);
}
