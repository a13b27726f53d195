// The kernels that instructions may call: functions of the kernels module (`*.as.ts`), or of the
// host (TypeScript). One row each; the generator imports exactly these.

import type { ValueType } from '../base/wasm/opcodes.ts';
import { floatKernels } from './float/kernels.ts';

export interface Kernel {
  readonly params: readonly ValueType[];
  readonly result?: ValueType;
  /** May take an exception: the instruction is abandoned when it did. */
  readonly faults?: true;
  /** Implemented in TypeScript by the engine, not by the kernels module. */
  readonly host?: true;
}

const kernel = <const K extends Kernel>(row: K): K => row;

const memory = {
  loadSlow: kernel({ params: ['i64', 'i32'], result: 'i64', faults: true }),
  storeSlow: kernel({ params: ['i64', 'i32', 'i64'], faults: true }),
  loadSlowUnprivileged: kernel({ params: ['i64', 'i32'], result: 'i64', faults: true }),
  storeSlowUnprivileged: kernel({ params: ['i64', 'i32', 'i64'], faults: true }),
  loadSlowV: kernel({ params: ['i64', 'i32', 'i32'], faults: true }),
  storeSlowV: kernel({ params: ['i64', 'i32', 'i32'], faults: true }),
  /** Eight bytes that are elements of a vector: address, element size. */
  loadSlowElements: kernel({ params: ['i64', 'i32'], result: 'i64', faults: true }),
  storeSlowElements: kernel({ params: ['i64', 'i32', 'i64'], faults: true }),
  prepareRead: kernel({ params: ['i64', 'i32'], result: 'i32', faults: true }),
  prepareWrite: kernel({ params: ['i64', 'i32'], result: 'i32', faults: true }),
  requireAligned: kernel({ params: ['i64', 'i32', 'i32'], result: 'i32', faults: true }),
  /** After a write that may have changed the alignment of SP. */
  stackPointerWritten: kernel({ params: [] }),
} as const;

// LDXR and its kin. Alignment is checked, the monitor of the CPU is set or tested by PA.
// A pair's values are left at EXCLUSIVE_LOW and EXCLUSIVE_HIGH.
const exclusives = {
  loadExclusive: kernel({ params: ['i64', 'i32'], result: 'i64', faults: true }),
  loadExclusivePair: kernel({ params: ['i64', 'i32'], faults: true }),
  /** Status: 0 stored, 1 not. */
  storeExclusive: kernel({ params: ['i64', 'i32', 'i64'], result: 'i32', faults: true }),
  storeExclusivePair: kernel({ params: ['i64', 'i32', 'i64', 'i64'], result: 'i32', faults: true }),
} as const;

// What the interpreter's loop itself needs.
const loop = {
  fetchMiss: kernel({ params: ['i64'], result: 'i32' }),
  service: kernel({ params: ['i32', 'i32'], result: 'i32' }),
  breakpointHit: kernel({ params: ['i32'], result: 'i32' }),
  /** For translated code beside watched ranges: TLB, VA, bytes, 1 for a store. */
  watchedHost: kernel({ params: ['i32', 'i64', 'i32', 'i32'], result: 'i32' }),
  /** Memory as conditions of breakpoints read it: nothing else happens. */
  peekData: kernel({ params: ['i64', 'i32'], result: 'i64' }),
  raiseAttention: kernel({ params: ['i32'] }),
  decodeRecord: kernel({ params: ['i32'] }),
  reachedRecord: kernel({ params: ['i32'], host: true }),
} as const;

const exceptions = {
  undefinedInstruction: kernel({ params: [], faults: true }),
  fpTrap: kernel({ params: [], faults: true }),
  svc: kernel({ params: ['i32'], faults: true }),
  hvc: kernel({ params: ['i32'], faults: true }),
  smc: kernel({ params: ['i32'], faults: true }),
  brk: kernel({ params: ['i32'], faults: true }),
  exceptionReturn: kernel({ params: [], faults: true }),
  wfi: kernel({ params: [], faults: true }),
  wfe: kernel({ params: [], faults: true }),
  sev: kernel({ params: [] }),
  sevl: kernel({ params: [] }),
  msrDaifSet: kernel({ params: ['i32'], faults: true }),
  msrDaifClr: kernel({ params: ['i32'], faults: true }),
  msrSpSel: kernel({ params: ['i32'], faults: true }),
  msrPan: kernel({ params: ['i32'], faults: true }),
  msrUao: kernel({ params: ['i32'], faults: true }),
} as const;

// System registers and system instructions; the first argument is the number of the row.
const system = {
  readSystemRegister: kernel({ params: ['i32'], result: 'i64', faults: true }),
  writeSystemRegister: kernel({ params: ['i32', 'i64'], faults: true }),
} as const;

const integer = {
  /** accumulator, value, bytes, 1 for CRC-32C. */
  crc32: kernel({ params: ['i32', 'i64', 'i32', 'i32'], result: 'i32' }),
} as const;

// Integer AdvSIMD and cryptography.
const simd = {
  setSaturated: kernel({ params: [] }),
  /** values, amounts, size, bytes in use, kind: see simd.as.ts. */
  shiftLanes: kernel({ params: ['v128', 'v128', 'i32', 'i32', 'i32'], result: 'v128' }),
  multiplyPolynomials: kernel({ params: ['i64', 'i64'], result: 'v128' }),
  aesSubBytes: kernel({ params: ['v128'], result: 'v128' }),
  aesInverseSubBytes: kernel({ params: ['v128'], result: 'v128' }),
  sm4SubBytes: kernel({ params: ['i32'], result: 'i32' }),
} as const;

export const kernels = {
  ...memory,
  ...loop,
  ...exclusives,
  ...exceptions,
  ...floatKernels,
  ...system,
  ...integer,
  ...simd,
} as const;

export type KernelName = keyof typeof kernels;
