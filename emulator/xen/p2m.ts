// A domain's p2m: its stage-2 translation tables. They stand in emulated memory in the format of
// the architecture (DDI 0487, VMSAv8-64 stage 2, 4 KiB granule) and are walked by the emulated MMU;
// this class keeps no copy of what is in them. Attributes and software bits as Xen 4.17 writes
// them (xen/arch/arm/p2m.c): bits 58:55 hold the p2m type, which the hardware ignores, so that an
// inspector reads the tables of a real Xen in the same way.
//
// Left out: memory access permissions of vm_event, and the contiguous bit (Xen sets neither here).

import { type Gfn, gfn, type Mfn, mfn, PAGE_SIZE, pa, paOf } from '../base/address.ts';
import { invariant } from '../base/errors.ts';
import { DOMID_XEN } from './abi/domid.ts';
import type { Heap } from './heap.ts';
import type { HostMemory, HostTlbs } from './hypervisor/platform.ts';

/** Xen's p2m_type_t. */
export const P2M_RAM_RW = 1;
export const P2M_RAM_RO = 2;
export const P2M_MMIO_DIRECT_DEV = 3;
export const P2M_MAP_FOREIGN_RW = 6;
export const P2M_MAP_FOREIGN_RO = 7;
export const P2M_GRANT_MAP_RW = 8;
export const P2M_GRANT_MAP_RO = 9;
export type P2mType =
  | typeof P2M_RAM_RW
  | typeof P2M_RAM_RO
  | typeof P2M_MMIO_DIRECT_DEV
  | typeof P2M_MAP_FOREIGN_RW
  | typeof P2M_MAP_FOREIGN_RO
  | typeof P2M_GRANT_MAP_RW
  | typeof P2M_GRANT_MAP_RO;

export interface P2mEntry {
  readonly mfn: Mfn;
  readonly type: P2mType;
  /** Pages of the page or block that holds it: 1, 512 or 512 * 512. */
  readonly pages: number;
}

export interface P2mRange {
  readonly gfn: Gfn;
  readonly mfn: Mfn;
  readonly pages: number;
  readonly type: P2mType;
}

export interface P2mState {
  readonly root: number;
  readonly highestGfn: number;
}

// Descriptor bits, low word.
const VALID = 1;
const TABLE_OR_PAGE = 2;
const MEMATTR_NORMAL_WB = 0xf << 2;
const MEMATTR_DEVICE_nGnRE = 0x1 << 2;
const S2AP_READ = 1 << 6;
const S2AP_WRITE = 1 << 7;
const SH_OUTER = 2 << 8;
const SH_INNER = 3 << 8;
const AF = 1 << 10;
// High word.
const XN = 1 << 22;
const TYPE_SHIFT = 23;
const HIGH_ADDRESS = 0xffff;

const ENTRIES = 512;
const LAST_LEVEL = 3;

/** Geometry by physical address size: Xen's pa_range_info[]. */
const GEOMETRY: Readonly<
  Record<number, { t0sz: number; rootOrder: number; startLevel: number; ps: number }>
> = {
  32: { t0sz: 32, rootOrder: 0, startLevel: 1, ps: 0 },
  36: { t0sz: 28, rootOrder: 0, startLevel: 1, ps: 1 },
  40: { t0sz: 24, rootOrder: 1, startLevel: 1, ps: 2 },
  42: { t0sz: 22, rootOrder: 3, startLevel: 1, ps: 3 },
  44: { t0sz: 20, rootOrder: 0, startLevel: 0, ps: 4 },
  48: { t0sz: 16, rootOrder: 0, startLevel: 0, ps: 5 },
};

/** VTCR_EL2 as Xen programs it: 0x80043594 for 44 bits. */
export function vtcr(paBits: number): number {
  const { t0sz, startLevel, ps } = geometry(paBits);
  const RES1 = 0x8000_0000;
  const walksInnerShareableWriteBack = (3 << 12) | (1 << 10) | (1 << 8);
  const sl0 = startLevel === 0 ? 2 : 1;
  return RES1 + (ps << 16) + walksInnerShareableWriteBack + (sl0 << 6) + t0sz;
}

export class P2m {
  readonly vmid: number;
  /** IPA bits, which are the PA bits. */
  readonly ipaBits: number;
  highestGfn = 0;

  private root: Mfn;
  private readonly startLevel: number;
  private readonly memory: HostMemory;
  private readonly heap: Heap;
  private readonly tlbs: HostTlbs;
  private readonly changed: () => void;
  /** A valid entry changed since the last flush. */
  private stale = false;

