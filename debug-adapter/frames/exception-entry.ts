// Where an exception has just been taken, nothing has been saved yet: the interrupted code is in ELR_EL1 and
// SPSR_EL1, and its registers are still there. True in the vectors, and in the code that they branch to
// until that has saved what it needs.

import type { FrameRecord } from './frame-records.ts';
import { controlFlow, frameEffect } from '../instructions/instructions.ts';
import type { ExceptionTaken, Frame, StackSource } from './frame.ts';

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

/**
 * The code that an exception interrupted, if the frame is that exception's beginning or its end, or what a vector
 * branches to. `record`: where X29 points; a kernel may put what was interrupted there. `hasCrossed`: ELR_EL1 is of an
 * exception further in.
 */
export async function exceptionEntry(
  source: StackSource,
  frame: Frame,
  record: FrameRecord | undefined,
  hasCrossed: boolean,
): Promise<Entry | undefined> {
  if (!source.systemRegister || frame.el !== 1) return undefined;
  const vbar = await source.systemRegister('VBAR_EL1');
  if (vbar === undefined || vbar === 0n) return undefined;
  const vectors = await vectorsOf(source, vbar, frame.lookupPc);
  if (vectors.length === 0) return undefined;
  const elr = (await source.systemRegister('ELR_EL1')) ?? 0n;
  // Further on, ELR_EL1 may be of an interrupt that came and went since: what the record says is sure.
  if (!frame.standing && record && isCode(record.returnAddress)) {
    if (hasCrossed || record.returnAddress !== elr) return byRecord(frame, record);
  } else if (hasCrossed) return undefined;
  return byRegisters(source, frame, { vbar, vectors, elr, record });
}

async function byRegisters(
  source: StackSource,
  frame: Frame,
  about: {
    readonly vbar: bigint;
    readonly vectors: readonly number[];
    readonly elr: bigint;
    readonly record: FrameRecord | undefined;
  },
): Promise<Entry | undefined> {
  const { vbar, vectors, elr, record } = about;
  const spsr = (await source.systemRegister?.('SPSR_EL1')) ?? 0n;
  // AArch32 is somebody else's.
  if (!isCode(elr) || (spsr & 0x10n) !== 0n) return undefined;
  const sp = frame.register(SP);
  const x29 = frame.register(X29);
  if (sp !== undefined && x29 !== undefined && RECORDS_OF_LINUX.includes(x29 - sp)) return undefined;

  const from = (spsr & 0xcn) === 0n ? 0 : 1;
  const usesSpEl0 = from === 0 || (spsr & 1n) === 0n;
  const values = await registersLeft(source, frame, { vbar, elr, record });
  // In the vector's first instruction SP_EL1 is still what it was.
  const isFirst = frame.standing && frame.pc === vbar + BigInt((vectors[0] ?? 0) * VECTOR);
  values[SP] = usesSpEl0 ? await source.systemRegister?.('SP_EL0') : isFirst ? sp : undefined;
  const cause = await causeOf(source, vectors);
  const taken = {
    from,
    ...(cause !== undefined && { cause }),
    ...(sp !== undefined && { savedAt: sp }),
  } as const;
  return { pc: elr, el: from, values, taken };
}

/** The registers of the interrupted code that are still there: all in the vector, but a handler needs some itself. */
async function registersLeft(
  source: StackSource,
  frame: Frame,
  {
    vbar,
    elr,
    record,
  }: { readonly vbar: bigint; readonly elr: bigint; readonly record: FrameRecord | undefined },
): Promise<(bigint | undefined)[]> {
  const values: (bigint | undefined)[] = [];
  const offset = frame.pc - vbar;
  const start = source.symbolAt?.(frame.pc)?.start ?? frame.pc;
  if (frame.standing && ((offset >= 0n && offset < BigInt(VECTORS)) || frame.pc === start)) {
    for (let n = 0; n <= 30; n++) values[n] = frame.register(n);
  } else if (record && (!frame.standing || record.returnAddress === elr)) {
    values[X29] = record.callersRecord;
  } else if (!(await setsFramePointer(source, start, frame.pc))) {
    values[X29] = frame.register(X29);
  }
  return values;
}

async function setsFramePointer(source: StackSource, start: bigint, end: bigint): Promise<boolean> {
  const bytes = await source.read(start, Math.min(Number(end - start), VECTORS));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    if (frameEffect(view.getUint32(at, true)) === 'sets-frame-pointer') return true;
  }
  return false;
}

/** A record of a kernel whose return address is the program's. */
export const leadsToProgram = (frame: Frame, { returnAddress }: FrameRecord): boolean =>
  frame.el === 1 && isCode(returnAddress) && returnAddress >> 55n === 0n && frame.pc >> 55n !== 0n;

/** The kernel's own half of the addresses tells where it was. */
export function byRecord(frame: Frame, record: FrameRecord): Entry {
  const { at, callersRecord, returnAddress } = record;
  const from = leadsToProgram(frame, record) ? 0 : 1;
  const values: (bigint | undefined)[] = [];
  values[X29] = callersRecord;
  return { pc: returnAddress, el: from, values, taken: { from, savedAt: at } };
}

/** Undefined: vectors of several kinds lead there. */
async function causeOf(source: StackSource, vectors: readonly number[]): Promise<string | undefined> {
  const [kind, ...others] = new Set(vectors.map((vector) => vector & 3));
  if (kind === undefined || others.length > 0) return undefined;
  return kind === 0 ? classOf(source) : CAUSES[kind];
}

const isCode = (address: bigint): boolean => address !== 0n && (address & 3n) === 0n;

/** ESR_EL1.EC in words. */
async function classOf(source: StackSource): Promise<string> {
  const esr = (await source.systemRegister?.('ESR_EL1')) ?? 0n;
  return CLASSES[Number((esr >> 26n) & 63n)] ?? 'exception';
}

/** The vector whose code this address is, or all that branch to its function. */
async function vectorsOf(source: StackSource, vbar: bigint, address: bigint): Promise<readonly number[]> {
  const offset = address - vbar;
  if (offset >= 0n && offset < BigInt(VECTORS)) return [Number(offset / BigInt(VECTOR))];
  const symbol = source.symbolAt?.(address);
  if (!symbol) return [];
  const bytes = await source.read(vbar, VECTORS);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Set<number>();
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const flow = controlFlow(view.getUint32(at, true), vbar + BigInt(at));
    if (flow.kind !== 'branch') continue;
    if (flow.target >= symbol.start && flow.target < symbol.end) found.add(Math.floor(at / VECTOR));
  }
  return [...found];
}
