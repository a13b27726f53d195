// Sums of neighbouring lanes, and reductions of all lanes to one.

import type { Ops, V128 } from './ops.ts';
import {
  type Arrangement,
  evenLanes,
  laneOperation,
  type Lanes,
  lanesOf,
  oddLanes,
  vectorOf,
} from './simd-lanes.ts';

/** Sums of neighbouring lanes in lanes of twice the size. */
export function addPairsLong(ops: Ops, size: number, a: V128, unsigned: boolean): V128 {
  const sign = unsigned ? 'u' : 's';
  if (size === 0) return ops.let(ops.simd(laneOperation(1, `extadd_pairwise_i8x16_${sign}`), a));
  if (size === 1) return ops.let(ops.simd(laneOperation(2, `extadd_pairwise_i16x8_${sign}`), a));
  const l = lanesOf(ops, 3);
  const half = ops.i32(32);
  return l.add(l.shr(l.shl(a, half), half, unsigned), l.shr(a, half, unsigned));
}

/** Sums of neighbouring 32-bit lanes of a:b. */
export function addPairs32(ops: Ops, a: V128, b: V128): V128 {
  const all = vectorOf(2, 1);
  return lanesOf(ops, 2).add(evenLanes(ops, all, a, b), oddLanes(ops, all, a, b));
}

/** Combines all lanes of the arrangement into lane 0. */
export function reduceLanes(
  l: Lanes,
  { size, bytes }: Arrangement,
  vector: V128,
  combine: (a: V128, b: V128) => V128,
): V128 {
  let result = vector;
  for (let distance = bytes / 2; distance >= 1 << size; distance /= 2) {
    const moved = l.ops.shuffle(
      result,
      result,
      Array.from({ length: 16 }, (_, i) => (i + distance) & 15),
    );
    result = combine(result, moved);
  }
  return result;
}
