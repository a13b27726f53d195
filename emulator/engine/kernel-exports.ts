// What TypeScript calls of the kernels module. Arguments of type i64 are bigints.

import type { SystemRegisterKernels } from '../cpu/sysregs/system-registers.ts';

export interface KernelExports extends SystemRegisterKernels {
  resetTlbs(): void;
  forgetRecords(records: number): void;
  /** Fills in a record, or answers 0 when that is left to TypeScript. */
  decodeWord(record: number, word: number): number;
  /** Of the instruction that generated code executes. */
  currentPc(): bigint;
  /** ERET at the current EL. */
  exceptionReturn(): void;
  invalidateRange(pa: bigint, length: number): void;
  /** RAM behind a VA as the regime is now, as programs read it: 0 where there is none. */
  peekData(va: bigint, size: number): bigint;
  /** PA behind a VA for an EL, or -1n; no side effects. */
  probe(va: bigint, el: number, write: number): bigint;
  /** PA behind a VA that is fetched from, or -1n; no side effects. */
  probeExecute(va: bigint, el: number): bigint;
  /** IPA behind a VA, or -1n; no side effects. */
  probeStage1(va: bigint, el: number, write: number): bigint;
  /** What the range of a hit in WATCH_HITS holds now, copied to `out`: as many bytes as it answers. */
  copyWatchedNow(hit: number, out: number): number;
  /** After a change of WATCHPOINTS. */
  dropTags(): void;
  /** Drops what the TLBs hold for a VMID; on all CPUs when broadcast. */
  flushVmid(vmid: number, broadcast: number): void;
  /** Whether WFI of the selected CPU would not wait. */
  hasWakeEvent(): number;
  hashMemory(address: number, length: number): void;
  hashTlbs(): void;
}
