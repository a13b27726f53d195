// Names of addresses and addresses of names, from an ELF symbol table, a System.map or the
// kallsyms tables inside a stripped Linux Image (`kallsyms.ts`).
//
// A vmlinux has 190,000 symbols, so they are kept in typed arrays sorted by address, with names
// as offsets into the string table they came with. Addresses are distances from the program's
// lowest address (`address-window.ts`); where a program runs elsewhere than it was linked
// (KASLR), `relocated` gives a view that shares the arrays.

import { va } from '../base/address.ts';
import type { Va } from '../base/address.ts';
import { UserError } from '../base/errors.ts';
import { AddressWindow, lastAtMost } from './address-window.ts';
import { SHF_ALLOC, SHF_EXECINSTR, SHT_DYNSYM, SHT_SYMTAB, stringAt, viewOf } from './elf.ts';
import type { ElfFile } from './elf.ts';
import { MappingSymbols } from './mapping-symbols.ts';

export type SymbolKind = 'function' | 'object';

export interface SymbolPlace {
  readonly name: string;
  readonly address: Va;
  /** Bytes; of a label in assembly, up to the next symbol. */
  readonly size: number;
  readonly kind: SymbolKind;
}

export interface SymbolAt extends SymbolPlace {
  /** Distance of the address that was looked up from the symbol's address. */
  readonly offset: number;
}

/** One kind of symbols, sorted by start; where several start together, the best name is last. */
interface Group {
  readonly kind: SymbolKind;
  readonly count: number;
  readonly starts: Float64Array;
  readonly sizes: Float64Array;
  readonly names: Uint32Array;
}

export class SymbolTable {
  /** How far the program runs from where it was linked. */
  readonly loadOffset: bigint;
  private readonly window: AddressWindow;
  private readonly pool: Uint8Array;
  private readonly groups: readonly [functions: Group, objects: Group];
  private readonly marks: MappingSymbols;

  constructor(
    window: AddressWindow,
    pool: Uint8Array,
    groups: readonly [functions: Group, objects: Group],
    marks: MappingSymbols,
    loadOffset = 0n,
  ) {
    this.window = window;
    this.pool = pool;
    this.groups = groups;
    this.marks = marks;
    this.loadOffset = loadOffset;
  }

  static async fromElf(elf: ElfFile): Promise<SymbolTable> {
    return elfSymbols(elf);
  }

  static fromSystemMap(text: string, file: string): SymbolTable {
    return systemMapSymbols(text, file);
  }

  /** The same program, running `loadOffset` bytes above where it was linked. */
  relocated(loadOffset: bigint): SymbolTable {
    return new SymbolTable(this.window, this.pool, this.groups, this.marks, loadOffset);
  }

  /** Data between code, such as a literal pool. */
  isData(address: bigint): boolean {
    const offset = this.window.offsetOf(address - this.loadOffset);
    return !Number.isNaN(offset) && this.marks.isData(offset);
  }

  get functionCount(): number {
    return this.groups[0].count;
  }

  /** The function at an address. */
  lookup(address: bigint): SymbolAt | undefined {
    return this.lookupIn(this.groups[0], address);
  }

  /** The function or data object at an address. */
  lookupAny(address: bigint): SymbolAt | undefined {
    return this.lookup(address) ?? this.lookupIn(this.groups[1], address);
  }

  /** Where functions of this name start. A static function's name may occur many times. */
  addressesOf(name: string): Va[] {
    return this.placesIn(this.groups[0], name).map((place) => place.address);
  }

  /** Functions and data objects of this name. */
  find(name: string): SymbolPlace[] {
    return this.groups.flatMap((group) => this.placesIn(group, name));
  }

  /** Where functions start whose name matches, in order of address, up to `limit` of them. */
  functionsMatching(pattern: RegExp, limit: number): Va[] {
    const [functions] = this.groups;
    const found: Va[] = [];
    for (let i = 0; i < functions.count && found.length < limit; i++) {
      const place = this.place(functions, i);
      if (place.address !== found.at(-1) && pattern.test(place.name)) found.push(place.address);
    }
    return found;
  }

  /** Up to `limit` function names with this beginning, for completion. */
  namesWithPrefix(prefix: string, limit: number): string[] {
    const names = new Set<string>();
    for (const { name } of this.functionsWithPrefix(prefix)) {
      if (names.size >= limit) break;
      names.add(name);
    }
    return [...names].sort();
  }

  /** In order of address. */
  *functionsWithPrefix(prefix: string): Generator<SymbolPlace> {
    const wanted = encoder.encode(prefix);
    const [functions] = this.groups;
    for (let i = 0; i < functions.count; i++) {
      const at = functions.names[i] ?? 0;
      if (wanted.every((byte, k) => this.pool[at + k] === byte)) yield this.place(functions, i);
    }
  }

