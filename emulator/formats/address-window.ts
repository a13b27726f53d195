// Addresses of one linked program, as numbers.
//
// A kernel's addresses (0xffff8000…) do not fit a double, and BigInt is too slow for tables of
// millions of rows. All addresses of one program lie close together, so tables keep the exact
// distance from the program's lowest address; BigInt appears at the edge only.

import { va } from '../base/address.ts';
import type { Va } from '../base/address.ts';

const TWO_32 = 0x1_0000_0000;
/** Distances up to here are exact in a double, with room for sums. */
const REACH = 2 ** 52;

export class AddressWindow {
  readonly base: Va;
  private readonly baseHigh: number;
  private readonly baseLow: number;
  private readonly wraps: boolean;

  /** `wraps`: distances are taken modulo 2^64, so that both halves of the address space are in reach. */
  constructor(base: bigint, wraps = false) {
    this.base = va(base);
    this.wraps = wraps;
    this.baseHigh = Number(this.base >> 32n);
    this.baseLow = Number(this.base & 0xffff_ffffn);
  }

  /** The distance of an address from the base (maybe negative); NaN when it is out of reach. */
  offsetOf(address: bigint): number {
    const plain = BigInt.asUintN(64, address) - this.base;
    const distance = this.wraps ? BigInt.asIntN(64, plain) : plain;
    return distance > -REACH && distance < REACH ? Number(distance) : Number.NaN;
  }

  /** The same from the two halves of an address in a file. */
  offsetOfHalves(low: number, high: number): number {
    const highs = this.wraps ? (high - this.baseHigh) | 0 : high - this.baseHigh;
    const distance = highs * TWO_32 + (low - this.baseLow);
    return distance > -REACH && distance < REACH ? distance : Number.NaN;
  }

  addressOf(offset: number): Va {
    return va(this.base + BigInt(offset));
  }
}

/** Index of the last element of sorted `values` (of which `count` count) that is <= key, or -1. */
export function lastAtMost(values: { readonly [index: number]: number }, count: number, key: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
