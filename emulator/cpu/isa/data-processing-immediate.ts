// Data processing with an immediate. Arm ARM (DDI 0487), "Data Processing -- Immediate".
//
// Register 31 is SP in the add/subtract and logical forms, except as the destination of the
// flag-setting ones, where it is ZR: that is what makes CMP an alias of SUBS.

import { bit, instruction, signed } from './define.ts';
import { addOrSubtract, amount, shiftBy, widthOf } from './operands.ts';

const logicalImmediates = new Map<number, bigint | undefined>();

/** DecodeBitMasks() of the Arm ARM for a logical immediate, or undefined where it is reserved. */
export function logicalImmediate(N: number, imms: number, immr: number, sf: number): bigint | undefined {
  const key = (sf << 13) | (N << 12) | (immr << 6) | imms;
  if (!logicalImmediates.has(key)) logicalImmediates.set(key, decodeBitMasks(N, imms, immr, sf));
  return logicalImmediates.get(key);
}

function decodeBitMasks(N: number, imms: number, immr: number, sf: number): bigint | undefined {
  const length = 31 - Math.clz32((N << 6) | (~imms & 0x3f));
  if (length < 1 || (!sf && N)) return undefined;
  const levels = (1 << length) - 1;
  const S = imms & levels;
  if (S === levels) return undefined;
  const R = BigInt(immr & levels);
  const size = 1n << BigInt(length);
  const elementMask = (1n << size) - 1n;
  const ones = (1n << BigInt(S + 1)) - 1n;
  const element = ((ones >> R) | (ones << (size - R))) & elementMask;
  let mask = 0n;
  for (let at = 0n; at < 64n; at += size) mask |= element << at;
  return sf ? mask : mask & 0xffffffffn;
}

/** How UBFM, SBFM and BFM move a field: see the derive functions. */
const bitfieldAllowed = ({
  sf,
  N,
  immr,
  imms,
}: {
  sf: number;
  N: number;
  immr: number;
  imms: number;
}): boolean => sf === N && (sf === 1 || (immr < 32 && imms < 32));

