// Machine memory that is not in use, and who owns what is: the page allocator of the hypervisor.
//
// Pages are handed out lowest address first from a sorted list of free ranges, so that the same
// configuration gets the same mfns on every run. Pages in use carry their owner and a count of
// further references (a grant or foreign mapping): a page goes back to the free list when its
// owner gave it up and the last reference is gone, as with Xen's get_page() and put_page(). Free
// pages are all zeroes: a new machine's RAM is, and a page is scrubbed when it is released.

import { invariant } from '../base/errors.ts';
import { type Mfn, mfn, PAGE_SIZE, paOf } from '../base/address.ts';
import { DOMID_XEN } from './abi/domid.ts';
import type { HostMemory } from './hypervisor/platform.ts';

/** No owner: the page is free, or only references keep it. Above every domid. */
const NOBODY = 0xffff;

interface FreeRange {
  /** First page, and the page after the last. */
  start: number;
  end: number;
}

export interface HeapState {
  readonly free: readonly { readonly start: number; readonly end: number }[];
  /** Runs of pages with the same owner: [first page, pages, owner]. */
  readonly owned: readonly (readonly [number, number, number])[];
  readonly references: readonly (readonly [number, number])[];
}

export class Heap {
  // Invariant: ranges are sorted, do not touch each other, and hold exactly the pages whose owner
  // is NOBODY and that nobody references.
  private free: FreeRange[];
  private readonly owners: Uint16Array;
  private readonly references = new Map<number, number>();

  private readonly memory: HostMemory;
  private readonly firstPage: number;

  constructor(memory: HostMemory, base: number, size: number) {
    this.memory = memory;
    this.firstPage = base / PAGE_SIZE;
    const pages = Math.floor(size / PAGE_SIZE);
    this.owners = new Uint16Array(pages).fill(NOBODY);
    this.free = [{ start: this.firstPage, end: this.firstPage + pages }];
  }

  get freePages(): number {
    return this.free.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  /** The highest mfn of the machine plus one (XENMEM_maximum_ram_page). */
  get maximumPage(): number {
    return this.firstPage + this.owners.length;
  }

  /** `2^order` pages, naturally aligned, zeroed; undefined when there is no such run. */
  allocate(owner: number, order = 0): Mfn | undefined {
    const count = 2 ** order;
    for (const range of this.free) {
      const start = Math.ceil(range.start / count) * count;
      if (start + count > range.end) continue;
      this.take(range, start, start + count);
      this.owners.fill(owner, start - this.firstPage, start - this.firstPage + count);
      return mfn(start);
    }
    return undefined;
  }

  /** A page for Xen itself (XenHeap.allocatePage). */
  allocatePage(): Mfn | undefined {
    return this.allocate(DOMID_XEN);
  }

  /** The owner gives a page up; references may keep it for a while. */
  freePage(page: Mfn): void {
    invariant(this.ownerOf(page) !== undefined, 'a page that is freed has an owner');
    this.owners[page - this.firstPage] = NOBODY;
    if (!this.references.has(page)) this.release(page);
  }

  ownerOf(page: Mfn): number | undefined {
    const owner = this.owners[page - this.firstPage];
    return owner === NOBODY ? undefined : owner;
  }

  addReference(page: Mfn): void {
    this.references.set(page, (this.references.get(page) ?? 0) + 1);
  }

  dropReference(page: Mfn): void {
    const count = this.references.get(page);
    invariant(count !== undefined, 'a reference that is dropped was taken');
    if (count > 1) {
      this.references.set(page, count - 1);
      return;
    }
    this.references.delete(page);
    if (this.ownerOf(page) === undefined && this.isMachinePage(page)) this.release(page);
  }

  /** Runs of pages with the same owner, lowest first, all of the machine's; without owner they are free. */
  ranges(): { page: number; pages: number; owner: number | undefined }[] {
    return runsOf(this.owners, this.firstPage).map(([page, pages, owner]) => ({
      page,
      pages,
      owner: owner === NOBODY ? undefined : owner,
    }));
  }

  isMachinePage(page: Mfn): boolean {
    return page >= this.firstPage && page < this.maximumPage;
  }

  /** Bytes the allocator may not hand out: pages of Xen itself. */
  reserve(base: number, size: number): void {
    const start = Math.floor(base / PAGE_SIZE);
    const end = Math.ceil((base + size) / PAGE_SIZE);
    const range = this.free.find((candidate) => candidate.start <= start && candidate.end >= end);
    invariant(range !== undefined, 'a reserved range is free');
    this.take(range, start, end);
    this.owners.fill(DOMID_XEN, start - this.firstPage, end - this.firstPage);
  }

  save(): HeapState {
    return {
      free: this.free.map(({ start, end }) => ({ start, end })),
      owned: runsOf(this.owners, this.firstPage).filter(([, , owner]) => owner !== NOBODY),
      references: [...this.references].sort((a, b) => a[0] - b[0]),
    };
  }

  restore(state: HeapState): void {
    this.free = state.free.map(({ start, end }) => ({ start, end }));
    this.owners.fill(NOBODY);
    for (const [start, count, owner] of state.owned) {
      this.owners.fill(owner, start - this.firstPage, start - this.firstPage + count);
    }
    this.references.clear();
    for (const [page, count] of state.references) this.references.set(page, count);
  }

  private take(range: FreeRange, start: number, end: number): void {
    const index = this.free.indexOf(range);
    const rest: FreeRange[] = [];
    if (range.start < start) rest.push({ start: range.start, end: start });
    if (end < range.end) rest.push({ start: end, end: range.end });
    this.free.splice(index, 1, ...rest);
  }

  private release(page: number): void {
    this.memory.fill(paOf(mfn(page)), PAGE_SIZE, 0);
    let index = this.free.findIndex((range) => range.start > page);
    if (index < 0) index = this.free.length;
    const before = this.free[index - 1];
    const after = this.free[index];
    const joinsBefore = before !== undefined && before.end === page;
    const joinsAfter = after !== undefined && after.start === page + 1;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.free.splice(index, 1);
    } else if (joinsBefore) {
      before.end = page + 1;
    } else if (joinsAfter) {
      after.start = page;
    } else {
      this.free.splice(index, 0, { start: page, end: page + 1 });
    }
  }
}

function runsOf(owners: Uint16Array, firstPage: number): [number, number, number][] {
  const runs: [number, number, number][] = [];
  for (let start = 0; start < owners.length; ) {
    const owner = owners[start] ?? NOBODY;
    let end = start + 1;
    while (end < owners.length && owners[end] === owner) end++;
    runs.push([firstPage + start, end - start, owner]);
    start = end;
  }
  return runs;
}
