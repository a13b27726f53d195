// AdvSIMD load/store multiple structures: LD1 to LD4 and ST1 to ST4, with their post-indexed
// forms. Arm ARM (DDI 0487), "Loads and Stores".
//
// The bytes in memory are loaded as whole vectors and then dealt out to the registers by
// shuffles; stores collect them the same way.

import { bit, bits, instruction } from './define.ts';
import type { Field, I32, I64, Ops, V128 } from './ops.ts';
import { byteList, fitsRegister } from './simd-lanes.ts';

const BHSD = bits(2);

/** Registers are consecutive, V0 follows V31. */
export const registersFrom = ({ Rt }: { readonly Rt: number }) => ({
  Rt1: (Rt + 1) & 31,
  Rt2: (Rt + 2) & 31,
  Rt3: (Rt + 3) & 31,
});

/** Without post-index the field of Rm is zero. */
export const hasValidRm = ({ post, Rm }: { readonly post: number; readonly Rm: number }): boolean =>
  post === 1 || Rm === 0;

/**
 * What is added to the base register: X[Rm], or the size of the transfer for Rm = 31, which reads
 * as zero. Without post-index nothing is added, which spares a handler for each form.
 */
export const writeBackBy = ({ post, Rm }: { readonly post: number; readonly Rm: number }, bytes: number) => ({
  increment: post && Rm === 31 ? bytes : 0,
  index: post ? Rm : 31,
});

/** The increment is below 256, and given as a value because its field holds more than it. */
export function writeBack(ops: Ops, Rn: Field, base: I64, index: Field, increment: I32): void {
  const sum = ops.add(ops.readX(index, 64), ops.extendU(increment));
  ops.writeXOrSp(Rn, 64, ops.add(base, sum));
}

/** Number of structure elements of the opcodes of LD2 to LD4. */
const ELEMENTS: Readonly<Record<number, number>> = { 0: 4, 4: 3, 8: 2 };
/** Number of registers of the opcodes of LD1. */
const REGISTERS: Readonly<Record<number, number>> = { 2: 4, 6: 3, 7: 1, 10: 2 };

interface Words {
  readonly Q: number;
  readonly opcode: number;
  readonly post: number;
  readonly Rm: number;
  readonly Rt: number;
  readonly size: number;
}

function multiple(counts: Readonly<Record<number, number>>) {
  return (fields: Words) => {
    const count = counts[fields.opcode] ?? 0;
    const { increment, index } = writeBackBy(fields, count * (fields.Q ? 16 : 8));
    // A record has no room for one more operand than this.
    const sizes = increment | ((1 << fields.size) << 8);
    return { ...registersFrom(fields), index, sizes, count };
  };
}

interface Fields {
  readonly Rn: Field;
  readonly index: Field;
  /** What is added to the base register in bits 7..0, bytes of an element above. */
  readonly sizes: Field;
  readonly Q: number;
  readonly L: number;
  readonly count: number;
  readonly Rt: Field;
  readonly Rt1: Field;
  readonly Rt2: Field;
  readonly Rt3: Field;
}

export const simdLoadStoreStructures = [
  instruction('LD1, ST1 (multiple structures)', '0 Q:1 001100 post:1 L:1 0 Rm:5 opcode:4 size:2 Rn:5 Rt:5', {
    static: { Q: bit, L: bit, count: [1, 2, 3, 4] },
    accept: (fields) => fields.opcode in REGISTERS && hasValidRm(fields),
    derive: multiple(REGISTERS),
    fp: true,
    execute: (ops, fields) => transferStructures(ops, 4, 1, fields),
  }),
  instruction(
    'LD2, LD3, LD4, ST2, ST3, ST4 (multiple structures)',
    '0 Q:1 001100 post:1 L:1 0 Rm:5 opcode:4 size:2 Rn:5 Rt:5',
    {
      static: { Q: bit, L: bit, size: BHSD, count: [2, 3, 4] },
      combination: fitsRegister,
      accept: (fields) => fields.opcode in ELEMENTS && fitsRegister(fields) && hasValidRm(fields),
      derive: multiple(ELEMENTS),
      fp: true,
      execute: (ops, fields) => transferStructures(ops, fields.size, fields.count, fields),
    },
  ),
];

