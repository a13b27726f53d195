// Loads and stores of general registers. Arm ARM (DDI 0487), "Loads and Stores".
// SIMD and FP registers: simd-load-store*.ts. Exclusive and ordered: exclusives.ts.
//
// `opc`: 0 store, 1 load zero-extended, 2 load sign-extended to 64 bits, 3 to 32 bits.

import { bit, instruction, signed } from './define.ts';
import { extendRegister } from './operands.ts';
import type { AccessOptions, Field, I64, Ops } from './ops.ts';

type Size = 1 | 2 | 4 | 8;
const SIZES = [0, 1, 2, 3] as const;
const bytesOf = (size: number): Size => (1 << size) as Size;

/** Size 3 with opc 2 is PRFM, and 32-bit values have no sign extension to 32 bits. */
const exists = ({ size, opc }: { size: number; opc: number }): boolean =>
  opc < 2 || (size < 3 && !(size === 2 && opc === 3));

const frequent = ({ size, opc }: { size: number; opc: number }): boolean =>
  opc < 2 || (size === 2 && opc === 2);

/** Loads a value, extended as opc says. */
function loadExtended(ops: Ops, size: number, opc: number, address: I64, options?: AccessOptions): I64 {
  const value = ops.load(bytesOf(size), address, options);
  if (opc === 1) return value;
  const extended = ops.signExtend(value, 8 << size);
  return opc === 2 ? extended : ops.and(extended, ops.i64(0xffffffffn));
}

function access(ops: Ops, size: number, opc: number, Rt: Field, address: I64, options?: AccessOptions): void {
  if (opc === 0) ops.store(bytesOf(size), address, ops.readX(Rt, 64), options);
  else ops.writeX(Rt, 64, loadExtended(ops, size, opc, address, options));
}

