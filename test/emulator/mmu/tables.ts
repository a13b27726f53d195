// Translation tables for tests, written descriptor by descriptor.

import type { Processor } from '../cpu/processor.ts';

export const TABLE = 3n;
export const PAGE = 3n;
export const BLOCK = 1n;
export const AF = 1n << 10n;
/** AP[1]: EL0 may access. */
export const EL0 = 1n << 6n;
/** AP[2]. */
export const READ_ONLY = 1n << 7n;
export const NOT_GLOBAL = 1n << 11n;
export const UXN = 1n << 54n;
export const PXN = 1n << 53n;
/** AttrIndx 1: Device in the MAIR below. */
export const DEVICE = 1n << 2n;
/** Stage 2: Normal write-back, read and write. */
export const S2_NORMAL = 0xfn << 2n;
export const S2_READ = 1n << 6n;
export const S2_WRITE = 1n << 7n;

export const MAIR = 0x00ffn;
export const SCTLR_M = 1n;

/** Three levels of 4K tables for 39 bits of VA: TTBR0 at EL1, MMU on. */
export class Stage1 {
  readonly root: number;
  private readonly processor: Processor;

  constructor(processor: Processor) {
    this.processor = processor;
    this.root = processor.table();
    processor.set({
      TTBR0_EL1: BigInt(this.root),
      TTBR1_EL1: 0n,
      // T0SZ and T1SZ 25, EPD1, 48-bit output.
      TCR_EL1: 25n | (25n << 16n) | (1n << 23n) | (2n << 30n) | (5n << 32n),
      MAIR_EL1: MAIR,
      SCTLR_EL1: processor.get('SCTLR_EL1') | SCTLR_M,
    });
  }

  /** A page of 4K, by default read and write for EL1 only. */
  page(va: bigint, pa: number, attributes: bigint = AF): number {
    const at = this.entry(va, 3);
    this.processor.memory.write64(at, BigInt(pa) | attributes | PAGE);
    return at;
  }

  /** A block at level 1 or 2. */
  block(va: bigint, pa: number, level: 1 | 2, attributes: bigint = AF): number {
    const at = this.entry(va, level);
    this.processor.memory.write64(at, BigInt(pa) | attributes | BLOCK);
    return at;
  }

  /** PA of the descriptor of a VA at a level, with tables down to there. */
  entry(va: bigint, level: number): number {
    return entryIn(this.processor, this.root, 1, va, level);
  }
}

/** Stage 2 with 39 bits of IPA, level 1 first. */
export class Stage2 {
  readonly root: number;
  private readonly processor: Processor;

  constructor(processor: Processor) {
    this.processor = processor;
    this.root = processor.table();
    processor.set({
      VTTBR_EL2: BigInt(this.root),
      // T0SZ 25, SL0 1, 4K, 40-bit output.
      VTCR_EL2: 25n | (1n << 6n) | (2n << 16n),
      HCR_EL2: processor.get('HCR_EL2') | 1n,
    });
  }

  page(ipa: number, pa: number, attributes: bigint = AF | S2_NORMAL | S2_READ | S2_WRITE): number {
    const at = this.entry(ipa, 3);
    this.processor.memory.write64(at, BigInt(pa) | attributes | PAGE);
    return at;
  }

  block(
    ipa: number,
    pa: number,
    level: 1 | 2,
    attributes: bigint = AF | S2_NORMAL | S2_READ | S2_WRITE,
  ): number {
    const at = this.entry(ipa, level);
    this.processor.memory.write64(at, BigInt(pa) | attributes | BLOCK);
    return at;
  }

  entry(ipa: number, level: number): number {
    return entryIn(this.processor, this.root, 1, BigInt(ipa), level);
  }
}

function entryIn(
  processor: Processor,
  root: number,
  firstLevel: number,
  address: bigint,
  level: number,
): number {
  let table = root;
  for (let at = firstLevel; ; at++) {
    const index = Number((address >> BigInt(39 - 9 * at)) & 0x1ffn);
    const entry = table + 8 * index;
    if (at === level) return entry;
    const descriptor = processor.memory.read64(entry);
    if ((descriptor & 3n) === 3n) {
      table = Number(descriptor & 0xffff_ffff_f000n);
    } else {
      table = processor.table();
      processor.memory.write64(entry, BigInt(table) | TABLE);
    }
  }
}
