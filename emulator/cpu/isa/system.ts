// Exceptions, hints, barriers, PSTATE and system registers. Arm ARM (DDI 0487), "Branches,
// Exception Generating and System instructions". What a system register does is said in
// cpu/sysregs; here is only how the instruction reaches it.

import {
  EXCLUSIVE_VALID,
  PSTATE_EL,
  SYSREG_ACCESS,
  SYSREG_ACCESS_STRIDE,
  SYSREGS,
} from '../../memory/layout.ts';
import { lookup } from '../sysregs/lookup.ts';
import { instruction } from './define.ts';
import { packFlags } from './operands.ts';
import type { I32, I64, Ops } from './ops.ts';

interface SystemWords {
  readonly op0: number;
  readonly op1: number;
  readonly CRn: number;
  readonly CRm: number;
  readonly op2: number;
}

/** The row of the register's table that a word names, or undefined: the word is UNDEFINED. */
const rowOf = ({ op0, op1, CRn, CRm, op2 }: SystemWords) => lookup(op0, op1, CRn, CRm, op2);

function registerOperands(words: SystemWords): { index: number; slot: number } {
  const index = rowOf(words)?.index ?? 0;
  return { index, slot: SYSREGS + 8 * index };
}

const MAY_READ = 1;
const MAY_WRITE = 2;

/** Not 0 where the register is plain storage that may be accessed at the current EL. */
function directAccess(ops: Ops, index: I32, bit: number): I32 {
  const el = ops.loadState('i32', PSTATE_EL);
  const place = ops.add(ops.mul(el, ops.i32(SYSREG_ACCESS_STRIDE)), index);
  return ops.and(ops.loadByte(SYSREG_ACCESS, place), ops.i32(bit));
}

