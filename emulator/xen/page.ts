// One page of machine memory as Xen keeps it mapped: shared_info, grant frames, rings, event
// words. Held by mfn, so it stays what it is when the guest changes its p2m.

import { type Mfn, PAGE_SIZE, type Pa, pa } from '../base/address.ts';
import type { MachineMemory } from './sockets.ts';

export class Page {
  readonly mfn: Mfn;
  private readonly base: number;
  private readonly memory: MachineMemory;

  constructor(memory: MachineMemory, mfn: Mfn) {
    this.memory = memory;
    this.mfn = mfn;
    this.base = mfn * PAGE_SIZE;
  }

  read8(offset: number): number {
    return this.memory.read8(this.at(offset));
  }

  read16(offset: number): number {
    return this.memory.read16(this.at(offset));
  }

  read32(offset: number): number {
    return this.memory.read32(this.at(offset)) >>> 0;
  }

  write8(offset: number, value: number): void {
    this.memory.write8(this.at(offset), value);
  }

  write16(offset: number, value: number): void {
    this.memory.write16(this.at(offset), value);
  }

  write32(offset: number, value: number): void {
    this.memory.write32(this.at(offset), value >>> 0);
  }

  /** Low half first. A guest that reads in between cannot exist: hypercalls are atomic here. */
  write64(offset: number, value: number | bigint): void {
    const wide = BigInt.asUintN(64, BigInt(value));
    this.write32(offset, Number(wide & 0xffff_ffffn));
    this.write32(offset + 4, Number(wide >> 32n));
  }

  /** A view, for reading at once. */
  bytes(offset: number, length: number): Uint8Array {
    return this.memory.bytes(this.at(offset), length);
  }

  /** A view that is filled at once. */
  writable(offset: number, length: number): Uint8Array {
    return this.memory.writable(this.at(offset), length);
  }

  /** A copy. */
  read(offset: number, length: number): Uint8Array {
    return this.memory.bytes(this.at(offset), length).slice();
  }

  write(offset: number, bytes: Uint8Array): void {
    this.writable(offset, bytes.length).set(bytes);
  }

  /** Bit `number` of the bit map at `offset`. */
  testBit(offset: number, number: number): boolean {
    return (this.read32(offset + wordOf(number)) & maskOf(number)) !== 0;
  }

  /** Returns what the bit was. */
  setBit(offset: number, number: number): boolean {
    const at = offset + wordOf(number);
    const word = this.read32(at);
    if ((word & maskOf(number)) !== 0) return true;
    this.write32(at, word | maskOf(number));
    return false;
  }

  /** Returns what the bit was. */
  clearBit(offset: number, number: number): boolean {
    const at = offset + wordOf(number);
    const word = this.read32(at);
    if ((word & maskOf(number)) === 0) return false;
    this.write32(at, word & ~maskOf(number));
    return true;
  }

  private at(offset: number): Pa {
    return pa(this.base + offset);
  }
}

const wordOf = (bit: number) => (bit >>> 5) * 4;
const maskOf = (bit: number) => 1 << (bit & 31);