export const dataProcessingImmediate = [
  instruction('ADR, ADRP', 'op:1 immlo:2 10000 immhi:19 Rd:5', {
    static: { op: bit },
    derive: ({ immhi, immlo }) => ({ imm: signed((immhi << 2) | immlo, 21) }),
    hot: ({ op }) => op === 1,
    execute(ops, { op, Rd, imm }) {
      const offset = ops.offset(imm);
      if (!op) return ops.writeX(Rd, 64, ops.add(ops.pc(), offset));
      const page = ops.and(ops.pc(), ops.i64(~0xfffn));
      ops.writeX(Rd, 64, ops.add(page, ops.shl(offset, ops.i64(12))));
    },
  }),

  instruction('ADD, ADDS, SUB, SUBS (immediate)', 'sf:1 op:1 S:1 100010 sh:1 imm12:12 Rn:5 Rd:5', {
    static: { sf: bit, op: bit, S: bit },
    derive: ({ sh, imm12 }) => ({ imm: sh ? imm12 << 12 : imm12 }),
    hot: () => true,
    execute(ops, { sf, op, S, Rn, Rd, imm }) {
      const width = widthOf(sf);
      const a = ops.readXOrSp(Rn, width);
      const b = sf ? ops.offset(imm) : ops.wrap(ops.offset(imm));
      const result = addOrSubtract(ops, op, a, b);
      if (S) {
        ops.setFlags(op ? 'sub' : 'add', width, a, b, result);
        ops.writeX(Rd, width, result);
      } else {
        ops.writeXOrSp(Rd, width, result);
      }
    },
  }),

  instruction('AND, ORR, EOR, ANDS (immediate)', 'sf:1 opc:2 100100 N:1 immr:6 imms:6 Rn:5 Rd:5', {
    static: { sf: bit, opc: [0, 1, 2, 3] },
    accept: ({ N, imms, immr, sf }) => logicalImmediate(N, imms, immr, sf) !== undefined,
    derive: ({ N, imms, immr, sf }) => ({ imm: logicalImmediate(N, imms, immr, sf) ?? 0n }),
    hot: ({ sf, opc }) => opc !== 2 || sf === 0,
    execute(ops, { sf, opc, Rn, Rd, imm }) {
      const width = widthOf(sf);
      const a = ops.readX(Rn, width);
      const b = ops.immediate(imm, width);
      const result = ops.let(opc === 1 ? ops.or(a, b) : opc === 2 ? ops.xor(a, b) : ops.and(a, b));
      if (opc === 3) {
        ops.setFlags('logic', width, a, b, result);
        ops.writeX(Rd, width, result);
      } else {
        ops.writeXOrSp(Rd, width, result);
      }
    },
  }),

  instruction('MOVN, MOVZ', 'sf:1 opc:2 100101 hw:2 imm16:16 Rd:5', {
    static: { sf: bit, opc: [0, 2] },
    accept: ({ sf, hw }) => sf === 1 || hw < 2,
    derive: ({ sf, opc, hw, imm16 }) => {
      const value = BigInt(imm16) << BigInt(16 * hw);
      return { imm: opc === 2 ? value : BigInt.asUintN(sf ? 64 : 32, ~value) };
    },
    hot: () => true,
    execute(ops, { sf, Rd, imm }) {
      ops.writeX(Rd, widthOf(sf), ops.immediate(imm, widthOf(sf)));
    },
  }),

  instruction('MOVK', 'sf:1 11 100101 hw:2 imm16:16 Rd:5', {
    static: { sf: bit, hw: [0, 1, 2, 3] },
    combination: ({ sf, hw }) => sf === 1 || hw < 2,
    accept: ({ sf, hw }) => sf === 1 || hw < 2,
    hot: ({ sf, hw }) => sf === 1 || hw === 1,
    execute(ops, { sf, hw, imm16, Rd }) {
      const width = widthOf(sf);
      const kept = ops.and(ops.readX(Rd, width), ops.constant(width, ~(0xffffn << BigInt(16 * hw))));
      const inserted = ops.shl(amount(ops, imm16, width), ops.constant(width, 16 * hw));
      ops.writeX(Rd, width, ops.or(kept, inserted));
    },
  }),

  // The field is moved to the top, then down to its place with the fill of the shift.
  instruction('SBFM, UBFM', 'sf:1 opc:2 100110 N:1 immr:6 imms:6 Rn:5 Rd:5', {
    static: { sf: bit, opc: [0, 2] },
    accept: bitfieldAllowed,
    derive: ({ sf, immr, imms }) => {
      const size = sf ? 64 : 32;
      const left = size - 1 - imms;
      return { left, right: left + (imms >= immr ? immr : immr - size) };
    },
    hot: () => true,
    execute(ops, { sf, opc, Rn, Rd, left, right }) {
      const width = widthOf(sf);
      const top = ops.shl(ops.readX(Rn, width), amount(ops, left, width));
      ops.writeX(Rd, width, shiftBy(ops, opc ? 1 : 2, top, amount(ops, right, width)));
    },
  }),

  instruction('BFM', 'sf:1 01 100110 N:1 immr:6 imms:6 Rn:5 Rd:5', {
    static: { sf: bit },
    accept: bitfieldAllowed,
    derive: ({ sf, immr, imms }) => {
      const size = sf ? 64 : 32;
      const inserting = imms < immr;
      const fieldWidth = inserting ? imms + 1 : imms - immr + 1;
      return { rotate: immr, unused: size - fieldWidth, position: inserting ? size - immr : 0 };
    },
    execute(ops, { sf, Rn, Rd, rotate, unused, position }) {
      const width = widthOf(sf);
      const ones = ops.shrU(ops.constant(width, -1), amount(ops, unused, width));
      const mask = ops.let(ops.shl(ones, amount(ops, position, width)));
      const moved = ops.rotr(ops.readX(Rn, width), amount(ops, rotate, width));
      const kept = ops.and(ops.readX(Rd, width), ops.not(mask));
      ops.writeX(Rd, width, ops.or(kept, ops.and(moved, mask)));
    },
  }),

  instruction('EXTR', 'sf:1 00 100111 N:1 0 Rm:5 imms:6 Rn:5 Rd:5', {
    static: { sf: bit },
    accept: ({ sf, N, imms }) => sf === N && (sf === 1 || imms < 32),
    hot: () => true,
    execute(ops, { sf, Rm, imms, Rn, Rd }) {
      const width = widthOf(sf);
      const lsb = ops.let(amount(ops, imms, width));
      if (ops.isSameRegister(Rn, Rm)) return ops.writeX(Rd, width, ops.rotr(ops.readX(Rn, width), lsb));
      const low = ops.shrU(ops.readX(Rm, width), lsb);
      // Shifting by the width would shift by nothing: one place first, then the rest.
      const rest = ops.sub(ops.constant(width, width - 1), lsb);
      const high = ops.shl(ops.shl(ops.readX(Rn, width), ops.constant(width, 1)), rest);
      ops.writeX(Rd, width, ops.or(low, high));
    },
  }),
];
