// Collects the names of many units in typed columns. A name is its offset in .debug_str, or past the end of that in a
// pool of strings that stand elsewhere. What headers bring into every unit is kept once.

import type { Cursor } from './cursor.ts';
import { readForm } from './forms.ts';
import type { LoadedUnit } from './entries.ts';
import { isC } from './languages.ts';
import type { EntryId } from './model.ts';
import { DECLARED_TYPE, NameScan, scanPlansOf, VARIABLE } from './name-scan.ts';
import type { NameSink } from './name-scan.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** More than there will be: vmlinux has a tenth of it. */
export const MAX_ROWS = 2 ** 21;

export class NameColumns implements NameSink {
  /** The size of .debug_str, from which on names are in the pool. */
  readonly poolStart: number;
  count = 0;
  names = new Uint32Array(1024);
  kinds = new Uint8Array(1024);
  entries = new Float64Array(1024);
  private readonly strings: Uint8Array;
  private pool = new Uint8Array(1024);
  private poolSize = 0;
  private readonly pooled = new Map<string, number>();
  /** Names of up to four bytes, which compilers write inline: too many to make strings of. */
  private readonly short = new Map<number, number>();
  /** Size and line of each row, which tell apart what has one name. */
  private shapes = new Float64Array(1024);
  /** Rows by their hashes: open addressing, 0 is free. */
  private slots = new Uint32Array(4096);
  private unit: LoadedUnit | undefined;
  /** In C, what is inside of a structure has its name outside as well. */
  private isC = false;
  private readonly namespaces: string[] = [];

  constructor(strings: Uint8Array) {
    this.strings = strings;
    this.poolStart = strings.length;
  }

  /** Adds what is on the top level of a unit. */
  scan(unit: LoadedUnit): void {
    this.unit = unit;
    this.namespaces.length = 0;
    const scan = new NameScan(unit.cursor, scanPlansOf(unit.unit.table, unit.unit), unit.unit, this);
    this.isC = isC(unit);
    scan.run(unit.unit.entries - unit.unit.unitOffset);
  }

  poolBytes(): Uint8Array {
    return this.pool.slice(0, this.poolSize);
  }

  // ---------------------------------------------------------------- what the scan tells

  strp(offset: number): number {
    if (offset < this.poolStart && this.unit?.tables.str === this.strings) return offset;
    return this.intern(this.unit?.textOf({ kind: 'str', value: offset }) ?? '');
  }

  inline(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > 4) return this.intern(decoder.decode(bytes.subarray(start, end)));
    let key = 0;
    for (let i = start; i < end; i++) key = key * 256 + (bytes[i] as number);
    let name = this.short.get(key);
    if (name === undefined) {
      name = this.intern(decoder.decode(bytes.subarray(start, end)));
      this.short.set(key, name);
    }
    return name;
  }

  other(form: number, cursor: Cursor): number {
    const { unit } = this;
    if (unit === undefined) return -1;
    const value = readForm(cursor, form, 0, unit.unit, unit.sections.window);
    if (value.kind === 'string-index') {
      const { at } = cursor;
      const name = this.strp(unit.stringOffset(value.value));
      cursor.at = at;
      return name;
    }
    const text = unit.textOf(value);
    return text === undefined ? -1 : this.intern(text);
  }

  add(kind: number, name: number, at: number, size: number, line: number): boolean {
    const entry = (this.unit?.id ?? 0) + at;
    // A structure of a header is in hundreds of units, the same each time as far as this can tell.
    const shape = kind === VARIABLE ? entry : kind === DECLARED_TYPE ? 0 : size * 0x100_0000 + line;
    if (!this.push(kind, name, entry, shape)) return false;
    if (this.namespaces.length > 0) {
      this.push(kind, this.intern(`${this.namespaces.join('::')}::${this.textOf(name)}`), entry, shape);
    }
    return true;
  }

  enter(name: number): void {
    if (!this.isC) this.namespaces.push(name < 0 ? '(anonymous)' : this.textOf(name));
  }

  leave(): void {
    this.namespaces.pop();
  }

  // ---------------------------------------------------------------- columns

  /** Whether it was not there. */
  private push(kind: number, name: number, entry: EntryId, shape: number): boolean {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = hash(name, kind, shape) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (this.names[row] === name && this.kinds[row] === kind && this.shapes[row] === shape) return false;
    }
    if (this.count === MAX_ROWS) return false;
    const index = this.count++;
    if (index === this.names.length) this.grow();
    this.names[index] = name;
    this.kinds[index] = kind;
    this.entries[index] = entry;
    this.shapes[index] = shape;
    slots[slot] = index + 1;
    if (4 * this.count > 3 * slots.length) this.rehash();
    return true;
  }

  private rehash(): void {
    const slots = new Uint32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let row = 0; row < this.count; row++) {
      let slot = hash(this.names[row] ?? 0, this.kinds[row] ?? 0, this.shapes[row] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.slots = slots;
  }

  private grow(): void {
    const size = 2 * this.names.length;
    const grown = <T extends Uint32Array | Uint8Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.names = grown(new Uint32Array(size), this.names);
    this.kinds = grown(new Uint8Array(size), this.kinds);
    this.entries = grown(new Float64Array(size), this.entries);
    this.shapes = grown(new Float64Array(size), this.shapes);
  }

  private textOf(name: number): string {
    const [table, start] = name < this.poolStart ? [this.strings, name] : [this.pool, name - this.poolStart];
    const end = table.indexOf(0, start);
    return decoder.decode(table.subarray(start, end < 0 ? table.length : end));
  }

  private intern(text: string): number {
    let name = this.pooled.get(text);
    if (name === undefined) {
      const bytes = encoder.encode(text);
      name = this.poolStart + this.poolSize;
      while (this.poolSize + bytes.length + 1 > this.pool.length) {
        const larger = new Uint8Array(2 * this.pool.length);
        larger.set(this.pool);
        this.pool = larger;
      }
      this.pool.set(bytes, this.poolSize);
      this.poolSize += bytes.length + 1;
      this.pooled.set(text, name);
    }
    return name;
  }
}

function hash(name: number, kind: number, shape: number): number {
  const low = shape | 0;
  const high = Math.floor(shape / 0x1_0000_0000) | 0;
  let value = Math.imul(name ^ Math.imul(low, 0x9e37_79b1) ^ (high << 7) ^ (kind << 28), 0x85eb_ca6b);
  value = Math.imul(value ^ (value >>> 15), 0xc2b2_ae35);
  return (value ^ (value >>> 13)) >>> 0;
}
