// Everything that translation tables map, as ranges. Unlike `translate.ts` it keeps no steps and works on 32-bit
// halves, since a Linux guest has a hundred thousand entries; a test holds the two together. Its work is bounded:
// tables that lead back to themselves, as a guest may write them, end the scan and not the debugger.

import { hasBlocks } from './descriptors.ts';
import { type Geometry, baseOf, rootOf, shiftAt, strideOf } from './regime.ts';

/** Reads tables. */
export interface TableMemory {
  /** Words of RAM from a PA on; undefined where it is not RAM. Not kept across an execution. */
  words(pa: number, count: number): Uint32Array | undefined;
}

/** Neighbours whose entries say the same. */
export interface MappedRange {
  /** Input address: an IPA, or a VA less the ones above its range. */
  readonly from: number;
  size: number;
  /** Output address of the first byte. */
  readonly output: number;
  /** Outputs follow one another as inputs do. */
  linear: boolean;
  readonly level: number;
  /** Descriptor bits 11:2, and in bit 0 whether all entries down to this one are valid. */
  readonly low: number;
  /** Descriptor bits 63:48, without those that the scan was told to ignore. */
  readonly high: number;
  /** What tables above restrict: bits 62:59 of their descriptors, joined, of stage 1. */
  readonly restrictions: number;
  entries: number;
}

export interface ScanOptions {
  /** Input addresses to look at; everything when left out. */
  readonly from?: number;
  readonly to?: number;
  /** Where the address of a table is in the machine, if stage 2 translates tables. */
  readonly resolve?: (address: number) => number | undefined;
  /** Bits of descriptor bits 63:48 that tell ranges apart. */
  readonly highMask: number;
  /**
   * Entries with bit 0 clear that still hold a p2m type count too. Xen clears the bit to learn what a guest touches
   * (when it flushes caches by set/way), and sets it again on the next access: p2m_invalidate_root() and
   * p2m_resolve_translation_fault() in xen/arch/arm/p2m.c.
   */
  readonly keptByXen?: boolean;
}

export interface Scan {
  /** Lowest first. */
  readonly ranges: MappedRange[];
  /** Where the scan gave up, since there is too much to read. */
  readonly stoppedAt?: number;
  /** Entries that every access through fails at, for what they say. */
  readonly reserved: number;
  readonly outside: number;
  /** Tables that do not stand in RAM. */
  readonly unreadable: number;
  readonly entries: number;
}

/**
 * Entries that are taken apart at most. Those that are empty, or go on where the one before ends, cost little: so
 * many of them count as one. A guest with 3 GiB in pages of 4 KiB is far below.
 */
export const WORK_MAX = 1 << 17;
const CHEAP = 16;
const RANGES_MAX = 1 << 13;
/** Tables are read by pages, since stage 2 may put each elsewhere. */
const CHUNK = 512;

export function scanTables(geometry: Geometry, memory: TableMemory, options: ScanOptions): Scan {
  const scanner = new Scanner(geometry, memory, options);
  return scanner.run();
}

class Scanner {
  private readonly ranges: MappedRange[] = [];
  private last: MappedRange | undefined;
  private entries = 0;
  private work = 0;
  private reserved = 0;
  private outside = 0;
  private unreadable = 0;
  private stoppedAt: number | undefined;
  private readonly geometry: Geometry;
  private readonly memory: TableMemory;
  private readonly options: ScanOptions;
  private readonly from: number;
  private readonly to: number;

  constructor(geometry: Geometry, memory: TableMemory, options: ScanOptions) {
    this.geometry = geometry;
    this.memory = memory;
    this.options = options;
    this.from = options.from ?? 0;
    this.to = Math.min(options.to ?? Number.POSITIVE_INFINITY, 2 ** geometry.inputBits);
  }

  run(): Scan {
    const { geometry } = this;
    const { inputBits, firstLevel, outputBits } = geometry;
    if (baseOf(geometry) >> BigInt(outputBits) === 0n) {
      const entries = 2 ** (inputBits - shiftAt(geometry, firstLevel));
      this.table(Number(rootOf(geometry)), firstLevel, 0, entries, 0, 1);
    } else {
      this.unreadable++;
    }
    return {
      ranges: this.ranges,
      reserved: this.reserved,
      outside: this.outside,
      unreadable: this.unreadable,
      entries: this.entries,
      ...(this.stoppedAt !== undefined && { stoppedAt: this.stoppedAt }),
    };
  }

