// Function names out of a stripped Linux Image. A distribution's vmlinuz carries no symbol table,
// but the kernel keeps its own for stack traces (CONFIG_KALLSYMS), in read-only data and without
// any header: it has to be recognized by its shape. That is what makes a breakpoint on
// start_kernel work on an unmodified kernel without any debug file.
//
// Linux scripts/kallsyms.c and kernel/kallsyms.c. The parts:
//   token_table  256 strings; a name is a sequence of bytes that index it
//   token_index  256 u16, where each token starts
//   names        for each symbol its length (7 bits a byte) and its tokens; the first character
//                of the expanded text is the letter of nm
//   markers      u32 for every 256th symbol, where it starts in names
//   num_syms     u32
//   offsets      i32 for each symbol, from relative_base (u64)
// Up to 6.3 they stand as offsets, relative_base, num_syms, names, markers, (seqs_of_names,)
// token_table, token_index; from 6.4 on as num_syms, names, markers, token_table, token_index,
// offsets, relative_base, seqs_of_names. All are aligned to 8 bytes.

import { va } from '../base/address.ts';
import type { Va } from '../base/address.ts';
import { AddressWindow } from './address-window.ts';
import { viewOf } from './elf.ts';
import { isCodeLetter, SymbolTableBuilder } from './symbols.ts';
import type { SymbolTable } from './symbols.ts';

const TOKENS = 256;
const SYMBOLS_PER_MARKER = 256;
/** Kernels have between 20,000 and 300,000; the bounds make an accidental match unlikely. */
const MIN_SYMBOLS = 256;
const MAX_SYMBOLS = 4_000_000;
/** The names stand close before the tokens. */
const NAMES_REACH = 32 << 20;
const MAX_NAME = 1024;
/** How far the last symbol before a gap reaches. */
const LARGEST_FUNCTION = 1 << 18;

interface Tokens {
  readonly start: number;
  /** First byte behind token_index. */
  readonly end: number;
  readonly texts: readonly Uint8Array[];
}

interface Names {
  readonly count: number;
  /** Where num_syms stands. */
  readonly countAt: number;
  readonly start: number;
  readonly end: number;
}

export interface Kallsyms {
  readonly symbols: SymbolTable;
  /** Link address of the first byte of the Image. */
  readonly imageBase: Va;
}

/** The functions of a flat Linux Image; undefined when it keeps no table that we recognize. */
export function readKallsyms(image: Uint8Array): Kallsyms | undefined {
  const view = viewOf(image);
  const tokens = findTokens(image);
  const names = tokens && findNames(image, tokens);
  if (tokens === undefined || names === undefined) return undefined;
  const offsets = findOffsets(view, tokens, names);
  if (offsets === undefined) return undefined;

  const pool = new NamePool();
  const rows = expandNames(image, tokens, names, pool).map((row, i) => ({
    ...row,
    start: view.getInt32(offsets.at + 4 * i, true),
  }));
  // The Image begins with a branch to primary_entry, which ties places in the file to symbols.
  const target = firstBranchTarget(view);
  const entryName = pool.find('primary_entry');
  const entry = rows.find((row) => row.name === entryName);
  if (target === undefined || entry === undefined) return undefined;
  const baseInImage = target - entry.start;
  const base = findBase(view, offsets.baseAt, baseInImage);
  if (base === undefined) return undefined;

  const builder = new SymbolTableBuilder(new AddressWindow(base), pool.bytes());
  for (const { start, letter, name } of rows) {
    const kind = isCodeLetter(letter) ? 'function' : 'object';
    builder.add(kind, start, 0, start + LARGEST_FUNCTION, name, letter < 'a' ? 1 : 0);
  }
  return { symbols: builder.build(), imageBase: va(base - BigInt(baseInImage)) };
}

/** The digits are tokens of their own in every kernel: "0\0" "1\0" … "9\0" stand in a row. */
function findTokens(image: Uint8Array): Tokens | undefined {
  const isDigits = (at: number): boolean => {
    for (let i = 0; i < 10; i++)
      if (image[at + 2 * i] !== 0x30 + i || image[at + 2 * i + 1] !== 0) return false;
    return true;
  };
  for (let at = image.indexOf(0x30); at !== -1; at = image.indexOf(0x30, at + 1)) {
    if (image[at + 1] !== 0 || !isDigits(at)) continue;
    const tokens = tokensAround(image, at);
    if (tokens !== undefined) return tokens;
  }
  return undefined;
}

/** The table whose token for the character 0 starts at `zero`, if there is one. */
function tokensAround(image: Uint8Array, zero: number): Tokens | undefined {
  let end = zero;
  for (let token = 0x30; token < TOKENS; token++) {
    const terminator = image.indexOf(0, end);
    if (terminator === -1 || terminator - end > MAX_NAME) return undefined;
    end = terminator + 1;
  }
  const view = viewOf(image);
  const index = align(end, 8);
  if (index + 2 * TOKENS > image.length) return undefined;
  const start = zero - view.getUint16(index + 2 * 0x30, true);
  const texts: Uint8Array[] = [];
  for (let token = 0, at = start; token < TOKENS; token++) {
    if (at < 0 || at !== start + view.getUint16(index + 2 * token, true)) return undefined;
    const terminator = image.indexOf(0, at);
    texts.push(image.subarray(at, terminator));
    at = terminator + 1;
  }
  return { start, end: align(index + 2 * TOKENS, 8), texts };
}

