// Data processing on registers. Arm ARM (DDI 0487), "Data Processing -- Register".

import { bit, bits, instruction } from './define.ts';
import {
  addOrSubtract,
  amount,
  extendRegister,
  multiplyHigh,
  packFlags,
  reverseBytes,
  reverseWord,
  shiftBy,
  widthOf,
} from './operands.ts';
import type { I64 } from './ops.ts';

/** Conditions that compilers emit most: their handlers are worth a place in the switch. */
const frequentCondition = (cond: number): boolean => cond < 4 || (cond >= 8 && cond < 14);

export const dataProcessingRegister = [
  instruction(
    'AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS (shifted register)',
    'sf:1 opc:2 01010 shift:2 N:1 Rm:5 imm6:6 Rn:5 Rd:5',
    {
      static: { sf: bit, opc: [0, 1, 2, 3], shift: [0, 1, 2, 3], N: bit },
      accept: ({ sf, imm6 }) => sf === 1 || imm6 < 32,
      hot: ({ sf, shift, N, opc }) => shift === 0 && (N === 0 || opc === 0 || (opc === 3 && sf === 1)),
      execute(ops, { sf, opc, shift, N, Rm, imm6, Rn, Rd }) {
        const width = widthOf(sf);
        const a = ops.readX(Rn, width);
        let b = shiftBy(ops, shift, ops.readX(Rm, width), amount(ops, imm6, width));
        if (N) b = ops.not(b);
        const result = ops.let(opc === 1 ? ops.or(a, b) : opc === 2 ? ops.xor(a, b) : ops.and(a, b));
        if (opc === 3) ops.setFlags('logic', width, a, b, result);
        ops.writeX(Rd, width, result);
      },
    },
  ),

  instruction(
    'ADD, ADDS, SUB, SUBS (shifted register)',
    'sf:1 op:1 S:1 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5',
    {
      static: { sf: bit, op: bit, S: bit, shift: [0, 1, 2] },
      accept: ({ sf, imm6 }) => sf === 1 || imm6 < 32,
      hot: ({ sf, S, shift }) => shift === 0 || (shift === 1 && sf === 1 && S === 0),
      execute(ops, { sf, op, S, shift, Rm, imm6, Rn, Rd }) {
        const width = widthOf(sf);
        const a = ops.readX(Rn, width);
        const b = ops.let(shiftBy(ops, shift, ops.readX(Rm, width), amount(ops, imm6, width)));
        const result = addOrSubtract(ops, op, a, b);
        if (S) ops.setFlags(op ? 'sub' : 'add', width, a, b, result);
        ops.writeX(Rd, width, result);
      },
    },
  ),

  instruction(
    'ADD, ADDS, SUB, SUBS (extended register)',
    'sf:1 op:1 S:1 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5',
    {
      static: { sf: bit, op: bit, S: bit, option: bits(3) },
      accept: ({ imm3 }) => imm3 <= 4,
      hot: ({ sf, op, S, option }) => sf === 1 && op === 0 && S === 0 && (option & 3) === 2,
      execute(ops, { sf, op, S, option, Rm, imm3, Rn, Rd }) {
        const width = widthOf(sf);
        const a = ops.readXOrSp(Rn, width);
        const extended = extendRegister(ops, option, ops.readX(Rm, 64));
        const shifted = ops.shl(extended, ops.extendU(ops.small(imm3)));
        const b = ops.let(ops.toWidth(shifted, width));
        const result = addOrSubtract(ops, op, a, b);
        if (S) {
          ops.setFlags(op ? 'sub' : 'add', width, a, b, result);
          ops.writeX(Rd, width, result);
        } else {
          ops.writeXOrSp(Rd, width, result);
        }
      },
    },
  ),

  instruction('ADC, ADCS, SBC, SBCS', 'sf:1 op:1 S:1 11010000 Rm:5 000000 Rn:5 Rd:5', {
    static: { sf: bit, op: bit, S: bit },
    execute(ops, { sf, op, S, Rm, Rn, Rd }) {
      const width = widthOf(sf);
      const carry = ops.let(ops.carry());
      const a = ops.readX(Rn, width);
      const b = op ? ops.let(ops.not(ops.readX(Rm, width))) : ops.readX(Rm, width);
      const result = ops.let(ops.add(ops.add(a, b), ops.toWidth(carry, width)));
      if (S) ops.setFlagsWithCarry(width, a, b, carry, result);
      ops.writeX(Rd, width, result);
    },
  }),

  instruction('RMIF', '1 01 11010000 imm6:6 00001 Rn:5 0 mask:4', {
    since: 'FEAT_FlagM',
    execute(ops, { imm6, Rn, mask }) {
      const rotated = ops.wrap(ops.rotr(ops.readX(Rn, 64), amount(ops, imm6, 64) as I64));
      const chosen = ops.small(mask);
      const kept = ops.and(ops.nzcv(), ops.not(chosen));
      ops.setFlagsNzcv(ops.or(kept, ops.and(rotated, chosen)));
    },
  }),

  instruction('SETF8, SETF16', '0 01 11010000 000000 sz:1 0010 Rn:5 01101', {
    since: 'FEAT_FlagM',
    static: { sz: bit },
    execute(ops, { sz, Rn }) {
      const width = sz ? 16 : 8;
      const value = ops.readX(Rn, 32);
      const at = (position: number) =>
        ops.and(ops.shrU(value, ops.constant(32, position)), ops.constant(32, 1));
      const low = ops.and(value, ops.constant(32, (1 << width) - 1));
      const sign = ops.wrap(ops.toWidth(at(width - 1), 64) as I64);
      const overflow = ops.wrap(ops.toWidth(ops.xor(at(width), at(width - 1)), 64) as I64);
      const carry = ops.and(ops.nzcv(), ops.i32(2));
      ops.setFlagsNzcv(ops.or(packFlags(ops, sign, ops.eqz(low), ops.i32(0), overflow), carry));
    },
  }),

  instruction('CCMN, CCMP (register)', 'sf:1 op:1 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 nzcv:4', {
    static: { sf: bit, op: bit, cond: bits(4) },
    hot: ({ op, cond }) => op === 1 && cond < 2,
    execute(ops, { sf, op, cond, Rm, Rn, nzcv }) {
      const width = widthOf(sf);
      const holds = ops.condition(cond);
      const a = ops.readX(Rn, width);
      const b = ops.readX(Rm, width);
      ops.when(
        holds,
        () => ops.setFlags(op ? 'sub' : 'add', width, a, b, op ? ops.sub(a, b) : ops.add(a, b)),
        () => ops.setFlagsNzcv(ops.small(nzcv)),
      );
    },
  }),

  instruction('CCMN, CCMP (immediate)', 'sf:1 op:1 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 nzcv:4', {
    static: { sf: bit, op: bit, cond: bits(4) },
    hot: ({ op, cond }) => op === 1 && cond < 2,
    execute(ops, { sf, op, cond, imm5, Rn, nzcv }) {
      const width = widthOf(sf);
      const holds = ops.condition(cond);
      const a = ops.readX(Rn, width);
      const b = ops.let(amount(ops, imm5, width));
      ops.when(
        holds,
        () => ops.setFlags(op ? 'sub' : 'add', width, a, b, op ? ops.sub(a, b) : ops.add(a, b)),
        () => ops.setFlagsNzcv(ops.small(nzcv)),
      );
    },
  }),

  instruction('CSEL, CSINC, CSINV, CSNEG', 'sf:1 op:1 0 11010100 Rm:5 cond:4 0 o2:1 Rn:5 Rd:5', {
    static: { sf: bit, op: bit, o2: bit, cond: bits(4) },
    hot: ({ sf, op, o2, cond }) => (op !== o2 ? sf === 0 : op === 0) && frequentCondition(cond),
    execute(ops, { sf, op, o2, cond, Rm, Rn, Rd }) {
      const width = widthOf(sf);
      const holds = ops.condition(cond);
      const a = ops.readX(Rn, width);
      let b = ops.readX(Rm, width);
      if (op) b = ops.not(b) as typeof b;
      if (o2) b = ops.add(b, ops.constant(width, 1)) as typeof b;
      ops.writeX(Rd, width, ops.select(holds, a, b));
    },
  }),

  // Division by zero gives 0; the most negative value by -1 gives itself.
  instruction('UDIV', 'sf:1 0 0 11010110 Rm:5 000010 Rn:5 Rd:5', {
    static: { sf: bit },
    execute(ops, { sf, Rm, Rn, Rd }) {
      const width = widthOf(sf);
      const a = ops.readX(Rn, width);
      const b = ops.readX(Rm, width);
      const result = ops.variable(ops.constant(width, 0));
      ops.when(ops.ne(b, ops.constant(width, 0)), () => result.set(ops.binary('divU', a, b)));
      ops.writeX(Rd, width, result.get());
    },
  }),

  instruction('SDIV', 'sf:1 0 0 11010110 Rm:5 000011 Rn:5 Rd:5', {
    static: { sf: bit },
    execute(ops, { sf, Rm, Rn, Rd }) {
      const width = widthOf(sf);
      const a = ops.readX(Rn, width);
      const b = ops.readX(Rm, width);
      const result = ops.variable(ops.constant(width, 0));
      ops.when(
        ops.eq(b, ops.constant(width, -1)),
        () => result.set(ops.neg(a)),
        () => ops.when(ops.ne(b, ops.constant(width, 0)), () => result.set(ops.binary('divS', a, b))),
      );
      ops.writeX(Rd, width, result.get());
    },
  }),

  instruction('LSLV, LSRV, ASRV, RORV', 'sf:1 0 0 11010110 Rm:5 0010 op2:2 Rn:5 Rd:5', {
    static: { sf: bit, op2: [0, 1, 2, 3] },
    hot: ({ op2 }) => op2 < 2,
    execute(ops, { sf, op2, Rm, Rn, Rd }) {
      const width = widthOf(sf);
      ops.writeX(Rd, width, shiftBy(ops, op2, ops.readX(Rn, width), ops.readX(Rm, width)));
    },
  }),

  instruction(
    'CRC32B, CRC32H, CRC32W, CRC32X, CRC32CB, CRC32CH, CRC32CW, CRC32CX',
    'sf:1 0 0 11010110 Rm:5 010 C:1 sz:2 Rn:5 Rd:5',
    {
      since: 'FEAT_CRC32',
      static: { sf: bit, C: bit, sz: [0, 1, 2, 3] },
      combination: ({ sf, sz }) => (sz === 3) === (sf === 1),
      accept: ({ sf, sz }) => (sz === 3) === (sf === 1),
      execute(ops, { C, sz, Rm, Rn, Rd }) {
        const accumulator = ops.wrap(ops.readX(Rn, 64));
        const value = ops.readX(Rm, 64);
        const crc = ops.call('crc32', accumulator, value, ops.i32(1 << sz), ops.i32(C));
        ops.writeX(Rd, 32, crc as ReturnType<typeof ops.i32>);
      },
    },
  ),

  instruction('RBIT', 'sf:1 1 0 11010110 00000 000000 Rn:5 Rd:5', {
    static: { sf: bit },
    execute(ops, { sf, Rn, Rd }) {
      let value = ops.readX(Rn, 64);
      for (const [shift, mask] of [
        [1, 0x5555555555555555n],
        [2, 0x3333333333333333n],
        [4, 0x0f0f0f0f0f0f0f0fn],
      ] as const) {
        const down = ops.and(ops.shrU(value, ops.i64(shift)), ops.i64(mask));
        value = ops.let(ops.or(down, ops.shl(ops.and(value, ops.i64(mask)), ops.i64(shift))));
      }
      const reversed = reverseBytes(ops, value, 8);
      if (sf) ops.writeX(Rd, 64, reversed);
      else ops.writeX(Rd, 32, ops.wrap(ops.shrU(reversed, ops.i64(32))));
    },
  }),

  instruction('REV16, REV32, REV', 'sf:1 1 0 11010110 00000 0000 opc:2 Rn:5 Rd:5', {
    static: { sf: bit, opc: [1, 2, 3] },
    combination: ({ sf, opc }) => sf === 1 || opc < 3,
    accept: ({ sf, opc }) => sf === 1 || opc < 3,
    hot: ({ sf, opc }) => sf === 1 && opc === 3,
    execute(ops, { sf, opc, Rn, Rd }) {
      if (!sf && opc === 2) return ops.writeX(Rd, 32, reverseWord(ops, ops.wrap(ops.readX(Rn, 64))));
      const reversed = reverseBytes(ops, ops.readX(Rn, 64), (1 << opc) as 2 | 4 | 8);
      ops.writeX(Rd, widthOf(sf), ops.toWidth(reversed, widthOf(sf)));
    },
  }),

  instruction('CLZ, CLS', 'sf:1 1 0 11010110 00000 00010 op:1 Rn:5 Rd:5', {
    static: { sf: bit, op: bit },
    hot: ({ sf, op }) => sf === 1 && op === 0,
    execute(ops, { sf, op, Rn, Rd }) {
      const width = widthOf(sf);
      const value = ops.readX(Rn, width);
      if (!op) return ops.writeX(Rd, width, ops.clz(value));
      // Bits that equal the sign become zeros; the sign itself is not counted.
      const differing = ops.xor(value, ops.shrS(value, ops.constant(width, width - 1)));
      ops.writeX(Rd, width, ops.sub(ops.clz(differing), ops.constant(width, 1)));
    },
  }),

  instruction('MADD, MSUB', 'sf:1 00 11011 000 Rm:5 o0:1 Ra:5 Rn:5 Rd:5', {
    static: { sf: bit, o0: bit },
    hot: ({ sf, o0 }) => sf === 1 || o0 === 0,
    execute(ops, { sf, o0, Rm, Ra, Rn, Rd }) {
      const width = widthOf(sf);
      const product = ops.mul(ops.readX(Rn, width), ops.readX(Rm, width));
      const addend = ops.readX(Ra, width);
      ops.writeX(Rd, width, o0 ? ops.sub(addend, product) : ops.add(addend, product));
    },
  }),

  instruction('SMADDL, SMSUBL, UMADDL, UMSUBL', '1 00 11011 U:1 01 Rm:5 o0:1 Ra:5 Rn:5 Rd:5', {
    static: { U: bit, o0: bit },
    hot: ({ U, o0 }) => U === 1 && o0 === 0,
    execute(ops, { U, o0, Rm, Ra, Rn, Rd }) {
      const widen = (value: I64): I64 => extendRegister(ops, U ? 2 : 6, value);
      const product = ops.mul(widen(ops.readX(Rn, 64)), widen(ops.readX(Rm, 64)));
      const addend = ops.readX(Ra, 64);
      ops.writeX(Rd, 64, o0 ? ops.sub(addend, product) : ops.add(addend, product));
    },
  }),

  instruction('SMULH, UMULH', '1 00 11011 U:1 10 Rm:5 0 Ra:5 Rn:5 Rd:5', {
    static: { U: bit },
    execute(ops, { U, Rm, Rn, Rd }) {
      ops.writeX(Rd, 64, multiplyHigh(ops, ops.readX(Rn, 64), ops.readX(Rm, 64), !U));
    },
  }),
];
