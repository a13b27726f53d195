// Frame records (AAPCS64: X29 points to a pair of the caller's X29 and the return address), the records that
// Linux puts into the registers it saves at an exception, and X30 where no record stands yet.

import { controlFlow, frameEffect } from '../instructions/instructions.ts';

/** Guest memory of the vCPU; fewer bytes where nothing is mapped. */
export type ReadGuest = (address: bigint, length: number) => Promise<Uint8Array>;

/** Instructions looked at ahead of the PC. */
const LOOKAHEAD = 64;
/** Bytes of a function that is looked through as a whole. */
const MAX_LEAF = 4096n;

export interface FrameRecord {
  readonly at: bigint;
  readonly callersRecord: bigint;
  readonly returnAddress: bigint;
  /** Registers of the code that an exception interrupted, when that made the record. */
  readonly interrupted?: SavedRegisters;
}

/** What struct pt_regs of Linux holds. */
export interface SavedRegisters {
  /** X0..X30. */
  readonly x: readonly bigint[];
  readonly sp: bigint;
  readonly pc: bigint;
  readonly pstate: number;
  /** Of a system call; -1 otherwise. Undefined: taken from EL1. */
  readonly syscall: number | undefined;
}

/**
 * arch/arm64/include/asm/ptrace.h, struct pt_regs: regs[31], sp, pc, pstate, orig_x0, syscallno, then what
 * differs: the record stands at 304, since Linux 6.13 at 296 with its kind behind it (struct frame_record_meta).
 */
const SAVED = { sp: 248, pc: 256, pstate: 264, syscall: 280, size: 284 } as const;
const RECORD_AT = 304n;
const META_RECORD_AT = 296n;
const META_IS_FINAL = 1n;
const META_IS_SAVED = 2n;
/** PSTATE: M[4] is AArch32, M[3:2] the exception level. */
const MODE = 0x1e;
const MODE_EL1 = 0x04;
const MODE_EL0 = 0x00;
/** DAIF. */
const MASKED = 0x3c0;
const LOWER_HALF = 1n << 55n;
const MAX_SYSCALLS = 4096;

/** `inKernel`: exceptions lead there, so the record may be one of Linux's. */
export async function readRecord(
  record: bigint,
  read: ReadGuest,
  inKernel: boolean,
): Promise<FrameRecord | undefined> {
  // A record that points nowhere, or on both sides of a word, was not made by a compiler.
  if (record === 0n || (record & 7n) !== 0n) return undefined;
  const plain = await read(record, 24);
  if (plain.length < 16) return undefined;
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  const found = {
    at: record,
    callersRecord: view.getBigUint64(0, true),
    returnAddress: view.getBigUint64(8, true),
  };
  if (!inKernel) return found;

  // Taken from EL1: the record repeats X29 and the PC. Nothing else has both before a record.
  const saved = await readSaved(record - RECORD_AT, read);
  if (found.returnAddress !== 0n) {
    const isException = saved?.pc === found.returnAddress && (saved.pstate & MODE) === MODE_EL1;
    return isException ? { ...found, interrupted: { ...saved, syscall: undefined } } : found;
  }
  // Taken from EL0: the end of the kernel's records.
  if (saved && isFromUser(saved)) return { ...found, interrupted: saved };
  const kind = plain.length < 24 ? 0n : view.getBigUint64(16, true);
  if (kind !== META_IS_FINAL && kind !== META_IS_SAVED) return found;
  const meta = await readSaved(record - META_RECORD_AT, read);
  if (!meta) return found;
  if (kind === META_IS_FINAL) return isFromUser(meta) ? { ...found, interrupted: meta } : found;
  const interrupted = { ...meta, syscall: undefined };
  return { at: record, callersRecord: meta.x[29] ?? 0n, returnAddress: meta.pc, interrupted };
}

/**
 * A program's registers; those of a kernel thread, which never had any, are zero. A program runs with interrupts on
 * and has an aligned stack.
 */
const isFromUser = ({ pc, sp, pstate, syscall = -1 }: SavedRegisters): boolean =>
  (pstate & (MODE | MASKED)) === MODE_EL0 &&
  pc !== 0n &&
  (pc & 3n) === 0n &&
  sp !== 0n &&
  (sp & 15n) === 0n &&
  pc < LOWER_HALF &&
  sp < LOWER_HALF &&
  syscall >= -1 &&
  syscall < MAX_SYSCALLS;

async function readSaved(start: bigint, read: ReadGuest): Promise<SavedRegisters | undefined> {
  const bytes = await read(BigInt.asUintN(64, start), SAVED.size);
  if (bytes.length < SAVED.size) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The upper half of PSTATE is not used.
  if (view.getUint32(SAVED.pstate + 4, true) !== 0) return undefined;
  return {
    x: Array.from({ length: 31 }, (_, n) => view.getBigUint64(8 * n, true)),
    sp: view.getBigUint64(SAVED.sp, true),
    pc: view.getBigUint64(SAVED.pc, true),
    pstate: view.getUint32(SAVED.pstate, true),
    syscall: view.getInt32(SAVED.syscall, true),
  };
}

/** True when no instruction of a function calls another or saves X30. */
export async function isLeaf(start: bigint, end: bigint, read: ReadGuest): Promise<boolean> {
  const size = end - start;
  if (size <= 0n || size > MAX_LEAF) return false;
  const bytes = await read(start, Number(size));
  if (bytes.length < Number(size)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = view.getUint32(at, true);
    const { kind } = controlFlow(word, start + BigInt(at));
    if (kind === 'call' || kind === 'call-register' || frameEffect(word) === 'saves-link') return false;
  }
  return true;
}

/** Follows the code from the PC until it uses X30: whether that still holds the return address. */
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