/** Looks backwards for a count that is followed by that many names and markers that fit. */
function findNames(image: Uint8Array, tokens: Tokens): Names | undefined {
  const view = viewOf(image);
  const lowest = Math.max(0, tokens.start - NAMES_REACH);
  for (let at = (tokens.start & ~7) - 8; at >= lowest; at -= 8) {
    const count = view.getUint32(at, true);
    if (count < MIN_SYMBOLS || count > MAX_SYMBOLS || view.getUint32(at + 4, true) !== 0) continue;
    const end = namesEnd(image, view, at + 8, count, tokens.start);
    if (end !== undefined) return { count, countAt: at, start: at + 8, end };
  }
  return undefined;
}

/** Where the names end, if `count` of them and their markers fit before `limit`. */
function namesEnd(
  image: Uint8Array,
  view: DataView,
  start: number,
  count: number,
  limit: number,
): number | undefined {
  const markers = Math.ceil(count / SYMBOLS_PER_MARKER);
  const places = new Uint32Array(markers);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (i % SYMBOLS_PER_MARKER === 0) places[i / SYMBOLS_PER_MARKER] = at - start;
    const first = image[at] ?? 0;
    // Long names take two bytes for their length, 7 bits each, low ones first.
    const long = first >= 0x80;
    const length = long ? (first & 0x7f) | ((image[at + 1] ?? 0) << 7) : first;
    at += length + (long ? 2 : 1);
    if (length === 0 || at > limit) return undefined;
  }
  const markersAt = align(at, 8);
  if (markersAt + 4 * markers > limit) return undefined;
  const fits = places.every((place, i) => view.getUint32(markersAt + 4 * i, true) === place);
  return fits ? at : undefined;
}

function findOffsets(
  view: DataView,
  tokens: Tokens,
  names: Names,
): { at: number; baseAt: number } | undefined {
  const size = align(4 * names.count, 8);
  const layouts = [
    { at: names.countAt - 8 - size, baseAt: names.countAt - 8 },
    { at: tokens.end, baseAt: tokens.end + size },
  ];
  return layouts.find(
    ({ at, baseAt }) => at >= 0 && baseAt + 8 <= view.byteLength && isSorted(view, at, names.count),
  );
}

/** Symbols are sorted by address; random data is not, and an empty stretch has no last symbol. */
function isSorted(view: DataView, at: number, count: number): boolean {
  if (view.getInt32(at + 4 * (count - 1), true) <= view.getInt32(at, true)) return false;
  for (let i = 1; i < count; i++) {
    if (view.getInt32(at + 4 * i, true) < view.getInt32(at + 4 * i - 4, true)) return false;
  }
  return true;
}

/**
 * The value of relative_base, the address of the byte at `baseInImage`. A relocatable arm64 kernel
 * leaves addresses zero in the Image and keeps them as addends of R_AARCH64_RELATIVE entries:
 * place, 0x403, value. Where the Image starts in those addresses is not written anywhere, but the
 * distance between the place and the value of the entry we want is known.
 */
function findBase(view: DataView, baseAt: number, baseInImage: number): bigint | undefined {
  const written = view.getBigUint64(baseAt, true);
  if (written !== 0n) return written;
  const distance = BigInt(baseAt - baseInImage);
  const end = view.byteLength - 16;
  for (let i = 8; i <= end; i += 8) {
    if (view.getUint32(i, true) !== 0x403 || view.getUint32(i + 4, true) !== 0) continue;
    const value = view.getBigUint64(i + 8, true);
    if (view.getBigUint64(i - 8, true) - value === distance) return value;
  }
  return undefined;
}

/** Offset that the first B instruction of the Image header jumps to: primary_entry. */
function firstBranchTarget(view: DataView): number | undefined {
  for (const at of [0, 4]) {
    const word = view.getUint32(at, true);
    if (word >>> 26 === 0b000101) return at + ((word << 6) >> 4);
  }
  return undefined;
}

/** The letter of nm and the place in the pool of every name. */
function expandNames(
  image: Uint8Array,
  tokens: Tokens,
  names: Names,
  pool: NamePool,
): { letter: string; name: number }[] {
  const rows: { letter: string; name: number }[] = [];
  for (let i = 0, at = names.start; i < names.count; i++) {
    const first = image[at] ?? 0;
    const long = first >= 0x80;
    const length = long ? (first & 0x7f) | ((image[at + 1] ?? 0) << 7) : first;
    at += long ? 2 : 1;
    const start = pool.length;
    for (let k = 0; k < length; k++) pool.append(tokens.texts[image[at + k] ?? 0] ?? EMPTY);
    at += length;
    pool.append(NUL);
    rows.push({ letter: String.fromCharCode(pool.byte(start)), name: start + 1 });
  }
  return rows;
}

const EMPTY = new Uint8Array();
const NUL = new Uint8Array(1);

/** Names one behind the other, each behind its letter and before a NUL. */
class NamePool {
  length = 0;
  private buffer = new Uint8Array(1 << 20);

  append(text: Uint8Array): void {
    if (this.length + text.length > this.buffer.length) {
      const larger = new Uint8Array(2 * (this.length + text.length));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    for (let i = 0; i < text.length; i++) this.buffer[this.length++] = text[i] ?? 0;
  }

  byte(at: number): number {
    return this.buffer[at] ?? 0;
  }

  /** Where a name stands, behind its letter. */
  find(name: string): number | undefined {
    const wanted = [...name].map((character) => character.charCodeAt(0));
    for (
      let end = this.buffer.indexOf(0);
      end !== -1 && end < this.length;
      end = this.buffer.indexOf(0, end + 1)
    ) {
      const start = end - wanted.length;
      const letterBefore = start === 1 || this.buffer[start - 2] === 0;
      if (letterBefore && wanted.every((byte, i) => this.buffer[start + i] === byte)) return start;
    }
    return undefined;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}

const align = (offset: number, to: number): number => Math.ceil(offset / to) * to;
