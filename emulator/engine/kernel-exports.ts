// What TypeScript calls of the kernels module. Arguments of type i64 are bigints.

export interface KernelExports {
  raiseAttention(bits: number): void;
  resetTlbs(): void;
  forgetRecords(records: number): void;
  /** ERET at the current EL. */
  exceptionReturn(): void;
  invalidateRange(pa: bigint, length: number): void;
  /** PA behind a VA for an EL, or -1n; no side effects. */
  probe(va: bigint, el: number, write: number): bigint;
  updateRegime(): void;
}
