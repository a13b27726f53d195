// Why an exception was taken, in words, for the line between the frames of its handler and those that it
// interrupted: `system call write (64) from EL0`, `interrupt`, `data abort from EL0`.

import { linuxSystemCalls } from '../../emulator/debug/events/linux-system-calls.ts';
import type { ExceptionTaken } from './stack.ts';

/** Linux: the functions that a vector of arm64 branches to. */
const ENTRY = /^el[01][ht]?_(?:64|32)_(sync|irq|fiq|error)(?:_handler)?$/;
/** Linux: what those call for a class of exceptions (arch/arm64/kernel/entry-common.c). */
const CLASS =
  /^el[01](?:_64|_32|t_64|h_64)?_(abort|da|ia|undef|dbg|pc|sp|inv|fpsimd_acc|sve_acc|sme_acc|fpsimd_exc|sys|bti|fpac)$/;

const VECTORS: Readonly<Record<string, string>> = {
  sync: 'exception',
  irq: 'interrupt',
  fiq: 'fast interrupt',
  error: 'SError',
};

const CLASSES: Readonly<Record<string, string>> = {
  abort: 'abort',
  da: 'data abort',
  ia: 'instruction abort',
  undef: 'undefined instruction',
  dbg: 'debug exception',
  pc: 'misaligned PC',
  sp: 'misaligned SP',
  inv: 'unexpected exception',
  fpsimd_acc: 'first use of FP and SIMD registers',
  sve_acc: 'first use of SVE registers',
  sme_acc: 'first use of SME registers',
  fpsimd_exc: 'floating-point exception',
  sys: 'trapped system instruction',
  bti: 'branch target exception',
  fpac: 'pointer authentication failure',
};

/** `functions`: those of the frames inside, the vector's first. */
export function exceptionInWords(
  { from, syscall, cause }: ExceptionTaken,
  functions: readonly string[],
): string {
  const what = syscall === undefined ? (cause ?? byFunctions(functions) ?? 'exception') : systemCall(syscall);
  return from === 0 ? `${what} from EL0` : what;
}

function systemCall(number: number): string {
  const name = linuxSystemCalls[number];
  return name === undefined ? `system call ${number}` : `system call ${name} (${number})`;
}

function byFunctions(functions: readonly string[]): string | undefined {
  let vector: string | undefined;
  for (const name of functions) {
    const kind = CLASS.exec(name)?.[1];
    if (kind !== undefined) return CLASSES[kind];
    vector ??= VECTORS[ENTRY.exec(name)?.[1] ?? ''];
  }
  return vector;
}