  /** `changed` is called behind every change of what is mapped. */
  constructor(
    memory: HostMemory,
    heap: Heap,
    tlbs: HostTlbs,
    vmid: number,
    paBits: number,
    changed: () => void = () => {},
  ) {
    const { rootOrder, startLevel } = geometry(paBits);
    const root = heap.allocate(DOMID_XEN, rootOrder);
    invariant(root !== undefined, 'there is memory for the root of a stage-2 table');
    this.root = root;
    this.memory = memory;
    this.heap = heap;
    this.tlbs = tlbs;
    this.vmid = vmid;
    this.ipaBits = paBits;
    this.startLevel = startLevel;
    this.changed = changed;
  }

  /** VTTBR_EL2 of the domain's vCPUs. */
  get vttbr(): bigint {
    return (BigInt(this.vmid) << 48n) | BigInt(paOf(this.root));
  }

  get gfnLimit(): number {
    return 2 ** (this.ipaBits - 12);
  }

  lookup(frame: Gfn): P2mEntry | undefined {
    if (!this.isGfn(frame)) return undefined;
    let table: number = paOf(this.root);
    for (let level = this.startLevel; level <= LAST_LEVEL; level++) {
      const at = table + this.indexAt(frame, level) * 8;
      const low = this.low(at);
      if ((low & VALID) === 0) return undefined;
      const high = this.high(at);
      if (level === LAST_LEVEL || (low & TABLE_OR_PAGE) === 0) {
        const pages = pagesAt(level);
        return {
          mfn: mfn(frameOf(low, high) + (frame % pages)),
          type: ((high >>> TYPE_SHIFT) & 0xf) as P2mType,
          pages,
        };
      }
      table = frameOf(low, high) * PAGE_SIZE;
    }
    return undefined;
  }

  /**
   * Maps a run of pages by the largest blocks that its alignment allows, replacing what was there.
   * On ENOMEM a part of it is mapped.
   */
  map(first: Gfn, machine: Mfn, pages: number, type: P2mType): 'ENOMEM' | undefined {
    invariant(this.isGfn(first) && this.isGfn(gfn(first + pages - 1)), 'mapped gfns are in the IPA range');
    const result = this.fill(first, machine, pages, type);
    this.flush();
    this.changed();
    if (result === undefined) this.highestGfn = Math.max(this.highestGfn, first + pages - 1);
    return result;
  }

  /**
   * Makes holes. Nothing of the range stays mapped, whatever happens: a block that cannot be split
   * for want of memory becomes a hole as a whole.
   */
  unmap(first: Gfn, pages = 1): void {
    this.fill(first, undefined, pages, P2M_RAM_RW);
    this.flush();
    this.changed();
  }

  isGfn(frame: number): frame is Gfn {
    return Number.isSafeInteger(frame) && frame >= 0 && frame < this.gfnLimit;
  }

  /** Everything that is mapped, neighbours joined, lowest first. */
  ranges(): P2mRange[] {
    const found: P2mRange[] = [];
    this.collect(paOf(this.root), this.startLevel, 0, this.rootEntries, found);
    return found;
  }

  /** The pages that the tables themselves stand in, the root's first. */
  tablePages(): Mfn[] {
    const found: Mfn[] = [];
    for (let page = 0; page * ENTRIES < this.rootEntries; page++) found.push(mfn(this.root + page));
    this.collectTables(paOf(this.root), this.startLevel, this.rootEntries, found);
    return found;
  }

  /** The domain is gone: no CPU translates by these tables any more. */
  release(): void {
    this.tlbs.flushVmid(this.vmid);
    for (const page of this.tablePages()) this.heap.freePage(page);
  }

  save(): P2mState {
    return { root: this.root, highestGfn: this.highestGfn };
  }

  restore(state: P2mState): void {
    this.root = mfn(state.root);
    this.highestGfn = state.highestGfn;
  }

  private fill(
    first: number,
    machine: number | undefined,
    pages: number,
    type: P2mType,
  ): 'ENOMEM' | undefined {
    for (let done = 0; done < pages; ) {
      const frame = first + done;
      const level = this.levelFor(frame, machine === undefined ? frame : machine + done, pages - done);
      const target = machine === undefined ? undefined : machine + done;
      let failed = this.setEntry(frame, target, level, type);
      if (failed && this.reclaimEmptyTables()) failed = this.setEntry(frame, target, level, type);
      if (failed && target !== undefined) return failed;
      if (failed) this.dropBlock(frame);
      done += pagesAt(level);
    }
    return undefined;
  }

