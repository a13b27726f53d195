// What the hypervisor stands on: the sockets of the emulated machine as software at EL2 sees it.
// The machine plugs the real parts in; tests plug in fakes.

import type { Pa } from '../../base/address.ts';
import type { Logger } from '../../base/log.ts';
import type { GenericTimer } from '../../devices/generic-timer.ts';
import type { Content } from '../../formats/byte-source.ts';
import type { MachineMemory } from '../sockets.ts';

/** The machine's RAM. Writes go through it, so that predecoded code of a page is invalidated. */
export interface HostMemory extends MachineMemory {
  write(address: Pa, bytes: Content): void;
  fill(address: Pa, length: number, value: number): void;
  contains(address: Pa, length: number): boolean;
}

/**
 * One physical CPU, stopped in an exception at EL2: X registers and EL1 state are the guest's;
 * ELR_EL2 and SPSR_EL2 say where it goes on; ESR_EL2, FAR_EL2, HPFAR_EL2 why it stopped.
 */
export interface HostCpu {
  readonly index: number;
  /** X0..X30; 31 reads as zero. */
  x(register: number): bigint;
  /** 31 is discarded. */
  setX(register: number, value: bigint): void;
  /** Bits 31..0 of a general register, unsigned. */
  xLow(register: number): number;
  /** Both halves of a general register. */
  setXHalves(register: number, low: number, high: number): void;
  /** A system register, by its constant of `memory/layout.ts`. */
  sysreg(offset: number): bigint;
  setSysreg(offset: number, value: bigint): void;
  /** Its halves, unsigned: what every trap looks at costs no BigInt. */
  sysregLow(offset: number): number;
  sysregHigh(offset: number): number;
  setSysregHalves(offset: number, low: number, high: number): void;
  /** What the CPU itself answers to MRS of ID_*_EL1: S3_0_C0_C<crm>_<op2>. */
  idRegister(crm: number, op2: number): bigint;
  /** MIDR_EL1 of the CPU. */
  readonly midr: bigint;
  /** Vector offset (0x000..0x780) of the exception that was taken to EL2. */
  trapVector(): number;
  /** SP_EL0, or the SP of EL1, whichever the interrupted code used as register 31. */
  guestSp(): bigint;
  setGuestSp(value: bigint): void;
  /** Sets the general registers, FP registers and EL1 system registers to their reset values. */
  reset(): void;
  /**
   * AT S12E1R or S12E1W with the current EL1&0 regime: the PA behind a VA as EL1 may access it,
   * and the IPA between. No side effects; whatever the guest's tables hold, this does not fail.
   */
  translate(va: bigint, access: 'read' | 'write'): HostTranslation | undefined;
}

export interface HostTranslation {
  readonly ipa: number;
  readonly pa: Pa;
}

/** A virtual interrupt as a list register holds it. Priorities are 8 bits wide. */
export interface ListRegister {
  readonly intid: number;
  readonly priority: number;
  readonly pending: boolean;
  readonly active: boolean;
}

/** The physical GIC with its virtualization side, as software at EL2 drives it. */
export interface HostGic {
  readonly version: 2 | 3;
  /** ICH_VTR_EL2.ListRegs + 1. */
  readonly listRegisters: number;
  /** GICv2: PA of GICV, mapped to the guest as its GICC. */
  readonly virtualCpuInterface?: number;
  /** Enables the distributor, and the CPU interface of a CPU with the PPIs that Xen uses. */
  start(cpu: number): void;
  /** Reads IAR: the INTID now active, 1020 and above when there is none. */
  acknowledge(cpu: number): number;
  /** Writes EOIR and DIR: priority drop and deactivation. */
  complete(cpu: number, intid: number): void;
  readListRegister(cpu: number, index: number): ListRegister;
  writeListRegister(cpu: number, index: number, value: ListRegister): void;
  /** Empties a list register. */
  clearListRegister(cpu: number, index: number): void;
  /** ICH_HCR_EL2.En: while it is off, no virtual interrupt reaches the CPU. */
  setVirtualInterface(cpu: number, enabled: boolean): void;
  /** ICH_HCR_EL2.UIE: a maintenance interrupt when at most one list register is in use. */
  setUnderflowInterrupt(cpu: number, enabled: boolean): void;
  /** Empties the list registers, the active priorities and the VM control register. */
  resetVirtualInterface(cpu: number): void;
  /** ICH_VMCR_EL2.VPMR: only interrupts of a lower value are taken. */
  virtualPriorityMask(cpu: number): number;
  /** ICH_VMCR_EL2.VENG1 (v3), VMGrp0En (v2): the guest enabled the group that its interrupts are in. */
  virtualGroupEnabled(cpu: number): boolean;
  /** ICV_RPR: the priority of the interrupt being handled, 0xff when there is none. */
  virtualActivePriority(cpu: number): number;
}

/** What the hypervisor does to the run loop. */
export interface HostScheduler {
  /** The CPU returns from EL2 by ELR_EL2 and SPSR_EL2 when its turn comes, and runs. */
  start(cpu: number): void;
  /** A CPU that waits runs again. */
  wake(cpu: number): void;
  /** A CPU that is not the one in the trap waits from now on, as after the outcome `wait`. */
  park(cpu: number): void;
  /** Monitor.expire() is due at this moment, in ns; Infinity for never. */
  setTimer(deadline: number): void;
}

export interface HostTlbs {
  /** TLBI VMALLS12E1IS for one VMID. */
  flushVmid(vmid: number): void;
}

export interface Platform {
  readonly memory: HostMemory;
  readonly ramBase: number;
  readonly ramSize: number;
  /** Physical address bits, as ID_AA64MMFR0_EL1.PARange says. */
  readonly paBits: number;
  readonly cpus: readonly HostCpu[];
  readonly gic: HostGic;
  /** The generic timer of each CPU. */
  readonly timers: readonly GenericTimer[];
  readonly scheduler: HostScheduler;
  readonly tlbs: HostTlbs;
  readonly log: Logger;
}
