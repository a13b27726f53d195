// The distributor: which interrupts exist, what state they are in, and which one each CPU gets.
// GICv2 and GICv3 differ in the registers that reach this state and in how shared interrupts are
// routed; both routings end as one bit for each CPU and interrupt.

import { invariant } from '../../base/errors.ts';
import type { IrqLine } from '../irq-line.ts';
import { CpuInterface, type CpuInterfaceState, type InterruptSource } from './cpu-interface.ts';
import { IDLE_PRIORITY, InterruptBank, type InterruptBankState, SPURIOUS } from './interrupt-bank.ts';

export const SGI_COUNT = 16;
export const PRIVATE_COUNT = 32;
const SGI_BITS = 0xffff;

export interface DistributorOptions {
  /** Shared peripheral interrupts; a multiple of 32. */
  readonly spis: number;
  /**
   * GICv2: an SGI is pending once for each CPU that sent it, cannot be disabled, and its pending
   * state is reached by registers of its own only.
   */
  readonly bankedSgis: boolean;
  /** GICv2: the active priorities of both groups share one register. */
  readonly combinedPriorities: boolean;
  readonly group0IsFiq: boolean;
}

/** Told of what has just happened; changes nothing. */
export interface InterruptObserver {
  /** A CPU took the interrupt: it is active. */
  acknowledged(cpu: number, intid: number): void;
  /** It was active and is no more. */
  deactivated(cpu: number, intid: number): void;
}

export interface DistributorState {
  readonly enables: number;
  readonly shared: InterruptBankState;
  readonly private: InterruptBankState[];
  readonly routed: number[][];
  readonly sgiSources: number[][];
  readonly interfaces: CpuInterfaceState[];
}

export class Distributor implements InterruptSource {
  readonly cpus: number;
  readonly spis: number;
  readonly bankedSgis: boolean;
  readonly interfaces: readonly CpuInterface[];
  readonly shared: InterruptBank;
  /** SGIs and PPIs of each CPU. */
  readonly private: readonly InterruptBank[];
  /** For each CPU the shared interrupts that may be delivered to it. */
  readonly routed: readonly Uint32Array[];
  /** Nobody at first. */
  observer: InterruptObserver | undefined;
  /** With `bankedSgis`: for each CPU and SGI, one bit for each CPU that sent it. */
  private readonly sgiSources: readonly Uint8Array[];
  /** Bit 0: group 0 is forwarded to CPU interfaces; bit 1: group 1. */
  private groupEnables = 0;

  constructor(lines: readonly { irq: IrqLine; fiq: IrqLine }[], options: DistributorOptions) {
    this.cpus = lines.length;
    this.spis = options.spis;
    this.bankedSgis = options.bankedSgis;
    this.shared = new InterruptBank(options.spis);
    this.private = lines.map(() => new InterruptBank(PRIVATE_COUNT));
    this.routed = lines.map(() => new Uint32Array(options.spis >>> 5));
    this.sgiSources = lines.map(() => new Uint8Array(SGI_COUNT));
    this.interfaces = lines.map(
      (line, cpu) =>
        new CpuInterface(cpu, this, line, {
          combinedPriorities: options.combinedPriorities,
          group0IsFiq: options.group0IsFiq,
        }),
    );
    for (const bank of this.private) {
      bank.edge[0] = SGI_BITS;
      if (options.bankedSgis) bank.enabled[0] = SGI_BITS;
    }
  }

  get enables(): number {
    return this.groupEnables;
  }

  setEnables(enables: number): void {
    this.groupEnables = enables;
    this.chooseAll();
  }

  /** The input of shared peripheral interrupt `number`, which is INTID 32 + number. */
  spi(number: number): IrqLine {
    invariant(number >= 0 && number < this.spis, `SPI ${number} exists`);
    return {
      set: (high) => {
        if (this.shared.setLine(number, high)) this.chooseAll();
      },
    };
  }

  /** The input of a CPU's private peripheral interrupt, by its INTID (16 to 31). */
  ppi(cpu: number, intid: number): IrqLine {
    const bank = this.privateBank(cpu);
    invariant(intid >= SGI_COUNT && intid < PRIVATE_COUNT, `INTID ${intid} is a PPI`);
    return {
      set: (high) => {
        if (bank.setLine(intid, high)) this.choose(cpu);
      },
    };
  }

  /** Makes an SGI pending for a CPU. */
  sendSgi(target: number, intid: number, sender: number): void {
    const sources = this.sgiSources[target];
    if (sources === undefined) return;
    if (this.bankedSgis) sources[intid]! |= 1 << sender;
    this.privateBank(target).latched[0]! |= 1 << intid;
    this.choose(target);
  }

  /** SPENDSGIR and CPENDSGIR: the CPUs from which an SGI is pending. */
  sgiSourcesOf(cpu: number, intid: number): number {
    return this.sgiSources[cpu]?.[intid] ?? 0;
  }

