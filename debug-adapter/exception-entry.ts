// Where an exception has just been taken, nothing has been saved yet: the interrupted code is in ELR_EL1 and
// SPSR_EL1, and its registers are still there. True in the vectors, and in the code that they branch to
// until that has saved what it needs.

import { controlFlow } from './instructions.ts';
import type { ExceptionTaken, Frame, StackSource } from './stack.ts';

export interface CodeRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** DDI 0487, "Exception vectors": four groups of four, 0x80 bytes each. */
const VECTORS = 0x800;
const VECTOR = 0x80;
/** DDI 0487, "ESR_EL1", exception class. */
const CLASSES: Readonly<Record<number, string>> = {
  0x00: 'undefined instruction',
  0x07: 'trapped access to FP and SIMD registers',
  0x0d: 'branch target exception',
  0x0e: 'illegal execution state',
  0x15: 'system call',
  0x18: 'trapped system instruction',
  0x19: 'trapped access to SVE registers',
  0x1c: 'pointer authentication failure',
  0x20: 'instruction abort',
  0x21: 'instruction abort',
  0x22: 'misaligned PC',
  0x24: 'data abort',
  0x25: 'data abort',
  0x26: 'misaligned SP',
  0x2c: 'floating-point exception',
  0x30: 'breakpoint exception',
  0x31: 'breakpoint exception',
  0x32: 'software step exception',
  0x33: 'software step exception',
  0x34: 'watchpoint exception',
  0x35: 'watchpoint exception',
  0x3c: 'BRK instruction',
};
const CAUSES = ['exception', 'interrupt', 'fast interrupt', 'SError'] as const;
const SP = 31;
const X29 = 29;
/** struct pt_regs of Linux up to its frame record, when X29 points to that. */
const RECORDS_OF_LINUX: readonly bigint[] = [304n, 296n];

interface Entry {
  readonly pc: bigint;
  readonly el: number;
  readonly values: readonly (bigint | undefined)[];
  readonly taken: ExceptionTaken;
}

/** The code that an exception interrupted, if the frame is that exception's beginning or its end. */
export async function exceptionEntry(source: StackSource, frame: Frame): Promise<Entry | undefined> {
  if (!source.systemRegister || frame.el !== 1) return undefined;
  const vbar = await source.systemRegister('VBAR_EL1');
  const elr = await source.systemRegister('ELR_EL1');
  const spsr = await source.systemRegister('SPSR_EL1');
  if (vbar === undefined || elr === undefined || spsr === undefined || vbar === 0n) return undefined;
  const vector = await vectorOf(source, vbar, frame.lookupPc);
  if (vector === undefined) return undefined;
  // AArch32 is somebody else's.
  if (elr === 0n || (elr & 3n) !== 0n || (spsr & 0x10n) !== 0n) return undefined;
  const sp = frame.register(SP);
  const x29 = frame.register(X29);
  if (sp !== undefined && x29 !== undefined && RECORDS_OF_LINUX.includes(x29 - sp)) return undefined;

  const from = (spsr & 0xcn) === 0n ? 0 : 1;
  const usesSpEl0 = from === 0 || (spsr & 1n) === 0n;
  const values = Array.from({ length: 31 }, (_, n) => frame.register(n));
  // In the vector's first instruction SP_EL1 is still what it was.
  const isFirst = frame.standing && frame.pc === vbar + BigInt(vector * VECTOR);
  values[SP] = usesSpEl0 ? await source.systemRegister('SP_EL0') : isFirst ? sp : undefined;
  const cause = (vector & 3) === 0 ? await classOf(source) : CAUSES[vector & 3];
  const taken = {
    from,
    ...(cause !== undefined && { cause }),
    ...(sp !== undefined && { savedAt: sp }),
  } as const;
  return { pc: elr, el: from, values, taken };
}

/** ESR_EL1.EC in words. */
async function classOf(source: StackSource): Promise<string> {
  const esr = (await source.systemRegister?.('ESR_EL1')) ?? 0n;
  return CLASSES[Number((esr >> 26n) & 63n)] ?? 'exception';
}

/** The number of the vector whose code this address is, or the function that it branches to. */
async function vectorOf(source: StackSource, vbar: bigint, address: bigint): Promise<number | undefined> {
  const offset = address - vbar;
  if (offset >= 0n && offset < BigInt(VECTORS)) return Number(offset / BigInt(VECTOR));
  const symbol = source.symbolAt?.(address);
  if (!symbol) return undefined;
  const bytes = await source.read(vbar, VECTORS);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const flow = controlFlow(view.getUint32(at, true), vbar + BigInt(at));
    if (flow.kind !== 'branch') continue;
    if (flow.target >= symbol.start && flow.target < symbol.end) return Math.floor(at / VECTOR);
  }
  return undefined;
}
