// The call stack, innermost frame first. The caller of a frame is found by call frame information where the
// program has any, else in X30 while that still holds the return address, else by the frame record at X29.
// A stack goes on below an exception: with the registers that Linux saved, or, where the exception has
// just been taken, with ELR_EL1 and SPSR_EL1.
//
// Everything here comes from a guest that may have gone wild: chains may be circles, addresses anything.

import type { FrameRules, RegisterRule } from '../../emulator/formats/dwarf/frame-rules.ts';
import type { GeneralRegisters } from '../../emulator/machine/messages.ts';
import { byRecord, exceptionEntry, leadsToProgram } from './exception-entry.ts';
import type { ExceptionTaken, Frame, FrameOrigin, StackSource } from './frame.ts';
import { isLeaf, linkRegisterHoldsReturn, readRecord } from './frame-records.ts';
import { returnAddressAbove } from './scan.ts';
import type { FrameRecord } from './frame-records.ts';

export type { ExceptionTaken, Frame, StackSource } from './frame.ts';
export type { ReadGuest } from './frame-records.ts';

export const SP = 31;
const X29 = 29;
const X30 = 30;
/** Callee-saved registers (AAPCS64, section 6.1.1). */
const FIRST_SAVED = 19;

type Values = readonly (bigint | undefined)[];

interface KnownFrame extends Frame {
  readonly values: Values;
  readonly rules: FrameRules | undefined;
}

/** `standing`: not so for code that has called what it waits in, such as the switch to another task. */
export async function walkStack(
  registers: GeneralRegisters,
  source: StackSource,
  limit: number,
  { standing } = { standing: true },
): Promise<readonly Frame[]> {
  let frame = await frameOf(source, {
    pc: registers.pc,
    el: (registers.pstate >>> 2) & 3,
    by: 'registers',
    standing,
    values: [...registers.x, registers.sp],
  });
  const frames: Frame[] = [frame];
  const seen = new Set<string>();
  let hasCrossed = false;
  while (frames.length < limit) {
    const caller = await callerOf(source, frame, hasCrossed);
    if (!caller) break;
    // Nothing that a program does leads to the same place on the same stack twice.
    const identity = `${caller.pc} ${caller.register(SP)} ${caller.register(X29)} ${caller.cfa}`;
    if (seen.has(identity)) break;
    seen.add(identity);
    frames.push(caller);
    hasCrossed ||= caller.taken !== undefined;
    frame = caller;
  }
  return frames;
}

async function frameOf(
  source: StackSource,
  about: {
    readonly pc: bigint;
    readonly el: number;
    readonly by: FrameOrigin;
    readonly standing: boolean;
    readonly values: Values;
    readonly taken?: ExceptionTaken;
  },
): Promise<KnownFrame> {
  const { values } = about;
  const register = (n: number): bigint | undefined => values[n];
  const lookupPc = about.standing ? about.pc : BigInt.asUintN(64, about.pc - 1n);
  const rules = await source.rulesAt?.(lookupPc);
  const cfa = rules && (await cfaOf(source, rules, { register, standing: about.standing }));
  return { ...about, lookupPc, rules, cfa, register };
}

async function cfaOf(
  source: StackSource,
  { cfa, registers }: FrameRules,
  frame: Pick<Frame, 'register' | 'standing'>,
): Promise<bigint | undefined> {
  if (cfa.kind === 'expression') return source.evaluate?.(cfa.bytes, frame, undefined);
  const base = frame.register(cfa.register);
  if (base !== undefined) return BigInt.asUintN(64, base + BigInt(cfa.offset));
  // SP is lost above a frame record. A function that has made a call has its own record where it saved X29.
  const saved = registers.get(X29);
  const record = frame.register(X29);
  if (frame.standing || saved?.kind !== 'offset' || record === undefined) return undefined;
  return BigInt.asUintN(64, record - BigInt(saved.offset));
}

/** `hasCrossed`: see exceptionEntry(). */
async function callerOf(
  source: StackSource,
  frame: KnownFrame,
  hasCrossed: boolean,
): Promise<KnownFrame | undefined> {
  if (frame.rules && frame.cfa !== undefined) {
    const caller = await callerByRules(source, frame, frame.rules, frame.cfa);
    if (caller !== 'unknown') return caller;
  }
  const record = await readRecord(frame.register(X29) ?? 0n, source.read, frame.el > 0);
  if (record?.interrupted && !frame.standing) return callerByRecord(source, frame, record);
  const entry = frame.rules ? undefined : await exceptionEntry(source, frame, record, hasCrossed);
  if (entry) return frameOf(source, { ...entry, by: 'exception', standing: true });
  if (record && leadsToProgram(frame, record))
    return frameOf(source, { ...byRecord(frame, record), by: 'exception', standing: true });
  const caller = await callerByLink(source, frame);
  if (caller) return caller;
  return record ? callerByRecord(source, frame, record) : callerByScan(source, frame);
}

// ---------------------------------------------------------------- call frame information

