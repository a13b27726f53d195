// The decoder: an instruction word becomes a record for the interpreter.
//
// A booting kernel has some hundred thousand different words, so no object is made for a word: a
// row's own functions (`accept`, `derive`) see the fields through accessors that read the word.

import { UserError } from '../../base/errors.ts';
import type { FeatureSet } from '../../cpu/features.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import {
  HANDLER_DECODE,
  HANDLER_UNDEFINED,
  RECORD_SIZE,
  SP,
  V,
  X,
  X_DISCARD,
  X_ZERO,
} from '../../memory/layout.ts';
import type { InterpreterTables } from './generate.ts';
import type { Operand, OperandUse, Shape } from './shape.ts';

const BUCKET_SHIFT = 21;
const BUCKETS = 1 << (32 - BUCKET_SHIFT);

/** A field of the word, or a value that `derive` computes from it. */
interface Source {
  readonly name: string;
  readonly derived: boolean;
  readonly shift: number;
  readonly mask: number;
}

/** A row with the word that it matched last. */
class RowMatcher {
  readonly row: InstructionRow;
  readonly index: number;
  /** Index of the combination of static fields in the matched word. */
  combination = 0;
  private word = 0;
  private derived: Readonly<Record<string, number | bigint>> | undefined;
  private readonly mask: number;
  private readonly value: number;
  /** Made when they are first looked at: the kernels decode most words. */
  private fields: Record<string, number> | undefined;
  private statics: readonly { readonly source: Source; readonly values: readonly number[] }[] | undefined;

  constructor(row: InstructionRow, index: number) {
    this.row = row;
    this.index = index;
    this.mask = row.mask | 0;
    this.value = row.value | 0;
  }

  private makeFields(): Record<string, number> {
    const fields: Record<string, number> = {};
    for (const { name, shift, width } of this.row.fields) {
      const ones = (1 << width) - 1;
      const get = (): number => (this.word >>> shift) & ones;
      Object.defineProperty(fields, name, { get, enumerable: true });
    }
    return fields;
  }

  /** Whether the row has this word; then the rest can be asked. */
  match(word: number): boolean {
    if ((word & this.mask) !== this.value) return false;
    this.word = word;
    const { row } = this;
    this.fields ??= this.makeFields();
    if (row.accept && !row.accept(this.fields)) return false;
    if (row.derive) this.derived = row.derive(this.fields);
    this.statics ??= [...row.statics].map(([name, values]) => ({ source: this.source(name), values }));
    let combination = 0;
    for (const { source, values } of this.statics) {
      const position = values.indexOf(this.read(source) as number);
      if (position < 0) return false;
      combination = combination * values.length + position;
    }
    this.combination = combination;
    return true;
  }

  /** Where a field comes from. Only after a match: `derive` names the same values for every word. */
  source(name: string): Source {
    const field = this.row.fields.find((candidate) => candidate.name === name);
    const derived = this.derived !== undefined && name in this.derived;
    return { name, derived, shift: field?.shift ?? 0, mask: field ? (1 << field.width) - 1 : 0 };
  }

  /** The value of a field in the matched word. */
  read(source: Source): number | bigint {
    if (!source.derived) return (this.word >>> source.shift) & source.mask;
    return this.derived?.[source.name] ?? 0;
  }
}

/** Finds the row of a word: by its top 11 bits, then by pattern and `accept`. */
export class Decoder {
  private readonly buckets: RowMatcher[][];
  private readonly matchers: readonly RowMatcher[];

  constructor(rows: readonly InstructionRow[]) {
    this.matchers = rows.map((row, index) => new RowMatcher(row, index));
    const buckets: RowMatcher[][] = Array.from({ length: BUCKETS }, () => []);
    for (const matcher of this.matchers) {
      const free = ~matcher.row.mask >>> BUCKET_SHIFT;
      const fixed = matcher.row.value >>> BUCKET_SHIFT;
      // All subsets of the bits that the pattern leaves free.
      for (let bits = free; ; bits = (bits - 1) & free) {
        (buckets[fixed | bits] as RowMatcher[]).push(matcher);
        if (bits === 0) break;
      }
    }
    this.buckets = buckets;
  }

  /** The row of a word; undefined when no row has it (it is UNDEFINED). Valid until the next call. */
  decode(word: number): RowMatcher | undefined {
    const bucket = this.buckets[word >>> BUCKET_SHIFT] as RowMatcher[];
    for (let i = 0; i < bucket.length; i++) {
      const matcher = bucket[i] as RowMatcher;
      if (matcher.match(word)) return matcher;
    }
    return undefined;
  }

