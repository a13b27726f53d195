// Counting and reversing bits within lanes.

import type { Ops, V128 } from './ops.ts';
import { byteList, bytesConstant, type Lanes } from './simd-lanes.ts';

/** The highest set bit is spread over all lower ones; what remains clear are the leading zeros. */
export function countLeadingZeros(l: Lanes, a: V128): V128 {
  let spread = a;
  for (let distance = 1; distance < l.bits; distance *= 2) {
    spread = l.or(spread, l.shr(spread, l.ops.i32(distance), true));
  }
  return countBits(l, l.not(spread));
}

/** Bits below the sign that equal it: a bit that differs from its upper neighbour ends the run. */
export function countLeadingSigns(l: Lanes, a: V128): V128 {
  const changes = l.xor(a, l.shr(a, l.ops.i32(1), false));
  return l.sub(countLeadingZeros(l, changes), l.constant(1n));
}

/** Set bits of each lane of 8, 16 or 32 bits. */
function countBits(l: Lanes, a: V128): V128 {
  let count = l.ops.simd('i8x16.popcnt', a);
  if (l.size > 0) count = l.ops.simd('i16x8.extadd_pairwise_i8x16_u', count);
  if (l.size > 1) count = l.ops.simd('i32x4.extadd_pairwise_i16x8_u', count);
  return l.ops.let(count);
}

/** The bits of each byte in reverse order, a nibble at a time. */
export function reverseBits(ops: Ops, a: V128): V128 {
  const reversed = (nibble: number) =>
    ((nibble & 1) << 3) | ((nibble & 2) << 1) | ((nibble & 4) >> 1) | (nibble >> 3);
  const toHigh = bytesConstant(
    ops,
    byteList(16, (i) => reversed(i) << 4),
  );
  const toLow = bytesConstant(ops, byteList(16, reversed));
  const low = ops.simd(
    'v128.and',
    a,
    bytesConstant(
      ops,
      byteList(16, () => 0x0f),
    ),
  );
  const high = ops.simd('i8x16.shr_u', a, ops.i32(4));
  return ops.simd('v128.or', ops.simd('i8x16.swizzle', toHigh, low), ops.simd('i8x16.swizzle', toLow, high));
}
