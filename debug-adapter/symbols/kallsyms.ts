// The symbol table that every Linux kernel with CONFIG_KALLSYMS carries in its own read-only data,
// found in the bytes of an arm64 Image: so a distribution's kernel without any debug file has names.
//
// Layout: Linux scripts/kallsyms.c, write_src(); reading: kernel/kallsyms.c. Names are packed with a
// table of 256 tokens. Two orders exist:
//   to 6.3:   offsets, relative_base, num_syms, names, markers, [seqs_of_names], token_table, token_index
//   from 6.4: num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names
// each aligned to 8 bytes. Nothing points to them, so they are found by what they must look like: the
// tokens for the ten digits stand in a row, and every table is checked against its neighbour.
//
// Left out: absolute tables (kernels before 4.6) and per-CPU relative ones (not on arm64).

import type { SymbolInfo, SymbolSource } from './symbol-source.ts';

const TOKENS = 256;
const MARKER_STEP = 256;
const MIN_SYMBOLS = 256;
const MAX_SYMBOLS = 4_000_000;
/** names, markers and sequence numbers together stay below this. */
const MAX_DISTANCE = 64 << 20;
const LARGEST_FUNCTION = 1 << 20;
/** The kernel image is linked here or above (VA_BITS 36 to 52). */
const LOWEST_KERNEL_VA = 0xfff0_0000_0000_0000n;
const R_AARCH64_RELATIVE = 1027;

interface Tables {
  readonly count: number;
  /** File offset of the packed names. */
  readonly names: number;
  /** File offset of the u32 markers: where every 256th name begins. */
  readonly markers: number;
  readonly tokenTable: number;
  readonly tokenIndex: number;
  /** File offset of the u32 distances from the relative base. */
  readonly offsets: number;
  /** File offset of the relative base. */
  readonly relativeBase: number;
}

/** The kernel's own symbols, or undefined when the Image has none that can be found. */
export function findKallsyms(image: Uint8Array, fileName: string): Kallsyms | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  for (const tokens of tokenTables(image, view)) {
    const names = findNames(image, view, tokens.table);
    if (!names) continue;
    const offsets = findOffsets(view, names, tokens.index);
    if (!offsets) continue;
    const tables: Tables = { ...names, tokenTable: tokens.table, tokenIndex: tokens.index, ...offsets };
    const linked = linkAddresses(view, tables);
    if (linked) return new Kallsyms(image, tables, linked, fileName);
  }
  return undefined;
}

export class Kallsyms implements SymbolSource {
  readonly description: string;
  readonly count: number;
  /** Link address of the first byte of the Image (`_text`), which the table may not name. */
  readonly imageBase: bigint;
  /** Link address that the offsets count from. */
  private readonly base: bigint;
  private readonly image: Uint8Array;
  private readonly view: DataView;
  private readonly tables: Tables;
  /** Sorted, as the kernel needs it for its own lookup. */
  private readonly offsets: Uint32Array;
  private readonly tokens: readonly Uint8Array[];

  constructor(image: Uint8Array, tables: Tables, linked: LinkAddresses, fileName: string) {
    this.image = image;
    this.view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    this.tables = tables;
    this.base = linked.base;
    this.count = tables.count;
    this.description = `kallsyms of ${fileName}`;
    this.offsets = new Uint32Array(tables.count);
    for (let i = 0; i < tables.count; i++)
      this.offsets[i] = this.view.getUint32(tables.offsets + 4 * i, true);
    this.tokens = Array.from({ length: TOKENS }, (_, token) => {
      const start = tables.tokenTable + this.view.getUint16(tables.tokenIndex + 2 * token, true);
      return image.subarray(start, image.indexOf(0, start));
    });
    this.imageBase = linked.imageBase ?? this.guessedImageBase();
  }

  /** The first 64 KiB hold the Image's header and no function; the table may begin on either side. */
  private guessedImageBase(): bigint {
    return this.count > 0 && this.nameAt(0) === '_stext' ? this.base - 0x1_0000n : this.base;
  }

