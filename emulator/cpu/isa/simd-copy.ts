// AdvSIMD copy, and AdvSIMD scalar copy. Arm ARM (DDI 0487), "Data Processing -- Scalar
// Floating-Point and Advanced SIMD".
//
// The lowest set bit of imm5 gives the size, the bits above it the index of the lane. The index
// is known at run time only, so lanes are found by their byte offset.

import { bit, instruction } from './define.ts';
import {
  fitsRegister,
  fromByte,
  lane0,
  laneBits,
  laneMask,
  scalarOf,
  splatLane,
  vectorOf,
  writeLanes,
} from './simd-lanes.ts';

const BHSD = [0, 1, 2, 3];

/** log2 of the lane's bytes; 4 or more is reserved. */
const sizeOf = (imm5: number): number => (imm5 === 0 ? 5 : 31 - Math.clz32(imm5 & -imm5));

const lane = ({ imm5 }: { imm5: number }) => {
  const size = sizeOf(imm5);
  return { size, offset: (imm5 >> (size + 1)) << size };
};

export const simdCopy = [
  instruction('DUP (element, vector)', '0 Q:1 0 01110000 imm5:5 0 0000 1 Rn:5 Rd:5', {
    static: { Q: bit, size: BHSD },
    combination: fitsRegister,
    accept: ({ Q, imm5 }) => sizeOf(imm5) < 4 && fitsRegister({ Q, size: sizeOf(imm5) }),
    derive: lane,
    fp: true,
    execute(ops, { Q, size, offset, Rn, Rd }) {
      writeLanes(ops, vectorOf(size, Q), Rd, splatLane(ops, size, ops.readV(Rn), ops.small(offset)));
    },
  }),
  instruction('DUP (general)', '0 Q:1 0 01110000 imm5:5 0 0001 1 Rn:5 Rd:5', {
    static: { Q: bit, size: BHSD },
    combination: fitsRegister,
    accept: ({ Q, imm5 }) => sizeOf(imm5) < 4 && fitsRegister({ Q, size: sizeOf(imm5) }),
    derive: lane,
    fp: true,
    execute(ops, { Q, size, Rn, Rd }) {
      const value = ops.readX(Rn, size === 3 ? 64 : 32);
      writeLanes(ops, vectorOf(size, Q), Rd, ops.splat(laneBits(size), value));
    },
  }),
  instruction('SMOV', '0 Q:1 0 01110000 imm5:5 0 0101 1 Rn:5 Rd:5', {
    static: { Q: bit, size: [0, 1, 2] },
    combination: ({ Q, size }) => size < 2 + Q,
    accept: ({ Q, imm5 }) => sizeOf(imm5) < 2 + Q,
    derive: lane,
    fp: true,
    execute(ops, { Q, size, offset, Rn, Rd }) {
      const width = Q ? 64 : 32;
      const value = lane0(ops, size, fromByte(ops, ops.readV(Rn), ops.small(offset)));
      ops.writeX(Rd, width, ops.signExtend(ops.toWidth(value, width), laneBits(size)));
    },
  }),
  instruction('UMOV', '0 Q:1 0 01110000 imm5:5 0 0111 1 Rn:5 Rd:5', {
    static: { size: BHSD },
    accept: ({ Q, imm5 }) => (Q ? sizeOf(imm5) === 3 : sizeOf(imm5) < 3),
    derive: lane,
    fp: true,
    execute(ops, { size, offset, Rn, Rd }) {
      const value = lane0(ops, size, fromByte(ops, ops.readV(Rn), ops.small(offset)));
      ops.writeX(Rd, size === 3 ? 64 : 32, value);
    },
  }),
  instruction('INS (general)', '0 1 0 01110000 imm5:5 0 0011 1 Rn:5 Rd:5', {
    static: { size: BHSD },
    accept: ({ imm5 }) => sizeOf(imm5) < 4,
    derive: lane,
    fp: true,
    execute(ops, { size, offset, Rn, Rd }) {
      const value = ops.readX(Rn, size === 3 ? 64 : 32);
      const mask = laneMask(ops, size, ops.small(offset));
      ops.writeV(Rd, ops.simd('v128.bitselect', ops.splat(laneBits(size), value), ops.readV(Rd), mask));
    },
  }),
  instruction('INS (element)', '0 1 1 01110000 imm5:5 0 imm4:4 1 Rn:5 Rd:5', {
    static: { size: BHSD },
    accept: ({ imm5 }) => sizeOf(imm5) < 4,
    derive(fields) {
      const { size, offset } = lane(fields);
      return { size, offset, source: (fields.imm4 >> size) << size };
    },
    fp: true,
    execute(ops, { size, offset, source, Rn, Rd }) {
      const value = splatLane(ops, size, ops.readV(Rn), ops.small(source));
      const mask = laneMask(ops, size, ops.small(offset));
      ops.writeV(Rd, ops.simd('v128.bitselect', value, ops.readV(Rd), mask));
    },
  }),
  instruction('DUP (element, scalar)', '01 0 11110000 imm5:5 0 0000 1 Rn:5 Rd:5', {
    static: { size: BHSD },
    accept: ({ imm5 }) => sizeOf(imm5) < 4,
    derive: lane,
    fp: true,
    execute(ops, { size, offset, Rn, Rd }) {
      writeLanes(ops, scalarOf(size), Rd, fromByte(ops, ops.readV(Rn), ops.small(offset)));
    },
  }),
];