  /** Functions and objects that have a byte from `from` on and before `to`, in order of address, up to `limit`. */
  within(from: bigint, to: bigint, limit: number): SymbolPlace[] {
    const first = this.window.offsetOf(from - this.loadOffset);
    if (Number.isNaN(first)) return [];
    const found = this.groups.flatMap((group) => {
      const places: SymbolPlace[] = [];
      for (let i = Math.max(lastAtMost(group.starts, group.count, first), 0); i < group.count; i++) {
        const start = group.starts[i] ?? 0;
        // Of several that begin together, the last one has the name.
        if (start === group.starts[i + 1]) continue;
        const place = this.place(group, i);
        if (place.address >= to || places.length >= limit) break;
        if (start + place.size > first) places.push(place);
      }
      return places;
    });
    return found.sort((a, b) => (a.address < b.address ? -1 : 1)).slice(0, limit);
  }

  private lookupIn(group: Group, address: bigint): SymbolAt | undefined {
    const offset = this.window.offsetOf(address - this.loadOffset);
    const index = Number.isNaN(offset) ? -1 : lastAtMost(group.starts, group.count, offset);
    if (index < 0) return undefined;
    const place = this.place(group, index);
    const distance = offset - (group.starts[index] ?? 0);
    return distance < place.size ? { ...place, offset: distance } : undefined;
  }

  private placesIn(group: Group, name: string): SymbolPlace[] {
    const references = this.referencesTo(name);
    const places: SymbolPlace[] = [];
    for (let i = 0; i < group.count; i++) {
      if (references.has(group.names[i] ?? 0)) places.push(this.place(group, i));
    }
    return places;
  }

  /** Offsets in the pool where this name stands; linkers let names share their endings. */
  private referencesTo(name: string): Set<number> {
    const wanted = encoder.encode(`${name}\0`);
    const last = wanted.length - 2;
    const found = new Set<number>();
    if (last < 0) return found;
    // Hop from end to end of the pool's strings and compare backwards.
    for (let end = this.pool.indexOf(0); end !== -1; end = this.pool.indexOf(0, end + 1)) {
      let k = 0;
      while (k <= last && this.pool[end - 1 - k] === wanted[last - k]) k++;
      if (k > last) found.add(end - 1 - last);
    }
    return found;
  }

  private place(group: Group, index: number): SymbolPlace {
    return {
      name: stringAt(this.pool, group.names[index] ?? 0),
      address: va(this.window.addressOf(group.starts[index] ?? 0) + this.loadOffset),
      size: group.sizes[index] ?? 0,
      kind: group.kind,
    };
  }
}

/** Collects symbols in any order. */
export class SymbolTableBuilder {
  private readonly window: AddressWindow;
  private readonly pool: Uint8Array;
  private readonly rows: Record<SymbolKind, number[]> = { function: [], object: [] };
  readonly marks = new MappingSymbols();

  constructor(window: AddressWindow, pool: Uint8Array) {
    this.window = window;
    this.pool = pool;
  }

  /**
   * `size` 0 means unknown: up to the next symbol, at most to `limit`. Of several symbols with
   * one start, that with the highest rank names it, and without a reserved name before one with.
   */
  add(kind: SymbolKind, start: number, size: number, limit: number, name: number, rank: number): void {
    this.rows[kind].push(start, size, limit, name, rank);
  }

  build(): SymbolTable {
    const groups = [this.group('function'), this.group('object')] as const;
    return new SymbolTable(this.window, this.pool, groups, this.marks);
  }

  private group(kind: SymbolKind): Group {
    const rows = this.rows[kind];
    const field = (row: number, column: number): number => rows[row * ROW + column] as number;
    const count = rows.length / ROW;
    const order = new Uint32Array(count).map((_, i) => i);
    order.sort(
      (a, b) =>
        field(a, START) - field(b, START) ||
        field(a, RANK) - field(b, RANK) ||
        this.reserved(field(b, NAME)) - this.reserved(field(a, NAME)) ||
        b - a,
    );

    const starts = new Float64Array(count);
    const sizes = new Float64Array(count);
    const names = new Uint32Array(count);
    let next = Number.POSITIVE_INFINITY;
    for (let i = count - 1; i >= 0; i--) {
      const row = order[i] ?? 0;
      const start = field(row, START);
      const following = starts[i + 1];
      if (following !== undefined && following !== start) next = following;
      starts[i] = start;
      sizes[i] = field(row, SIZE) || Math.min(next, field(row, LIMIT)) - start;
      names[i] = field(row, NAME);
    }
    return { kind, count, starts, sizes, names };
  }

  /** 1 for `__pi_strcmp`, which people call strcmp where both are there. */
  private reserved(name: number): number {
    return Number(this.pool[name] === UNDERSCORE && this.pool[name + 1] === UNDERSCORE);
  }
}

const UNDERSCORE = 0x5f;

const ROW = 5;
const [START, SIZE, LIMIT, NAME, RANK] = [0, 1, 2, 3, 4];
const encoder = new TextEncoder();

// -------------------------------------------------------------------- ELF

const SYMBOL_SIZE = 24;
const STT_NOTYPE = 0;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const STB_LOCAL = 0;
const DOLLAR = 0x24;
const DOT = 0x2e;
const LETTER_D = 0x64;
const LETTER_X = 0x78;

