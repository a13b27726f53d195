// Values of fields and registers in words, for the debugger. What several registers say alike
// stands here; what only one says, in its row.

import { COUNTER_FREQUENCY } from '../../devices/clock.ts';
import { bits, type Bits, type Fields, type Whole, type Words } from './define.ts';

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `256 TiB`, for 2^48. */
export function sizeOf(log2: number): string {
  return `${2 ** (log2 % 10)} ${UNITS[Math.floor(log2 / 10)]}`;
}

export const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The field is an address without its lowest bits. */
export const addressShifted =
  (shift: number): Words =>
  (value) =>
    hex(value << BigInt(shift));

/** TnSZ: an address has as many bits as are missing to 64. */
export const rangeSize: Words = (value) => `${64n - value}-bit addresses, ${sizeOf(64 - Number(value))}`;

const ADDRESS_SIZES = [32, 36, 40, 42, 44, 48, 52, 56];
/** IPS, PS and PARange. */
export const addressSize: Words = (value) => {
  const size = ADDRESS_SIZES[Number(value)];
  return size === undefined ? undefined : `${size} bits, ${sizeOf(size)}`;
};

/** TG0. */
export const granule0 = { 0: '4 KiB', 1: '64 KiB', 2: '16 KiB' };
/** TG1 has an order of its own. */
export const granule1 = { 1: '16 KiB', 2: '4 KiB', 3: '64 KiB' };
export const shareability = { 0: 'Non-shareable', 2: 'Outer Shareable', 3: 'Inner Shareable' };
/** IRGN and ORGN: how table walks use the caches. */
export const walkCacheability = {
  0: 'Non-cacheable',
  1: 'Write-Back, read- and write-allocate',
  2: 'Write-Through, read-allocate',
  3: 'Write-Back, read-allocate',
};

const DEVICE_KINDS = ['nGnRnE', 'nGnRE', 'nGRE', 'GRE'];

/** One attribute of MAIR_ELx, and PAR_EL1.ATTR. DDI 0487, MAIR_EL1. */
export const memoryAttribute: Words = (value) => {
  const outer = Number(value >> 4n);
  const inner = Number(value & 15n);
  if (outer === 0) return (inner & 3) === 0 ? `Device-${DEVICE_KINDS[inner >> 2]}` : undefined;
  const [outside, inside] = [cacheability(outer), cacheability(inner)];
  if (outside === undefined || inside === undefined) return undefined;
  return outside === inside ? `Normal, ${outside}` : `Normal, inner ${inside}, outer ${outside}`;
};

function cacheability(nibble: number): string | undefined {
  if (nibble === 0) return undefined;
  if (nibble === 4) return 'Non-cacheable';
  const policy = (nibble & 4) !== 0 ? 'Write-Back' : 'Write-Through';
  const transient = nibble < 8 ? ' transient' : '';
  const allocation = ['no allocation', 'write-allocate', 'read-allocate', 'read- and write-allocate'];
  return `${policy}${transient}, ${allocation[nibble & 3]}`;
}

/** Eight attributes of eight bits, which AttrIndx of a descriptor selects. */
export const memoryAttributes: Fields = Object.fromEntries(
  Array.from({ length: 8 }, (_, n) => [
    `Attr${n}`,
    bits(8 * n + 7, 8 * n, `Memory of descriptors with AttrIndx ${n}`, memoryAttribute),
  ]),
);

/** As many one-bit fields as `count`, named by number. */
export function numberedBits(
  prefix: string,
  count: number,
  doc: (n: number) => string,
  values: readonly [string, string] = ['no', 'yes'],
): Record<string, Bits> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `${prefix}${n}`,
      { low: n, width: 1, doc: doc(n), values: { 0: values[0], 1: values[1] } },
    ]),
  );
}

/** A field of four bits of an ID register: what the values from 0 mean. */
export const idField = (low: number, doc: string, ...values: readonly string[]): Bits =>
  bits(low + 3, low, doc, { ...values });

/** What an INTID is by its number. */
export const interruptNumber: Words = (value) => {
  if (value === 1023n) return 'none';
  if (value < 16n) return `SGI ${value}`;
  if (value < 32n) return `PPI ${value - 16n}`;
  return value < 1020n ? `SPI ${value - 32n}` : undefined;
};

const ticksPerMillisecond = COUNTER_FREQUENCY / 1000;
/** A duration of this many ticks of the system counter. */
const duration = (ticks: bigint): string => {
  const milliseconds = Number(ticks) / ticksPerMillisecond;
  return Math.abs(milliseconds) < 1000
    ? `${milliseconds.toFixed(3)} ms`
    : `${(milliseconds / 1000).toFixed(3)} s`;
};

/** A count of the system counter, as time since it was zero. */
export const countAsTime: Whole = { words: (value) => duration(value) };
/** An offset of the counter: a difference of two counts. */
export const offsetAsTime: Whole = { words: (value) => duration(BigInt.asIntN(64, value)) };
/** CNT*_TVAL: what is left, as a signed number of 32 bits. */
export const timeLeft: Whole = {
  words: (value) => {
    const ticks = BigInt.asIntN(32, value);
    return ticks < 0n ? `due ${duration(-ticks)} ago` : `due in ${duration(ticks)}`;
  },
};
export const frequency: Whole = { words: (value) => `${Number(value) / 1e6} MHz` };

export const virtualAddress: Whole = { space: 'va' };
/** For software's own use: no hardware looks at it. */
export const softwareDefined: Whole = { words: () => undefined };
export const plainCount: Whole = { words: (value) => value.toString() };
export const reservedZero: Whole = { words: (value) => (value === 0n ? 'reserved, zero' : undefined) };
/** Arm leaves the meaning to the core; ours gives it none. */
export const implementationDefined: Whole = {
  words: (value) => (value === 0n ? 'IMPLEMENTATION DEFINED: nothing here' : 'IMPLEMENTATION DEFINED'),
};
/** Registers for AArch32, which no exception level can use. */
export const aarch32Only: Whole = {
  words: (value) => (value === 0n ? 'no AArch32 here' : 'stored: no AArch32 here'),
};
/** ID registers of what the core does not have at all. */
export const notThere = (what: string): Whole => ({
  words: (value) => (value === 0n ? `no ${what}` : undefined),
});
