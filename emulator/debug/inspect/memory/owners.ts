// Whose page is whose, as the hypervisor's allocator knows it.

import type { MemoryView } from '../../../xen/hypervisor/memory-view.ts';
import { rangeAt } from './scan.ts';

export type Owner = number | 'xen' | 'free';

export interface OwnedRange {
  readonly from: number;
  readonly size: number;
  /** Undefined where nobody knows. */
  readonly owner: Owner | undefined;
}

const PAGE = 4096;

export class Owners {
  readonly runs: readonly OwnedRange[];

  constructor(memory: MemoryView | undefined) {
    this.runs = (memory?.machinePages() ?? []).map(({ pa, pages, owner }) => ({
      from: pa,
      size: pages * PAGE,
      owner,
    }));
  }

  /** A range of physical addresses, cut where the owner changes. */
  within(pa: number, size: number): OwnedRange[] {
    const parts: OwnedRange[] = [];
    for (let at = pa; at < pa + size; ) {
      const run = rangeAt(this.runs, at);
      const end = run ? Math.min(run.from + run.size, pa + size) : pa + size;
      parts.push({ from: at, size: end - at, owner: run?.owner });
      at = end;
    }
    return parts;
  }
}
