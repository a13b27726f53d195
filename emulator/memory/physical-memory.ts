// The machine's RAM as TypeScript sees it: by physical address, one contiguous range.
//
// Every write from TypeScript goes through here, so that predecoded code of the page is dropped.
// Addresses outside RAM are a mistake of the caller: ask `contains` first.

import { invariant } from '../base/errors.ts';
import type { Content } from '../formats/byte-source.ts';
import { PAGE_MAP, RAM_HOST } from './layout.ts';

/** The kernel that makes records of written words be decoded again. */
export type InvalidateRange = (pa: bigint, length: number) => void;

/** Is told of what TypeScript is about to write. */
export type WriteObserver = (address: number, length: number) => void;

const PAGE_SHIFT = 12;

export class PhysicalMemory {
  /** PA of the first byte. */
  readonly base: number;
  /** Bytes. */
  readonly size: number;
  private readonly view: DataView;
  private readonly memory: Uint8Array;
  private readonly pageMap: Int32Array;
  private readonly invalidateRange: InvalidateRange;
  /** Somebody watches memory: devices, backends and the hypervisor write through here. */
  observer: WriteObserver | undefined;

  constructor(memory: WebAssembly.Memory, base: number, size: number, invalidateRange: InvalidateRange) {
    this.base = base;
    this.size = size;
    this.view = new DataView(memory.buffer, RAM_HOST, size);
    this.memory = new Uint8Array(memory.buffer, RAM_HOST, size);
    this.pageMap = new Int32Array(memory.buffer, PAGE_MAP, Math.ceil(size / (1 << PAGE_SHIFT)));
    this.invalidateRange = invalidateRange;
  }

  /** Is the whole range RAM? */
  contains(address: number, length = 1): boolean {
    return address >= this.base && length >= 0 && address + length <= this.base + this.size;
  }

  read8(address: number): number {
    return this.view.getUint8(this.offset(address, 1));
  }

  read16(address: number): number {
    return this.view.getUint16(this.offset(address, 2), true);
  }

  /** Unsigned. */
  read32(address: number): number {
    return this.view.getUint32(this.offset(address, 4), true);
  }

  read64(address: number): bigint {
    return this.view.getBigUint64(this.offset(address, 8), true);
  }

  write8(address: number, value: number): void {
    this.observer?.(address, 1);
    this.view.setUint8(this.offset(address, 1), value);
    this.written(address, 1);
  }

  write16(address: number, value: number): void {
    this.observer?.(address, 2);
    this.view.setUint16(this.offset(address, 2), value, true);
    this.written(address, 2);
  }

  write32(address: number, value: number): void {
    this.observer?.(address, 4);
    this.view.setUint32(this.offset(address, 4), value, true);
    this.written(address, 4);
  }

  write64(address: number, value: bigint): void {
    this.observer?.(address, 8);
    this.view.setBigUint64(this.offset(address, 8), value, true);
    this.written(address, 8);
  }

  write(address: number, bytes: Content): void {
    this.observer?.(address, bytes.length);
    const at = this.offset(address, bytes.length);
    if (bytes instanceof Uint8Array) this.memory.set(bytes, at);
    else bytes.copyTo(this.memory.subarray(at, at + bytes.length));
    this.written(address, bytes.length);
  }

  fill(address: number, length: number, value: number): void {
    this.observer?.(address, length);
    const offset = this.offset(address, length);
    this.memory.fill(value, offset, offset + length);
    this.written(address, length);
  }

  /** A debugger's writes are not those that it watches for. */
  unobserved<T>(action: () => T): T {
    const { observer } = this;
    this.observer = undefined;
    try {
      return action();
    } finally {
      this.observer = observer;
    }
  }

  /** A view, for reading only. */
  bytes(address: number, length: number): Uint8Array {
    const offset = this.offset(address, length);
    return this.memory.subarray(offset, offset + length);
  }

  /**
   * A view that the caller fills at once, before anything runs: watchers are told, and what was decoded from there is
   * forgotten.
   */
  writable(address: number, length: number): Uint8Array {
    this.observer?.(address, length);
    const offset = this.offset(address, length);
    this.written(address, length);
    return this.memory.subarray(offset, offset + length);
  }

  /** Bytes in pages that hold anything but zeros: about what the guest has made the host keep. */
  touched(): number {
    const words = new Uint32Array(this.memory.buffer, RAM_HOST, this.size / 4);
    const wordsPerPage = 1 << (PAGE_SHIFT - 2);
    let pages = 0;
    for (let page = 0; page < words.length; page += wordsPerPage) {
      let at = page;
      while (at < page + wordsPerPage && words[at] === 0) at++;
      if (at < page + wordsPerPage) pages++;
    }
    return pages * (1 << PAGE_SHIFT);
  }

  private offset(address: number, length: number): number {
    invariant(this.contains(address, length), 'accesses to physical memory lie inside RAM');
    return address - this.base;
  }

  private written(address: number, length: number): void {
    if (length === 0) return;
    const first = Math.floor((address - this.base) / (1 << PAGE_SHIFT));
    const last = Math.floor((address - this.base + length - 1) / (1 << PAGE_SHIFT));
    for (let page = first; page <= last; page++) {
      if (this.pageMap[page] !== 0) {
        this.invalidateRange(BigInt(address), length);
        return;
      }
    }
  }
}