  /** All rows that match a word: more than one is a mistake in the tables. */
  matches(word: number): InstructionRow[] {
    return this.matchers.filter((matcher) => matcher.match(word)).map(({ row }) => row);
  }
}

/** How the records of one row and combination are written. */
interface Plan {
  readonly handler: number;
  readonly operands: readonly { readonly source: Source; readonly use: OperandUse; readonly at: number }[];
}

const NO_PLAN: Plan = { handler: HANDLER_UNDEFINED, operands: [] };

/** Records of words seen before: code repeats its words. */
const CACHE_BITS = 14;
const RECORD_WORDS = RECORD_SIZE / 4;

/** Writes records, for one core: rows of features that it lacks are UNDEFINED. */
export class RecordWriter {
  private readonly decoder: Decoder;
  private readonly tables: InterpreterTables;
  private readonly features: FeatureSet;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly i64: BigInt64Array;
  /** By row, then by combination. */
  private readonly plans: (Plan | undefined)[][];
  private readonly cachedWords = new Int32Array(1 << CACHE_BITS);
  private readonly cachedRecords = new Int32Array(RECORD_WORDS << CACHE_BITS);

  /** Throws when the generated module was made from other rows. */
  constructor(
    rows: readonly InstructionRow[],
    tables: InterpreterTables,
    features: FeatureSet,
    memory: WebAssembly.Memory,
  ) {
    if (rows.length !== tables.rows.length || rows.some((row, i) => row.name !== tables.rows[i])) {
      throw new UserError('the emulator was built from other sources than these', 'Run `npm run build`.');
    }
    this.decoder = new Decoder(rows);
    this.tables = tables;
    this.features = features;
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.i64 = new BigInt64Array(memory.buffer);
    this.plans = rows.map(() => []);
  }

  /** Writes the record of a word, which is at this address, and returns its handler. */
  write(record: number, word: number): number {
    const { i32, cachedWords, cachedRecords } = this;
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - CACHE_BITS);
    const from = slot * RECORD_WORDS;
    const to = record >>> 2;
    const first = cachedRecords[from] as number;
    if (cachedWords[slot] === (word | 0) && (first & 0xffff) !== HANDLER_DECODE) {
      for (let i = 0; i < RECORD_WORDS; i++) i32[to + i] = cachedRecords[from + i] as number;
      return first & 0xffff;
    }
    const handler = this.decode(record, word);
    this.u16[record >>> 1] = handler;
    cachedWords[slot] = word;
    for (let i = 0; i < RECORD_WORDS; i++) cachedRecords[from + i] = i32[to + i] as number;
    return handler;
  }

  /** Writes the operands of a word and returns its handler. */
  private decode(record: number, word: number): number {
    const matcher = this.decoder.decode(word);
    if (!matcher) return HANDLER_UNDEFINED;
    const plans = this.plans[matcher.index] as (Plan | undefined)[];
    let plan = plans[matcher.combination];
    if (!plan) {
      plan = this.planOf(matcher);
      plans[matcher.combination] = plan;
    }
    const { operands } = plan;
    for (let i = 0; i < operands.length; i++) {
      const { source, use, at } = operands[i] as Plan['operands'][number];
      this.writeOperand(record + at, use, matcher.read(source));
    }
    return plan.handler;
  }

  private planOf(matcher: RowMatcher): Plan {
    const { row, index, combination } = matcher;
    if (row.since !== undefined && !this.features.has(row.since)) return NO_PLAN;
    const handler = this.tables.handlers[index]?.[combination];
    if (handler === undefined || handler === HANDLER_UNDEFINED) return NO_PLAN;
    const shape = this.tables.shapes[this.tables.shapeOf[index]?.[combination] ?? 0] as Shape;
    const operands = shape.map(({ field, use, at }: Operand) => ({ source: matcher.source(field), use, at }));
    return { handler, operands };
  }

  private writeOperand(address: number, use: OperandUse, value: number | bigint): void {
    if (use === 'immediate') {
      this.i64[address >>> 3] = BigInt(value);
      return;
    }
    const number = value as number;
    switch (use) {
      case 'read':
        this.u16[address >>> 1] = number === 31 ? X_ZERO : X + 8 * number;
        return;
      case 'write':
        this.u16[address >>> 1] = number === 31 ? X_DISCARD : X + 8 * number;
        return;
      case 'sp':
        this.u16[address >>> 1] = number === 31 ? SP : X + 8 * number;
        return;
      case 'vector':
        this.u16[address >>> 1] = V + 16 * number;
        return;
      case 'small':
        this.u16[address >>> 1] = number;
        return;
      case 'offset':
        this.i32[address >>> 2] = number;
    }
  }
}
