// A disk that is zeros at first, lives in memory and is gone with the machine.

import { BLKIF_SECTOR_SIZE } from '../abi/blkif.ts';

/** What is written comes into being this many bytes at a time. */
const BLOCK = 4096;

export class ScratchDisk {
  readonly sectors: number;
  /** By number, what was ever written. */
  private readonly blocks = new Map<number, Uint8Array>();

  /** `size`: bytes, a multiple of a sector. */
  constructor(size: number) {
    this.sectors = size / BLKIF_SECTOR_SIZE;
  }

  /** Precondition, as of write(): the sectors are there. */
  read(sector: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count * BLKIF_SECTOR_SIZE);
    for (const { block, within, at, length } of pieces(sector, count)) {
      const found = this.blocks.get(block);
      if (found) bytes.set(found.subarray(within, within + length), at);
    }
    return bytes;
  }

  /** Whole sectors. */
  write(sector: number, bytes: Uint8Array): void {
    for (const { block, within, at, length } of pieces(sector, bytes.length / BLKIF_SECTOR_SIZE)) {
      const target = this.blocks.get(block) ?? new Uint8Array(BLOCK);
      this.blocks.set(block, target);
      target.set(bytes.subarray(at, at + length), within);
    }
  }

  save(): unknown {
    const blocks = [...this.blocks].sort(([a], [b]) => a - b);
    return {
      sectors: this.sectors,
      blocks: blocks.map(([block, bytes]) => ({ block, bytes: hexOf(bytes) })),
    };
  }
}

/** The part of each block that sectors lie in, and where in their bytes it is. */
function* pieces(sector: number, count: number) {
  const end = count * BLKIF_SECTOR_SIZE;
  for (let at = 0; at < end; ) {
    const place = sector * BLKIF_SECTOR_SIZE + at;
    const within = place % BLOCK;
    const length = Math.min(BLOCK - within, end - at);
    yield { block: Math.floor(place / BLOCK), within, at, length };
    at += length;
  }
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => DIGITS[byte]).join('');
