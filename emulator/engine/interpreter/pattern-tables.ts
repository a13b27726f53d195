// The patterns of words as the kernel `decodeRecord` reads them, at DECODE_TABLES of memory/layout.ts.

import {
  DECODE_BUCKET_COUNT_BITS,
  DECODE_BUCKET_SHIFT,
  DECODE_BUCKETS,
  DECODE_ENTRIES,
  DECODE_ENTRY_SIZE,
  DECODE_STEP_SIZE,
  DECODE_STEPS,
  DECODE_TABLES,
  DECODE_TABLES_END,
  DECODE_VALUES,
  STEP_BASE,
  STEP_BASE_UNSIGNED,
  STEP_PIECE,
  STEP_PIECE_NEGATIVE,
  STEP_PIECE_SIGNED,
  STEP_READ,
  STEP_SP,
  STEP_STORE16,
  STEP_STORE32,
  STEP_STORE64,
  STEP_TABLE,
  STEP_VECTOR,
  STEP_WRITE,
} from '../../memory/layout.ts';
import type { Pattern, PatternOperand, Piece, ValueTable } from './patterns.ts';
import type { OperandUse } from './shape.ts';

const REGISTER_STEPS: Partial<Record<OperandUse, number>> = {
  read: STEP_READ,
  write: STEP_WRITE,
  sp: STEP_SP,
  vector: STEP_VECTOR,
};
const STORE_STEPS: Partial<Record<OperandUse, number>> = {
  small: STEP_STORE16,
  offset: STEP_STORE32,
  immediate: STEP_STORE64,
};

interface Step {
  readonly kind: number;
  readonly at: number;
  readonly shift: number;
  readonly width: number;
  readonly value: number;
}

/** Patterns that have no such form are left out, and TypeScript decodes their words. */
export function patternTables(patterns: readonly Pattern[]): Uint8Array {
  const bytes = new Uint8Array(DECODE_TABLES_END - DECODE_TABLES);
  const view = new DataView(bytes.buffer);
  const values = new Values();
  const programs = new Map<string, number>();
  let nextStep = 0;
  const programOf = (steps: readonly Step[]): number => {
    const key = JSON.stringify(steps);
    const known = programs.get(key);
    if (known !== undefined) return known;
    const first = nextStep;
    for (const { kind, at, shift, width, value } of steps) {
      const to = DECODE_STEPS - DECODE_TABLES + nextStep++ * DECODE_STEP_SIZE;
      bytes.set([kind, at, shift, width], to);
      view.setInt32(to + 4, value, true);
    }
    // A step of zeros is the end.
    nextStep++;
    programs.set(key, first);
    return first;
  };

  const entries = patterns.flatMap((pattern) => {
    const steps = stepsOf(pattern, values);
    return steps ? [{ ...pattern, program: programOf(steps), free: freeBits(pattern) }] : [];
  });
  // What one pattern says before what takes many, and the most words first: that is what is met most.
  const count = new Map<number, number>();
  for (const { handler } of patterns) count.set(handler, (count.get(handler) ?? 0) + 1);
  const countOf = ({ handler }: Pattern): number => count.get(handler) ?? 0;
  entries.sort((a, b) => countOf(a) - countOf(b) || b.free - a.free);
  let nextEntry = 0;
  for (let bucket = 0; bucket < 1 << (32 - DECODE_BUCKET_SHIFT); bucket++) {
    const here = entries.filter(
      ({ mask, value }) =>
        ((bucket << DECODE_BUCKET_SHIFT) & mask) >>> DECODE_BUCKET_SHIFT ===
        (value & mask) >>> DECODE_BUCKET_SHIFT,
    );
    if (here.length >= 1 << DECODE_BUCKET_COUNT_BITS) throw new Error(`${here.length} patterns in a bucket`);
    const head = (nextEntry << DECODE_BUCKET_COUNT_BITS) | here.length;
    view.setUint32(DECODE_BUCKETS - DECODE_TABLES + 4 * bucket, head, true);
    for (const { mask, value, handler, program } of here) {
      const to = DECODE_ENTRIES - DECODE_TABLES + nextEntry++ * DECODE_ENTRY_SIZE;
      view.setUint32(to, mask, true);
      view.setUint32(to + 4, value, true);
      view.setUint16(to + 8, handler, true);
      view.setUint16(to + 10, program, true);
    }
  }
  values.all.forEach((value, i) => view.setBigInt64(DECODE_VALUES - DECODE_TABLES + 8 * i, value, true));
  const end = DECODE_VALUES + 8 * values.all.length;
  const entriesEnd = DECODE_ENTRIES + nextEntry * DECODE_ENTRY_SIZE;
  const stepsEnd = DECODE_STEPS + nextStep * DECODE_STEP_SIZE;
  if (entriesEnd > DECODE_STEPS || stepsEnd > DECODE_VALUES || end > DECODE_TABLES_END) {
    throw new Error('the patterns do not fit their place');
  }
  return bytes.slice(0, end - DECODE_TABLES);
}

