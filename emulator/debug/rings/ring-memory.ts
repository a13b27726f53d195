// The pages of a ring as one piece, as frontend and backend have them mapped.

import { PAGE_SIZE } from '../../base/address.ts';

export class RingMemory {
  readonly size: number;
  private readonly pages: readonly Uint8Array[];
  private readonly views: readonly DataView[];

  constructor(pages: readonly Uint8Array[]) {
    this.pages = pages;
    this.views = pages.map((page) => new DataView(page.buffer, page.byteOffset, page.byteLength));
    this.size = pages.length * PAGE_SIZE;
  }

  /** At a multiple of 4 that lies in the ring. */
  read32(offset: number): number {
    return this.views[Math.floor(offset / PAGE_SIZE)]?.getUint32(offset % PAGE_SIZE, true) ?? 0;
  }

  /** A copy. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const page = this.pages[Math.floor((offset + done) / PAGE_SIZE)];
      if (!page) break;
      const at = (offset + done) % PAGE_SIZE;
      const part = page.subarray(at, at + length - done);
      copy.set(part, done);
      done += part.length;
    }
    return copy;
  }

  /** A copy of bytes of a circular buffer: from a free-running index on. */
  circular(offset: number, size: number, index: number, length: number): Uint8Array<ArrayBuffer> {
    const start = index % size;
    const first = Math.min(length, size - start);
    if (first === length) return this.bytes(offset + start, length);
    const copy = new Uint8Array(length);
    copy.set(this.bytes(offset + start, first));
    copy.set(this.bytes(offset, length - first), first);
    return copy;
  }
}

/** How far a free-running index is ahead of another. */
export const ahead = (index: number, of: number): number => (index - of) >>> 0;

/** Half of all differences: beyond it an index is behind. */
export const isBehind = (index: number, of: number): boolean => ahead(index, of) >= 0x8000_0000;
