// The .debug_* sections of a file: positioned reads for the large ones, whole ones for string
// tables, and the place where damage in any of them becomes one UserError.

import { UserError } from '../../base/errors.ts';
import type { AddressWindow } from '../address-window.ts';
import { memorySource, readExactly } from '../byte-source.ts';
import type { ByteSource } from '../byte-source.ts';
import { SHF_EXECINSTR, stringAt } from '../elf.ts';
import type { ElfFile } from '../elf.ts';
import { readAbbreviations } from './abbrev.ts';
import type { AbbreviationTable } from './abbrev.ts';
import { BadDwarf, Cursor, OutOfBytes } from './cursor.ts';
import { Lru } from './lru.ts';

const EMPTY = memorySource(new Uint8Array());
const FIRST_READ = 1024;
/** Tables of abbreviations are longer than most that is parsed. */
const FIRST_READ_OF_ABBREVIATIONS = 8192;

/** Sections of many short lists, each of which is asked for by itself. */
const LISTS: ReadonlySet<string> = new Set(['addr', 'loc', 'loclists', 'ranges', 'rnglists']);
const BLOCK = 16_384;
const KEPT_BLOCKS = 64;
/** Every unit is opened for its lines, and for its entries. */
const KEPT_TABLES = 64;

interface Abbreviations {
  readonly table: AbbreviationTable;
  readonly links: ReadonlySet<number>;
}

/** Sections of a .dwo or .dwp file, which belong to a unit of the program itself. */
export interface SplitOf {
  /** The program: it keeps what the linker has to change. */
  readonly program: DwarfSections;
  /** Of a .dwp file: the part of each section that is this unit's. Others are common to all. */
  readonly parts?: ReadonlyMap<string, readonly [offset: number, size: number]>;
  /** The same file without parts, whose common sections are shared. */
  readonly common?: DwarfSections;
}

/** What split units leave in the program; .debug_ranges only DWARF 4. */
const IN_PROGRAM: ReadonlySet<string> = new Set(['addr', 'ranges', 'aranges']);

export class DwarfSections {
  readonly window: AddressWindow;
  private readonly elf: ElfFile;
  private readonly split: SplitOf | undefined;
  private readonly sources = new Map<string, Promise<ByteSource>>();
  private readonly wholes = new Map<string, Promise<Uint8Array>>();
  private readonly blocks = new Lru<string, Uint8Array>(KEPT_BLOCKS);
  private readonly tables = new Lru<number, Abbreviations>(KEPT_TABLES);

  constructor(elf: ElfFile, split?: SplitOf) {
    this.elf = elf;
    this.split = split;
    this.window = split === undefined ? elf.window : split.program.window;
  }

  get file(): string {
    return this.elf.source.name;
  }

  /** Of a .dwo or .dwp file. */
  get isSplit(): boolean {
    return this.split !== undefined;
  }

  /** Whether the program has instructions at a distance from its base. */
  holdsCode(at: number): boolean {
    return this.elf.sections.some((section) => {
      if ((section.flags & SHF_EXECINSTR) === 0) return false;
      const start = this.window.offsetOf(section.address);
      return at >= start && at < start + section.size;
    });
  }

  /** Whether a section such as `line` is there. */
  has(name: string): boolean {
    const elsewhere = this.elsewhere(name);
    if (elsewhere !== undefined) return elsewhere.has(name);
    return this.find(name) !== undefined;
  }

  async size(name: string): Promise<number> {
    return (await this.source(name)).size;
  }

  /** The whole section; empty when there is none. Kept. */
  async whole(name: string): Promise<Uint8Array> {
    const elsewhere = this.elsewhere(name);
    if (elsewhere !== undefined) return elsewhere.whole(name);
    let bytes = this.wholes.get(name);
    if (bytes === undefined) {
      bytes = this.read(name);
      this.wholes.set(name, bytes);
      // From now on, parts of it need no reads.
      const source = bytes.then((whole) => memorySource(whole));
      // A failure is told to whoever asked for the whole, and to whoever asks for a part.
      source.catch(() => {});
      this.sources.set(name, source);
    }
    return bytes;
  }

  /** A string of .debug_str (`str`) or .debug_line_str (`line_str`). */
  async stringIn(name: 'str' | 'line_str', offset: number): Promise<string> {
    const table = await this.whole(name);
    if (offset >= table.length) throw this.damaged(name, offset, `a string is named outside of it`);
    return stringAt(table, offset);
  }

