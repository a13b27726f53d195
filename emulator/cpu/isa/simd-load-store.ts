// Loads and stores of one SIMD&FP register: unsigned immediate, unscaled, pre- and post-indexed,
// register offset and literal. Arm ARM (DDI 0487), "Loads and Stores".
//
// The scale is log2 of the access in bytes: opc<1>:size. The base register is written last, so
// that an access that faults leaves it alone.

import { bit, instruction, signed } from './define.ts';
import { extendRegister } from './operands.ts';
import type { I64, Ops, Register, V128 } from './ops.ts';
import { laneBits } from './simd-lanes.ts';

const SCALES = [0, 1, 2, 3, 4];

interface SizeFields {
  readonly size: number;
  readonly opc: number;
}

const UXTW = 2;
const LSL = 3;
const SXTW = 6;
const SXTX = 7;
const EXTENSIONS = [UXTW, LSL, SXTW];

/** LSL and SXTX both take all 64 bits. */
const extensionOf = (option: number): number => (option === SXTX ? LSL : option);

const isAllocated = ({ size, opc }: SizeFields): boolean => opc < 2 || size === 0;
const access = ({ size, opc }: SizeFields) => ({ scale: ((opc & 2) << 1) | size, load: opc & 1 });

/** Doublewords and quadwords are what compilers and memcpy use. */
const isHot = ({ scale }: { readonly scale: number }): boolean => scale >= 3;

export const simdLoadStore = [
  instruction('LDR, STR (immediate, SIMD&FP, unsigned offset)', 'size:2 111 1 01 opc:2 imm12:12 Rn:5 Rt:5', {
    static: { scale: SCALES, load: bit },
    accept: isAllocated,
    derive(fields) {
      const { scale, load } = access(fields);
      return { scale, load, offset: fields.imm12 << scale };
    },
    fp: true,
    hot: isHot,
    execute(ops, { scale, load, offset, Rn, Rt }) {
      const address = ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset));
      transfer(ops, scale, load, address, Rt);
    },
  }),
  instruction('LDUR, STUR (SIMD&FP)', 'size:2 111 1 00 opc:2 0 imm9:9 00 Rn:5 Rt:5', {
    static: { scale: SCALES, load: bit },
    accept: isAllocated,
    derive: (fields) => ({ ...access(fields), offset: signed(fields.imm9, 9) }),
    fp: true,
    hot: isHot,
    execute(ops, { scale, load, offset, Rn, Rt }) {
      const address = ops.add(ops.readXOrSp(Rn, 64), ops.offset(offset));
      transfer(ops, scale, load, address, Rt);
    },
  }),
  instruction(
    'LDR, STR (immediate, SIMD&FP, pre- and post-indexed)',
    'size:2 111 1 00 opc:2 0 imm9:9 pre:1 1 Rn:5 Rt:5',
    {
      static: { scale: SCALES, load: bit, pre: bit },
      accept: isAllocated,
      derive: (fields) => ({ ...access(fields), offset: signed(fields.imm9, 9) }),
      fp: true,
      execute(ops, { scale, load, pre, offset, Rn, Rt }) {
        const base = ops.readXOrSp(Rn, 64);
        const moved = ops.let(ops.add(base, ops.offset(offset)));
        transfer(ops, scale, load, pre ? moved : base, Rt);
        ops.writeXOrSp(Rn, 64, moved);
      },
    },
  ),
  instruction('LDR, STR (register, SIMD&FP)', 'size:2 111 1 00 opc:2 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', {
    static: { scale: SCALES, load: bit, option: EXTENSIONS },
    accept: (fields) => isAllocated(fields) && (fields.option & 2) !== 0,
    derive(fields) {
      const { scale, load } = access(fields);
      return { scale, load, option: extensionOf(fields.option), shift: fields.S ? scale : 0 };
    },
    fp: true,
    execute(ops, { scale, load, option, shift, Rm, Rn, Rt }) {
      const extended = extendRegister(ops, option, ops.readX(Rm, 64));
      const index = ops.shl(extended, ops.extendU(ops.small(shift)));
      transfer(ops, scale, load, ops.add(ops.readXOrSp(Rn, 64), index), Rt);
    },
  }),
  instruction('LDR (literal, SIMD&FP)', 'opc:2 011 1 00 imm19:19 Rt:5', {
    static: { opc: [0, 1, 2] },
    accept: ({ opc }) => opc < 3,
    derive: ({ imm19 }) => ({ offset: signed(imm19, 19) * 4 }),
    fp: true,
    execute(ops, { opc, offset, Rt }) {
      transfer(ops, opc + 2, 1, ops.add(ops.pc(), ops.offset(offset)), Rt);
    },
  }),
];

function transfer(ops: Ops, scale: number, load: number, address: I64, Rt: Register): void {
  if (load) writeLoaded(ops, scale, Rt, loadScalar(ops, scale, address));
  else storeScalar(ops, scale, address, Rt);
}

/** Loads 1 to 16 bytes: an integer, or the whole register. */
const loadScalar = (ops: Ops, scale: number, address: I64): I64 | V128 =>
  scale === 4 ? ops.loadV(address) : ops.load((1 << scale) as 1 | 2 | 4 | 8, address);

/** Writes an integer, or the whole register, and clears the rest of the register. */
export function writeLoaded(ops: Ops, scale: number, Rt: Register, value: I64 | V128): void {
  if (scale === 4) ops.writeV(Rt, value as V128);
  else ops.writeVLane0(Rt, laneBits(scale), ops.toWidth(value as I64, scale === 3 ? 64 : 32));
}

function storeScalar(ops: Ops, scale: number, address: I64, Rt: Register): void {
  if (scale === 4) ops.storeV(address, ops.readV(Rt));
  else ops.store((1 << scale) as 1 | 2 | 4 | 8, address, readLane0(ops, scale, Rt));
}

export const readLane0 = (ops: Ops, scale: number, Rt: Register): I64 =>
  ops.toWidth(ops.readVLane0(Rt, 8 << scale), 64) as I64;
