// How numbers are shown: the suffixes of expressions (`,x ,d ,o ,b ,c ,s ,su ,t ,flags(type) ,raw`), and
// what a type says of itself.

import type { EnumerationType, IntegerType } from './types.ts';

export interface Format {
  /** Undefined: as the type says. */
  readonly radix?: 'x' | 'd' | 'o' | 'b' | 'c' | 't';
  /** Memory as text. */
  readonly text?: 's' | 'su';
  /** Names of bits. */
  readonly flags?: EnumerationType;
  /** Numbers, no words. */
  readonly raw?: boolean;
  /** The client's wish for all numbers. */
  readonly hex?: boolean;
}

export function integerText(value: bigint, type: IntegerType, format: Format): string {
  const bits = 8 * type.size;
  const unsigned = BigInt.asUintN(bits, value);
  switch (format.radix) {
    case 'x':
      return `0x${unsigned.toString(16)}`;
    case 'o':
      return `0${unsigned.toString(8)}`;
    case 'b':
      return `0b${unsigned.toString(2)}`;
    case 'd':
      return value.toString();
    case 'c':
      return `${value} ${characterText(Number(BigInt.asUintN(8, value)))}`;
    case 't':
      return timeText(value);
    case undefined:
  }
  if (type.role === 'word' || format.hex === true) return `0x${unsigned.toString(16)}`;
  if (type.role === 'boolean' && format.raw !== true) {
    return value === 0n ? 'false' : value === 1n ? 'true' : value.toString();
  }
  if (type.role === 'character' && format.raw !== true) {
    return `${value} ${type.size === 1 ? characterText(Number(BigInt.asUintN(8, value))) : codePointText(unsigned)}`;
  }
  return value.toString();
}

/** `PIDTYPE_PID`; of flags `A | B | 0x40`; a number where no name fits. */
export function enumerationText(value: bigint, type: EnumerationType, format: Format): string {
  if (format.radix !== undefined || format.raw === true) {
    const { name, size, signed } = type;
    return integerText(value, { kind: 'integer', name: name ?? '', size, signed, role: 'number' }, format);
  }
  const exact = type.enumerators.find((enumerator) => enumerator.value === value);
  if (exact) return type.isScoped === true ? `${type.name}::${exact.name}` : exact.name;
  return flagsText(value, type) ?? value.toString();
}

/** Undefined: its members are no flags. */
export function flagsText(value: bigint, type: EnumerationType): string | undefined {
  const bits = BigInt.asUintN(8 * type.size, value);
  const flags = type.enumerators
    .map((enumerator) => ({ ...enumerator, value: BigInt.asUintN(8 * type.size, enumerator.value) }))
    .filter((enumerator) => enumerator.value !== 0n);
  // Every member a bit or bits of its own: otherwise it is a list of numbers.
  let seen = 0n;
  for (const flag of flags) {
    if ((seen & flag.value) !== 0n) return undefined;
    seen |= flag.value;
  }
  if (bits === 0n || flags.length < 2) return undefined;
  return flagWords(bits, flags);
}

/** Whatever the members are: those that are set as a whole. */
export function flagWords(
  bits: bigint,
  flags: readonly { readonly name: string; readonly value: bigint }[],
): string {
  const names: string[] = [];
  let rest = bits;
  for (const { name, value } of flags) {
    if (value === 0n || (rest & value) !== value) continue;
    names.push(name);
    rest &= ~value;
  }
  if (rest !== 0n || names.length === 0) names.push(`0x${rest.toString(16)}`);
  return names.join(' | ');
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  27: '\\e',
  92: '\\\\',
};

export const characterText = (code: number): string => `'${escaped(code, "'")}'`;

/** Of a wide character; one that cannot be shown as its number. */
function codePointText(code: bigint): string {
  const character = code > 0x10_ffffn ? undefined : String.fromCodePoint(Number(code));
  if (code < 128n) return characterText(Number(code));
  return character !== undefined && isShown(character) ? `'${character}'` : `'\\u{${code.toString(16)}}'`;
}

function escaped(code: number, quote: string): string {
  const short = ESCAPES[code];
  if (short !== undefined) return short;
  if (code === quote.charCodeAt(0)) return `\\${quote}`;
  if (code >= 32 && code < 127) return String.fromCharCode(code);
  return `\\${code.toString(8).padStart(3, '0')}`;
}

/** Bytes of a string in C's quotes: what is UTF-8 as its characters, other bytes escaped. */
export function stringText(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i] ?? 0;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    const character = length > 1 ? decoded(bytes.subarray(i, i + length)) : undefined;
    text += character ?? escaped(byte, '"');
    i += character === undefined ? 1 : length;
  }
  return `"${text}"`;
}

const isShown = (character: string): boolean => /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]$/u.test(character);

/** Undefined: damaged, or a character that moves the cursor or turns the writing direction. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return isShown(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Nanoseconds. */
function timeText(value: bigint): string {
  const size = value < 0n ? -value : value;
  const sign = value < 0n ? '-' : '';
  if (size < 1000n) return `${value} ns`;
  if (size < 1_000_000n) return `${sign}${Number(size) / 1e3} µs`;
  if (size < 1_000_000_000n) return `${sign}${Number(size) / 1e6} ms`;
  const seconds = size / 1_000_000_000n;
  return `${sign}${seconds}.${String(size % 1_000_000_000n).padStart(9, '0')} s`;
}
