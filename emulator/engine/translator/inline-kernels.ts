// What regions do themselves of the kernels that may take an exception or raise attention: the frequent case, in
// which they do neither. In all others the region is left, and the interpreter calls the kernel.

import {
  INDEX_CURRENT_EL,
  INDEX_DAIF,
  INDEX_DC_CIVAC,
  INDEX_DC_CVAC,
  INDEX_DC_CVAU,
  INDEX_DC_ZVA,
  INDEX_FPCR,
  INDEX_FPSR,
  INDEX_IC_IALLU,
  INDEX_IC_IALLUIS,
  INDEX_IC_IVAU,
  INDEX_SP_SEL,
} from '../../cpu/sysregs/indexes.ts';
import type { KernelName } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder, LoadKind, StoreKind } from '../code/function-builder.ts';

/** The instruction that calls. Nothing is changed before the last `leave` or `probe`. */
export interface InlineFrame {
  readonly builder: FunctionBuilder;
  /** Leaves the region if the condition holds: the instruction is not begun. */
  leave(why: string, condition: Expression): void;
  /** Host address of an access that hits the data TLB; others leave. */
  probe(va: Expression, tag: number, size: number, aligned: boolean): Expression;
}

/** Emits it, and answers the kernel's result if it has one; undefined where there is nothing to emit. */
type InlineKernel = (frame: InlineFrame, args: readonly Expression[]) => { result?: Expression } | undefined;

const LOADS: Record<number, LoadKind> = { 1: 'u8x64', 2: 'u16x64', 4: 'u32x64', 8: 'i64' };
const STORES: Record<number, StoreKind> = { 1: 'i64as8', 2: 'i64as16', 4: 'i64as32', 8: 'i64' };
const I32_0 = code.constant('i32', 0);
const I64_0 = code.constant('i64', 0);

/** Bits of SYSREG_ACCESS. */
const KERNEL_READ = 4;
const KERNEL_WRITE = 8;
const INDEX_DCZID = (layout.DCZID_EL0 - layout.SYSREGS) / 8;
/** HCR_EL2.VF, VI and VSE; MDSCR_EL1.SS. */
const HCR_PENDING = 0x1c0n;
const HCR_TDZ = 1n << 28n;
const SCTLR_DZE = 1n << 14n;
const MDSCR_SS = 1n;

