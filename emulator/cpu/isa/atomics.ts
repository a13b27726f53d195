// Large System Extensions: atomic memory operations. Arm ARM (DDI 0487), "Atomic memory
// operations", "Compare and swap". One CPU runs at a time, so load, compute, store is atomic.
//
// The address must be writable even where nothing is written, so the fault of the store is
// taken first.

import { bit, bits, instruction } from './define.ts';
import type { I64, Ops } from './ops.ts';

const SIZES = [0, 1, 2, 3] as const;
const bytesOf = (size: number): 1 | 2 | 4 | 8 => (1 << size) as 1 | 2 | 4 | 8;

/** Loads for a read-modify-write. */
function loadForUpdate(ops: Ops, size: number, address: I64): I64 {
  const bytes = bytesOf(size);
  ops.prepare('write', address, bytes, { aligned: true });
  return ops.load(bytes, address, { aligned: true });
}

/** What LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN write back, by opc. */
function combine(ops: Ops, opc: number, size: number, memory: I64, operand: I64): I64 {
  const width = 8 << size;
  const sign = (value: I64): I64 => ops.signExtend(value, width);
  const zero = (value: I64): I64 =>
    width === 64 ? value : ops.and(value, ops.i64((1n << BigInt(width)) - 1n));
  switch (opc) {
    case 0:
      return ops.add(memory, operand);
    case 1:
      return ops.and(memory, ops.not(operand));
    case 2:
      return ops.xor(memory, operand);
    case 3:
      return ops.or(memory, operand);
    case 4:
      return ops.select(ops.compare('gtS', sign(memory), sign(operand)), memory, operand);
    case 5:
      return ops.select(ops.compare('ltS', sign(memory), sign(operand)), memory, operand);
    case 6:
      return ops.select(ops.compare('gtU', memory, zero(operand)), memory, operand);
    default:
      return ops.select(ops.compare('ltU', memory, zero(operand)), memory, operand);
  }
}

export const atomics = [
  instruction(
    'LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN',
    'size:2 111000 A:1 R:1 1 Rs:5 0 opc:3 00 Rn:5 Rt:5',
    {
      since: 'FEAT_LSE',
      static: { size: SIZES, opc: bits(3) },
      execute(ops, { size, opc, Rs, Rn, Rt }) {
        const address = ops.readXOrSp(Rn, 64);
        const operand = ops.readX(Rs, 64);
        const memory = loadForUpdate(ops, size, address);
        ops.store(bytesOf(size), address, combine(ops, opc, size, memory, operand));
        ops.writeX(Rt, 64, memory);
      },
    },
  ),

  instruction('SWP', 'size:2 111000 A:1 R:1 1 Rs:5 1 000 00 Rn:5 Rt:5', {
    since: 'FEAT_LSE',
    static: { size: SIZES },
    execute(ops, { size, Rs, Rn, Rt }) {
      const address = ops.readXOrSp(Rn, 64);
      const operand = ops.readX(Rs, 64);
      const memory = loadForUpdate(ops, size, address);
      ops.store(bytesOf(size), address, operand);
      ops.writeX(Rt, 64, memory);
    },
  }),

  instruction('CAS', 'size:2 001000 1 L:1 1 Rs:5 o0:1 11111 Rn:5 Rt:5', {
    since: 'FEAT_LSE',
    static: { size: SIZES },
    execute(ops, { size, Rs, Rn, Rt }) {
      const address = ops.readXOrSp(Rn, 64);
      const width = 8 << size;
      const expected = ops.readX(Rs, 64);
      const replacement = ops.readX(Rt, 64);
      const memory = loadForUpdate(ops, size, address);
      const differing = ops.shl(ops.xor(memory, expected), ops.i64(64 - width));
      ops.when(ops.eqz(differing), () => ops.store(bytesOf(size), address, replacement));
      ops.writeX(Rs, 64, memory);
    },
  }),

  instruction('CASP', '0 sz:1 001000 0 L:1 1 Rs:5 o0:1 11111 Rn:5 Rt:5', {
    since: 'FEAT_LSE',
    static: { sz: bit },
    accept: ({ Rs, Rt }) => (Rs & 1) === 0 && (Rt & 1) === 0,
    derive: ({ Rs, Rt }) => ({ Rs2: Rs + 1, Rt2: Rt + 1 }),
    execute(ops, { sz, Rs, Rs2, Rn, Rt, Rt2 }) {
      const bytes = sz ? 8 : 4;
      const address = ops.readXOrSp(Rn, 64);
      const expected = [ops.readX(Rs, 64), ops.readX(Rs2, 64)] as const;
      const replacement = [ops.readX(Rt, 64), ops.readX(Rt2, 64)] as const;
      const low = ops.and(ops.wrap(address), ops.i32(2 * bytes - 1));
      ops.when(low, () => {
        ops.call('requireAligned', address, ops.i32(2 * bytes), ops.i32(1));
      });
      ops.prepare('write', address, 2 * bytes);
      const [first, second] = ops.loadPair(bytes, address);
      const differs = (memory: I64, value: I64): I64 => ops.shl(ops.xor(memory, value), ops.i64(sz ? 0 : 32));
      const differing = ops.or(differs(first, expected[0]), differs(second, expected[1]));
      ops.when(ops.eqz(differing), () => ops.storePair(bytes, address, ...replacement));
      ops.writeX(Rs, 64, first);
      ops.writeX(Rs2, 64, second);
    },
  }),
];