/** Undefined: the outermost frame. */
async function callerByRules(
  source: StackSource,
  frame: KnownFrame,
  rules: FrameRules,
  cfa: bigint,
): Promise<KnownFrame | 'unknown' | undefined> {
  const values: (bigint | undefined)[] = [];
  for (let n = FIRST_SAVED; n <= X30; n++) {
    const rule = rules.registers.get(n);
    const isKept = !rule || rule.kind === 'same';
    values[n] = isKept ? frame.register(n) : await valueBy(source, frame, rule, cfa);
  }
  const returnRule = rules.registers.get(rules.returnAddress);
  if (returnRule?.kind === 'undefined') return undefined;
  // Behind a call X30 is that call's.
  const saved = returnRule || frame.standing ? values[rules.returnAddress] : undefined;
  if (saved === undefined) return 'unknown';
  const pc = await codeAddress(source, saved);
  if (!isCode(pc)) return undefined;
  values[X30] = undefined;
  const stackRule = rules.registers.get(SP);
  values[SP] = stackRule && stackRule.kind !== 'same' ? await valueBy(source, frame, stackRule, cfa) : cfa;
  return frameOf(source, { pc, el: frame.el, by: 'cfi', standing: rules.isSignalFrame, values });
}

async function valueBy(
  source: StackSource,
  frame: KnownFrame,
  rule: Exclude<RegisterRule, { kind: 'same' }>,
  cfa: bigint,
): Promise<bigint | undefined> {
  switch (rule.kind) {
    case 'undefined':
      return undefined;
    case 'offset':
      return wordAt(source, cfa + BigInt(rule.offset));
    case 'val_offset':
      return BigInt.asUintN(64, cfa + BigInt(rule.offset));
    case 'register':
      return frame.register(rule.register);
    case 'expression': {
      const place = await source.evaluate?.(rule.bytes, frame, cfa);
      return place === undefined ? undefined : wordAt(source, place);
    }
    case 'val_expression':
      return source.evaluate?.(rule.bytes, frame, cfa);
  }
}

// ---------------------------------------------------------------- without call frame information

async function callerByLink(source: StackSource, frame: KnownFrame): Promise<KnownFrame | undefined> {
  const link = frame.register(X30);
  if (!frame.standing || frame.rules || link === undefined) return undefined;
  const symbol = source.symbolAt?.(frame.pc);
  const holds =
    (symbol && (await isLeaf(symbol.start, symbol.end, source.read))) ||
    (await linkRegisterHoldsReturn(frame.pc, source.read));
  if (!holds) return undefined;
  const pc = await codeAddress(source, link);
  if (!isCode(pc)) return undefined;
  // Whoever has not saved X30 has saved nothing else either. Where SP was at the call is not known.
  const values: (bigint | undefined)[] = [];
  for (let n = FIRST_SAVED; n <= X29; n++) values[n] = frame.register(n);
  return frameOf(source, { pc, el: frame.el, by: 'link-register', standing: false, values });
}

async function callerByRecord(
  source: StackSource,
  frame: KnownFrame,
  record: FrameRecord,
): Promise<KnownFrame | undefined> {
  const { interrupted } = record;
  if (interrupted) {
    const from = interrupted.syscall === undefined ? 1 : 0;
    const { syscall = -1 } = interrupted;
    return frameOf(source, {
      pc: interrupted.pc,
      el: from,
      by: 'frame-record',
      standing: true,
      values: [...interrupted.x, interrupted.sp],
      taken: { from, savedAt: record.at, ...(syscall >= 0 && { syscall }) },
    });
  }
  const pc = await codeAddress(source, record.returnAddress);
  if (!isCode(pc)) return undefined;
  const values: (bigint | undefined)[] = [];
  values[X29] = record.callersRecord;
  return frameOf(source, { pc, el: frame.el, by: 'frame-record', standing: false, values });
}

async function callerByScan(source: StackSource, frame: KnownFrame): Promise<KnownFrame | undefined> {
  const sp = frame.register(SP);
  const { symbolAt } = source;
  // A record of 0 is the end of the stack.
  if (!source.guesses || !symbolAt || sp === undefined || frame.register(X29) === 0n) return undefined;
  const found = await returnAddressAbove(
    sp,
    source.read,
    (address) => symbolAt(address) !== undefined,
    (word) => codeAddress(source, word),
  );
  if (!found) return undefined;
  const values: (bigint | undefined)[] = [];
  values[SP] = found.at + 8n;
  return frameOf(source, { pc: found.pc, el: frame.el, by: 'scan', standing: false, values });
}

// ---------------------------------------------------------------- words of the guest

async function wordAt(source: StackSource, address: bigint): Promise<bigint | undefined> {
  const bytes = await source.read(BigInt.asUintN(64, address), 8);
  if (bytes.length < 8) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

/** Zero ends a chain; an address that is not a multiple of four is no instruction. */
const isCode = (address: bigint): boolean => address !== 0n && (address & 3n) === 0n;

/** Bits of the virtual addresses in which kernels and programs lie, unless TCR_EL1 says less. */
const ADDRESS_BITS = 48;

/** Without the pointer authentication code that a saved return address may carry: DDI 0487, Strip(). */
async function codeAddress(source: StackSource, saved: bigint): Promise<bigint> {
  if (BigInt.asUintN(64, BigInt.asIntN(ADDRESS_BITS, saved)) === saved) return saved;
  const isUpper = ((saved >> 55n) & 1n) === 1n;
  const tcr = await source.systemRegister?.('TCR_EL1');
  // T0SZ and T1SZ.
  const unused = tcr === undefined ? 64 - ADDRESS_BITS : Number((tcr >> (isUpper ? 16n : 0n)) & 63n);
  const bits = Math.min(Math.max(64 - unused, 25), 55);
  const low = BigInt.asUintN(bits, saved);
  return isUpper ? BigInt.asUintN(64, low - (1n << BigInt(bits))) : low;
}