export const inlineKernels: Partial<Record<KernelName, InlineKernel>> = {
  loadExclusive(frame, [va, bytes]) {
    const size = numberOf(bytes);
    const { builder: b } = frame;
    const host = frame.probe(va as Expression, layout.TLB_READ_TAG, size, true);
    const value = b.pin(b.load(LOADS[size] as LoadKind, host));
    openMonitor(b, size, host, value, I64_0);
    return { result: value };
  },

  loadExclusivePair(frame, [va, bytes]) {
    const size = numberOf(bytes);
    const { builder: b } = frame;
    const host = frame.probe(va as Expression, layout.TLB_READ_TAG, size, true);
    const low = b.pin(b.load('i64', host));
    openMonitor(b, size, host, low, size === 16 ? b.pin(b.load('i64', host, 8)) : I64_0);
    return {};
  },

  storeExclusive(frame, [va, bytes, value]) {
    const size = numberOf(bytes);
    const { builder: b } = frame;
    const host = frame.probe(va as Expression, layout.TLB_WRITE_TAG, size, true);
    const status = emitStoreExclusive(b, size, host, () => {
      const isSame = code.compare(
        'eq',
        b.load(LOADS[size] as LoadKind, host),
        b.loadAt('i64', layout.EXCLUSIVE_LOW),
      );
      b.if(isSame);
      b.store(STORES[size] as StoreKind, host, 0, value as Expression);
    });
    return { result: status };
  },

  storeExclusivePair(frame, [va, bytes, low, high]) {
    const size = numberOf(bytes);
    const { builder: b } = frame;
    const host = frame.probe(va as Expression, layout.TLB_WRITE_TAG, size, true);
    const status = emitStoreExclusive(b, size, host, () => {
      const isSame = (offset: number, expected: number): Expression =>
        code.compare('eq', b.load('i64', host, offset), b.loadAt('i64', expected));
      const isLowSame = isSame(0, layout.EXCLUSIVE_LOW);
      b.if(size === 16 ? code.binary('and', isLowSame, isSame(8, layout.EXCLUSIVE_HIGH)) : isLowSame);
      b.store('i64', host, 0, low as Expression);
      if (size === 16) b.store('i64', host, 8, high as Expression);
    });
    return { result: status };
  },

  msrDaifSet(frame, [imm]) {
    const { builder: b } = frame;
    leaveAtEl0(frame);
    const mask = code.constant('i32', (numberOf(imm) & 15) << 6);
    b.storeAt('i32', layout.PSTATE_DAIF, code.binary('or', b.loadAt('i32', layout.PSTATE_DAIF), mask));
    return {};
  },

  msrDaifClr(frame, [imm]) {
    const { builder: b } = frame;
    leaveAtEl0(frame);
    leaveForInterrupts(frame);
    const mask = code.constant('i32', ~((numberOf(imm) & 15) << 6));
    const rest = code.binary('and', b.loadAt('i32', layout.PSTATE_DAIF), mask);
    b.storeAt('i32', layout.PSTATE_DAIF, code.binary('and', rest, code.constant('i32', 0x3c0)));
    return {};
  },

  readSystemRegister(frame, [index]) {
    const { builder: b } = frame;
    const value = valueOf(frame, numberOf(index));
    if (!value) return undefined;
    leaveUnlessAllowed(frame, numberOf(index), KERNEL_READ);
    return { result: b.pin(value()) };
  },

  writeSystemRegister(frame, [index, value]) {
    const write = effectOf(frame, numberOf(index), value as Expression);
    if (!write) return undefined;
    leaveUnlessAllowed(frame, numberOf(index), KERNEL_WRITE);
    write();
    return {};
  },
};

function numberOf(value: Expression | undefined): number {
  if (value?.kind !== 'constant') throw new Error('a constant is expected');
  return Number(value.value);
}

// ---- exclusives: guest-access.as.ts

/** The monitor holds physical address, size and value. */
function openMonitor(
  b: FunctionBuilder,
  size: number,
  host: Expression,
  low: Expression,
  high: Expression,
): void {
  b.storeAt('i32', layout.EXCLUSIVE_VALID, code.constant('i32', 1));
  b.storeAt('i32', layout.EXCLUSIVE_SIZE, code.constant('i32', size));
  b.storeAt('i64', layout.EXCLUSIVE_PA, paOfHost(b, host));
  b.storeAt('i64', layout.EXCLUSIVE_LOW, low);
  b.storeAt('i64', layout.EXCLUSIVE_HIGH, high);
}

/** `store` opens an if of its own, in which it stores. Answers the status: 0 stored, 1 not. */
function emitStoreExclusive(
  b: FunctionBuilder,
  size: number,
  host: Expression,
  store: () => void,
): Expression {
  const status = b.temporary('i32');
  b.set(status, code.constant('i32', 1));
  const isValid = b.pin(b.loadAt('i32', layout.EXCLUSIVE_VALID));
  b.storeAt('i32', layout.EXCLUSIVE_VALID, I32_0);
  const isSize = code.compare('eq', b.loadAt('i32', layout.EXCLUSIVE_SIZE), code.constant('i32', size));
  const isPlace = code.compare('eq', b.loadAt('i64', layout.EXCLUSIVE_PA), paOfHost(b, host));
  b.if(code.binary('and', isValid, code.binary('and', isSize, isPlace)));
  store();
  b.set(status, I32_0);
  b.end();
  b.end();
  return code.local('i32', status);
}

function paOfHost(b: FunctionBuilder, host: Expression): Expression {
  const offset = code.extendU(code.binary('sub', host, code.constant('i32', layout.RAM_HOST)));
  return code.binary('add', offset, b.loadAt('i64', layout.RAM_BASE));
}

// ---- PSTATE and system registers: return.as.ts, system-access.as.ts, maintenance.as.ts

function leaveAtEl0({ builder: b, leave }: InlineFrame): void {
  leave('at EL0', code.eqz(b.loadAt('i32', layout.PSTATE_EL)));
}

