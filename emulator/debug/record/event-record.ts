// Events at each port: how many, how many of them the guest could not tell apart, who sent the last one and from where.
// A port that was closed and bound again goes on counting.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { Moment } from '../../machine/messages.ts';
import * as layout from '../../memory/layout.ts';
import type { RecordClock, RecordPart } from './part.ts';

/** One port, since the machine was loaded. */
export interface EventCount {
  readonly raised: number;
  /** Of those the ones that came while the port was pending: the guest sees them as one with the one before. */
  readonly coalesced: number;
  readonly first: Moment;
  readonly last: Moment;
  /** The last event that made the port pending. */
  readonly pendingSince: Moment;
  readonly sender: EventSender;
}

/** Who raised the last event. */
export interface EventSender {
  /** -1: Xen itself. */
  readonly domain: number;
  /** -1: no vCPU, a backend of domain 0. */
  readonly vcpu: number;
  /** The sender's own port; 0 when it has none. */
  readonly port: number;
  /** Where the vCPU made the hypercall, and where the function that made it returns to. */
  readonly pc?: bigint;
  readonly lr?: bigint;
}

/** Ports that are counted; what comes at others is not. */
const MAX_PORTS = 1 << 15;

interface Counter {
  raised: number;
  coalesced: number;
  readonly first: Moment;
  lastInstructions: number;
  lastNanoseconds: number;
  pendingSince: Moment;
  byDomain: number;
  byVcpu: number;
  byPort: number;
  pc: bigint | undefined;
  lr: bigint | undefined;
}

export class EventRecord implements RecordPart {
  private readonly loaded: LoadedMachine;
  private readonly clock: RecordClock;
  private readonly counters = new Map<number, Counter>();
  /** The physical CPU of a vCPU, which it keeps. */
  private readonly cpus = new Map<number, number>();

  constructor(loaded: LoadedMachine, clock: RecordClock) {
    this.loaded = loaded;
    this.clock = clock;
  }

  countOf(domid: number, port: number): EventCount | undefined {
    const counter = this.counters.get(keyOf(domid, port));
    if (!counter) return undefined;
    const { raised, coalesced, first, pendingSince, byDomain, byVcpu, byPort, pc, lr } = counter;
    return {
      raised,
      coalesced,
      first,
      last: { instructions: counter.lastInstructions, virtualNanoseconds: counter.lastNanoseconds },
      pendingSince,
      sender: {
        domain: byDomain,
        vcpu: byVcpu,
        port: byPort,
        ...(pc !== undefined && { pc }),
        ...(lr !== undefined && { lr }),
      },
    };
  }

  // ---------------------------------------------------------------- XenObserver

  eventRaised(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void {
    const counter = this.counterOf(domid, port);
    if (!counter) return;
    const instructions = this.clock.instructions();
    const virtualNanoseconds = this.clock.nanoseconds();
    counter.raised++;
    if (wasPending) counter.coalesced++;
    else counter.pendingSince = { instructions, virtualNanoseconds };
    counter.lastInstructions = instructions;
    counter.lastNanoseconds = virtualNanoseconds;
    counter.byDomain = byDomid;
    counter.byVcpu = byVcpu;
    counter.byPort = byPort;
    const cpu = byVcpu < 0 ? undefined : this.cpuOf(byDomid, byVcpu);
    const state = cpu === undefined ? undefined : this.loaded.machine.cpus[cpu];
    // The vCPU is in its HVC: ELR_EL2 has the address behind it.
    counter.pc = state && state.sysreg(layout.ELR_EL2) - 4n;
    counter.lr = state?.x(30);
  }

  private counterOf(domid: number, port: number): Counter | undefined {
    const key = keyOf(domid, port);
    const known = this.counters.get(key);
    if (known || this.counters.size >= MAX_PORTS) return known;
    const now: Moment = {
      instructions: this.clock.instructions(),
      virtualNanoseconds: this.clock.nanoseconds(),
    };
    const counter: Counter = {
      raised: 0,
      coalesced: 0,
      first: now,
      lastInstructions: 0,
      lastNanoseconds: 0,
      pendingSince: now,
      byDomain: 0,
      byVcpu: 0,
      byPort: 0,
      pc: undefined,
      lr: undefined,
    };
    this.counters.set(key, counter);
    return counter;
  }

  private cpuOf(domid: number, vcpu: number): number | undefined {
    const key = domid * 256 + vcpu;
    const known = this.cpus.get(key);
    if (known !== undefined) return known;
    const domain = this.loaded.view?.domains().find(({ id }) => id === domid);
    const cpu = domain?.vcpus[vcpu]?.cpu;
    if (cpu !== undefined) this.cpus.set(key, cpu);
    return cpu;
  }
}

const keyOf = (domid: number, port: number): number => domid * 2 ** 17 + port;
