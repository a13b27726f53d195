// Branches. Arm ARM (DDI 0487), "Branches, Exception Generating and System instructions".
// Exceptions and system instructions are in system.ts.

import { bit, bits, instruction, signed } from './define.ts';
import { widthOf } from './operands.ts';

const LINK = 30;

export const branches = [
  instruction('B, BL', 'op:1 00101 imm26:26', {
    static: { op: bit },
    derive: ({ imm26 }) => ({ target: signed(imm26, 26) * 4 }),
    hot: () => true,
    execute(ops, { op, target }) {
      if (op) ops.writeX(LINK, 64, ops.add(ops.pc(), ops.i64(4)));
      ops.jump(target);
    },
  }),

  instruction('B.cond', '01010100 imm19:19 0 cond:4', {
    static: { cond: bits(4) },
    derive: ({ imm19 }) => ({ target: signed(imm19, 19) * 4 }),
    hot: ({ cond }) => cond < 5 || (cond > 7 && cond < 14),
    execute(ops, { cond, target }) {
      ops.branchIf(ops.condition(cond), target);
    },
  }),

  instruction('CBZ, CBNZ', 'sf:1 011010 op:1 imm19:19 Rt:5', {
    static: { sf: bit, op: bit },
    derive: ({ imm19 }) => ({ target: signed(imm19, 19) * 4 }),
    hot: () => true,
    execute(ops, { sf, op, Rt, target }) {
      const isZero = ops.eqz(ops.readX(Rt, widthOf(sf)));
      ops.branchIf(op ? ops.eqz(isZero) : isZero, target);
    },
  }),

  instruction('TBZ, TBNZ', 'b5:1 011011 op:1 b40:5 imm14:14 Rt:5', {
    static: { op: bit },
    derive: ({ b5, b40, imm14 }) => ({ position: (b5 << 5) | b40, target: signed(imm14, 14) * 4 }),
    hot: () => true,
    execute(ops, { op, Rt, position, target }) {
      const tested = ops.testBit(ops.readX(Rt, 64), position);
      ops.branchIf(op ? tested : ops.eqz(tested), target);
    },
  }),

  instruction('BR, BLR, RET', '1101011 00 opc:2 11111 000000 Rn:5 00000', {
    static: { opc: [0, 1, 2] },
    hot: () => true,
    execute(ops, { opc, Rn }) {
      const target = opc === 1 ? ops.let(ops.readX(Rn, 64)) : ops.readX(Rn, 64);
      if (opc === 1) ops.writeX(LINK, 64, ops.add(ops.pc(), ops.i64(4)));
      ops.jumpTo(target, opc === 0 ? 'jump' : opc === 1 ? 'call' : 'return');
    },
  }),
];