/** Unmasking what may be pending, or may be stepped, needs a look. */
function leaveForInterrupts({ builder: b, leave }: InlineFrame): void {
  const hypervisor = code.binary('and', b.loadAt('i64', layout.HCR_EL2), code.constant('i64', HCR_PENDING));
  const step = code.binary('and', b.loadAt('i64', layout.MDSCR_EL1), code.constant('i64', MDSCR_SS));
  const lines = code.extendU(b.loadAt('i32', layout.LINES));
  leave(
    'interrupts possible',
    code.compare('ne', code.binary('or', code.binary('or', hypervisor, step), lines), I64_0),
  );
}

function leaveUnlessAllowed({ builder: b, leave }: InlineFrame, index: number, bit: number): void {
  const el = b.loadAt('i32', layout.PSTATE_EL);
  const row = code.binary('mul', el, code.constant('i32', layout.SYSREG_ACCESS_STRIDE));
  const access = b.load('u8', row, layout.SYSREG_ACCESS + index);
  leave('system register', code.eqz(code.binary('and', access, code.constant('i32', bit))));
}

/** What `kernelRead` answers, where that takes no more than a word of state. */
function valueOf({ builder: b, leave }: InlineFrame, index: number): (() => Expression) | undefined {
  switch (index) {
    case INDEX_DAIF:
      return () => code.extendU(b.loadAt('i32', layout.PSTATE_DAIF));
    case INDEX_CURRENT_EL:
      return () =>
        code.extendU(code.binary('shl', b.loadAt('i32', layout.PSTATE_EL), code.constant('i32', 2)));
    case INDEX_SP_SEL:
      return () => code.extendU(b.loadAt('i32', layout.PSTATE_SP));
    case INDEX_FPCR:
    case INDEX_FPSR:
      return () => {
        leave('fp trapped', b.loadAt('i32', layout.FP_TRAP));
        return code.extendU(b.loadAt('i32', index === INDEX_FPCR ? layout.FPCR : layout.FPSR));
      };
    case INDEX_DCZID:
      return () => {
        const allowed = code.binary(
          'and',
          b.loadAt('i64', layout.SCTLR_EL1),
          code.constant('i64', SCTLR_DZE),
        );
        const trapped = code.binary('and', b.loadAt('i64', layout.HCR_EL2), code.constant('i64', HCR_TDZ));
        leave('DC ZVA trapped', code.binary('or', code.eqz(allowed), code.compare('ne', trapped, I64_0)));
        return b.loadAt('i64', layout.DCZID_EL0);
      };
    default:
      return undefined;
  }
}

/** What `kernelWrite` does. What it returns is emitted behind the check of permission, and may still leave first. */
function effectOf(frame: InlineFrame, index: number, value: Expression): (() => void) | undefined {
  const { builder: b } = frame;
  switch (index) {
    case INDEX_DAIF:
      return () => {
        leaveForInterrupts(frame);
        const bits = code.binary('and', code.wrap(value), code.constant('i32', 0x3c0));
        b.storeAt('i32', layout.PSTATE_DAIF, bits);
      };
    case INDEX_DC_ZVA:
      return () => {
        const block = b.pin(code.binary('and', value, code.constant('i64', ~63n)));
        const host = frame.probe(block, layout.TLB_WRITE_TAG, 64, false);
        for (let i = 0; i < 64; i += 16) b.store('v128', host, i, code.vectorConstant(0n, 0n));
      };
    case INDEX_DC_CVAC:
    case INDEX_DC_CVAU:
    case INDEX_DC_CIVAC:
    case INDEX_IC_IVAU:
      return () => {
        // PAN does not apply: it looks at other entries of the TLB then.
        const pan = code.constant('i32', layout.PSTATE_PAN_BIT);
        frame.leave('PAN', code.binary('and', b.loadAt('i32', layout.PSTATE_OTHER), pan));
        frame.probe(value, layout.TLB_READ_TAG, 1, false);
      };
    case INDEX_IC_IALLU:
    case INDEX_IC_IALLUIS:
      return () => {};
    default:
      return undefined;
  }
}
