// The decoder: an instruction word becomes a record for the interpreter.

import type { FeatureSet } from '../../cpu/features.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import { HANDLER_UNDEFINED, V, X, X_DISCARD, X_ZERO, SP } from '../../memory/layout.ts';
import { combinationIndex } from './enumerate.ts';
import type { InterpreterTables } from './generate.ts';
import type { Operand, Shape } from './shape.ts';

export interface DecodedWord {
  readonly row: InstructionRow;
  readonly rowIndex: number;
  /** Index of the combination of static fields. */
  readonly combination: number;
  /** Fields of the word and derived values. */
  readonly fields: Readonly<Record<string, number | bigint>>;
}

const BUCKET_SHIFT = 21;
const BUCKETS = 1 << (32 - BUCKET_SHIFT);

/** Finds the row of a word: by its top 11 bits, then by pattern and `accept`. */
export class Decoder {
  private readonly buckets: readonly (readonly { row: InstructionRow; index: number }[])[];
  private readonly rows: readonly InstructionRow[];

  constructor(rows: readonly InstructionRow[]) {
    this.rows = rows;
    const buckets: { row: InstructionRow; index: number }[][] = Array.from({ length: BUCKETS }, () => []);
    const bucketMask = (0xffffffff << BUCKET_SHIFT) >>> 0;
    rows.forEach((row, index) => {
      const mask = (row.mask & bucketMask) >>> 0;
      const value = (row.value & bucketMask) >>> 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (((bucket << BUCKET_SHIFT) & mask) >>> 0 === value) buckets[bucket]?.push({ row, index });
      }
    });
    this.buckets = buckets;
  }

  /** The row and fields of a word; undefined when no row has it (it is UNDEFINED). */
  decode(word: number): DecodedWord | undefined {
    for (const { row, index } of this.buckets[word >>> BUCKET_SHIFT] ?? []) {
      const found = match(row, word);
      if (found) return { row, rowIndex: index, ...found };
    }
    return undefined;
  }

  /** All rows that match a word: more than one is a mistake in the tables. */
  matches(word: number): InstructionRow[] {
    return this.rows.filter((row) => match(row, word) !== undefined);
  }
}

/** Fields and combination of a word, when the row has it. */
function match(row: InstructionRow, word: number): Pick<DecodedWord, 'fields' | 'combination'> | undefined {
  if ((word & row.mask) >>> 0 !== row.value) return undefined;
  const fields: Record<string, number> = {};
  for (const { name, shift, width } of row.fields) fields[name] = (word >>> shift) & ((1 << width) - 1);
  if (row.accept && !row.accept(fields)) return undefined;
  const all = row.derive ? { ...fields, ...row.derive(fields) } : fields;
  const combination = combinationIndex(row, all);
  return combination < 0 ? undefined : { fields: all, combination };
}

/** Writes records, for one core: rows of features that it lacks are UNDEFINED. */
export class RecordWriter {
  private readonly decoder: Decoder;
  private readonly tables: InterpreterTables;
  private readonly features: FeatureSet;
  private readonly view: DataView;

  /** Throws when the generated module was made from other rows. */
  constructor(
    rows: readonly InstructionRow[],
    tables: InterpreterTables,
    features: FeatureSet,
    memory: WebAssembly.Memory,
  ) {
    if (rows.length !== tables.rows.length || rows.some((row, i) => row.name !== tables.rows[i])) {
      throw new Error('the interpreter was generated from other instruction tables: build again');
    }
    this.decoder = new Decoder(rows);
    this.tables = tables;
    this.features = features;
    this.view = new DataView(memory.buffer);
  }

  /** Writes the operands of a word to the record at this address and returns its handler, which is not written. */
  write(record: number, word: number): number {
    const decoded = this.decoder.decode(word);
    if (!decoded) return HANDLER_UNDEFINED;
    const { row, rowIndex, combination, fields } = decoded;
    if (row.since !== undefined && !this.features.has(row.since)) return HANDLER_UNDEFINED;
    const handler = this.tables.handlers[rowIndex]?.[combination];
    if (handler === undefined || handler === HANDLER_UNDEFINED) return HANDLER_UNDEFINED;
    const shape = this.tables.shapes[this.tables.shapeOf[rowIndex]?.[combination] ?? 0] as Shape;
    for (const operand of shape) this.writeOperand(record, operand, fields[operand.field] ?? 0);
    return handler;
  }

  private writeOperand(record: number, { use, at }: Operand, value: number | bigint): void {
    const { view } = this;
    if (use === 'immediate') {
      view.setBigUint64(record + at, BigInt.asUintN(64, BigInt(value)), true);
      return;
    }
    const number = Number(value);
    switch (use) {
      case 'read':
        view.setUint16(record + at, number === 31 ? X_ZERO : X + 8 * number, true);
        return;
      case 'write':
        view.setUint16(record + at, number === 31 ? X_DISCARD : X + 8 * number, true);
        return;
      case 'sp':
        view.setUint16(record + at, number === 31 ? SP : X + 8 * number, true);
        return;
      case 'vector':
        view.setUint16(record + at, V + 16 * number, true);
        return;
      case 'small':
        view.setUint16(record + at, number, true);
        return;
      case 'offset':
        view.setInt32(record + at, number, true);
    }
  }
}
