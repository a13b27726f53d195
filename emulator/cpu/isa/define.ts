// How an instruction row is written: the encoding diagram read from left to right, which fields
// are static, and the meaning over the code builder.

import type { Feature } from '../features.ts';
import type { Field, Ops } from './ops.ts';

type FieldNames<P extends string> = P extends `${infer Head} ${infer Tail}`
  ? FieldNames<Head> | FieldNames<Tail>
  : P extends `${infer Name}:${string}`
    ? Name
    : never;

type Words<P extends string> = { readonly [K in FieldNames<P>]: number };
type Derived = Readonly<Record<string, number | bigint>>;

/** Static fields are numbers, all others may only be handed to `ops`. */
type Operands<P extends string, S, D> = { readonly [K in keyof S]: number } & {
  readonly [K in Exclude<FieldNames<P> | keyof D, keyof S>]: Field;
};

interface Definition<P extends string, S, D> {
  /** Fields (of the word or derived) with the values they can have: one handler for each combination. */
  readonly static?: S;
  /** False: this combination of static fields does not exist, and no handler is made for it. */
  readonly combination?: (statics: { readonly [K in keyof S]: number }) => boolean;
  /** False: this combination of fields is not allocated, and the word is UNDEFINED (or another row's). */
  readonly accept?: (fields: Words<P>) => boolean;
  /** Values computed when the word is decoded. Numbers of up to 16 bits, 32-bit offsets or 64-bit immediates, as `ops` reads them. */
  readonly derive?: (fields: Words<P>) => D;
  /** UNDEFINED on a core without it. */
  readonly since?: Feature;
  /** Uses the FP and AdvSIMD register file: traps while that is disabled. */
  readonly fp?: boolean;
  /** Executed so often that its handlers stand in the interpreter's switch. Give the static fields of the hot combinations. */
  readonly hot?: (statics: { readonly [K in keyof S]: number }) => boolean;
  readonly execute: (ops: Ops, operands: Operands<P, S, D>) => void;
}

export interface FieldPosition {
  readonly name: string;
  readonly shift: number;
  readonly width: number;
}

/** A row as the consumers see it: types erased. */
export interface InstructionRow {
  readonly name: string;
  readonly pattern: string;
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly FieldPosition[];
  readonly statics: ReadonlyMap<string, readonly number[]>;
  readonly combination: ((statics: Record<string, number>) => boolean) | undefined;
  readonly accept: ((fields: Record<string, number>) => boolean) | undefined;
  readonly derive: ((fields: Record<string, number>) => Derived) | undefined;
  readonly since: Feature | undefined;
  readonly fp: boolean;
  readonly hot: ((statics: Record<string, number>) => boolean) | undefined;
  readonly execute: (ops: Ops, operands: Record<string, Field | number>) => void;
}

/** The values of a one-bit field. */
export const bit = [0, 1] as const;
/** All values of a field of that many bits. */
export const bits = (width: number): readonly number[] => Array.from({ length: 1 << width }, (_, i) => i);

export function instruction<
  const P extends string,
  const S extends Readonly<Record<string, readonly number[]>> = Record<never, never>,
  const D extends Derived = Record<never, never>,
>(name: string, pattern: P, definition: Definition<P, S, D>): InstructionRow {
  return {
    name,
    pattern,
    ...parsePattern(pattern),
    statics: new Map(Object.entries(definition.static ?? {})),
    combination: definition.combination as InstructionRow['combination'],
    accept: definition.accept as InstructionRow['accept'],
    derive: definition.derive as InstructionRow['derive'],
    since: definition.since,
    fp: definition.fp ?? false,
    hot: definition.hot as InstructionRow['hot'],
    execute: definition.execute as InstructionRow['execute'],
  };
}

/** `sf:1 op:1 100010 …`: names with widths are fields, digits are fixed bits; 32 bits in all. */
export function parsePattern(pattern: string): Pick<InstructionRow, 'mask' | 'value' | 'fields'> {
  let mask = 0;
  let value = 0;
  let position = 32;
  const fields: FieldPosition[] = [];
  for (const token of pattern.trim().split(/\s+/)) {
    const field = /^([A-Za-z_]\w*):(\d+)$/.exec(token);
    if (field) {
      position -= Number(field[2]);
      fields.push({ name: field[1] as string, shift: position, width: Number(field[2]) });
      continue;
    }
    if (!/^[01]+$/.test(token))
      throw new Error(`pattern '${pattern}': '${token}' is neither bits nor name:width`);
    for (const digit of token) {
      position--;
      mask |= 1 << position;
      if (digit === '1') value |= 1 << position;
    }
  }
  if (position !== 0) throw new Error(`pattern '${pattern}' has ${32 - position} bits`);
  return { mask: mask >>> 0, value: value >>> 0, fields };
}

/** Sign-extends a field of that many bits. */
export const signed = (value: number, width: number): number => (value << (32 - width)) >> (32 - width);