  private table(
    address: number,
    level: number,
    base: number,
    entries: number,
    restrictions: number,
    valid: number,
  ): void {
    const span = 2 ** shiftAt(this.geometry, level);
    const first = Math.max(0, Math.floor((this.from - base) / span));
    const end = Math.min(entries, Math.ceil((this.to - base) / span));
    for (let start = first - (first % CHUNK); start < end; start += CHUNK) {
      const count = Math.min(CHUNK, entries - start);
      const at = address + 8 * start;
      const pa = this.options.resolve ? this.options.resolve(at) : at;
      const words = pa === undefined ? undefined : this.memory.words(pa, 2 * count);
      if (words === undefined) {
        this.unreadable++;
        continue;
      }
      const last = Math.min(end, start + count);
      for (let index = Math.max(first, start); index < last; index++) {
        if (this.stoppedAt !== undefined) return;
        if (words[2 * (index - start)] === 0 && words[2 * (index - start) + 1] === 0) {
          this.entries++;
          this.work += 1 / CHEAP;
          continue;
        }
        this.entry(words, index - start, level, base + index * span, span, restrictions, valid);
        index += this.followers(words, index - start, last - start, base + (index + 1) * span, span, level);
      }
    }
  }

  /**
   * How many entries after one are what it is, one page or block further: they join its range without being taken
   * apart. Most entries of a kernel's linear map do.
   */
  private followers(
    words: Uint32Array,
    index: number,
    end: number,
    next: number,
    span: number,
    level: number,
  ): number {
    const { last } = this;
    const isLeaf = level === 3 || ((words[2 * index] ?? 0) & 2) === 0;
    if (!isLeaf || last === undefined || last.from + last.size !== next || this.geometry.bigEndian) return 0;
    const high = words[2 * index + 1];
    let low = words[2 * index] ?? 0;
    let count = 0;
    while (index + count + 1 < end) {
      low += span;
      const at = 2 * (index + count + 1);
      if (words[at] !== low || words[at + 1] !== high) break;
      count++;
    }
    last.size += count * span;
    last.entries += count;
    this.entries += count;
    this.work += count / CHEAP;
    return count;
  }

  private entry(
    words: Uint32Array,
    index: number,
    level: number,
    from: number,
    span: number,
    restrictions: number,
    validAbove: number,
  ): void {
    this.entries++;
    if (++this.work >= WORK_MAX || this.ranges.length >= RANGES_MAX) {
      this.stoppedAt = from;
      return;
    }
    const { geometry } = this;
    let low = words[2 * index] ?? 0;
    let high = words[2 * index + 1] ?? 0;
    if (geometry.bigEndian) [low, high] = [swapped(high), swapped(low)];
    const valid = low & 1 & validAbove;
    if (valid === 0 && !(this.options.keptByXen && p2mTypeOf(high) !== 0)) return;
    const isTable = (low & 2) !== 0 && level < 3;
    const isLeaf = level === 3 ? (low & 2) !== 0 : !isTable && hasBlocks(level, geometry.granule);
    if (!isTable && !isLeaf) {
      this.reserved++;
      return;
    }
    const granule = 2 ** geometry.granule;
    const found = ((low & 0xffff_f000) >>> 0) + (high & 0xffff) * 2 ** 32;
    const output = found - (found % granule);
    if (output >= 2 ** geometry.outputBits) {
      this.outside++;
      return;
    }
    if (isTable) {
      const limits = geometry.register === 'VTTBR_EL2' ? 0 : (high >>> 27) & 15;
      this.table(output, level + 1, from, 2 ** strideOf(geometry), restrictions | limits, valid);
      return;
    }
    this.leaf(from, span, output - (output % span), level, (low & 0xffc) | valid, high, restrictions);
  }

  private leaf(
    from: number,
    size: number,
    output: number,
    level: number,
    low: number,
    highWord: number,
    restrictions: number,
  ): void {
    const high = (highWord >>> 16) & this.options.highMask;
    const { last } = this;
    if (
      last !== undefined &&
      last.from + last.size === from &&
      last.output + last.size === output &&
      last.low === low &&
      last.high === high &&
      last.level === level &&
      last.restrictions === restrictions
    ) {
      last.size += size;
      last.entries++;
      return;
    }
    this.last = { from, size, output, linear: true, level, low, high, restrictions, entries: 1 };
    this.ranges.push(this.last);
  }
}

/** Of the upper word: descriptor bits 58:55. */
const p2mTypeOf = (high: number): number => (high >>> 23) & 15;

const swapped = (word: number): number =>
  (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

/** Joins neighbours that say the same although their outputs do not follow one another. */
export function joinedLoosely(ranges: readonly MappedRange[]): MappedRange[] {
  const joined: MappedRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (
      last !== undefined &&
      last.from + last.size === range.from &&
      last.low === range.low &&
      last.high === range.high &&
      last.level === range.level &&
      last.restrictions === range.restrictions
    ) {
      last.size += range.size;
      last.entries += range.entries;
      last.linear = false;
    } else {
      joined.push({ ...range });
    }
  }
  return joined;
}

/** The range that holds an input address. */
export function rangeAt<Range extends { readonly from: number; readonly size: number }>(
  ranges: readonly Range[],
  address: number,
): Range | undefined {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range === undefined) return undefined;
    if (address < range.from) high = middle - 1;
    else if (address >= range.from + range.size) low = middle + 1;
    else return range;
  }
  return undefined;
}
