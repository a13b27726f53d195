// A register's value taken apart, in words, for the debugger.

import type { FeatureSet } from '../features.ts';
import type { Bits, Fields, SystemRegisterRow } from './define.ts';
import { encodingWords, lookup } from './lookup.ts';

export interface DecodedField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
  /** Left out where the number says it all. */
  readonly words?: string;
  readonly doc: string;
  /** Set bits to which the architecture gives no meaning. */
  readonly reserved?: true;
  readonly readOnly?: true;
  /** The field that this one is a part of. */
  readonly within?: string;
}

type Described = Pick<SystemRegisterRow, 'fields' | 'variant' | 'whole'>;

/** Highest bits first; parts of a field behind it; reserved bits only where one is set. */
export function decodeFields(row: Described, value: bigint): DecodedField[] {
  if (row.fields === undefined) return [];
  const fields = highestFirst({ ...row.fields });
  const decoded: DecodedField[] = [];
  let claimed = 0n;
  for (const [name, field] of fields) {
    decoded.push(decode(name, field, value));
    claimed |= maskOf(field);
  }
  if (row.variant !== undefined) claimed |= addVariant(decoded, row.variant(value), value);
  addReserved(decoded, value & ~claimed);
  return decoded.sort(byPlace);
}

/** The register in one line; undefined where the fields, or the number, say it. */
export function wordsOf(row: Described, value: bigint): string | undefined {
  const words = row.whole?.words?.(value, value);
  return words === undefined ? undefined : withNames(words);
}

/** Whether some instruction at some EL can access the register on this core. */
export function isImplemented(row: SystemRegisterRow, features: FeatureSet): boolean {
  if (row.since !== undefined && !features.has(row.since)) return false;
  if (row.minEl === 2 && !features.el2) return false;
  return row.implemented?.(features) ?? true;
}

function decode(name: string, field: Bits, value: bigint, within?: string): DecodedField {
  const bits = (value & maskOf(field)) >> BigInt(field.low);
  const words = field.values?.[Number(bits)] ?? field.words?.(bits, value);
  return {
    name,
    high: field.low + field.width - 1,
    low: field.low,
    value: bits,
    ...(words !== undefined && { words }),
    doc: field.doc,
    ...(field.readOnly && { readOnly: true as const }),
    ...(within !== undefined && { within }),
  };
}

/** The fields of this value; what stands inside a field already there is a part of that. */
function addVariant(decoded: DecodedField[], variant: Fields, value: bigint): bigint {
  let claimed = 0n;
  const outer = [...decoded];
  for (const [name, field] of highestFirst(variant)) {
    const high = field.low + field.width - 1;
    const container = outer.find((other) => other.low <= field.low && other.high >= high);
    decoded.push(decode(name, field, value, container?.name));
    claimed |= maskOf(field);
  }
  return claimed;
}

function addReserved(decoded: DecodedField[], left: bigint): void {
  let rest = left;
  for (let low = 0; rest !== 0n; low++, rest >>= 1n) {
    if ((rest & 1n) === 0n) continue;
    let width = 1;
    while (((rest >> BigInt(width)) & 1n) !== 0n) width++;
    decoded.push({
      name: 'reserved',
      high: low + width - 1,
      low,
      value: (1n << BigInt(width)) - 1n,
      doc: 'Bits without a name here',
      reserved: true,
    });
    low += width - 1;
    rest >>= BigInt(width - 1);
  }
}

const maskOf = ({ low, width }: Bits): bigint => ((1n << BigInt(width)) - 1n) << BigInt(low);

const highestFirst = (fields: Fields): [string, Bits][] =>
  Object.entries(fields).sort(([, a], [, b]) => b.low - a.low);

const byPlace = (a: DecodedField, b: DecodedField): number =>
  b.high - a.high || Number(a.within !== undefined) - Number(b.within !== undefined);

/** Encodings become names: `MRS X0, S3_0_C1_C0_0` is of SCTLR_EL1. */
function withNames(words: string): string {
  return words.replace(/S\d_\d_C\d+_C\d+_\d/, (encoding) => {
    const parts = encodingWords(encoding);
    const row = parts && lookup(...parts)?.row;
    return row === undefined || row.encoding !== encoding ? encoding : row.name;
  });
}
