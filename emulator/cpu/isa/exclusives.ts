// Exclusive and ordered accesses. Arm ARM (DDI 0487), "Load/store exclusive", "Load/store ordered".
//
// One CPU runs at a time and its accesses happen in program order, so acquire and release need
// nothing but their alignment. The exclusive monitor is kept by the kernels.

import { EXCLUSIVE_HIGH, EXCLUSIVE_LOW } from '../../memory/layout.ts';
import { bit, instruction, signed } from './define.ts';
import type { I32, I64 } from './ops.ts';

const SIZES = [0, 1, 2, 3] as const;
const bytesOf = (size: number): 1 | 2 | 4 | 8 => (1 << size) as 1 | 2 | 4 | 8;

export const exclusives = [
  instruction('STXR, STLXR', 'size:2 001000 0 0 0 Rs:5 o0:1 11111 Rn:5 Rt:5', {
    static: { size: SIZES },
    execute(ops, { size, Rs, Rn, Rt }) {
      const address = ops.readXOrSp(Rn, 64);
      const status = ops.call<I32>('storeExclusive', address, ops.i32(1 << size), ops.readX(Rt, 64));
      ops.writeX(Rs, 32, status);
    },
  }),

  instruction('LDXR, LDAXR', 'size:2 001000 0 1 0 11111 o0:1 11111 Rn:5 Rt:5', {
    static: { size: SIZES },
    execute(ops, { size, Rn, Rt }) {
      ops.writeX(Rt, 64, ops.call<I64>('loadExclusive', ops.readXOrSp(Rn, 64), ops.i32(1 << size)));
    },
  }),

  // A pair of words is one access of eight bytes, the first register in its low half.
  instruction('STXP, STLXP', '1 sz:1 001000 0 0 1 Rs:5 o0:1 Rt2:5 Rn:5 Rt:5', {
    static: { sz: bit },
    execute(ops, { sz, Rs, Rt2, Rn, Rt }) {
      const address = ops.readXOrSp(Rn, 64);
      const [first, second] = [ops.readX(Rt, 64), ops.readX(Rt2, 64)];
      const packed = ops.or(ops.and(first, ops.i64(0xffffffffn)), ops.shl(second, ops.i64(32)));
      const status = sz
        ? ops.call<I32>('storeExclusivePair', address, ops.i32(16), first, second)
        : ops.call<I32>('storeExclusivePair', address, ops.i32(8), packed, ops.i64(0));
      ops.writeX(Rs, 32, status);
    },
  }),

  instruction('LDXP, LDAXP', '1 sz:1 001000 0 1 1 11111 o0:1 Rt2:5 Rn:5 Rt:5', {
    static: { sz: bit },
    execute(ops, { sz, Rt2, Rn, Rt }) {
      ops.call('loadExclusivePair', ops.readXOrSp(Rn, 64), ops.i32(sz ? 16 : 8));
      const low = ops.loadState('i64', EXCLUSIVE_LOW);
      const high = sz ? ops.loadState('i64', EXCLUSIVE_HIGH) : ops.shrU(low, ops.i64(32));
      ops.writeX(Rt, 64, sz ? low : ops.and(low, ops.i64(0xffffffffn)));
      ops.writeX(Rt2, 64, high);
    },
  }),

  instruction('STLR', 'size:2 001000 1 0 0 11111 1 11111 Rn:5 Rt:5', {
    static: { size: SIZES },
    hot: () => true,
    execute(ops, { size, Rn, Rt }) {
      ops.store(bytesOf(size), ops.readXOrSp(Rn, 64), ops.readX(Rt, 64), { aligned: true });
    },
  }),

  instruction('STLLR', 'size:2 001000 1 0 0 11111 0 11111 Rn:5 Rt:5', {
    since: 'FEAT_LOR',
    static: { size: SIZES },
    execute(ops, { size, Rn, Rt }) {
      ops.store(bytesOf(size), ops.readXOrSp(Rn, 64), ops.readX(Rt, 64), { aligned: true });
    },
  }),

  instruction('LDAR', 'size:2 001000 1 1 0 11111 1 11111 Rn:5 Rt:5', {
    static: { size: SIZES },
    hot: ({ size }) => size > 1,
    execute(ops, { size, Rn, Rt }) {
      ops.writeX(Rt, 64, ops.load(bytesOf(size), ops.readXOrSp(Rn, 64), { aligned: true }));
    },
  }),

  instruction('LDLAR', 'size:2 001000 1 1 0 11111 0 11111 Rn:5 Rt:5', {
    since: 'FEAT_LOR',
    static: { size: SIZES },
    execute(ops, { size, Rn, Rt }) {
      ops.writeX(Rt, 64, ops.load(bytesOf(size), ops.readXOrSp(Rn, 64), { aligned: true }));
    },
  }),

  instruction('LDAPR', 'size:2 111000 101 11111 1100 00 Rn:5 Rt:5', {
    since: 'FEAT_LRCPC',
    static: { size: SIZES },
    execute(ops, { size, Rn, Rt }) {
      ops.writeX(Rt, 64, ops.load(bytesOf(size), ops.readXOrSp(Rn, 64), { aligned: true }));
    },
  }),

  // opc: 0 store, 1 load, 2 sign-extended to 64 bits, 3 to 32 bits. FEAT_LRCPC2 comes with the
  // alignment relaxed only by FEAT_LSE2, which is not offered.
  instruction('STLUR, LDAPUR, LDAPURS', 'size:2 011001 opc:2 0 imm9:9 00 Rn:5 Rt:5', {
    since: 'FEAT_LRCPC2',
    static: { size: SIZES, opc: SIZES },
    combination: ({ size, opc }) => opc < 2 || (size < 3 && !(size === 2 && opc === 3)),
    accept: ({ size, opc }) => opc < 2 || (size < 3 && !(size === 2 && opc === 3)),
    derive: ({ imm9 }) => ({ offset: signed(imm9, 9) }),
    execute(ops, { size, opc, Rn, Rt, offset }) {
      const address = ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset));
      if (opc === 0) return ops.store(bytesOf(size), address, ops.readX(Rt, 64), { aligned: true });
      const value = ops.load(bytesOf(size), address, { aligned: true });
      if (opc === 1) return ops.writeX(Rt, 64, value);
      const extended = ops.signExtend(value, 8 << size);
      ops.writeX(Rt, 64, opc === 2 ? extended : ops.and(extended, ops.i64(0xffffffffn)));
    },
  }),
];