  /** The level of the largest block that fits: 1 GiB, 2 MiB or a page. */
  private levelFor(frame: number, machine: number, pages: number): number {
    for (let level = 1; level < LAST_LEVEL; level++) {
      const size = pagesAt(level);
      if (frame % size === 0 && machine % size === 0 && pages >= size) return level;
    }
    return LAST_LEVEL;
  }

  private setEntry(
    frame: number,
    machine: number | undefined,
    target: number,
    type: P2mType,
  ): 'ENOMEM' | undefined {
    let table: number = paOf(this.root);
    for (let level = this.startLevel; level < target; level++) {
      const at = table + this.indexAt(frame, level) * 8;
      const low = this.low(at);
      if ((low & VALID) === 0) {
        if (machine === undefined) return undefined; // Nothing below: a hole stays a hole.
        if (!this.addTable(at)) return 'ENOMEM';
      } else if ((low & TABLE_OR_PAGE) === 0 && !this.shatter(at, level)) {
        return 'ENOMEM';
      }
      table = frameOf(this.low(at), this.high(at)) * PAGE_SIZE;
    }

    const at = table + this.indexAt(frame, target) * 8;
    const oldLow = this.low(at);
    if ((oldLow & VALID) !== 0) {
      this.stale = true;
      if (target < LAST_LEVEL && (oldLow & TABLE_OR_PAGE) !== 0) {
        this.freeTable(frameOf(oldLow, this.high(at)), target + 1);
      }
    }
    if (machine === undefined) this.writeEntry(at, 0, 0);
    else this.writeEntry(at, lowWord(machine, target, type), highWord(machine, type));
    return undefined;
  }

  private addTable(at: number): boolean {
    const page = this.heap.allocatePage();
    if (page === undefined) return false;
    this.writeEntry(at, ((page * PAGE_SIZE) % 2 ** 32) + (VALID | TABLE_OR_PAGE), Math.floor(page / 2 ** 20));
    return true;
  }

  /** Replaces a block by a table of smaller blocks or pages that map the same. */
  private shatter(at: number, level: number): boolean {
    const page = this.heap.allocatePage();
    if (page === undefined) return false;
    const low = this.low(at);
    const high = this.high(at);
    const type = ((high >>> TYPE_SHIFT) & 0xf) as P2mType;
    const first = frameOf(low, high);
    const step = pagesAt(level + 1);
    for (let index = 0; index < ENTRIES; index++) {
      const part = first + index * step;
      this.writeEntry(page * PAGE_SIZE + index * 8, lowWord(part, level + 1, type), highWord(part, type));
    }
    this.writeEntry(at, ((page * PAGE_SIZE) % 2 ** 32) + (VALID | TABLE_OR_PAGE), Math.floor(page / 2 ** 20));
    this.stale = true;
    return true;
  }

  /** Tables that have become empty are taken back only when memory runs out. False without any. */
  private reclaimEmptyTables(): boolean {
    const before = this.heap.freePages;
    for (let index = 0; index < this.rootEntries; index++) {
      this.reclaimBelow(paOf(this.root) + index * 8, this.startLevel);
    }
    return this.heap.freePages > before;
  }

  /** The block that maps a gfn becomes a hole. */
  private dropBlock(frame: number): void {
    let table: number = paOf(this.root);
    for (let level = this.startLevel; level <= LAST_LEVEL; level++) {
      const at = table + this.indexAt(frame, level) * 8;
      const low = this.low(at);
      if ((low & VALID) === 0) return;
      if (level === LAST_LEVEL || (low & TABLE_OR_PAGE) === 0) {
        this.writeEntry(at, 0, 0);
        this.stale = true;
        return;
      }
      table = frameOf(low, this.high(at)) * PAGE_SIZE;
    }
  }

  /** Frees the table behind an entry if nothing is mapped in it. True when the entry is invalid then. */
  private reclaimBelow(at: number, level: number): boolean {
    const low = this.low(at);
    if ((low & VALID) === 0) return true;
    if (level === LAST_LEVEL || (low & TABLE_OR_PAGE) === 0) return false;
    const page = frameOf(low, this.high(at));
    let empty = true;
    for (let index = 0; index < ENTRIES; index++) {
      empty = this.reclaimBelow(page * PAGE_SIZE + index * 8, level + 1) && empty;
    }
    if (!empty) return false;
    this.writeEntry(at, 0, 0);
    this.stale = true;
    this.heap.freePage(mfn(page));
    return true;
  }

  private get rootEntries(): number {
    return 2 ** (this.ipaBits - 12 - 9 * (LAST_LEVEL - this.startLevel));
  }