export const loadsAndStores = [
  instruction('STR, LDR, LDRS (unsigned offset)', 'size:2 111 0 01 opc:2 imm12:12 Rn:5 Rt:5', {
    static: { size: SIZES, opc: SIZES },
    combination: exists,
    accept: exists,
    derive: ({ size, imm12 }) => ({ offset: imm12 << size }),
    hot: frequent,
    execute(ops, { size, opc, Rn, Rt, offset }) {
      access(ops, size, opc, Rt, ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset)));
    },
  }),

  instruction('STUR, LDUR, LDURS', 'size:2 111 0 00 opc:2 0 imm9:9 00 Rn:5 Rt:5', {
    static: { size: SIZES, opc: SIZES },
    combination: exists,
    accept: exists,
    derive: ({ imm9 }) => ({ offset: signed(imm9, 9) }),
    hot: ({ size, opc }) => size > 1 && opc < 2,
    execute(ops, { size, opc, Rn, Rt, offset }) {
      access(ops, size, opc, Rt, ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset)));
    },
  }),

  instruction('STTR, LDTR, LDTRS', 'size:2 111 0 00 opc:2 0 imm9:9 10 Rn:5 Rt:5', {
    static: { size: SIZES, opc: SIZES },
    combination: exists,
    accept: exists,
    derive: ({ imm9 }) => ({ offset: signed(imm9, 9) }),
    execute(ops, { size, opc, Rn, Rt, offset }) {
      const address = ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset));
      access(ops, size, opc, Rt, address, { unprivileged: true });
    },
  }),

  // index: 1 post-indexed, 3 pre-indexed. The base is written last, so that a fault leaves it.
  instruction(
    'STR, LDR, LDRS (post- and pre-indexed)',
    'size:2 111 0 00 opc:2 0 imm9:9 index:1 1 Rn:5 Rt:5',
    {
      static: { size: SIZES, opc: SIZES, index: bit },
      combination: exists,
      accept: exists,
      derive: ({ imm9 }) => ({ offset: signed(imm9, 9) }),
      hot: ({ size, opc }) => (size === 3 || size === 0) && opc < 2,
      execute(ops, { size, opc, index, Rn, Rt, offset }) {
        const base = ops.readXOrSp(Rn, 64);
        const moved = ops.let(ops.add(base, ops.offset(offset)));
        const address = index ? moved : base;
        if (opc === 0) {
          ops.store(bytesOf(size), address, ops.readX(Rt, 64));
          ops.writeXOrSp(Rn, 64, moved);
        } else {
          const value = loadExtended(ops, size, opc, address);
          ops.writeXOrSp(Rn, 64, moved);
          ops.writeX(Rt, 64, value);
        }
      },
    },
  ),

  instruction('STR, LDR, LDRS (register offset)', 'size:2 111 0 00 opc:2 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', {
    static: { size: SIZES, opc: SIZES, option: [2, 3, 6, 7] },
    combination: exists,
    accept: (fields) => exists(fields) && (fields.option & 2) !== 0,
    derive: ({ size, S }) => ({ shift: S ? size : 0 }),
    hot: ({ size, opc, option }) => opc < 2 && (option === 3 || ((size === 0 || size === 3) && option !== 7)),
    execute(ops, { size, opc, option, Rm, shift, Rn, Rt }) {
      const index = extendRegister(ops, option, ops.readX(Rm, 64));
      const scaled = ops.shl(index, ops.extendU(ops.small(shift)));
      access(ops, size, opc, Rt, ops.add(ops.readXOrSp(Rn, 64), scaled));
    },
  }),

  instruction('LDR, LDRSW (literal)', 'opc:2 011 0 00 imm19:19 Rt:5', {
    static: { opc: [0, 1, 2] },
    derive: ({ imm19 }) => ({ offset: signed(imm19, 19) * 4 }),
    execute(ops, { opc, Rt, offset }) {
      const address = ops.add(ops.pc(), ops.offset(offset));
      const value = ops.load(opc === 1 ? 8 : 4, address);
      ops.writeX(Rt, 64, opc === 2 ? ops.signExtend(value, 32) : value);
    },
  }),

  // mode: 0 no-allocate hint, 1 post-indexed, 2 offset, 3 pre-indexed.
  instruction('STP, LDP, LDPSW, STNP, LDNP', 'opc:2 101 0 0 mode:2 L:1 imm7:7 Rt2:5 Rn:5 Rt:5', {
    static: { opc: [0, 1, 2], mode: [0, 1, 2, 3], L: bit },
    combination: ({ opc, mode, L }) => opc !== 1 || (L === 1 && mode !== 0),
    accept: ({ opc, mode, L }) => opc !== 1 || (L === 1 && mode !== 0),
    derive: ({ opc, imm7 }) => ({ offset: signed(imm7, 7) << (opc === 2 ? 3 : 2) }),
    hot: ({ opc, mode }) => (opc === 2 && mode !== 0) || (opc === 0 && mode === 2),
    execute(ops, { opc, mode, L, Rt2, Rn, Rt, offset }) {
      const size = opc === 2 ? 8 : 4;
      const base = ops.readXOrSp(Rn, 64);
      const moved = ops.let(ops.add(base, ops.offset(offset)));
      const address = mode === 1 ? base : moved;
      const writesBack = (mode & 1) === 1;
      if (!L) {
        ops.storePair(size, address, ops.readX(Rt, 64), ops.readX(Rt2, 64));
        if (writesBack) ops.writeXOrSp(Rn, 64, moved);
        return;
      }
      const [first, second] = ops.loadPair(size, address);
      if (writesBack) ops.writeXOrSp(Rn, 64, moved);
      const extend = (value: I64): I64 => (opc === 1 ? ops.signExtend(value, 32) : value);
      ops.writeX(Rt, 64, extend(first));
      ops.writeX(Rt2, 64, extend(second));
    },
  }),

  // Prefetches change nothing that can be seen.
  instruction('PRFM (immediate)', '11 111 0 01 10 imm12:12 Rn:5 Rt:5', { hot: () => true, execute() {} }),
  instruction('PRFUM', '11 111 0 00 10 0 imm9:9 00 Rn:5 Rt:5', { execute() {} }),
  instruction('PRFM (register)', '11 111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', {
    accept: ({ option }) => (option & 2) !== 0,
    execute() {},
  }),
  instruction('PRFM (literal)', '11 011 0 00 imm19:19 Rt:5', { execute() {} }),
];
