// The call stack by frame records (AAPCS64: X29 points to a pair of the caller's X29 and the return
// address). What the innermost function will do with X30 next tells whether its own record stands yet:
// in a leaf, a prologue and an epilogue the return address is in X30 itself.
//
// Left out: unwinding by call frame information.

import type { GeneralRegisters } from '../emulator/machine/messages.ts';
import { controlFlow, frameEffect } from './instructions.ts';

export interface Frame {
  readonly pc: bigint;
  /** X29 while this frame runs, and its SP where it is known. */
  readonly framePointer: bigint;
  readonly sp: bigint | undefined;
  /** How the frame was found: by registers, by X30, by a frame record. */
  readonly by: 'registers' | 'link-register' | 'frame-record';
  /** An exception stopped it here: its PC is not behind a call. */
  readonly interrupted?: boolean;
}

/** Guest memory of the vCPU; fewer bytes where nothing is mapped. */
export type ReadGuest = (address: bigint, length: number) => Promise<Uint8Array>;

/** Instructions looked at ahead of the PC. */
const LOOKAHEAD = 64;
/** Consecutive records lie further up the same stack, or on another one (interrupt to task stack). */
const ALIGNMENT = 15n;

export async function walkStack(
  registers: GeneralRegisters,
  read: ReadGuest,
  limit: number,
): Promise<readonly Frame[]> {
  const x29 = registers.x[29] ?? 0n;
  const x30 = registers.x[30] ?? 0n;
  const frames: Frame[] = [{ pc: registers.pc, framePointer: x29, sp: registers.sp, by: 'registers' }];
  if (limit <= 1) return frames;

  if ((await linkRegisterHoldsReturn(registers.pc, read)) && isCode(x30)) {
    frames.push({ pc: x30, framePointer: x29, sp: undefined, by: 'link-register' });
  }
  const seen = new Set<bigint>();
  let record = x29;
  while (frames.length < limit) {
    // A guest may link records in a circle or into nowhere.
    if (record === 0n || (record & ALIGNMENT & 7n) !== 0n || seen.has(record)) break;
    seen.add(record);
    const found = await readRecord(record, read);
    if (!found || !isCode(found.returnAddress)) break;
    const { callersRecord: framePointer, returnAddress: pc, interrupted } = found;
    frames.push({
      pc,
      framePointer,
      sp: interrupted?.sp,
      by: 'frame-record',
      ...(interrupted && { interrupted: true }),
    });
    if (
      interrupted &&
      frames.length < limit &&
      isCode(interrupted.x30) &&
      (await linkRegisterHoldsReturn(pc, read))
    ) {
      frames.push({ pc: interrupted.x30, framePointer, sp: undefined, by: 'link-register' });
    }
    record = framePointer;
  }
  return frames;
}

interface FrameRecord {
  readonly callersRecord: bigint;
  readonly returnAddress: bigint;
  /** Registers of the code that an exception interrupted, when that made the record. */
  readonly interrupted?: { readonly x30: bigint; readonly sp: bigint };
}

/**
 * Linux puts a record into the registers it saves at an exception (arch/arm64/include/asm/ptrace.h, struct pt_regs:
 * regs[31], sp, pc, pstate, orig_x0, syscallno, sdei_ttbr1, pmr_save, stackframe). The saved PC equals the record's
 * return address and PSTATE names EL1, which nothing else has before a record.
 */
const SAVED = { x30: 0, sp: 8, pc: 16, pstate: 24, record: 64 } as const;

async function readRecord(record: bigint, read: ReadGuest): Promise<FrameRecord | undefined> {
  const plain = await read(record, 16);
  if (plain.length < 16) return undefined;
  const view = new DataView(plain.buffer, plain.byteOffset, 16);
  const found = { callersRecord: view.getBigUint64(0, true), returnAddress: view.getBigUint64(8, true) };
  const before = await read(record - BigInt(SAVED.record), SAVED.record);
  if (before.length < SAVED.record) return found;
  const saved = new DataView(before.buffer, before.byteOffset, SAVED.record);
  const isException =
    saved.getBigUint64(SAVED.pc, true) === found.returnAddress &&
    (saved.getUint32(SAVED.pstate, true) & 0x1e) === 0x4;
  if (!isException) return found;
  const interrupted = { x30: saved.getBigUint64(SAVED.x30, true), sp: saved.getBigUint64(SAVED.sp, true) };
  return { ...found, interrupted };
}

/** Zero ends a chain; an address that is not a multiple of four is no instruction. */
const isCode = (address: bigint): boolean => address !== 0n && (address & 3n) === 0n;

/** Follows the code from the PC until it uses X30. */
export async function linkRegisterHoldsReturn(pc: bigint, read: ReadGuest): Promise<boolean> {
  let at = pc;
  let words = await wordsAt(at, read);
  let index = 0;
  for (let steps = 0; steps < LOOKAHEAD; steps++) {
    const word = words[index];
    if (word === undefined) return false;
    switch (frameEffect(word)) {
      // The prologue is still to come, so nothing has been saved.
      case 'saves-link':
        return true;
      // The record stands, and X29 points to it.
      case 'restores-link':
        return false;
      // The record has been stored, but X29 is still the caller's.
      case 'sets-frame-pointer':
        return true;
      case undefined:
        break;
    }
    const flow = controlFlow(word, at);
    switch (flow.kind) {
      case 'return':
        return true;
      // A call clobbers X30: whoever comes to it has saved it before.
      case 'call':
      case 'call-register':
      case 'exception-return':
      case 'branch-register':
        return false;
      case 'branch': {
        at = flow.target;
        words = await wordsAt(at, read);
        index = 0;
        continue;
      }
      case 'next':
      case 'conditional':
      case 'exception':
        at = BigInt.asUintN(64, at + 4n);
        index++;
    }
  }
  return false;
}

async function wordsAt(address: bigint, read: ReadGuest): Promise<readonly number[]> {
  const bytes = await read(address, 4 * LOOKAHEAD);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length >>> 2 }, (_, i) => view.getUint32(4 * i, true));
}
