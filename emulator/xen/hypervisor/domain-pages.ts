// The pages of one domain and where its p2m shows them: what memory_op, grant table and toolstack
// see of the domain's memory.

import type { Gfn, Mfn } from '../../base/address.ts';
import type { Heap } from '../heap.ts';
import {
  P2M_GRANT_MAP_RO,
  P2M_GRANT_MAP_RW,
  P2M_MAP_FOREIGN_RO,
  P2M_MAP_FOREIGN_RW,
  P2M_MMIO_DIRECT_DEV,
  P2M_RAM_RO,
  P2M_RAM_RW,
  type P2m,
  type P2mType,
} from '../p2m.ts';
import type { DomainMemory, FrameKind, FrameMapping } from '../sockets.ts';

export interface DomainPagesState {
  readonly totalPages: number;
  readonly maximumPages: number;
}

export class DomainPages implements DomainMemory {
  totalPages = 0;
  maximumPages: number;

  private readonly domid: number;
  private readonly p2m: P2m;
  private readonly heap: Heap;

  constructor(domid: number, p2m: P2m, heap: Heap, maximumPages: number) {
    this.domid = domid;
    this.p2m = p2m;
    this.heap = heap;
    this.maximumPages = maximumPages;
  }

  get highestGfn(): number {
    return this.p2m.highestGfn;
  }

  frame(gfn: Gfn): FrameMapping | undefined {
    const entry = this.p2m.lookup(gfn);
    if (entry === undefined) return undefined;
    return { mfn: entry.mfn, kind: this.kindOf(entry.type, entry.mfn) };
  }

  mapPage(gfn: Gfn, mfn: Mfn, kind: FrameKind): 'ENOMEM' | undefined {
    if (!this.p2m.isGfn(gfn)) return 'ENOMEM';
    const before = this.p2m.lookup(gfn);
    const type = P2M_TYPES[kind];
    if (holdsReference(type)) this.heap.addReference(mfn);
    const failed = this.p2m.map(gfn, mfn, 1, type);
    if (failed) {
      if (holdsReference(type)) this.heap.dropReference(mfn);
      return failed;
    }
    if (before !== undefined && holdsReference(before.type)) this.heap.dropReference(before.mfn);
    return undefined;
  }

  unmapPage(gfn: Gfn): void {
    const before = this.p2m.lookup(gfn);
    if (before === undefined) return;
    this.p2m.unmap(gfn);
    if (holdsReference(before.type)) this.heap.dropReference(before.mfn);
  }

  allocatePage(): Mfn | undefined {
    return this.allocatePages(0);
  }

  /** `2^order` pages, naturally aligned. */
  allocatePages(order: number): Mfn | undefined {
    const count = 2 ** order;
    if (this.totalPages + count > this.maximumPages) return undefined;
    const page = this.heap.allocate(this.domid, order);
    if (page !== undefined) this.totalPages += count;
    return page;
  }

  freePage(mfn: Mfn): void {
    if (this.heap.ownerOf(mfn) !== this.domid) return;
    this.heap.freePage(mfn);
    this.totalPages--;
  }

  /** RAM for a range of gfns, in the largest blocks there are: 1 GiB, 2 MiB, 4 KiB. */
  populate(first: Gfn, pages: number): 'ENOMEM' | undefined {
    for (let done = 0; done < pages; ) {
      const gfn = (first + done) as Gfn;
      const order = ORDERS.find((candidate) => {
        const count = 2 ** candidate;
        return gfn % count === 0 && pages - done >= count;
      });
      const failed = this.populateBlock(gfn, order ?? 0);
      if (failed) return failed;
      done += 2 ** (order ?? 0);
    }
    return undefined;
  }

  /** The domain is gone: its pages are the machine's again, and those of others that it had mapped lose a reference. */
  release(): void {
    for (const { mfn, pages, type } of this.p2m.ranges()) {
      if (holdsReference(type)) for (let i = 0; i < pages; i++) this.heap.dropReference((mfn + i) as Mfn);
    }
    for (const { page, pages, owner } of this.heap.ranges()) {
      if (owner === this.domid) for (let i = 0; i < pages; i++) this.heap.freePage((page + i) as Mfn);
    }
    this.totalPages = 0;
  }

  save(): DomainPagesState {
    return { totalPages: this.totalPages, maximumPages: this.maximumPages };
  }

  restore(state: DomainPagesState): void {
    this.totalPages = state.totalPages;
    this.maximumPages = state.maximumPages;
  }

  private populateBlock(gfn: Gfn, order: number): 'ENOMEM' | undefined {
    const page = this.allocatePages(order);
    if (page !== undefined) return this.p2m.map(gfn, page, 2 ** order, P2M_RAM_RW);
    const smaller = ORDERS.find((candidate) => candidate < order);
    if (smaller === undefined) return 'ENOMEM';
    for (let done = 0; done < 2 ** order; done += 2 ** smaller) {
      const failed = this.populateBlock((gfn + done) as Gfn, smaller);
      if (failed) return failed;
    }
    return undefined;
  }

  private kindOf(type: P2mType, mfn: Mfn): FrameKind {
    switch (type) {
      case P2M_GRANT_MAP_RW:
        return 'grant-rw';
      case P2M_GRANT_MAP_RO:
        return 'grant-ro';
      case P2M_MAP_FOREIGN_RW:
      case P2M_MAP_FOREIGN_RO:
        return 'foreign-rw';
      case P2M_MMIO_DIRECT_DEV:
        return 'device';
      case P2M_RAM_RW:
      case P2M_RAM_RO:
        return this.heap.ownerOf(mfn) === this.domid ? 'ram' : 'xen';
    }
  }
}

/** Orders of 1 GiB, 2 MiB and 4 KiB: what one stage-2 entry maps. */
const ORDERS = [18, 9, 0];

const P2M_TYPES: Readonly<Record<FrameKind, P2mType>> = {
  ram: P2M_RAM_RW,
  xen: P2M_RAM_RW,
  'grant-rw': P2M_GRANT_MAP_RW,
  'grant-ro': P2M_GRANT_MAP_RO,
  'foreign-rw': P2M_MAP_FOREIGN_RW,
  device: P2M_MMIO_DIRECT_DEV,
};

/** Mappings of another domain's page keep that page alive. */
const holdsReference = (type: P2mType): boolean =>
  type === P2M_GRANT_MAP_RW ||
  type === P2M_GRANT_MAP_RO ||
  type === P2M_MAP_FOREIGN_RW ||
  type === P2M_MAP_FOREIGN_RO;
