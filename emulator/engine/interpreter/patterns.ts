// What of decoding needs no TypeScript: words whose handler and operands follow from their bits in a fixed way.
//
// A row's own functions (`accept`, `derive`) are asked at build time for all values of the fields that they look
// at. Where a set of words has one handler, and operands that are sums of pieces of the word, it becomes a pattern
// for the kernel `decodeRecord`; nothing is written down twice. Whatever else there is stays with decode.ts.

import type { InstructionRow } from '../../cpu/isa/define.ts';
import type { Handler } from './enumerate.ts';
import type { Operand, Shape } from './shape.ts';

/** The words with these bits in the places of the mask. */
interface Words {
  readonly mask: number;
  readonly value: number;
}

/** Bits of the word, moved to their weight in a value; the highest may count negatively. */
export interface Piece {
  readonly shift: number;
  readonly width: number;
  readonly scale: number;
  readonly signed: boolean;
  readonly negative: boolean;
}

/** Values by neighbouring bits of the word. */
export interface ValueTable {
  readonly shift: number;
  readonly width: number;
  readonly values: ReadonlyMap<number, bigint>;
}

/** What is written into the record: a register's number, the sum of a base and pieces, or what a table has. */
export interface PatternOperand {
  readonly operand: Operand;
  readonly base: bigint;
  readonly pieces: readonly Piece[];
  readonly table?: ValueTable;
}

export interface Pattern extends Words {
  readonly handler: number;
  readonly operands: readonly PatternOperand[];
}

/** Of values of more bits some are looked at, spread evenly, instead of all. */
const ALL_BITS = 16;
/** Fields of at most so many bits are taken apart where the words as a whole have no common form. */
const NARROW = 3;
/** Values that follow from so few neighbouring bits may be looked up. */
const TABLE_BITS = 12;
/** `accept` functions look at no wider field. */
const WIDEST_CHOICE = 12;

/** Patterns of the rows that every core has, without those of floating point and vectors. */
export function decodePatterns(
  handlers: readonly Handler[],
  shapeOf: (handler: Handler) => Shape,
): readonly Pattern[] {
  return handlers
    .filter(({ row }) => !row.fp && row.since === undefined)
    .flatMap((handler) => patternsOf(handler, shapeOf(handler)));
}

function patternsOf(handler: Handler, shape: Shape): Pattern[] {
  const { row, statics } = handler;
  let words: Words = { mask: row.mask, value: row.value };
  for (const [name, value] of Object.entries(statics)) {
    const fixed = withField(row, words, name, value);
    if (!fixed) return [];
    words = fixed;
  }
  return accepted(row, words).flatMap((part) => patternsIn(row, part, handler.number, shape));
}

const onesOf = (width: number): number => (width === 32 ? -1 : (1 << width) - 1);

function fieldOf(row: InstructionRow, name: string): { shift: number; width: number } | undefined {
  return row.fields.find((field) => field.name === name);
}

function withField(row: InstructionRow, words: Words, name: string, value: number): Words | undefined {
  const field = fieldOf(row, name);
  if (!field) return undefined;
  return {
    mask: (words.mask | (onesOf(field.width) << field.shift)) >>> 0,
    value: (words.value | (value << field.shift)) >>> 0,
  };
}

// ---------------------------------------------------------------- which words a row accepts

/** The fields of a word to a row's own functions, and which of them they look at. */
class Fields {
  word = 0;
  /** Bits of the word that are known. */
  known = -1;
  readonly values: Readonly<Record<string, number>>;
  readonly looksAt = new Set<string>();
  /** The first field that was looked at and is not known. */
  unknown: string | undefined;

  constructor(row: InstructionRow) {
    const values: Record<string, number> = {};
    for (const { name, shift, width } of row.fields) {
      const ones = onesOf(width);
      const get = (): number => {
        this.looksAt.add(name);
        if (((this.known >>> shift) & ones) !== ones) this.unknown ??= name;
        return (this.word >>> shift) & ones;
      };
      Object.defineProperty(values, name, { get });
    }
    this.values = values;
  }
}

/** The words that `accept` lets pass. A field that it looks at is tried with all its values. */
function accepted(row: InstructionRow, words: Words, fields = new Fields(row)): Words[] {
  if (!row.accept) return [words];
  fields.word = words.value;
  fields.known = words.mask;
  fields.unknown = undefined;
  const isAccepted = row.accept(fields.values);
  if (fields.unknown !== undefined) return choices(row, words, fields.unknown, fields);
  return isAccepted ? [words] : [];
}

