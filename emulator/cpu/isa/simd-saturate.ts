// Saturating, halving and rounding arithmetic on lanes, as the AdvSIMD rows of several classes
// need it. Arm ARM, SatQ(), SignedSatQ(), UnsignedSatQ().

import type { I32, Ops, Register, V128 } from './ops.ts';
import {
  type Arrangement,
  byteList,
  type Lanes,
  lanesOf,
  type Saturated,
  truncateLanes,
  writeSaturated,
} from './simd-lanes.ts';

/** The largest value of a sign: the most negative lane minus one, or all ones. */
const maximum = (l: Lanes, unsigned: boolean): V128 =>
  l.constant(unsigned ? -1n : (1n << BigInt(l.bits - 1)) - 1n);

/** The signed limit on the side of the sign of a: minimum for negative lanes, else maximum. */
const limitLike = (l: Lanes, a: V128): V128 => l.xor(l.signs(a), maximum(l, false));

export function addSaturating(l: Lanes, a: V128, b: V128, unsigned: boolean): Saturated {
  const sum = l.add(a, b);
  if (unsigned) {
    const saturated = l.gt(a, sum, true);
    return { value: l.or(sum, saturated), saturated };
  }
  // Overflow exactly when the sum's sign differs from that of both operands.
  const saturated = l.signs(l.and(l.xor(a, sum), l.xor(b, sum)));
  return { value: l.choose(saturated, limitLike(l, a), sum), saturated };
}

export function subSaturating(l: Lanes, a: V128, b: V128, unsigned: boolean): Saturated {
  const difference = l.sub(a, b);
  if (unsigned) {
    const saturated = l.gt(b, a, true);
    return { value: l.andNot(difference, saturated), saturated };
  }
  const saturated = l.signs(l.and(l.xor(a, b), l.xor(a, difference)));
  return { value: l.choose(saturated, limitLike(l, a), difference), saturated };
}

/** SUQADD: signed a plus unsigned b, saturated as signed. It can only overflow upwards. */
export function addUnsignedToSigned(l: Lanes, a: V128, b: V128): Saturated {
  const sum = l.add(a, b);
  const saturated = l.gt(a, sum, false);
  return { value: l.choose(saturated, maximum(l, false), sum), saturated };
}

/** USQADD: unsigned a plus signed b, saturated as unsigned. */
export function addSignedToUnsigned(l: Lanes, a: V128, b: V128): Saturated {
  const sum = l.add(a, b);
  const negative = l.signs(b);
  const above = l.andNot(l.gt(a, sum, true), negative);
  const below = l.and(l.gt(sum, a, true), negative);
  return { value: l.andNot(l.or(sum, above), below), saturated: l.or(above, below) };
}

/** (a + b) / 2 without losing the carry. */
export const addHalving = (l: Lanes, a: V128, b: V128, unsigned: boolean): V128 =>
  l.add(l.and(a, b), l.shr(l.xor(a, b), l.ops.i32(1), unsigned));

/** (a + b + 1) / 2 without losing the carry. */
export const addHalvingRounded = (l: Lanes, a: V128, b: V128, unsigned: boolean): V128 =>
  l.sub(l.or(a, b), l.shr(l.xor(a, b), l.ops.i32(1), unsigned));

/** (a - b) / 2 without losing the borrow. */
export const subHalving = (l: Lanes, a: V128, b: V128, unsigned: boolean): V128 =>
  l.sub(l.shr(l.xor(a, b), l.ops.i32(1), unsigned), l.andNot(b, a));

export const absoluteDifference = (l: Lanes, a: V128, b: V128, unsigned: boolean): V128 =>
  l.sub(l.max(a, b, unsigned), l.min(a, b, unsigned));

/** Negation or absolute value: only the most negative lane overflows, onto itself. */
export function saturateNegated(l: Lanes, a: V128, result: V128): Saturated {
  const saturated = l.eq(a, l.minimum());
  return { value: l.xor(result, saturated), saturated };
}

/**
 * The high half of twice the product, rounded if asked (SQDMULH, SQRDMULH), for lanes of 16 and
 * 32 bits. Only the square of the most negative value overflows: its truncated result is the
 * minimum, one bit flip in every place from the maximum.
 */
export function doublingMultiplyHigh(l: Lanes, a: V128, b: V128, rounded: boolean): Saturated {
  const wide = lanesOf(l.ops, l.size + 1);
  const rounding = wide.constant(rounded ? 1n << BigInt(l.bits - 2) : 0n);
  const half = (high: boolean) => {
    const product = l.extendedMul(a, b, high, false);
    return wide.shr(rounded ? wide.add(product, rounding) : product, l.ops.i32(l.bits - 1), false);
  };
  const truncated = joinTruncated(l, half(false), half(true));
  const saturated = l.and(l.eq(a, l.minimum()), l.eq(b, l.minimum()));
  return { value: l.xor(truncated, saturated), saturated };
}

/**
 * SQRDMLAH and SQRDMLSH: the rounded high half of (d << width) ± 2ab. Halved throughout, so that
 * the sum fits the doubled lane.
 */
