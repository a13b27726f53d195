// The lanes of a vector register as numbers.

import type { RegisterField } from './registers.ts';

/** V as two doubles and four singles. */
export function vectorFields(value: bigint): RegisterField[] {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, value & 0xffff_ffff_ffff_ffffn, true);
  view.setBigUint64(8, value >> 64n, true);
  return [
    lane('D1', 127, 64, view.getBigUint64(8, true), view.getFloat64(8, true), 'Upper half as a double'),
    lane('D0', 63, 0, view.getBigUint64(0, true), view.getFloat64(0, true), 'Lower half as a double'),
    ...[3, 2, 1, 0].map((n) =>
      lane(
        `S${n}`,
        32 * n + 31,
        32 * n,
        BigInt(view.getUint32(4 * n, true)),
        view.getFloat32(4 * n, true),
        `Lane ${n} as a single`,
        n >= 2 ? 'D1' : 'D0',
      ),
    ),
  ].sort((a, b) => Number.parseInt(b.bits, 10) - Number.parseInt(a.bits, 10));
}

function lane(
  name: string,
  high: number,
  low: number,
  bits: bigint,
  number: number,
  doc: string,
  within?: string,
): RegisterField {
  return {
    name,
    bits: `${high}:${low}`,
    value: `0x${bits.toString(16)}`,
    words: Object.is(number, -0) ? '-0' : String(number),
    doc,
    readOnly: true,
    ...(within !== undefined && { within }),
  };
}
