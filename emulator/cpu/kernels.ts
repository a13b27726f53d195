// The kernels that instructions may call: functions of the kernels module (`*.as.ts`), or of the
// host (TypeScript). One row each; the generator imports exactly these.

import type { ValueType } from '../base/wasm/opcodes.ts';

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
  loadSlowV: kernel({ params: ['i64', 'i32'], faults: true }),
  storeSlowV: kernel({ params: ['i64', 'i32'], faults: true }),
  prepareRead: kernel({ params: ['i64', 'i32'], result: 'i32', faults: true }),
  prepareWrite: kernel({ params: ['i64', 'i32'], result: 'i32', faults: true }),
  requireAligned: kernel({ params: ['i64', 'i32', 'i32'], result: 'i32', faults: true }),
} as const;

export const kernels = {
  ...memory,
} as const;

export type KernelName = keyof typeof kernels;