export function doublingMultiplyAccumulateHigh(
  l: Lanes,
  d: V128,
  a: V128,
  b: V128,
  subtract: boolean,
): Saturated {
  const wide = lanesOf(l.ops, l.size + 1);
  const rounding = wide.constant(1n << BigInt(l.bits - 2));
  const half = (high: boolean): Saturated => {
    const product = l.extendedMul(a, b, high, false);
    const addend = wide.add(wide.shl(l.extend(d, high, false), l.ops.i32(l.bits - 1)), rounding);
    const sum = subtract ? wide.sub(addend, product) : wide.add(addend, product);
    return clampToNarrow(wide, wide.shr(sum, l.ops.i32(l.bits - 1), false), 'signed');
  };
  const low = half(false);
  const high = half(true);
  return {
    value: joinTruncated(l, low.value, high.value),
    saturated: joinTruncated(l, low.saturated, high.saturated),
  };
}

/** Twice the product in lanes of twice the size (SQDMULL); only the square of the minimum overflows. */
export function doublingMultiplyLong(l: Lanes, a: V128, b: V128, high: boolean): Saturated {
  const wide = lanesOf(l.ops, l.size + 1);
  const product = l.extendedMul(a, b, high, false);
  const saturated = wide.eq(product, wide.constant(1n << BigInt(2 * l.bits - 2)));
  return { value: wide.xor(wide.add(product, product), saturated), saturated };
}

/** What SQDMLAL, SQDMLSL and SQDMULL do with the doubled product. */
export type DoublingAccumulation = 'add' | 'subtract' | 'none';

/** Accumulates a doubled product with saturation; either step may saturate. */
export function writeDoublingProduct(
  ops: Ops,
  arrangement: Arrangement,
  Rd: Register,
  product: Saturated,
  accumulation: DoublingAccumulation,
): void {
  if (accumulation === 'none') {
    writeSaturated(ops, arrangement, Rd, product);
    return;
  }
  const l = lanesOf(ops, arrangement.size);
  const accumulate = accumulation === 'add' ? addSaturating : subSaturating;
  const { value, saturated } = accumulate(l, ops.readV(Rd), product.value, false);
  writeSaturated(ops, arrangement, Rd, { value, saturated: l.or(saturated, product.saturated) });
}

/** The low halves of the wide lanes of two vectors, side by side. */
function joinTruncated(l: Lanes, low: V128, high: V128): V128 {
  const bytes = 1 << l.size;
  const list = byteList(16, (i) => ((i >> l.size) << (l.size + 1)) + (i & (bytes - 1)));
  return l.ops.let(l.ops.shuffle(low, high, list));
}

/** How a narrowing saturates: the source is signed except for 'unsigned', the result is signed only for 'signed'. */
export type Narrowing = 'signed' | 'unsigned' | 'signed-to-unsigned';

/** Wide lanes limited to what fits the half of them; saturated where that changed the value. */
function clampToNarrow(wide: Lanes, value: V128, narrowing: Narrowing): Saturated {
  const half = BigInt(wide.bits / 2);
  const top = wide.constant((1n << (narrowing === 'signed' ? half - 1n : half)) - 1n);
  const bottom = wide.constant(narrowing === 'signed' ? -(1n << (half - 1n)) : 0n);
  const unsigned = narrowing === 'unsigned';
  const above = wide.gt(value, top, unsigned);
  const limited = wide.choose(above, top, value);
  if (unsigned) return { value: limited, saturated: above };
  const below = wide.gt(bottom, value, false);
  return { value: wide.choose(below, bottom, limited), saturated: wide.or(above, below) };
}

/** Saturates and narrows; the result stands in both halves, `saturated` is of the wide lanes. */
export function narrowSaturating(wide: Lanes, value: V128, narrowing: Narrowing): Saturated {
  const clamped = clampToNarrow(wide, value, narrowing);
  return { value: truncateLanes(wide.ops, wide.size - 1, clamped.value), saturated: clamped.saturated };
}

/**
 * Right shift by 1 to the width, given as the amount less one: a shift by the whole width is more
 * than WebAssembly takes. Rounding adds the last bit shifted out.
 */
export function shiftRight(l: Lanes, a: V128, lessOne: I32, unsigned: boolean, rounded: boolean): V128 {
  const almost = l.shr(a, lessOne, unsigned);
  const shifted = l.shr(almost, l.ops.i32(1), unsigned);
  return rounded ? l.add(shifted, l.and(almost, l.constant(1n))) : shifted;
}

/** Left shift, saturating (SQSHL, UQSHL by immediate). */
export function shiftLeftSaturating(l: Lanes, a: V128, amount: I32, unsigned: boolean): Saturated {
  const shifted = l.shl(a, amount);
  const saturated = l.ne(l.shr(shifted, amount, unsigned), a);
  const limit = unsigned ? maximum(l, true) : limitLike(l, a);
  return { value: l.choose(saturated, limit, shifted), saturated };
}

/** SQSHLU: a signed value shifted left and saturated as unsigned. */
export function shiftLeftSignedToUnsigned(l: Lanes, a: V128, amount: I32): Saturated {
  const negative = l.signs(a);
  const shifted = l.shl(a, amount);
  const above = l.ne(l.shr(shifted, amount, true), a);
  return { value: l.andNot(l.or(shifted, above), negative), saturated: l.or(above, negative) };
}
