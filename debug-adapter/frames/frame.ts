// A frame of a call stack, and what it takes to find the next one.

import type { FrameRules } from '../../emulator/formats/dwarf/frame-rules.ts';
import type { ReadGuest } from './frame-records.ts';

export interface CodeRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** The exception by which the frames above were entered. */
export interface ExceptionTaken {
  /** Where it was taken from. */
  readonly from: 0 | 1;
  /** Number of a Linux system call. */
  readonly syscall?: number;
  /** By its vector, while it has just been taken: see exceptionEntry(). */
  readonly cause?: string;
  /** Where on the stack its registers were saved, or would be. */
  readonly savedAt?: bigint;
}

/** How a frame was found. */
export type FrameOrigin =
  | 'registers'
  | 'cfi'
  | 'link-register'
  | 'frame-record'
  | 'exception'
  /** A guess: see scan.ts. */
  | 'scan';

export interface Frame {
  readonly pc: bigint;
  /** Exception level of its code. */
  readonly el: number;
  readonly by: FrameOrigin;
  /** It stands at its PC: innermost, or interrupted by an exception. Otherwise the PC is behind a call. */
  readonly standing: boolean;
  /** The address whose line, scopes and variables are meant: the PC, or the last byte of the call before it. */
  readonly lookupPc: bigint;
  /** Canonical frame address: SP of the caller at the call. Needs call frame information. */
  readonly cfa: bigint | undefined;
  /** Set where an exception interrupted this frame. */
  readonly taken?: ExceptionTaken;
  /** X0..X30, and SP as 31, as this frame sees them. Undefined: not saved. */
  register(n: number): bigint | undefined;
}

/** What there is to unwind with. */
export interface StackSource {
  readonly read: ReadGuest;
  /** Call frame information at an address where the program runs. */
  rulesAt?(address: bigint): Promise<FrameRules | undefined>;
  /** The function around an address. */
  symbolAt?(address: bigint): CodeRange | undefined;
  systemRegister?(name: string): Promise<bigint | undefined>;
  /** Where nothing else leads on, callers may be guessed. */
  readonly guesses?: boolean;
  /** Value of a DWARF expression with the registers of a frame; `initial` lies on its stack. */
  evaluate?(
    expression: Uint8Array,
    frame: Pick<Frame, 'register'>,
    initial: bigint | undefined,
  ): Promise<bigint | undefined>;
}