function freeBits({ mask }: Pattern): number {
  let free = 0;
  for (let bits = ~mask; bits !== 0; bits &= bits - 1) free++;
  return free;
}

/** The values of all tables. Those that do not contradict each other are one. */
class Values {
  readonly all: bigint[] = [];
  private readonly tables: {
    readonly first: number;
    readonly shift: number;
    readonly width: number;
    readonly values: Map<number, bigint>;
  }[] = [];

  /** Number of the table's first value. */
  add({ shift, width, values }: ValueTable): number {
    const fits = this.tables.find(
      (table) =>
        table.shift === shift &&
        table.width === width &&
        [...values].every(([index, value]) => (table.values.get(index) ?? value) === value),
    );
    const table = fits ?? { first: this.all.length, shift, width, values: new Map() };
    if (!fits) {
      this.tables.push(table);
      for (let i = 0; i < 1 << width; i++) this.all.push(0n);
    }
    for (const [index, value] of values) {
      table.values.set(index, value);
      this.all[table.first + index] = BigInt.asIntN(64, value);
    }
    return table.first;
  }
}

function stepsOf({ operands }: Pattern, values: Values): readonly Step[] | undefined {
  const steps = operands.map((operand) => stepsOfOperand(operand, values));
  return steps.every((list) => list !== undefined) ? steps.flat() : undefined;
}

function stepsOfOperand(
  { operand: { use, at }, base, pieces, table }: PatternOperand,
  values: Values,
): readonly Step[] | undefined {
  const register = REGISTER_STEPS[use];
  if (register !== undefined) {
    const [piece] = pieces;
    if (
      !piece ||
      table ||
      pieces.length > 1 ||
      base !== 0n ||
      piece.scale > 0 ||
      piece.signed ||
      piece.negative
    ) {
      return undefined;
    }
    return [{ kind: register, at, shift: piece.shift, width: piece.width, value: 0 }];
  }
  const store = { kind: STORE_STEPS[use] ?? 0, at, shift: 0, width: 0, value: 0 };
  if (table) {
    return [
      { kind: STEP_TABLE, at: 0, shift: table.shift, width: table.width, value: values.add(table) },
      store,
    ];
  }
  const start = stepsOfBase(base);
  return start && [...start, ...pieces.map(stepOfPiece), store];
}

function stepsOfBase(base: bigint): readonly Step[] | undefined {
  if (base === 0n) return [];
  const rest = { at: 0, shift: 0, width: 0 };
  if (BigInt.asIntN(64, base) === BigInt.asIntN(32, base)) {
    return [{ kind: STEP_BASE, ...rest, value: Number(BigInt.asIntN(32, base)) }];
  }
  if (base !== BigInt.asUintN(32, base)) return undefined;
  return [{ kind: STEP_BASE_UNSIGNED, ...rest, value: Number(BigInt.asIntN(32, base)) }];
}

const stepOfPiece = ({ shift, width, scale, signed, negative }: Piece): Step => ({
  kind: STEP_PIECE | (signed ? STEP_PIECE_SIGNED : 0) | (negative ? STEP_PIECE_NEGATIVE : 0),
  at: 0,
  shift,
  width,
  value: scale,
});