  /**
   * Parses something of unknown size at an offset. `parse` is called again with more bytes when
   * it runs out of them, up to `end`.
   */
  async parse<T>(name: string, offset: number, parse: (cursor: Cursor) => T, end?: number): Promise<T> {
    const source = await this.source(name);
    const limit = Math.min(end ?? source.size, source.size);
    if (!(offset >= 0 && offset < limit))
      throw this.damaged(name, offset, 'something is named outside of it');
    if (LISTS.has(name)) {
      const bytes = await this.nearby(name, source, offset);
      try {
        return parse(new Cursor(bytes.subarray(0, limit - offset), offset));
      } catch (error) {
        // A long one, or damage: that is told below.
        if (!(error instanceof BadDwarf || error instanceof OutOfBytes)) throw error;
      }
    }
    for (let size = name === 'abbrev' ? FIRST_READ_OF_ABBREVIATIONS : FIRST_READ; ; size *= 8) {
      const length = Math.min(size, limit - offset);
      const bytes = await source.read(offset, length);
      try {
        return parse(new Cursor(bytes, offset));
      } catch (error) {
        if (error instanceof BadDwarf) throw this.damaged(name, error.offset, error.message);
        if (!(error instanceof OutOfBytes)) throw error;
        if (length === limit - offset) throw this.damaged(name, limit, 'it ends too early');
      }
    }
  }

  /** Bytes from an offset on, out of a block that is kept: the lists of a function stand together. */
  private async nearby(name: string, source: ByteSource, offset: number): Promise<Uint8Array> {
    const start = offset - (offset % BLOCK);
    const block = await this.blocks.get(`${name} ${start}`, () => source.read(start, BLOCK + FIRST_READ));
    return block.subarray(offset - start);
  }

  /** The table of abbreviations at an offset, and those of their forms that lead out of the unit. */
  abbreviations(offset: number): Promise<Abbreviations> {
    return this.tables.get(offset, () =>
      this.parse('abbrev', offset, (cursor) => {
        const links = new Set<number>();
        return { table: readAbbreviations(cursor, links), links };
      }),
    );
  }

  /** Parses a range whose size is known. */
  async parseRange<T>(name: string, start: number, end: number, parse: (cursor: Cursor) => T): Promise<T> {
    const bytes = await this.range(name, start, end);
    return this.guard(name, () => parse(new Cursor(bytes, start)));
  }

  /** A range whose size is known. */
  async range(name: string, start: number, end: number): Promise<Uint8Array> {
    const source = await this.source(name);
    if (!(start >= 0 && start <= end && end <= source.size)) {
      throw this.damaged(name, start, `a part of it claims ${end - start} bytes, and it has ${source.size}`);
    }
    return source.read(start, end - start);
  }

  /** Runs a parser over bytes in hand; damage becomes a UserError. */
  guard<T>(name: string, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw this.explained(name, error);
    }
  }

  async guardAsync<T>(name: string, parse: () => Promise<T>): Promise<T> {
    try {
      return await parse();
    } catch (error) {
      throw this.explained(name, error);
    }
  }

  private explained(name: string, error: unknown): unknown {
    if (error instanceof BadDwarf) return this.damaged(name, error.offset, error.message);
    if (error instanceof OutOfBytes) return this.damaged(name, 0, 'a part of it ends too early');
    return error;
  }

  damaged(name: string, offset: number, message: string): UserError {
    const section = this.find(name);
    return new UserError(
      `section .debug_${name} is damaged at 0x${Math.max(0, offset).toString(16)}: ${message}`,
      'Build the file again, or use it without debug information.',
      { file: this.file, offset: (section?.offset ?? 0) + Math.max(0, offset) },
    );
  }

  private async read(name: string): Promise<Uint8Array> {
    const source = await this.open(name);
    return readExactly(source, 0, source.size, `section .debug_${name}`);
  }

  private async source(name: string): Promise<ByteSource> {
    const elsewhere = this.elsewhere(name);
    if (elsewhere !== undefined) return elsewhere.source(name);
    let source = this.sources.get(name);
    if (source === undefined) {
      source = this.open(name);
      this.sources.set(name, source);
    }
    return source;
  }

  private async open(name: string): Promise<ByteSource> {
    const section = this.find(name);
    if (section === undefined) return EMPTY;
    const source = await this.elf.sectionSource(section);
    const part = this.split?.parts?.get(name);
    return part === undefined ? source : new PartSource(source, ...part);
  }

  /** The sections that have this one for us. */
  private elsewhere(name: string): DwarfSections | undefined {
    if (this.split === undefined) return undefined;
    if (IN_PROGRAM.has(name)) return this.split.program;
    return this.split.parts?.has(name) === true ? undefined : this.split.common;
  }

  private find(name: string): ReturnType<ElfFile['section']> {
    const suffix = this.split === undefined ? '' : '.dwo';
    return this.elf.section(`.debug_${name}${suffix}`) ?? this.elf.section(`.zdebug_${name}${suffix}`);
  }
}

/** A part of a section as a section of its own. */
class PartSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly whole: ByteSource;
  private readonly start: number;

  constructor(whole: ByteSource, start: number, size: number) {
    this.name = whole.name;
    this.whole = whole;
    this.start = start;
    this.size = Math.max(0, Math.min(size, whole.size - start));
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.whole.read(this.start + offset, Math.min(length, Math.max(0, this.size - offset)));
  }
}