function choices(row: InstructionRow, words: Words, name: string, fields: Fields): Words[] {
  const { shift = 0, width = 0 } = fieldOf(row, name) ?? {};
  if (width > WIDEST_CHOICE) return [];
  const places = onesOf(width) << shift;
  const outcomes = Array.from({ length: 1 << width }, (_, value) => {
    const fixed = withField(row, words, name, value) as Words;
    return accepted(row, fixed, fields).map((part) => ({
      mask: (part.mask & ~places) >>> 0,
      value: (part.value & ~places) >>> 0,
    }));
  });
  const names = outcomes.map((outcome) => JSON.stringify(outcome));
  return alike(names, width).flatMap(({ mask, value, first }) =>
    (outcomes[first] as Words[]).map((part) => ({
      mask: (part.mask | (mask << shift)) >>> 0,
      value: (part.value | (value << shift)) >>> 0,
    })),
  );
}

/** Groups the values of a field by their outcomes: bits in common, and one value of each group. */
function alike(outcomes: readonly string[], width: number): { mask: number; value: number; first: number }[] {
  const all = outcomes.map((_, value) => value);
  const split = (values: readonly number[], mask: number, value: number): ReturnType<typeof alike> => {
    const isOne = (list: readonly number[]): boolean =>
      list.every((entry) => outcomes[entry] === outcomes[list[0] as number]);
    if (isOne(values)) return [{ mask, value, first: values[0] as number }];
    const halves = Array.from({ length: width }, (_, bit) => bit)
      .filter((bit) => ((mask >> bit) & 1) === 0)
      .map((bit) => ({
        bit,
        zeros: values.filter((entry) => ((entry >> bit) & 1) === 0),
        ones: values.filter((entry) => ((entry >> bit) & 1) === 1),
      }));
    const best = halves.find(({ zeros, ones }) => isOne(zeros) || isOne(ones)) ?? halves[0];
    if (!best) throw new Error('one value has one outcome');
    const fixed = mask | (1 << best.bit);
    return [...split(best.zeros, fixed, value), ...split(best.ones, fixed, value | (1 << best.bit))];
  };
  return split(all, 0, 0);
}

// ---------------------------------------------------------------- operands

function patternsIn(row: InstructionRow, words: Words, handler: number, shape: Shape): Pattern[] {
  const derived = derivedValues(row, words);
  const operands = shape.map((operand) => operandOf(row, operand, derived));
  if (operands.every((operand) => operand !== undefined)) return [{ ...words, handler, operands }];
  const narrow = row.fields
    .filter(({ name, width, shift }) => {
      const places = onesOf(width) << shift;
      return derived.looksAt.has(name) && width <= NARROW && (words.mask & places) !== places;
    })
    .sort((a, b) => a.width - b.width)[0];
  if (!narrow) {
    const all = operands.map((found, i) => found ?? tableOf(row, words, shape[i] as Operand, derived));
    return all.every((operand) => operand !== undefined) ? [{ ...words, handler, operands: all }] : [];
  }
  const places = onesOf(narrow.width) << narrow.shift;
  // Some of its bits may be decided already.
  return Array.from({ length: 1 << narrow.width }, (_, value) => value << narrow.shift)
    .filter((bits) => ((bits ^ words.value) & words.mask & places) === 0)
    .map((bits) => ({ mask: (words.mask | places) >>> 0, value: (words.value | bits) >>> 0 }))
    .flatMap((part) => patternsIn(row, part, handler, shape));
}

type Derived = Readonly<Record<string, number | bigint>>;

/** A sum of the bits of a word, each with its weight. */
interface Sum {
  readonly base: number | bigint;
  readonly weights: ReadonlyMap<number, number | bigint>;
}

interface DerivedValues {
  /** Fields on which the values depend. */
  readonly looksAt: ReadonlySet<string>;
  /** Those values that are sums. */
  readonly sums: ReadonlyMap<string, Sum>;
}

/** Which derived values are sums of bits of the words. */
function derivedValues(row: InstructionRow, words: Words): DerivedValues {
  const { derive } = row;
  const fields = new Fields(row);
  const { looksAt } = fields;
  if (!derive) return { looksAt, sums: new Map() };
  const valuesOf = (bits: number): Derived => {
    fields.word = words.value | bits;
    return derive(fields.values);
  };
  for (;;) {
    const names = Object.keys(valuesOf(0));
    const before = looksAt.size;
    const free = freeBits(row, words, looksAt);
    const sums = new Map(names.map((name) => [name, sumOf(name, free, valuesOf)]));
    const count = 2 ** free.length;
    const step = free.length > ALL_BITS ? 2 * Math.floor(count / 2 ** (ALL_BITS + 1)) + 1 : 1;
    for (let index = 0; index < count && sums.size > 0; index += step) {
      const bits = spread(index, free);
      const values = valuesOf(bits);
      for (const [name, sum] of sums) if (values[name] !== valueOf(sum, bits)) sums.delete(name);
    }
    // Another way through the function may look at more.
    if (looksAt.size === before) return { looksAt, sums };
  }
}