/** Structures of that many elements, or whole registers one after the other (1). */
function transferStructures(ops: Ops, size: number, elements: number, fields: Fields): void {
  const base = ops.readXOrSp(fields.Rn, 64);
  const sizes = ops.small(fields.sizes);
  const element = ops.shrU(sizes, ops.i32(8));
  const width = fields.Q ? 16 : 8;
  const bytes = fields.count * width;
  const registers = [fields.Rt, fields.Rt1, fields.Rt2, fields.Rt3].slice(0, fields.count);

  /** Where byte i of a register stands in memory. */
  const placeOf = (register: number, i: number): number => {
    if (elements === 1) return register * width + i;
    return (((i >> size) * elements + register) << size) + (i & ((1 << size) - 1));
  };

  if (fields.L) {
    const memory = loadBytes(ops, base, bytes, element);
    for (const [number, register] of registers.entries()) {
      const value = gather(
        ops,
        memory,
        byteList(width, (i) => placeOf(number, i)),
      );
      if (fields.Q) ops.writeV(register, value);
      else ops.writeVLow(register, value);
    }
  } else {
    const sourceOf: number[] = [];
    for (let register = 0; register < fields.count; register++) {
      for (let i = 0; i < width; i++) sourceOf[placeOf(register, i)] = register * 16 + i;
    }
    const values = registers.map((register) => ops.readV(register));
    ops.prepare('write', base, bytes);
    for (let start = 0; start < bytes; start += 16) {
      const chunk = gather(ops, values, sourceOf.slice(start, start + 16));
      storeChunk(ops, ops.add(base, ops.i64(start)), chunk, bytes - start, element);
    }
  }
  writeBack(ops, fields.Rn, base, fields.index, ops.and(sizes, ops.i32(0xff)));
}

/** All bytes in vectors, the last one half filled if need be. */
function loadBytes(ops: Ops, base: I64, bytes: number, element: I32): V128[] {
  const vectors: V128[] = [];
  for (let start = 0; start < bytes; start += 16) {
    const address = ops.add(base, ops.i64(start));
    const isWhole = bytes - start >= 16;
    vectors.push(
      isWhole ? ops.loadV(address, { element }) : ops.splat(64, ops.load(8, address, { element })),
    );
  }
  return vectors;
}

function storeChunk(ops: Ops, address: I64, chunk: V128, left: number, element: I32): void {
  if (left >= 16) ops.storeV(address, chunk, { element });
  else ops.store(8, address, ops.extractLane(64, chunk, 0) as I64, { element });
}

/**
 * The bytes with these numbers, counted through all vectors. One shuffle joins two vectors; each
 * further vector takes another one that replaces the bytes it provides.
 */
function gather(ops: Ops, vectors: readonly V128[], numbers: readonly number[]): V128 {
  const used = [...new Set(numbers.map((number) => number >> 4))];
  const [first, ...others] = used;
  let result = vectors[first as number] as V128;
  let place = (i: number): number => (numbers[i] as number) & 15;
  let placed = new Set([first]);
  if (others.length === 0) {
    return isIdentity(numbers)
      ? result
      : ops.let(
          ops.shuffle(
            result,
            result,
            byteList(16, (i) => place(i % numbers.length)),
          ),
        );
  }
  for (const vector of others) {
    const list = byteList(16, (i) => {
      const number = numbers[i] ?? 0;
      if (number >> 4 === vector) return 16 + (number & 15);
      return placed.has(number >> 4) ? place(i) : i;
    });
    result = ops.let(ops.shuffle(result, vectors[vector] as V128, list));
    place = (i) => i;
    placed = new Set([...placed, vector]);
  }
  return result;
}

const isIdentity = (numbers: readonly number[]): boolean => numbers.every((number, i) => (number & 15) === i);
