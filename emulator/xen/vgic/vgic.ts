// The virtual GIC of a domain: Xen's classic vGIC (xen/arch/arm/vgic.c), versions 2 and 3. Here is
// the state and what is common to both; the register windows are in distributor-v2.ts,
// distributor-v3.ts and redistributor.ts. CPU interface accesses never come here: the guest talks
// to the virtual CPU interface of the physical GIC, which lives from the list registers.
//
// Its behaviour is narrower than the architecture: pending and active state cannot be read or
// cleared, and an SPI has one target. Left out: LPIs and the ITS, physical interrupts routed to
// a guest.

import type { HostGic } from '../hypervisor/platform.ts';
import type { ObserverCalls } from '../observer.ts';
import { type InterruptState, PRIVATE_INTERRUPTS, SGIS, VirtualInterrupt } from './interrupt.ts';
import { ListRegisters, type ListRegistersState } from './list-registers.ts';

/** SGIs and PPIs of one vCPU, and its list registers. */
export interface VgicCpu {
  readonly id: number;
  readonly privateInterrupts: readonly VirtualInterrupt[];
  readonly listRegisters: ListRegisters;
  /** Interrupts to a vCPU that is off are dropped. */
  online: boolean;
}

export interface VgicState {
  readonly enabled: boolean;
  readonly cpus: readonly {
    readonly online: boolean;
    readonly interrupts: readonly InterruptState[];
    readonly listRegisters: ListRegistersState;
  }[];
  readonly spis: readonly InterruptState[];
}

export interface VgicOptions {
  readonly domid: number;
  readonly version: 2 | 3;
  readonly vcpus: number;
  /** Rounded up to whole registers of 32. */
  readonly spis: number;
  readonly gic: HostGic;
  /** An interrupt was injected: the vCPU may have something to run for. */
  readonly kick: (vcpu: number) => void;
  readonly observer: ObserverCalls;
}

export class Vgic {
  readonly version: 2 | 3;
  readonly cpus: readonly VgicCpu[];
  readonly spis: readonly VirtualInterrupt[];
  /** GICD_CTLR: EnableGrp1A (v3), EnableGrp0 (v2). As in Xen it gates nothing. */
  enabled = false;

  private readonly domid: number;
  private readonly kick: (vcpu: number) => void;
  private readonly observer: ObserverCalls;

  constructor({ domid, version, vcpus, spis, gic, kick, observer }: VgicOptions) {
    this.domid = domid;
    this.version = version;
    this.observer = observer;
    this.kick = kick;
    this.cpus = Array.from({ length: vcpus }, (_, id) => ({
      id,
      privateInterrupts: Array.from(
        { length: PRIVATE_INTERRUPTS },
        (_unused, intid) => new VirtualInterrupt(intid),
      ),
      listRegisters: new ListRegisters(gic, {
        listed: (intid, lr) => observer.interruptListed(domid, id, intid, lr),
        ended: (intid) => observer.interruptEnded(domid, id, intid),
      }),
      online: false,
    }));
    const rounded = Math.ceil(spis / 32) * 32;
    this.spis = Array.from(
      { length: rounded },
      (_, index) => new VirtualInterrupt(PRIVATE_INTERRUPTS + index),
    );
  }

  /** The interrupt a vCPU sees under an INTID; undefined for one that does not exist. */
  interrupt(vcpu: number, intid: number): VirtualInterrupt | undefined {
    if (intid < PRIVATE_INTERRUPTS) return this.cpus[vcpu]?.privateInterrupts[intid];
    return this.spis[intid - PRIVATE_INTERRUPTS];
  }

  /** An edge on a private interrupt of a vCPU. */
  injectPrivate(vcpu: number, intid: number): void {
    const cpu = this.cpus[vcpu];
    const interrupt = cpu?.privateInterrupts[intid];
    if (cpu === undefined || interrupt === undefined) return;
    this.injectInto(cpu, interrupt);
  }

  /** An edge on an SPI, for the vCPU it is routed to. */
  injectShared(intid: number): void {
    const interrupt = this.spis[intid - PRIVATE_INTERRUPTS];
    const cpu = this.cpus[interrupt?.target ?? 0];
    if (cpu !== undefined && interrupt !== undefined) this.injectInto(cpu, interrupt);
  }

  /** A write to ISPENDR. */
  setPending(vcpu: number, intid: number): void {
    if (intid < PRIVATE_INTERRUPTS) this.injectPrivate(vcpu, intid);
    else this.injectShared(intid);
  }

  /** Sends an SGI to some vCPUs; those that are off, or do not exist, are skipped. */
  sendSgi(targets: Iterable<number>, intid: number): void {
    if (intid >= SGIS) return;
    for (const target of targets) this.injectPrivate(target, intid);
  }

  enable(vcpu: number, interrupt: VirtualInterrupt): void {
    if (interrupt.enabled) return;
    const cpu = this.holderOf(vcpu, interrupt);
    if (cpu === undefined) return;
    cpu.listRegisters.enable(interrupt);
    if (interrupt.inflight) this.kick(cpu.id);
  }

  disable(vcpu: number, interrupt: VirtualInterrupt): void {
    if (!interrupt.enabled) return;
    this.holderOf(vcpu, interrupt)?.listRegisters.disable(interrupt);
  }

  /** PSCI CPU_ON: what was pending before is gone. */
  clearPending(vcpu: number): void {
    this.cpus[vcpu]?.listRegisters.clear();
  }

  save(): VgicState {
    return {
      enabled: this.enabled,
      cpus: this.cpus.map((cpu) => ({
        online: cpu.online,
        interrupts: cpu.privateInterrupts.map((interrupt) => interrupt.save()),
        listRegisters: cpu.listRegisters.save(),
      })),
      spis: this.spis.map((interrupt) => interrupt.save()),
    };
  }

  restore(state: VgicState): void {
    this.enabled = state.enabled;
    this.spis.forEach((interrupt, index) => {
      const saved = state.spis[index];
      if (saved) interrupt.restore(saved);
    });
    for (const cpu of this.cpus) {
      const saved = state.cpus[cpu.id];
      if (saved === undefined) continue;
      cpu.online = saved.online;
      cpu.privateInterrupts.forEach((interrupt, index) => {
        const one = saved.interrupts[index];
        if (one) interrupt.restore(one);
      });
      cpu.listRegisters.restore(saved.listRegisters, (intid) => this.interrupt(cpu.id, intid));
    }
  }

  private injectInto(cpu: VgicCpu, interrupt: VirtualInterrupt): void {
    if (!cpu.online) return;
    cpu.listRegisters.sync();
    const wasPending = cpu.listRegisters.isPending(interrupt);
    this.observer.interruptRaised(this.domid, cpu.id, interrupt.intid, wasPending);
    cpu.listRegisters.inject(interrupt);
    cpu.listRegisters.flush();
    this.kick(cpu.id);
  }

  private holderOf(vcpu: number, interrupt: VirtualInterrupt): VgicCpu | undefined {
    return this.cpus[interrupt.intid < PRIVATE_INTERRUPTS ? vcpu : interrupt.target];
  }
}