  symbolAt(address: bigint): SymbolInfo | undefined {
    const distance = BigInt.asUintN(64, address) - this.base;
    const last = this.offsets[this.count - 1] ?? 0;
    if (distance < 0n || distance > BigInt(last)) return undefined;
    const offset = Number(distance);
    // The last symbol at or before the offset; of several at one address the first is the kernel's choice.
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.offsets[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    let index = low - 1;
    while (index > 0 && this.offsets[index - 1] === this.offsets[index]) index--;
    let next = low;
    while (next < this.count && this.offsets[next] === this.offsets[index]) next++;
    const start = this.offsets[index] ?? 0;
    const end = this.offsets[next] ?? start;
    // Where the table has a gap, between text and init text, the last function does not reach through it.
    if (offset - start > LARGEST_FUNCTION) return undefined;
    return { name: this.nameAt(index), start: this.base + BigInt(start), end: this.base + BigInt(end) };
  }

  addressesOf(name: string): readonly bigint[] {
    const wanted = new TextEncoder().encode(name);
    const found: bigint[] = [];
    let at = this.tables.names;
    for (let i = 0; i < this.count; i++) {
      const { start, end } = this.entryAt(at);
      if (this.isNamed(start, end, wanted)) found.push(this.base + BigInt(this.offsets[i] ?? 0));
      at = end;
    }
    return found;
  }

  /** Every symbol: for lists and comparisons. The type is nm's letter. */
  *symbols(): Generator<{ readonly name: string; readonly type: string; readonly address: bigint }> {
    let at = this.tables.names;
    for (let i = 0; i < this.count; i++) {
      const { start, end } = this.entryAt(at);
      const text = this.expand(start, end);
      yield {
        type: text.slice(0, 1),
        name: text.slice(1),
        address: this.base + BigInt(this.offsets[i] ?? 0),
      };
      at = end;
    }
  }

  private nameAt(index: number): string {
    let at =
      this.tables.names +
      this.view.getUint32(this.tables.markers + 4 * Math.floor(index / MARKER_STEP), true);
    for (let i = index % MARKER_STEP; i > 0; i--) at = this.entryAt(at).end;
    const { start, end } = this.entryAt(at);
    return this.expand(start, end).slice(1);
  }

  private entryAt(at: number): { start: number; end: number } {
    const { start, length } = entryAt(this.image, at);
    return { start, end: start + length };
  }

  /** The text of an entry: the type's letter and the name. */
  private expand(start: number, end: number): string {
    let text = '';
    for (let at = start; at < end; at++) {
      for (const byte of this.tokens[this.image[at] ?? 0] ?? []) text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Compares without making a string: a name is looked up among two hundred thousand. */
  private isNamed(start: number, end: number, wanted: Uint8Array): boolean {
    let position = -1; // of the type's letter
    for (let at = start; at < end; at++) {
      const token = this.tokens[this.image[at] ?? 0];
      if (!token) return false;
      for (let i = 0; i < token.length; i++, position++) {
        if (position >= 0 && token[i] !== wanted[position]) return false;
      }
    }
    return position === wanted.length;
  }
}

/** A length (two bytes when the first has bit 7, since 6.1), then one token for each byte. */
function entryAt(image: Uint8Array, at: number): { start: number; length: number } {
  const first = image[at] ?? 0;
  if (first < 0x80) return { start: at + 1, length: first };
  return { start: at + 2, length: (first & 0x7f) | ((image[at + 1] ?? 0) << 7) };
}

/** Candidates for the token table: where the one-character tokens '0' to '9' follow each other. */
function* tokenTables(image: Uint8Array, view: DataView): Generator<{ table: number; index: number }> {
  const digits = new Uint8Array(20);
  for (let i = 0; i < 10; i++) digits[2 * i] = 0x30 + i;
  for (let at = image.indexOf(0x30); at >= 0; at = image.indexOf(0x30, at + 1)) {
    if (!startsWith(image, at, digits)) continue;
    // '0' is token 0x30: so many strings stand before it. The first of them may follow directly on a
    // byte that is not NUL, of the table before: then the alignment tells where it begins.
    let start = at;
    for (let strings = 0; strings < 0x30 && start > 0; strings++) start = image.lastIndexOf(0, start - 2) + 1;
    const firstEnd = image.indexOf(0, start);
    for (let table = alignUp(start, 8); table <= firstEnd; table += 8) {
      const found = withIndex(image, view, table);
      if (found) yield found;
    }
  }
}

/** The index behind the table must agree with the lengths of its 256 strings. */
function withIndex(
  image: Uint8Array,
  view: DataView,
  table: number,
): { table: number; index: number } | undefined {
  const starts: number[] = [];
  let end = table;
  for (let i = 0; i < TOKENS; i++) {
    starts.push(end - table);
    const nul = image.indexOf(0, end);
    if (nul < 0 || nul - end > 64) return undefined;
    end = nul + 1;
  }
  const index = alignUp(end, 8);
  if (index + 2 * TOKENS > view.byteLength) return undefined;
  return starts.every((start, i) => view.getUint16(index + 2 * i, true) === start)
    ? { table, index }
    : undefined;
}

/** Going back from the token table: the count, whose names end exactly where the markers begin. */
function findNames(
  image: Uint8Array,
  view: DataView,
  tokenTable: number,
): { count: number; names: number; markers: number } | undefined {
  for (let at = alignUp(tokenTable, 8) - 16; at >= Math.max(0, tokenTable - MAX_DISTANCE); at -= 8) {
    const count = view.getUint32(at, true);
    if (count < MIN_SYMBOLS || count > MAX_SYMBOLS || view.getUint32(at + 4, true) !== 0) continue;
    const markers = markersBehind(image, view, at + 8, count, tokenTable);
    if (markers !== undefined) return { count, names: at + 8, markers };
  }
  return undefined;
}

function markersBehind(
  image: Uint8Array,
  view: DataView,
  names: number,
  count: number,
  limit: number,
): number | undefined {
  const expected: number[] = [];
  let at = names;
  for (let i = 0; i < count; i++) {
    if (i % MARKER_STEP === 0) expected.push(at - names);
    const { start, length } = entryAt(image, at);
    if (length === 0) return undefined;
    at = start + length;
    if (at > limit) return undefined;
  }
  const markers = alignUp(at, 8);
  if (markers + 4 * expected.length > limit) return undefined;
  return expected.every((offset, i) => view.getUint32(markers + 4 * i, true) === offset)
    ? markers
    : undefined;
}

/** The offsets stand before the count (to 6.3) or behind the token index: they never decrease. */
function findOffsets(
  view: DataView,
  { count, names }: { count: number; names: number },
  tokenIndex: number,
): { offsets: number; relativeBase: number } | undefined {
  const relativeBase = names - 16;
  const before = relativeBase - alignUp(4 * count, 8);
  const behind = tokenIndex + 2 * TOKENS;
  if (before >= 0 && ascends(view, before, count)) return { offsets: before, relativeBase };
  if (ascends(view, behind, count)) return { offsets: behind, relativeBase: alignUp(behind + 4 * count, 8) };
  return undefined;
}

function ascends(view: DataView, at: number, count: number): boolean {
  if (at + 4 * count + 8 > view.byteLength) return false;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const offset = view.getUint32(at + 4 * i, true);
    if (offset < last) return false;
    last = offset;
  }
  return last > 0;
}

interface LinkAddresses {
  readonly base: bigint;
  readonly imageBase?: bigint;
}

/**
 * The relative base as linked. A relocatable kernel has zero in its place and the value in a RELA entry
 * {place, R_AARCH64_RELATIVE, value}; with RELR relocations, or not relocatable, it stands there itself.
 */
function linkAddresses(view: DataView, tables: Tables): LinkAddresses | undefined {
  const inPlace = view.getBigUint64(tables.relativeBase, true);
  if (inPlace >= LOWEST_KERNEL_VA) return { base: inPlace };
  // The image is linked to a multiple of 64 KiB, so the low half of the place is known.
  const lowHalf = tables.relativeBase & 0xffff;
  for (let at = 8; at + 16 <= view.byteLength; at += 8) {
    if (view.getUint32(at, true) !== R_AARCH64_RELATIVE || view.getUint32(at + 4, true) !== 0) continue;
    if (view.getUint16(at - 8, true) !== lowHalf) continue;
    const imageBase = view.getBigUint64(at - 8, true) - BigInt(tables.relativeBase);
    const base = view.getBigUint64(at + 8, true);
    if (imageBase < LOWEST_KERNEL_VA || (imageBase & 0xffffn) !== 0n) continue;
    // The base is the first symbol of the image: its start, or what follows its header.
    if (base - imageBase <= 0x20_0000n && base >= imageBase) return { base, imageBase };
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (bytes[at + 1] !== 0 || bytes[at + 2] !== 0x31) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[at + i] !== prefix[i]) return false;
  }
  return true;
}

const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;
