// The .debug_* sections of a file: positioned reads for the large ones, whole ones for string
// tables, and the place where damage in any of them becomes one UserError.

import { UserError } from '../../base/errors.ts';
import type { AddressWindow } from '../address-window.ts';
import { memorySource } from '../byte-source.ts';
import type { ByteSource } from '../byte-source.ts';
import { SHF_EXECINSTR, stringAt } from '../elf.ts';
import type { ElfFile } from '../elf.ts';
import { BadDwarf, Cursor, OutOfBytes } from './cursor.ts';

const EMPTY = memorySource(new Uint8Array());
const FIRST_READ = 1024;

export class DwarfSections {
  readonly window: AddressWindow;
  private readonly elf: ElfFile;
  private readonly sources = new Map<string, Promise<ByteSource>>();
  private readonly wholes = new Map<string, Promise<Uint8Array>>();

  constructor(elf: ElfFile) {
    this.elf = elf;
    this.window = elf.window;
  }

  get file(): string {
    return this.elf.source.name;
  }

  /** Of a .dwo or .dwp file. */
  get isSplit(): boolean {
    return false;
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
    return this.find(name) !== undefined;
  }

  async size(name: string): Promise<number> {
    return (await this.source(name)).size;
  }

  /** The whole section; empty when there is none. Kept. */
  async whole(name: string): Promise<Uint8Array> {
    let bytes = this.wholes.get(name);
    if (bytes === undefined) {
      const section = this.find(name);
      bytes = section === undefined ? Promise.resolve(new Uint8Array()) : this.elf.readSection(section);
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
    for (let size = FIRST_READ; ; size *= 8) {
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

  private async source(name: string): Promise<ByteSource> {
    let source = this.sources.get(name);
    if (source === undefined) {
      const section = this.find(name);
      source = section === undefined ? Promise.resolve(EMPTY) : this.elf.sectionSource(section);
      this.sources.set(name, source);
    }
    return source;
  }

  private find(name: string): ReturnType<ElfFile['section']> {
    return this.elf.section(`.debug_${name}`) ?? this.elf.section(`.zdebug_${name}`);
  }
}
