// All names of a program, sorted: for expressions that name a variable or a type, and for completion.

import type { EntryId, NamedEntry } from './model.ts';
import { MAX_ROWS } from './name-columns.ts';
import type { NameColumns } from './name-columns.ts';
import { DECLARED_TYPE, ENUMERATOR, FUNCTION, TYPE, VARIABLE } from './name-scan.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const KINDS = {
  [FUNCTION]: 'function',
  [VARIABLE]: 'variable',
  [TYPE]: 'type',
  [DECLARED_TYPE]: 'type',
  [ENUMERATOR]: 'enumerator',
} as const;

/** A name and a row fit a double together. */
const ROWS = MAX_ROWS;

export interface IndexedEntry {
  readonly entry: EntryId;
  readonly kind: NamedEntry['kind'];
  readonly isDeclaration: boolean;
}

/** As it is kept and saved. */
export interface IndexParts {
  /** Names in the order of their texts: offsets in .debug_str, and past that in the pool. */
  readonly names: Uint32Array;
  /** For each name where its entries begin; one more at the end. */
  readonly starts: Uint32Array;
  readonly entries: Float64Array;
  readonly kinds: Uint8Array;
  readonly pool: Uint8Array;
}

export class NameIndex {
  readonly parts: IndexParts;
  private readonly strings: Uint8Array;

  /** `strings`: .debug_str. */
  constructor(parts: IndexParts, strings: Uint8Array) {
    this.parts = parts;
    this.strings = strings;
  }

  /** `pause`: lets others run in between. */
  static async build(
    columns: NameColumns,
    strings: Uint8Array,
    pause: () => Promise<void>,
  ): Promise<NameIndex> {
    const pool = columns.poolBytes();
    const { count } = columns;
    // By name first: a name is then compared as text once, however many entries it has.
    const order = new Float64Array(count);
    for (let i = 0; i < count; i++) order[i] = (columns.names[i] as number) * ROWS + i;
    order.sort();
    await pause();
    const distinct: number[] = [];
    const ranges = new Map<number, [start: number, end: number]>();
    for (let i = 0; i < count; ) {
      const name = Math.floor((order[i] as number) / ROWS);
      const start = i;
      while (i < count && (order[i] as number) < (name + 1) * ROWS) i++;
      distinct.push(name);
      ranges.set(name, [start, i]);
    }
    const texts = new Texts(strings, pool);
    await pause();
    distinct.sort((a, b) => texts.compare(a, b));
    await pause();
    const names = Uint32Array.from(distinct);
    const starts = new Uint32Array(names.length + 1);
    const entries = new Float64Array(count);
    const kinds = new Uint8Array(count);
    let at = 0;
    names.forEach((name, index) => {
      starts[index] = at;
      const [start, end] = ranges.get(name) ?? [0, 0];
      for (let i = start; i < end; i++, at++) {
        const row = (order[i] as number) % ROWS;
        entries[at] = columns.entries[row] ?? 0;
        kinds[at] = columns.kinds[row] ?? 0;
      }
    });
    starts[names.length] = at;
    return new NameIndex({ names, starts, entries, kinds, pool }, strings);
  }

  /** All entries of a name. */
  lookup(name: string): IndexedEntry[] {
    const wanted = encoder.encode(name);
    const found: IndexedEntry[] = [];
    for (let i = this.firstFrom(wanted); i < this.parts.names.length; i++) {
      const text = this.text(i);
      if (text.length !== wanted.length || compareBytes(text, wanted) !== 0) break;
      this.collect(i, found);
    }
    return found;
  }

  /** Names that begin so, each kind once. */
  withPrefix(prefix: string, limit: number): NamedEntry[] {
    const wanted = encoder.encode(prefix);
    const found: NamedEntry[] = [];
    for (let i = this.firstFrom(wanted); i < this.parts.names.length && found.length < limit; i++) {
      const text = this.text(i);
      if (compareBytes(text.subarray(0, wanted.length), wanted) !== 0) break;
      const entries: IndexedEntry[] = [];
      this.collect(i, entries);
      const kinds = new Map(entries.map((entry) => [entry.kind, entry]));
      const name = decoder.decode(text);
      for (const { kind, entry } of kinds.values()) {
        if (found.length < limit) found.push({ name, entry, kind });
      }
    }
    return found;
  }

  private collect(index: number, into: IndexedEntry[]): void {
    const { starts, entries, kinds } = this.parts;
    for (let i = starts[index] ?? 0; i < (starts[index + 1] ?? 0); i++) {
      const code = kinds[i] as keyof typeof KINDS;
      into.push({ entry: entries[i] ?? 0, kind: KINDS[code], isDeclaration: code === DECLARED_TYPE });
    }
  }

  /** The first name that is not before a text. */
  private firstFrom(text: Uint8Array): number {
    let low = 0;
    let high = this.parts.names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.text(middle), text) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private text(index: number): Uint8Array {
    return new Texts(this.strings, this.parts.pool).bytes(this.parts.names[index] ?? 0);
  }
}

class Texts {
  private readonly strings: Uint8Array;
  private readonly pool: Uint8Array;

  constructor(strings: Uint8Array, pool: Uint8Array) {
    this.strings = strings;
    this.pool = pool;
  }

  bytes(name: number): Uint8Array {
    const inPool = name >= this.strings.length;
    const table = inPool ? this.pool : this.strings;
    const start = inPool ? name - this.strings.length : name;
    const end = table.indexOf(0, start);
    return table.subarray(start, end < 0 ? table.length : end);
  }

  /** In the order of their bytes. */
  compare(a: number, b: number): number {
    const { strings, pool } = this;
    const inA = a >= strings.length ? pool : strings;
    const inB = b >= strings.length ? pool : strings;
    let i = a >= strings.length ? a - strings.length : a;
    let j = b >= strings.length ? b - strings.length : b;
    for (; ; i++, j++) {
      const x = inA[i] ?? 0;
      const y = inB[j] ?? 0;
      if (x !== y) return x - y;
      if (x === 0) return 0;
    }
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