export const system = [
  instruction('UDF', '0000000000000000 imm16:16', {
    execute: (ops) => void ops.call('undefinedInstruction'),
  }),
  instruction('SVC', '11010100 000 imm16:16 000 01', {
    execute: (ops, { imm16 }) => void ops.call('svc', ops.small(imm16)),
  }),
  instruction('HVC', '11010100 000 imm16:16 000 10', {
    execute: (ops, { imm16 }) => void ops.call('hvc', ops.small(imm16)),
  }),
  instruction('SMC', '11010100 000 imm16:16 000 11', {
    execute: (ops, { imm16 }) => void ops.call('smc', ops.small(imm16)),
  }),
  instruction('BRK', '11010100 001 imm16:16 000 00', {
    execute: (ops, { imm16 }) => void ops.call('brk', ops.small(imm16)),
  }),
  // Halting debug is not there: HLT and DCPS are UNDEFINED, as with no debugger attached.
  instruction('HLT', '11010100 010 imm16:16 000 00', {
    execute: (ops) => void ops.call('undefinedInstruction'),
  }),
  instruction('ERET', '1101011 0100 11111 000000 11111 00000', {
    execute: (ops) => void ops.call('exceptionReturn'),
  }),

  instruction('WFE', '1101010100 0 00 011 0010 0000 010 11111', { execute: (ops) => void ops.call('wfe') }),
  instruction('WFI', '1101010100 0 00 011 0010 0000 011 11111', { execute: (ops) => void ops.call('wfi') }),
  instruction('SEV', '1101010100 0 00 011 0010 0000 100 11111', { execute: (ops) => void ops.call('sev') }),
  instruction('SEVL', '1101010100 0 00 011 0010 0000 101 11111', { execute: (ops) => void ops.call('sevl') }),
  // Hints of later architectures (pointer authentication, BTI, ESB …) are NOPs on this core.
  instruction('NOP, HINT', '1101010100 0 00 011 0010 CRm:4 op2:3 11111', {
    accept: ({ CRm, op2 }) => CRm !== 0 || op2 < 2 || op2 > 5,
    hot: () => true,
    execute() {},
  }),

  // Accesses happen in program order: barriers order nothing more.
  instruction('CLREX', '1101010100 0 00 011 0011 CRm:4 010 11111', {
    execute: (ops) => ops.storeState(EXCLUSIVE_VALID, ops.i32(0)),
  }),
  instruction('DSB', '1101010100 0 00 011 0011 CRm:4 100 11111', { hot: () => true, execute() {} }),
  instruction('DMB', '1101010100 0 00 011 0011 CRm:4 101 11111', { hot: () => true, execute() {} }),
  instruction('ISB', '1101010100 0 00 011 0011 CRm:4 110 11111', { hot: () => true, execute() {} }),

  instruction('CFINV', '1101010100 0 00 000 0100 CRm:4 000 11111', {
    since: 'FEAT_FlagM',
    execute: (ops) => ops.setFlagsNzcv(ops.xor(ops.nzcv(), ops.i32(2))),
  }),
  instruction('XAFLAG', '1101010100 0 00 000 0100 CRm:4 001 11111', {
    since: 'FEAT_FlagM2',
    execute(ops) {
      const nzcv = ops.nzcv();
      const flag = (position: number): I32 => ops.and(ops.shrU(nzcv, ops.i32(position)), ops.i32(1));
      const [z, c] = [flag(2), flag(1)];
      const not = (value: I32): I32 => ops.xor(value, ops.i32(1));
      const n = ops.and(not(c), not(z));
      const v = ops.and(not(c), z);
      ops.setFlagsNzcv(packFlags(ops, n, ops.and(z, c), ops.or(c, z), v));
    },
  }),
  instruction('AXFLAG', '1101010100 0 00 000 0100 CRm:4 010 11111', {
    since: 'FEAT_FlagM2',
    execute(ops) {
      const nzcv = ops.nzcv();
      const flag = (position: number): I32 => ops.and(ops.shrU(nzcv, ops.i32(position)), ops.i32(1));
      const [z, c, v] = [flag(2), flag(1), flag(0)];
      const carry = ops.and(c, ops.xor(v, ops.i32(1)));
      ops.setFlagsNzcv(packFlags(ops, ops.i32(0), ops.or(z, v), carry, ops.i32(0)));
    },
  }),
  instruction('MSR DAIFSet', '1101010100 0 00 011 0100 CRm:4 110 11111', {
    execute: (ops, { CRm }) => void ops.call('msrDaifSet', ops.small(CRm)),
  }),
  instruction('MSR DAIFClr', '1101010100 0 00 011 0100 CRm:4 111 11111', {
    execute: (ops, { CRm }) => void ops.call('msrDaifClr', ops.small(CRm)),
  }),
  instruction('MSR SPSel', '1101010100 0 00 000 0100 CRm:4 101 11111', {
    execute: (ops, { CRm }) => void ops.call('msrSpSel', ops.small(CRm)),
  }),
  instruction('MSR PAN', '1101010100 0 00 000 0100 CRm:4 100 11111', {
    since: 'FEAT_PAN',
    execute: (ops, { CRm }) => void ops.call('msrPan', ops.small(CRm)),
  }),

  instruction('MRS', '1101010100 1 op0:2 op1:3 CRn:4 CRm:4 op2:3 Rt:5', {
    accept: (words) => words.op0 > 1 && rowOf(words) !== undefined,
    derive: registerOperands,
    hot: () => true,
    execute(ops, { index, slot, Rt }) {
      const number = ops.small(index);
      const value = ops.variable(ops.i64(0));
      ops.when(
        directAccess(ops, number, MAY_READ),
        () => value.set(ops.loadState('i64', slot)),
        () => value.set(ops.call<I64>('readSystemRegister', number)),
      );
      ops.writeX(Rt, 64, value.get());
    },
  }),
  instruction('MSR (register)', '1101010100 0 op0:2 op1:3 CRn:4 CRm:4 op2:3 Rt:5', {
    accept: (words) => words.op0 > 1 && rowOf(words) !== undefined,
    derive: registerOperands,
    execute(ops, { index, slot, Rt }) {
      const number = ops.small(index);
      const value = ops.readX(Rt, 64);
      ops.when(
        directAccess(ops, number, MAY_WRITE),
        () => ops.storeState(slot, value),
        () => void ops.call('writeSystemRegister', number, value),
      );
    },
  }),
  // IC, DC, AT, TLBI and the like.
  instruction('SYS', '1101010100 0 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5', {
    accept: ({ op1, CRn, CRm, op2 }) => rowOf({ op0: 1, op1, CRn, CRm, op2 }) !== undefined,
    derive: ({ op1, CRn, CRm, op2 }) => ({ index: rowOf({ op0: 1, op1, CRn, CRm, op2 })?.index ?? 0 }),
    execute(ops, { index, Rt }) {
      ops.call('writeSystemRegister', ops.small(index), ops.readX(Rt, 64));
    },
  }),
];