async function elfSymbols(elf: ElfFile): Promise<SymbolTable> {
  const table =
    elf.sections.find((section) => section.type === SHT_SYMTAB) ??
    elf.sections.find((section) => section.type === SHT_DYNSYM);
  const strings = table && elf.sections[table.link];
  if (table === undefined || strings === undefined)
    return new SymbolTableBuilder(elf.window, new Uint8Array()).build();

  const symbols = viewOf(await elf.readSection(table));
  const pool = await elf.readSection(strings);
  const builder = new SymbolTableBuilder(elf.window, pool);
  const ends = elf.sections.map((section) => elf.window.offsetOf(section.address + BigInt(section.size)));
  for (const { flags, address } of elf.sections) {
    const start = elf.window.offsetOf(address);
    if ((flags & SHF_EXECINSTR) !== 0 && !Number.isNaN(start)) builder.marks.add(start, false);
  }
  for (let at = 0; at + SYMBOL_SIZE <= symbols.byteLength; at += SYMBOL_SIZE) {
    const name = symbols.getUint32(at, true);
    const info = symbols.getUint8(at + 4);
    const section = elf.sections[symbols.getUint16(at + 6, true)];
    // Undefined, absolute and common symbols are no places in the program.
    if (section === undefined || section.index === 0 || !(section.flags & SHF_ALLOC)) continue;
    const first = pool[name];
    if (first === undefined || first === 0) continue;
    const isCode = (section.flags & SHF_EXECINSTR) !== 0;
    const mark = (info & 15) === STT_NOTYPE ? mappingSymbol(pool, name) : undefined;
    if (mark !== undefined && !isCode) continue;
    const kind = kindOf(info & 15, isCode);
    if (kind === undefined) continue;
    const start = elf.window.offsetOfHalves(
      symbols.getUint32(at + 8, true),
      symbols.getUint32(at + 12, true),
    );
    if (Number.isNaN(start)) continue;
    if (mark !== undefined) {
      builder.marks.add(start, mark === LETTER_D);
      continue;
    }
    const size = symbols.getUint32(at + 20, true) * 0x1_0000_0000 + symbols.getUint32(at + 16, true);
    const rank = ((info & 15) === STT_NOTYPE ? 0 : 2) + (info >> 4 === STB_LOCAL ? 0 : 1);
    builder.add(kind, start, size, ends[section.index] ?? start, name, rank);
  }
  return builder.build();
}

/** The letter of a mapping symbol. Linux gives some of its parts prefixes, which these get as well: `__kvm_nvhe_$x`. */
function mappingSymbol(pool: Uint8Array, name: number): number | undefined {
  let at = name;
  while (pool[at] !== DOLLAR) if ((pool[at++] ?? 0) === 0) return undefined;
  const kind = pool[at + 1];
  const next = pool[at + 2];
  return (kind === LETTER_X || kind === LETTER_D) && (next === 0 || next === DOT) ? kind : undefined;
}

/** Assembly labels have no type; in code they name functions as far as a user is concerned. */
function kindOf(type: number, executable: boolean): SymbolKind | undefined {
  if (type === STT_FUNC || type === STT_GNU_IFUNC) return 'function';
  if (type === STT_OBJECT) return 'object';
  if (type === STT_NOTYPE) return executable ? 'function' : 'object';
  return undefined;
}

// -------------------------------------------------------------------- System.map

/** The letters of nm for code. Upper case is global. */
export const isCodeLetter = (letter: string): boolean => 'TtWw'.includes(letter);
/** How far the last symbol of a table without sizes reaches. */
const LAST_SYMBOL_SIZE = 4096;

function systemMapSymbols(text: string, file: string): SymbolTable {
  const rows = [...text.matchAll(/^([0-9a-f]{16}) ([A-Za-z]) (\S+)/gm)].map(
    ([, address = '0', letter = 't', name = '']) => ({
      address: BigInt(`0x${address}`),
      letter,
      name,
    }),
  );
  const places = rows.filter((row) => !'AaUu'.includes(row.letter) && !/\$[dx](?:$|\.)/.test(row.name));
  const lowest = places.find((row) => isCodeLetter(row.letter));
  if (lowest === undefined) {
    // Debian ships a placeholder and puts the real one into the debug package.
    throw new UserError('the file holds no symbols', "Give the kernel's real System.map or its vmlinux.", {
      file,
    });
  }
  const window = new AddressWindow(
    places.reduce((low, { address }) => (address < low ? address : low), lowest.address),
  );
  const offsets: number[] = [];
  let length = 0;
  for (const { name } of places) {
    offsets.push(length);
    length += name.length + 1;
  }
  const pool = encoder.encode(places.map(({ name }) => `${name}\0`).join(''));
  const builder = new SymbolTableBuilder(window, pool);
  places.forEach(({ address, letter }, i) => {
    const start = window.offsetOf(address);
    if (Number.isNaN(start)) return;
    const kind = isCodeLetter(letter) ? 'function' : 'object';
    builder.add(kind, start, 0, start + LAST_SYMBOL_SIZE, offsets[i] ?? 0, letter < 'a' ? 1 : 0);
  });
  return builder.build();
}
