// A CPU as the embedded hypervisor sees it.

import { type Pa, pa as asPa } from '../base/address.ts';
import type { CpuState } from '../cpu/state.ts';
import { lookup } from '../cpu/sysregs/lookup.ts';
import * as layout from '../memory/layout.ts';
import type { HostCpu, HostTranslation } from '../xen/hypervisor/platform.ts';
import type { Machine } from './machine.ts';

const SPSR_MODE_SP = 1n;

export class MachineCpu implements HostCpu {
  readonly index: number;
  private readonly machine: Machine;
  private readonly state: CpuState;

  constructor(machine: Machine, index: number) {
    this.machine = machine;
    this.index = index;
    this.state = machine.cpus[index] as CpuState;
  }

  x(register: number): bigint {
    return this.state.x(register);
  }

  setX(register: number, value: bigint): void {
    this.state.setX(register, value);
  }

  xLow(register: number): number {
    return register === 31 ? 0 : this.state.readU32(layout.X + 8 * register);
  }

  setXHalves(register: number, low: number, high: number): void {
    if (register !== 31) this.setSysregHalves(layout.X + 8 * register, low, high);
  }

  sysreg(offset: number): bigint {
    return this.state.sysreg(offset);
  }

  sysregLow(offset: number): number {
    return this.state.readU32(offset);
  }

  sysregHigh(offset: number): number {
    return this.state.readU32(offset + 4);
  }

  setSysregHalves(offset: number, low: number, high: number): void {
    this.state.write32(offset, low);
    this.state.write32(offset + 4, high);
  }

  setSysreg(offset: number, value: bigint): void {
    this.state.setSysreg(offset, value);
  }

  idRegister(crm: number, op2: number): bigint {
    const row = lookup(3, 0, 0, crm, op2);
    return row ? (this.machine.systemRegisters.peek(row.row.name) ?? 0n) : 0n;
  }

  get midr(): bigint {
    return this.state.sysreg(layout.MIDR_EL1);
  }

  trapVector(): number {
    return this.state.read32(layout.TRAP_VECTOR);
  }

  /** The banked stack pointers are complete while the CPU is at EL2. */
  guestSp(): bigint {
    return this.state.sysreg(this.guestSpAddress());
  }

  setGuestSp(value: bigint): void {
    this.state.setSysreg(this.guestSpAddress(), value);
  }

  reset(): void {
    this.machine.resetCpu(this.index);
  }

  translate(va: bigint, access: 'read' | 'write'): HostTranslation | undefined {
    return this.machine.withCpu(this.index, () => {
      const { kernels } = this.machine.engine;
      const found = kernels.probe(va, 1, access === 'write' ? 1 : 0);
      if (found < 0n) return undefined;
      const ipa = kernels.probeStage1(va, 1, access === 'write' ? 1 : 0);
      const translation: { ipa: number; pa: Pa } = { ipa: Number(ipa), pa: asPa(Number(found)) };
      return translation;
    });
  }

  private guestSpAddress(): number {
    return this.state.sysreg(layout.SPSR_EL2) & SPSR_MODE_SP ? layout.SP_EL1 : layout.SP_EL0;
  }
}
