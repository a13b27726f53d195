// Products of polynomials over {0, 1}: PMUL, PMULL. Arm ARM, PolynomialMult().

import type { Ops, V128 } from './ops.ts';
import { lanesOf } from './simd-lanes.ts';

/** The low bytes of the products of bytes. */
export const polynomialProducts = (ops: Ops, a: V128, b: V128): V128 => carrylessSum(ops, 0, a, b);

/** The 16-bit products of the bytes in the low or the high halves. */
export function polynomialProductsLong(ops: Ops, a: V128, b: V128, high: boolean): V128 {
  const bytes = lanesOf(ops, 0);
  return carrylessSum(ops, 1, bytes.extend(a, high, true), bytes.extend(b, high, true));
}

/** The exclusive or of a shifted to each bit that is set among the low eight of b. */
function carrylessSum(ops: Ops, size: number, a: V128, b: V128): V128 {
  const l = lanesOf(ops, size);
  let sum = l.constant(0n);
  for (let bit = 0; bit < 8; bit++) {
    const chosen = l.signs(l.shl(b, ops.i32(l.bits - 1 - bit)));
    sum = l.xor(sum, l.and(l.shl(a, ops.i32(bit)), chosen));
  }
  return sum;
}