/** The lowest bits of a number, at these places. */
function spread(index: number, places: readonly number[]): number {
  let bits = 0;
  for (let i = 0; i < places.length; i++) bits |= ((index >>> i) & 1) << (places[i] as number);
  return bits;
}

/** Bits of these fields that the words do not have in common. */
function freeBits(row: InstructionRow, words: Words, names: ReadonlySet<string>): number[] {
  return row.fields
    .filter(({ name }) => names.has(name))
    .flatMap(({ shift, width }) => Array.from({ length: width }, (_, i) => shift + i))
    .filter((bit) => ((words.mask >>> bit) & 1) === 0)
    .sort((a, b) => a - b);
}

/** What the value would be if it were a sum. */
function sumOf(name: string, free: readonly number[], valuesOf: (bits: number) => Derived): Sum {
  const base = valuesOf(0)[name] ?? 0;
  const weightOf = (bit: number): number | bigint => {
    const value = valuesOf(1 << bit)[name] ?? 0;
    return typeof value === 'bigint' ? value - BigInt(base) : value - Number(base);
  };
  return { base, weights: new Map(free.map((bit) => [bit, weightOf(bit)])) };
}

function valueOf({ base, weights }: Sum, bits: number): number | bigint {
  let sum = base;
  for (const [bit, weight] of weights) {
    if (((bits >>> bit) & 1) === 0) continue;
    sum = typeof sum === 'bigint' ? sum + BigInt(weight) : sum + Number(weight);
  }
  return sum;
}

function operandOf(
  row: InstructionRow,
  operand: Operand,
  { sums }: DerivedValues,
): PatternOperand | undefined {
  const sum = sums.get(operand.field);
  if (sum) {
    const pieces = piecesOf(sum.weights);
    return pieces && { operand, base: BigInt(sum.base), pieces };
  }
  const field = fieldOf(row, operand.field);
  if (!field) return undefined;
  const { shift, width } = field;
  return { operand, base: 0n, pieces: [{ shift, width, scale: 0, signed: false, negative: false }] };
}

/** The values of an operand that is no sum, where they depend on few bits. */
function tableOf(
  row: InstructionRow,
  words: Words,
  operand: Operand,
  { looksAt }: DerivedValues,
): PatternOperand | undefined {
  const { derive } = row;
  const free = freeBits(row, words, looksAt);
  const open = row.fields.filter(
    ({ name, shift, width }) => looksAt.has(name) && free.some((bit) => bit >= shift && bit < shift + width),
  );
  const shift = Math.min(...open.map((field) => field.shift));
  const width = Math.max(...open.map((field) => field.shift + field.width)) - shift;
  // What is executed seldom is not worth the room.
  if (!derive || row.hot === undefined || open.length === 0 || width > TABLE_BITS) return undefined;
  const fields = new Fields(row);
  const values = new Map<number, bigint>();
  for (let index = 0; index < 2 ** free.length; index++) {
    fields.word = words.value | spread(index, free);
    const value = derive(fields.values)[operand.field];
    if (value === undefined) return undefined;
    values.set((fields.word >>> shift) & onesOf(width), BigInt(value));
  }
  return { operand, base: 0n, pieces: [], table: { shift, width, values } };
}

/** Neighbouring bits whose weights double; undefined where a weight is no power of two. */
function piecesOf(weights: Sum['weights']): Piece[] | undefined {
  const pieces: Piece[] = [];
  const bits = [...weights]
    .map(([bit, weight]) => [bit, BigInt(weight)] as const)
    .filter(([, weight]) => weight !== 0n);
  for (let at = 0; at < bits.length; ) {
    const [shift, first] = bits[at] as (typeof bits)[number];
    const size = first < 0n ? -first : first;
    const scale = size.toString(2).length - 1;
    if (size !== 1n << BigInt(scale)) return undefined;
    let width = 1;
    let signed = false;
    for (let weight = first; !signed && at + width < bits.length; width++) {
      const [bit, next] = bits[at + width] as (typeof bits)[number];
      weight *= 2n;
      if (bit !== shift + width || (next !== weight && next !== -weight)) break;
      signed = next === -weight;
    }
    pieces.push({ shift, width, scale, signed, negative: first < 0n });
    at += width;
  }
  return pieces;
}
