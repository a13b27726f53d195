// AdvSIMD permute, extract and table lookup. Arm ARM (DDI 0487), "Data Processing -- Scalar
// Floating-Point and Advanced SIMD".

import { bit, bits, instruction } from './define.ts';
import {
  byteNumbers,
  fitsRegister,
  joinLow,
  shuffleLanes,
  splatConstant,
  vectorOf,
  writeLanes,
} from './simd-lanes.ts';

const UZP = 1;
const TRN = 2;

export const simdPermute = [
  instruction('UZP1, UZP2, TRN1, TRN2, ZIP1, ZIP2', '0 Q:1 001110 size:2 0 Rm:5 0 part:1 op:2 10 Rn:5 Rd:5', {
    static: { Q: bit, size: bits(2), part: bit, op: [1, 2, 3] },
    combination: fitsRegister,
    accept: (fields) => fields.op !== 0 && fitsRegister(fields),
    fp: true,
    execute(ops, { Q, size, part, op, Rm, Rn, Rd }) {
      const arrangement = vectorOf(size, Q);
      const lanes = arrangement.bytes >> size;
      const source = (i: number): number => {
        if (op === UZP) return 2 * i + part;
        if (op === TRN) return (i & ~1) + part + (i & 1 ? lanes : 0);
        return (i >> 1) + (part * lanes) / 2 + (i & 1 ? lanes : 0);
      };
      const result = shuffleLanes(ops, arrangement, ops.readV(Rn), ops.readV(Rm), source);
      writeLanes(ops, arrangement, Rd, result);
    },
  }),
  instruction('EXT', '0 Q:1 101110 00 0 Rm:5 0 imm4:4 0 Rn:5 Rd:5', {
    static: { Q: bit },
    accept: ({ Q, imm4 }) => Q === 1 || imm4 < 8,
    fp: true,
    execute(ops, { Q, imm4, Rm, Rn, Rd }) {
      const n = ops.readV(Rn);
      const m = ops.readV(Rm);
      const indexes = ops.let(ops.simd('i8x16.add', ops.splat(8, ops.small(imm4)), byteNumbers(ops)));
      if (Q === 0) {
        ops.writeVLow(Rd, ops.simd('i8x16.swizzle', joinLow(ops, n, m), indexes));
        return;
      }
      // An index outside 0 to 15 selects zero, so each byte comes from exactly one of the two.
      const above = ops.simd('i8x16.sub', indexes, splatConstant(ops, 0, 16n));
      const result = ops.simd(
        'v128.or',
        ops.simd('i8x16.swizzle', n, indexes),
        ops.simd('i8x16.swizzle', m, above),
      );
      ops.writeV(Rd, result);
    },
  }),
  instruction('TBL, TBX', '0 Q:1 001110 00 0 Rm:5 0 len:2 op:1 00 Rn:5 Rd:5', {
    static: { Q: bit, len: bits(2), op: bit },
    derive: ({ Rn }) => ({ Rn1: (Rn + 1) & 31, Rn2: (Rn + 2) & 31, Rn3: (Rn + 3) & 31 }),
    fp: true,
    execute(ops, { Q, len, op, Rm, Rn, Rn1, Rn2, Rn3, Rd }) {
      const indexes = ops.readV(Rm);
      const table = [Rn, Rn1, Rn2, Rn3].slice(0, len + 1).map((register) => ops.readV(register));
      let found = splatConstant(ops, 0, 0n);
      for (const [number, part] of table.entries()) {
        const within = ops.simd('i8x16.sub', indexes, splatConstant(ops, 0, BigInt(16 * number)));
        found = ops.let(ops.simd('v128.or', found, ops.simd('i8x16.swizzle', part, within)));
      }
      if (op === 1) {
        const inTable = ops.simd('i8x16.lt_u', indexes, splatConstant(ops, 0, BigInt(16 * (len + 1))));
        found = ops.simd('v128.bitselect', found, ops.readV(Rd), inTable);
      }
      writeLanes(ops, vectorOf(0, Q), Rd, found);
    },
  }),
];
