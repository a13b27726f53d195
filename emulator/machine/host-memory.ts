// RAM as what sits at EL2 and its backends access it: what they read can be told of, while somebody watches for it.
// Writes are told of by PhysicalMemory.

import type { Pa } from '../base/address.ts';
import type { Content } from '../formats/byte-source.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { HostMemory } from '../xen/hypervisor/platform.ts';

/** Is told of what is read. */
export type ReadObserver = (address: number, length: number) => void;

export class ObservedMemory implements HostMemory {
  observer: ReadObserver | undefined;
  private readonly memory: PhysicalMemory;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  read8(address: Pa): number {
    this.observer?.(address, 1);
    return this.memory.read8(address);
  }

  read16(address: Pa): number {
    this.observer?.(address, 2);
    return this.memory.read16(address);
  }

  read32(address: Pa): number {
    this.observer?.(address, 4);
    return this.memory.read32(address);
  }

  bytes(address: Pa, length: number): Uint8Array {
    this.observer?.(address, length);
    return this.memory.bytes(address, length);
  }

  writable(address: Pa, length: number): Uint8Array {
    return this.memory.writable(address, length);
  }

  write8(address: Pa, value: number): void {
    this.memory.write8(address, value);
  }

  write16(address: Pa, value: number): void {
    this.memory.write16(address, value);
  }

  write32(address: Pa, value: number): void {
    this.memory.write32(address, value);
  }

  write(address: Pa, bytes: Content): void {
    this.memory.write(address, bytes);
  }

  fill(address: Pa, length: number, value: number): void {
    this.memory.fill(address, length, value);
  }

  contains(address: Pa, length: number): boolean {
    return this.memory.contains(address, length);
  }
}
