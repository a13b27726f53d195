// The memory of the vCPU that made a hypercall, by its virtual addresses: what Xen's guestcopy.c
// does with AT instructions. Every page is translated anew; wild pointers are refused, never thrown.

import { type Ipa, ipa, PAGE_SIZE, pa } from '../../base/address.ts';
import type { GuestMemory } from '../sockets.ts';
import type { HostCpu, HostMemory } from './platform.ts';

export class VcpuMemory implements GuestMemory {
  private readonly cpu: HostCpu;
  private readonly memory: HostMemory;

  constructor(cpu: HostCpu, memory: HostMemory) {
    this.cpu = cpu;
    this.memory = memory;
  }

  readVa(va: bigint, length: number): Uint8Array | undefined {
    const result = new Uint8Array(length);
    const complete = this.forEachPage(va, length, 'read', (address, done, count) => {
      result.set(this.memory.bytes(pa(address), count), done);
    });
    return complete ? result : undefined;
  }

  writeVa(va: bigint, bytes: Uint8Array): boolean {
    return this.forEachPage(va, bytes.length, 'write', (address, done, count) => {
      this.memory.write(pa(address), bytes.subarray(done, done + count));
    });
  }

  translateVa(va: bigint, access: 'read' | 'write'): Ipa | undefined {
    const found = this.cpu.translate(BigInt.asUintN(64, va), access);
    return found && ipa(found.ipa);
  }

  /** False as soon as a page is not accessible, or is no RAM (a device's registers). */
  private forEachPage(
    va: bigint,
    length: number,
    access: 'read' | 'write',
    use: (address: number, done: number, count: number) => void,
  ): boolean {
    for (let done = 0; done < length; ) {
      const at = BigInt.asUintN(64, va + BigInt(done));
      const found = this.cpu.translate(at, access);
      const count = Math.min(length - done, PAGE_SIZE - Number(at % BigInt(PAGE_SIZE)));
      if (found === undefined || !this.memory.contains(found.pa, count)) return false;
      use(found.pa, done, count);
      done += count;
    }
    return true;
  }
}