  setSgiSources(cpu: number, intid: number, sources: number): void {
    const all = this.sgiSources[cpu];
    if (all === undefined) return;
    all[intid] = sources;
    const bank = this.privateBank(cpu);
    if (sources === 0) bank.latched[0]! &= ~(1 << intid);
    else bank.latched[0]! |= 1 << intid;
    this.choose(cpu);
  }

  /** Routes a shared interrupt, by its SPI number, to a set of CPUs, one bit each. */
  route(spi: number, targets: number): void {
    const word = spi >>> 5;
    const bit = 1 << (spi & 31);
    this.routed.forEach((routed, cpu) => {
      if ((targets & (1 << cpu)) !== 0) routed[word]! |= bit;
      else routed[word]! &= ~bit;
    });
    this.chooseAll();
  }

  routeOf(spi: number): number {
    let targets = 0;
    this.routed.forEach((routed, cpu) => {
      if (((routed[spi >>> 5]! >>> (spi & 31)) & 1) !== 0) targets |= 1 << cpu;
    });
    return targets;
  }

  /** The bank that holds an INTID as seen by a CPU, and the number in it; undefined beyond the last one. */
  bankOf(cpu: number, intid: number): InterruptBank | undefined {
    if (intid < PRIVATE_COUNT) return this.private[cpu];
    return intid < PRIVATE_COUNT + this.spis ? this.shared : undefined;
  }

  activate(cpu: number, intid: number): number {
    const bank = this.bankOf(cpu, intid);
    if (bank === undefined) return intid;
    const index = intid < PRIVATE_COUNT ? intid : intid - PRIVATE_COUNT;
    bank.activate(index);
    const value = this.bankedSgis && intid < SGI_COUNT ? this.takeSgiSource(cpu, intid, bank) : intid;
    this.observer?.acknowledged(cpu, intid);
    this.changed(cpu, intid);
    return value;
  }

  deactivate(cpu: number, intid: number): void {
    const bank = this.bankOf(cpu, intid);
    if (bank === undefined) return;
    const index = intid < PRIVATE_COUNT ? intid : intid - PRIVATE_COUNT;
    const wasActive = bank.isActive(index);
    bank.deactivate(index);
    if (wasActive) this.observer?.deactivated(cpu, intid);
    this.changed(cpu, intid);
  }

  /** The state of an interrupt, private to a CPU or shared, has changed. */
  changed(cpu: number, intid: number): void {
    if (intid < PRIVATE_COUNT) this.choose(cpu);
    else this.chooseAll();
  }

  chooseAll(): void {
    for (let cpu = 0; cpu < this.cpus; cpu++) this.choose(cpu);
  }

  /** Finds the interrupt that a CPU interface gets next, and offers it. */
  choose(cpu: number): void {
    const target = this.interfaces[cpu]!;
    // A group that the CPU interface has switched off does not hide the other one.
    const groups = this.groupEnables & target.enables;
    if (groups === 0) {
      target.offer(SPURIOUS, IDLE_PRIORITY, 0);
      return;
    }
    const own = this.private[cpu]!;
    own.findBest(groups, undefined);
    const { shared } = this;
    shared.findBest(groups, this.routed[cpu]);
    if (shared.bestPriority < own.bestPriority) {
      const index = shared.bestIndex;
      target.offer(index + PRIVATE_COUNT, shared.bestPriority, shared.groupOf(index));
    } else if (own.bestIndex >= 0) {
      target.offer(own.bestIndex, own.bestPriority, own.groupOf(own.bestIndex));
    } else {
      target.offer(SPURIOUS, IDLE_PRIORITY, 0);
    }
  }

  save(): DistributorState {
    return {
      enables: this.groupEnables,
      shared: this.shared.save(),
      private: this.private.map((bank) => bank.save()),
      routed: this.routed.map((words) => [...words]),
      sgiSources: this.sgiSources.map((sources) => [...sources]),
      interfaces: this.interfaces.map((each) => each.save()),
    };
  }

  restore(state: DistributorState): void {
    this.groupEnables = state.enables;
    this.shared.restore(state.shared);
    state.private.forEach((bank, cpu) => this.private[cpu]?.restore(bank));
    state.routed.forEach((words, cpu) => this.routed[cpu]?.set(words));
    state.sgiSources.forEach((sources, cpu) => this.sgiSources[cpu]?.set(sources));
    state.interfaces.forEach((each, cpu) => this.interfaces[cpu]?.restore(each));
    this.chooseAll();
  }

  /** IAR of a GICv2 names the sender of an SGI; one acknowledge takes one sender. */
  private takeSgiSource(cpu: number, intid: number, bank: InterruptBank): number {
    const sources = this.sgiSources[cpu]!;
    const pending = sources[intid]!;
    if (pending === 0) return intid;
    const sender = 31 - Math.clz32(pending & -pending);
    sources[intid] = pending & (pending - 1);
    if (sources[intid] !== 0) bank.latched[0]! |= 1 << intid;
    return intid | (sender << 10);
  }

  private privateBank(cpu: number): InterruptBank {
    const bank = this.private[cpu];
    invariant(bank !== undefined, `CPU ${cpu} exists`);
    return bank;
  }
}
