// Memory for the debugger: any address space, page by page, without side effects on the guest.

import type { CpuState } from '../cpu/state.ts';
import type { LoadedMachine } from './guest.ts';
import { EXTERNAL_ABORT } from '../devices/register-block.ts';
import * as layout from '../memory/layout.ts';
import { type AddressSpace, BARE_DOMAIN, type TranslateResult, type VcpuId } from './messages.ts';

const PAGE = 4096;

export class MemoryAccess {
  private readonly loaded: LoadedMachine;

  constructor(loaded: LoadedMachine) {
    this.loaded = loaded;
  }

  /** Up to the first byte that is not there. Of devices their registers, as far as looking at them changes nothing. */
  read(space: AddressSpace, address: bigint, length: number): Uint8Array {
    const { memory } = this.loaded.machine;
    const bytes = new Uint8Array(Math.min(length, MAX_LENGTH));
    const cpu = space.kind === 'va' ? (this.regimeOf(space.at) ?? 0) : 0;
    const read = this.pages(space, address, bytes.length, (pa, at, count) => {
      if (!memory.contains(pa, count)) return this.peek(bytes.subarray(at, at + count), pa, cpu);
      bytes.set(memory.bytes(pa, count), at);
      return count;
    });
    return bytes.subarray(0, read);
  }

  /** How many bytes were written. */
  write(space: AddressSpace, address: bigint, bytes: Uint8Array): number {
    return this.pages(space, address, bytes.length, (pa, at, count) => {
      const { memory } = this.loaded.machine;
      if (!memory.contains(pa, count)) return 0;
      memory.unobserved(() => memory.write(pa, bytes.subarray(at, at + count)));
      return count;
    });
  }

  translate(space: AddressSpace, address: bigint): TranslateResult {
    const pa = this.paOf(space, address);
    if (pa === undefined) return { ok: false, fault: 'nothing is mapped there' };
    const ipa = this.ipaOf(space, address, pa);
    return { ok: true, pa, ...(ipa !== undefined && { ipa }) };
  }

  /** Stage 2 backwards: a PA belongs to one guest page, unless it is shared with others. */
  private ipaOf(space: AddressSpace, address: bigint, pa: number): number | undefined {
    switch (space.kind) {
      case 'pa':
        return undefined;
      case 'ipa':
        return Number(address);
      case 'va': {
        const { domain } = space.at;
        if (domain === BARE_DOMAIN) return pa;
        const range = this.loaded.stage2Map(domain).find((part) => pa >= part.pa && pa < part.pa + part.size);
        return range && range.ipa + (pa - range.pa);
      }
    }
  }

  /** Words of a device, as most registers are; answers how many bytes there were. */
  private peek(bytes: Uint8Array, pa: number, cpu: number): number {
    const { bus } = this.loaded.machine.devices;
    for (let done = 0; done < bytes.length; done++) {
      const at = pa + done;
      const word = bus.peek(at - (at % 4), 4, cpu);
      const value = word === EXTERNAL_ABORT ? bus.peek(at, 1, cpu) : word >>> (8 * (at % 4));
      if (value === EXTERNAL_ABORT) return done;
      bytes[done] = value;
    }
    return bytes.length;
  }

  /** `action` answers how many bytes it has dealt with; fewer end it. */
  private pages(
    space: AddressSpace,
    address: bigint,
    length: number,
    action: (pa: number, at: number, count: number) => number,
  ): number {
    let done = 0;
    while (done < length) {
      const here = BigInt.asUintN(64, address + BigInt(done));
      const count = Math.min(length - done, PAGE - Number(here & 0xfffn));
      const pa = this.paOf(space, here);
      const dealt = pa === undefined ? 0 : action(pa, done, count);
      done += dealt;
      if (dealt < count) break;
    }
    return done;
  }

  private paOf(space: AddressSpace, address: bigint): number | undefined {
    switch (space.kind) {
      case 'pa':
        return Number(address);
      case 'ipa':
        return this.loaded.paOfIpa(space.domain, Number(address));
      case 'va': {
        const { machine } = this.loaded;
        const cpu = this.regimeOf(space.at);
        // Without a regime, what is not translated at stage 1 is an IPA.
        if (cpu === undefined) return this.loaded.paOfIpa(space.at.domain, Number(address));
        const state = machine.cpus[cpu] as CpuState;
        const pa = machine.withCpu(cpu, () => {
          const root = state.sysreg(layout.TTBR0_EL1);
          if (space.ttbr0 !== undefined) state.setSysreg(layout.TTBR0_EL1, space.ttbr0);
          const isAtEl2 = state.el === 2 && state.read32(layout.EL2_EMBEDDED) === 0;
          const found = machine.engine.kernels.probe(address, isAtEl2 ? 2 : 1, 0);
          state.setSysreg(layout.TTBR0_EL1, root);
          return found;
        });
        return pa < 0n ? undefined : Number(pa);
      }
    }
  }

  /**
   * The CPU whose registers translate for a vCPU. Under a hypervisor one that was never started has none of its
   * domain's yet: vCPU 0 has them then, as a rule. Undefined: nobody has.
   */
  private regimeOf(at: VcpuId): number | undefined {
    const { machine, view } = this.loaded;
    const cpus = [at, { ...at, vcpu: 0 }].map((vcpu) => this.loaded.cpuOf(vcpu));
    if (cpus[0] === undefined) return undefined;
    return cpus.find((cpu) => cpu !== undefined && (!view || machine.cpus[cpu]?.el !== 2));
  }
}

/** A reader asks for more in pieces. */
const MAX_LENGTH = 16 << 20;
