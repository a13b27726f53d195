// AdvSIMD load/store single structure: LD1 to LD4 and ST1 to ST4 of one lane, LD1R to LD4R, with
// their post-indexed forms. Arm ARM (DDI 0487), "Loads and Stores".
//
// opcode<2:1> is the scale and opcode<0>:R the number of elements less one; the index of the lane
// is in Q:S:size, as many bits of it as the size of the lane leaves. It is known at run time only.

import { bit, bits, instruction } from './define.ts';
import type { Field, I32, I64, Ops, V128 } from './ops.ts';
import { fromByte, lane0, laneBits, laneMask, vectorOf, writeLanes } from './simd-lanes.ts';
import { hasValidRm, registersFrom, writeBack, writeBackBy } from './simd-load-store-structures.ts';

interface Words {
  readonly Q: number;
  readonly post: number;
  readonly R: number;
  readonly Rm: number;
  readonly opcode: number;
  readonly S: number;
  readonly size: number;
  readonly Rt: number;
}

/** The scale of a lane, or undefined where the encoding is reserved. */
function scaleOf({ opcode, S, size }: Words): number | undefined {
  const scale = opcode >> 1;
  if (scale === 0) return 0;
  if (scale === 1) return size & 1 ? undefined : 1;
  if (scale === 3 || size & 2) return undefined;
  if (size === 0) return 2;
  return S ? undefined : 3;
}

const elementsOf = ({ opcode, R }: Words): number => 1 + (((opcode & 1) << 1) | R);

/**
 * A record has room for seven operands, so the byte offset of the lane and the increment share
 * one: the increment is in its upper half.
 */
function lane(fields: Words) {
  const scale = scaleOf(fields) ?? 0;
  const count = elementsOf(fields);
  const { index, increment } = writeBackBy(fields, count << scale);
  // Q:S:size counts bytes once the bits below the lane are dropped.
  const offset = (((fields.Q << 3) | (fields.S << 2) | fields.size) >> scale) << scale;
  return { ...registersFrom(fields), index, scale, count, place: (increment << 8) | offset };
}

const offsetOf = (ops: Ops, place: Field): I32 => ops.and(ops.small(place), ops.i32(0xff));
const incrementOf = (ops: Ops, place: Field): I32 => ops.shrU(ops.small(place), ops.i32(8));

function replicate(fields: Words) {
  const count = elementsOf(fields);
  return { ...registersFrom(fields), ...writeBackBy(fields, count << fields.size), count };
}

interface Registers {
  readonly Rt: Field;
  readonly Rt1: Field;
  readonly Rt2: Field;
  readonly Rt3: Field;
}

const registersOf = ({ Rt, Rt1, Rt2, Rt3 }: Registers, count: number): Field[] =>
  [Rt, Rt1, Rt2, Rt3].slice(0, count);

type Bytes = 1 | 2 | 4 | 8;

const addressOf = (ops: Ops, base: I64, element: number, scale: number): I64 =>
  element === 0 ? base : ops.add(base, ops.i64(element << scale));

/** Loads all elements before any register is written. */
function loadSplats(ops: Ops, base: I64, scale: number, count: number): V128[] {
  return Array.from({ length: count }, (_, element) => {
    const value = ops.load((1 << scale) as Bytes, addressOf(ops, base, element, scale));
    return ops.splat(laneBits(scale), ops.toWidth(value, scale === 3 ? 64 : 32));
  });
}

export const simdLoadStoreSingle = [
  instruction(
    'LD1, LD2, LD3, LD4 (single structure)',
    '0 Q:1 001101 post:1 1 R:1 Rm:5 opcode:3 S:1 size:2 Rn:5 Rt:5',
    {
      static: { scale: bits(2), count: [1, 2, 3, 4] },
      accept: (fields) => scaleOf(fields) !== undefined && hasValidRm(fields),
      derive: lane,
      fp: true,
      execute(ops, fields) {
        const { scale, count, place } = fields;
        const base = ops.readXOrSp(fields.Rn, 64);
        const values = loadSplats(ops, base, scale, count);
        const mask = ops.let(laneMask(ops, scale, offsetOf(ops, place)));
        for (const [element, register] of registersOf(fields, count).entries()) {
          const value = values[element] as V128;
          ops.writeV(register, ops.simd('v128.bitselect', value, ops.readV(register), mask));
        }
        writeBack(ops, fields.Rn, base, fields.index, incrementOf(ops, place));
      },
    },
  ),
  instruction(
    'ST1, ST2, ST3, ST4 (single structure)',
    '0 Q:1 001101 post:1 0 R:1 Rm:5 opcode:3 S:1 size:2 Rn:5 Rt:5',
    {
      static: { scale: bits(2), count: [1, 2, 3, 4] },
      accept: (fields) => scaleOf(fields) !== undefined && hasValidRm(fields),
      derive: lane,
      fp: true,
      execute(ops, fields) {
        const { scale, count, place } = fields;
        const base = ops.readXOrSp(fields.Rn, 64);
        const values = registersOf(fields, count).map((register) => {
          const value = lane0(ops, scale, fromByte(ops, ops.readV(register), offsetOf(ops, place)));
          return ops.let(ops.toWidth(value, 64) as I64);
        });
        if (count > 1) ops.prepare('write', base, count << scale);
        for (const [element, value] of values.entries()) {
          ops.store((1 << scale) as Bytes, addressOf(ops, base, element, scale), value);
        }
        writeBack(ops, fields.Rn, base, fields.index, incrementOf(ops, place));
      },
    },
  ),
  instruction('LD1R, LD2R, LD3R, LD4R', '0 Q:1 001101 post:1 1 R:1 Rm:5 11 high:1 0 size:2 Rn:5 Rt:5', {
    static: { Q: bit, size: bits(2), count: [1, 2, 3, 4] },
    accept: hasValidRm,
    derive: ({ high, ...fields }) => replicate({ ...fields, opcode: 6 | high, S: 0 }),
    fp: true,
    execute(ops, fields) {
      const { Q, size, count } = fields;
      const base = ops.readXOrSp(fields.Rn, 64);
      const values = loadSplats(ops, base, size, count);
      for (const [element, register] of registersOf(fields, count).entries()) {
        writeLanes(ops, vectorOf(size, Q), register, values[element] as V128);
      }
      writeBack(ops, fields.Rn, base, fields.index, ops.small(fields.increment));
    },
  }),
];
