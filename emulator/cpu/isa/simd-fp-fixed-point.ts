// Conversion between floating-point and fixed-point lanes.
// Arm ARM (DDI 0487), "Advanced SIMD shift by immediate", "… scalar shift by immediate".

import { bit, type InstructionRow, instruction } from './define.ts';
import {
  buildLanes,
  type FloatBits,
  laneCount,
  laneOf,
  ROUND,
  readScalar,
  writeVector,
  selective,
} from './fp-values.ts';
import type { Field, I32, Int, Ops } from './ops.ts';

/** The lane size by the place of the leading one of immh: 1 is 16 bits, 2 is 32, 3 is 64. */
const formatOfPlace = (place: number): FloatBits => ([16, 16, 32, 64] as const)[place] ?? 64;

/** The bits of the word that hold immh:immb below its leading one, and how many fraction digits they say. */
const fractionDigits = (laneBits: number, rest: number): number => laneBits - rest;

function fixedLane(ops: Ops, laneBits: FloatBits, toFixed: number, n: Int, digits: I32, unsigned: I32): Int {
  const kernel = toFixed ? `f${laneBits}toi${laneBits}` : `i${laneBits}tof${laneBits}`;
  if (toFixed) return ops.call<Int>(kernel as 'f32toi32', n, digits, ops.i32(ROUND.zero), unsigned);
  return ops.call<Int>(kernel as 'i32tof32', n, digits, unsigned);
}

interface Operands {
  readonly Rd: Field;
  readonly Rn: Field;
  readonly unsigned: Field;
  readonly digits: Field;
}

function fixedVector(ops: Ops, laneBits: FloatBits, Q: number, toFixed: number, operands: Operands): void {
  const digits = ops.small(operands.digits);
  const unsigned = ops.small(operands.unsigned);
  const n = ops.readV(operands.Rn);
  const result = buildLanes(ops, laneBits, laneCount(laneBits, Q), (i) =>
    fixedLane(ops, laneBits, toFixed, laneOf(ops, laneBits, n, i), digits, unsigned),
  );
  writeVector(ops, Q, operands.Rd, result);
}

function fixedScalar(ops: Ops, laneBits: FloatBits, toFixed: number, operands: Operands): void {
  const digits = ops.small(operands.digits);
  const unsigned = ops.small(operands.unsigned);
  const n = readScalar(ops, operands.Rn, laneBits);
  ops.writeVLane0(operands.Rd, laneBits, fixedLane(ops, laneBits, toFixed, n, digits, unsigned));
}

// The opcode is 11100 from fixed-point and 11111 to it.
const accept = ({
  toFixed,
  toFixedToo,
}: {
  readonly toFixed: number;
  readonly toFixedToo: number;
}): boolean => toFixed === toFixedToo;

function fixedRows(place: number, since: { since?: 'FEAT_FP16' }, rest: string): InstructionRow[] {
  const laneBits = formatOfPlace(place);
  const title = `SCVTF, UCVTF, FCVTZS, FCVTZU (fixed-point, ${laneBits}-bit lanes`;
  const vectorPattern =
    `0 Q:1 unsigned:1 011110 ${rest} 111 toFixed:1 toFixedToo:1 1 Rn:5 Rd:5` as '0 Q:1 unsigned:1 011110 0001 rest:3 111 toFixed:1 toFixedToo:1 1 Rn:5 Rd:5';
  const scalarPattern =
    `01 unsigned:1 111110 ${rest} 111 toFixed:1 toFixedToo:1 1 Rn:5 Rd:5` as '01 unsigned:1 111110 0001 rest:3 111 toFixed:1 toFixedToo:1 1 Rn:5 Rd:5';
  return [
    instruction(`${title}, vector)`, vectorPattern, {
      static: { Q: laneBits === 64 ? ([1] as const) : bit, toFixed: bit },
      accept,
      derive: (fields) => ({ digits: fractionDigits(laneBits, fields.rest) }),
      fp: true,
      ...since,
      execute(ops, { Q, toFixed, unsigned, digits, Rd, Rn }) {
        fixedVector(ops, laneBits, Q, toFixed, { Rd, Rn, unsigned, digits });
      },
    }),
    instruction(`${title}, scalar)`, scalarPattern, {
      static: { toFixed: bit },
      accept,
      derive: (fields) => ({ digits: fractionDigits(laneBits, fields.rest) }),
      fp: true,
      ...since,
      execute(ops, { toFixed, unsigned, digits, Rd, Rn }) {
        fixedScalar(ops, laneBits, toFixed, { Rd, Rn, unsigned, digits });
      },
    }),
  ];
}

// immh:immb is the leading one that tells the lane size, then the digits counted down from it.
export const simdFpFixedPoint: readonly InstructionRow[] = [
  ...fixedRows(1, { since: 'FEAT_FP16' }, '001 rest:4'),
  ...fixedRows(2, {}, '01 rest:5'),
  ...fixedRows(3, {}, '1 rest:6'),
].map(selective);