  private freeTable(page: number, level: number): void {
    if (level < LAST_LEVEL) {
      for (let index = 0; index < ENTRIES; index++) {
        const at = page * PAGE_SIZE + index * 8;
        const low = this.low(at);
        if ((low & (VALID | TABLE_OR_PAGE)) !== (VALID | TABLE_OR_PAGE)) continue;
        this.freeTable(frameOf(low, this.high(at)), level + 1);
      }
    }
    this.heap.freePage(mfn(page));
  }

  private collect(table: number, level: number, firstGfn: number, entries: number, found: P2mRange[]): void {
    const pages = pagesAt(level);
    for (let index = 0; index < entries; index++) {
      const at = table + index * 8;
      const low = this.low(at);
      if ((low & VALID) === 0) continue;
      const high = this.high(at);
      const start = firstGfn + index * pages;
      if (level < LAST_LEVEL && (low & TABLE_OR_PAGE) !== 0) {
        this.collect(frameOf(low, high) * PAGE_SIZE, level + 1, start, ENTRIES, found);
        continue;
      }
      append(found, {
        gfn: gfn(start),
        mfn: mfn(frameOf(low, high)),
        pages,
        type: ((high >>> TYPE_SHIFT) & 0xf) as P2mType,
      });
    }
  }

  private collectTables(table: number, level: number, entries: number, found: Mfn[]): void {
    if (level === LAST_LEVEL) return;
    for (let index = 0; index < entries; index++) {
      const at = table + index * 8;
      const low = this.low(at);
      if ((low & (VALID | TABLE_OR_PAGE)) !== (VALID | TABLE_OR_PAGE)) continue;
      const page = frameOf(low, this.high(at));
      found.push(mfn(page));
      this.collectTables(page * PAGE_SIZE, level + 1, ENTRIES, found);
    }
  }

  private indexAt(frame: number, level: number): number {
    const index = Math.floor(frame / pagesAt(level));
    // Tables of the start level may be concatenated: there the index is not cut to nine bits.
    return level === this.startLevel ? index : index % ENTRIES;
  }

  private low(at: number): number {
    return this.memory.read32(pa(at));
  }

  private high(at: number): number {
    return this.memory.read32(pa(at + 4));
  }

  private writeEntry(at: number, low: number, high: number): void {
    this.memory.write32(pa(at), low >>> 0);
    this.memory.write32(pa(at + 4), high >>> 0);
  }

  private flush(): void {
    if (!this.stale) return;
    this.stale = false;
    this.tlbs.flushVmid(this.vmid);
  }
}

/** What a guest may do with a mapping of this type, as `rwx` with `-` for what it may not. */
export const accessOf = (type: P2mType): string =>
  `r${isWritable(type) ? 'w' : '-'}${isExecutable(type) ? 'x' : '-'}`;

function geometry(paBits: number) {
  const found = GEOMETRY[paBits];
  invariant(found !== undefined, `${paBits} physical address bits are a size of the architecture`);
  return found;
}

const pagesAt = (level: number): number => ENTRIES ** (LAST_LEVEL - level);

const frameOf = (low: number, high: number): number => (low >>> 12) + (high & HIGH_ADDRESS) * 2 ** 20;

const isWritable = (type: P2mType): boolean =>
  type !== P2M_RAM_RO && type !== P2M_MAP_FOREIGN_RO && type !== P2M_GRANT_MAP_RO;

const isExecutable = (type: P2mType): boolean => type === P2M_RAM_RW || type === P2M_RAM_RO;

function lowWord(machine: number, level: number, type: P2mType): number {
  const isDevice = type === P2M_MMIO_DIRECT_DEV;
  const attributes =
    VALID |
    (level === LAST_LEVEL ? TABLE_OR_PAGE : 0) |
    (isDevice ? MEMATTR_DEVICE_nGnRE | SH_OUTER : MEMATTR_NORMAL_WB | SH_INNER) |
    S2AP_READ |
    (isWritable(type) ? S2AP_WRITE : 0) |
    AF;
  return ((machine * PAGE_SIZE) % 2 ** 32) + attributes;
}

const highWord = (machine: number, type: P2mType): number =>
  Math.floor(machine / 2 ** 20) | (isExecutable(type) ? 0 : XN) | (type << TYPE_SHIFT);

function append(ranges: P2mRange[], next: P2mRange): void {
  const last = ranges.at(-1);
  if (
    last !== undefined &&
    last.type === next.type &&
    last.gfn + last.pages === next.gfn &&
    last.mfn + last.pages === next.mfn
  ) {
    ranges[ranges.length - 1] = { ...last, pages: last.pages + next.pages };
  } else {
    ranges.push(next);
  }
}
