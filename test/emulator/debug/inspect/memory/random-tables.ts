// Random translation tables and registers for tests: mostly tables that lead on, some pages, some nonsense.

import { AF } from '../../../mmu/tables.ts';
import { type Processor, RAM } from '../../../cpu/processor.ts';

const POOL = RAM + 0x80_0000;
/** Tables of 64 KiB, so that every granule finds its tables aligned. */
const POOL_TABLES = 12;
const TABLE_SIZE = 0x1_0000;

/** A small generator of its own: a case is its seed. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  below(limit: number): number {
    this.state = (Math.imul(this.state ^ (this.state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(this.state ^ (this.state >>> 13), 0x297a2d39) >>> 0;
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit;
  }

  bits(count: number): bigint {
    let value = 0n;
    for (let done = 0; done < count; done += 16) value = (value << 16n) | BigInt(this.below(0x1_0000));
    return value & ((1n << BigInt(count)) - 1n);
  }

  /** True once in `n`. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }
}

/** Mostly tables that lead on, some pages, some nonsense. */
export function randomDescriptor(chance: Chance): bigint {
  const kind = chance.below(24);
  if (kind === 0) return 0n;
  if (kind === 1) return chance.bits(64);
  if (kind === 2) return 0xffff_ffff_ffff_ffffn;
  // Tables that stand in device space or beyond the RAM.
  if (kind === 3) return (chance.bits(36) << 12n) | 3n;
  const restrictions = chance.once(3) ? chance.bits(5) << 59n : 0n;
  if (kind < 15) return BigInt(POOL + TABLE_SIZE * chance.below(POOL_TABLES)) | 3n | restrictions;
  const upper = chance.once(2) ? chance.bits(16) << 48n : 0n;
  const attributes = chance.bits(10) << 2n;
  const output = BigInt(RAM) + (chance.bits(12) << 12n);
  return output | attributes | (chance.once(4) ? 0n : AF) | upper | (chance.once(2) ? 1n : 3n);
}

export function fill(processor: Processor, chance: Chance): void {
  const entries = (TABLE_SIZE / 8) * POOL_TABLES;
  const words = new BigUint64Array(entries);
  const choices = Array.from({ length: 61 }, () => randomDescriptor(chance));
  for (let i = 0; i < entries; i++) words[i] = choices[chance.below(choices.length)] ?? 0n;
  processor.memory.write(POOL, new Uint8Array(words.buffer));
}

export function setRegisters(processor: Processor, chance: Chance, withStage2: boolean): void {
  const table = (): bigint =>
    chance.once(12) ? chance.bits(48) : BigInt(POOL + TABLE_SIZE * chance.below(POOL_TABLES));
  // Sizes around what the granules allow, and sometimes anything.
  const size = (): bigint => (chance.once(6) ? chance.bits(6) : BigInt(16 + chance.below(20)));
  processor.set({
    TTBR0_EL1: table(),
    TTBR1_EL1: table(),
    TTBR0_EL2: table(),
    VTTBR_EL2: table() | (5n << 48n),
    TCR_EL1:
      size() |
      (size() << 16n) |
      (chance.bits(2) << 14n) |
      (chance.bits(2) << 30n) |
      ((chance.once(3) ? chance.bits(3) : 5n) << 32n) |
      (chance.bits(2) << 37n) |
      (chance.once(8) ? 1n << 7n : 0n) |
      (chance.once(8) ? 1n << 23n : 0n),
    TCR_EL2: size() | (chance.bits(2) << 14n) | (5n << 16n) | (chance.bits(1) << 20n),
    VTCR_EL2: size() | (chance.bits(2) << 6n) | (chance.bits(2) << 14n) | (chance.bits(3) << 16n),
    MAIR_EL1: chance.bits(64),
    MAIR_EL2: chance.bits(64),
    SCTLR_EL1:
      (chance.once(8) ? 0n : 1n) | (chance.once(4) ? 1n << 19n : 0n) | (chance.once(8) ? 1n << 25n : 0n),
    SCTLR_EL2: (chance.once(8) ? 0n : 1n) | (chance.once(4) ? 1n << 19n : 0n),
    HCR_EL2:
      (1n << 31n) | (withStage2 ? 1n : 0n) | (chance.once(3) ? 4n : 0n) | (chance.once(10) ? 1n << 12n : 0n),
  });
  processor.kernels['resetTlbs']?.();
}

export function randomVa(chance: Chance): bigint {
  const low = chance.once(3) ? chance.bits(30) : chance.bits(48);
  if (chance.once(8)) return chance.bits(64);
  return chance.once(2) ? low : BigInt.asUintN(64, (-1n << BigInt(39 + chance.below(10))) | low);
}
