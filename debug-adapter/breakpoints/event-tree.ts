// `$ev`: what is known of the event, exception or access that stopped the machine.

import type { StopReport } from './judge.ts';

/** Plain data with names; undefined where the stop was none of these. */
export function eventTree(stop: StopReport | undefined): Readonly<Record<string, unknown>> | undefined {
  const { exception, watch } = stop ?? {};
  if (exception?.event) {
    const { event, fields, description } = exception.event;
    const shown = Object.entries(fields).map(([name, value]) => [name, shownField(value)] as const);
    return { event, description, ...Object.fromEntries(shown) };
  }
  if (!watch) return undefined;
  const { access, va, pa, size, before, after } = watch;
  return {
    event: access,
    ...(va !== undefined && { va: hex(va) }),
    pa: hex(pa),
    size,
    old: littleEndianText(before),
    new: littleEndianText(after),
  };
}

/** Small numbers as people count, others as addresses are written. */
const shownField = (value: bigint | string): number | string =>
  typeof value === 'string' ? value : value > -1000n && value < 1000n ? Number(value) : hex(value);

const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

function littleEndianText(bytes: Uint8Array): string {
  const digits = [...bytes].reverse().map((byte) => byte.toString(16).padStart(2, '0'));
  return `0x${digits.join('').replace(/^0+(?=.)/, '')}`;
}
