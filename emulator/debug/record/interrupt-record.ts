// The interrupts of all vCPUs: how many came and when, what became of the last ones, and what they are called.
// Latency is from the edge at the vGIC to the moment when the hypervisor found that the guest had ended the
// interrupt, which is at the vCPU's next entry to the hypervisor. On a bare machine an interrupt is recorded when a
// CPU acknowledges it, and ends when it is deactivated.

import type { LoadedMachine } from '../../machine/guest.ts';
import { type InterruptNames, interruptNames } from '../inspect/gic/interrupt-names.ts';
import type { RecordClock, RecordPart } from './part.ts';

/** Injections that are remembered one by one. */
export const REMEMBERED = 8192;

/** Beyond any machine; what comes from more is counted no more. */
const MAX_COUNTERS = 1 << 16;

/** One interrupt of one vCPU, since the machine was loaded. */
export interface InterruptCount {
  readonly domain: number;
  readonly vcpu: number;
  readonly intid: number;
  /** Edges at the vGIC. */
  readonly raised: number;
  /** Of those the ones that merged with an edge which the guest had not taken yet: it sees one interrupt. */
  readonly merged: number;
  readonly ended: number;
  readonly first: RecordedMoment;
  readonly last: RecordedMoment;
  /** Over those that ended, in virtual nanoseconds. */
  readonly latency?: { readonly least: number; readonly mean: number; readonly most: number };
}

export interface RecordedMoment {
  readonly instructions: number;
  readonly nanoseconds: number;
}

/** One edge at the vGIC. */
export interface Injection extends RecordedMoment {
  readonly domain: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly merged: boolean;
  /** Virtual nanoseconds until it was known to be ended; undefined while it is pending or handled. */
  readonly latency?: number;
}

class Counter {
  readonly domain: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly first: RecordedMoment;
  raised = 0;
  merged = 0;
  ended = 0;
  lastInstructions = 0;
  lastNanoseconds = 0;
  /** Of `ended` those that were remembered until then. */
  measured = 0;
  least = Infinity;
  most = 0;
  sum = 0;
  /** Numbers of injections, -1 for none: the one that the guest has, and one that came while it handled that. */
  open = -1;
  next = -1;

  constructor(domain: number, vcpu: number, intid: number, first: RecordedMoment) {
    this.domain = domain;
    this.vcpu = vcpu;
    this.intid = intid;
    this.first = first;
  }

  view(): InterruptCount {
    const { domain, vcpu, intid, raised, merged, ended, first, measured, least, most, sum } = this;
    return {
      domain,
      vcpu,
      intid,
      raised,
      merged,
      ended,
      first,
      last: { instructions: this.lastInstructions, nanoseconds: this.lastNanoseconds },
      ...(measured > 0 && { latency: { least, mean: Math.round(sum / measured), most } }),
    };
  }
}

export class InterruptRecord implements RecordPart {
  // Invariant: injection n stands at n % REMEMBERED of every column while n is one of the last REMEMBERED.
  private count = 0;
  private readonly domains = new Int32Array(REMEMBERED);
  private readonly vcpus = new Uint16Array(REMEMBERED);
  private readonly intids = new Uint16Array(REMEMBERED);
  private readonly isMerged = new Uint8Array(REMEMBERED);
  private readonly instructions = new Float64Array(REMEMBERED);
  private readonly nanoseconds = new Float64Array(REMEMBERED);
  /** NaN: not ended yet. */
  private readonly latencies = new Float64Array(REMEMBERED);

  private readonly counters = new Map<number, Counter>();
  private readonly names = new Map<number, InterruptNames>();
  private readonly loaded: LoadedMachine;
  private readonly clock: RecordClock;

  constructor(loaded: LoadedMachine, clock: RecordClock) {
    this.loaded = loaded;
    this.clock = clock;
  }

  /** What the interrupts of a domain are called; BARE_DOMAIN: those of the board. */
  namesOf(domain: number): InterruptNames {
    let names = this.names.get(domain);
    if (names === undefined) {
      names = interruptNames(this.loaded.deviceTree(domain));
      this.names.set(domain, names);
    }
    return names;
  }

  /** Injections since the machine was loaded. */
  get total(): number {
    return this.count;
  }

  /** Of one domain, in the order in which they came for the first time. */
  countsOf(domain: number): InterruptCount[] {
    return [...this.counters.values()].filter((one) => one.domain === domain).map((one) => one.view());
  }

  countOf(domain: number, vcpu: number, intid: number): InterruptCount | undefined {
    return this.counters.get(keyOf(domain, vcpu, intid))?.view();
  }

  /** The last ones that are remembered, newest first. */
  *newestFirst(): Generator<Injection> {
    const oldest = Math.max(this.count - REMEMBERED, 0);
    for (let n = this.count - 1; n >= oldest; n--) yield this.injection(n % REMEMBERED);
  }

  /** The oldest one that is remembered. */
  get oldest(): Injection | undefined {
    return this.count === 0 ? undefined : this.injection(Math.max(this.count - REMEMBERED, 0) % REMEMBERED);
  }

  // ---------------------------------------------------------------- XenObserver

  interruptRaised(domid: number, vcpu: number, intid: number, wasPending: boolean): void {
    const n = this.count++;
    const at = n % REMEMBERED;
    const instructions = this.clock.instructions();
    const nanoseconds = this.clock.nanoseconds();
    this.domains[at] = domid;
    this.vcpus[at] = vcpu;
    this.intids[at] = intid;
    this.isMerged[at] = wasPending ? 1 : 0;
    this.instructions[at] = instructions;
    this.nanoseconds[at] = nanoseconds;
    this.latencies[at] = NaN;

    const counter = this.counterOf(domid, vcpu, intid, instructions, nanoseconds);
    if (counter === undefined) return;
    counter.raised++;
    counter.lastInstructions = instructions;
    counter.lastNanoseconds = nanoseconds;
    if (wasPending) {
      counter.merged++;
    } else if (counter.open < 0) {
      counter.open = n;
    } else {
      // The one before was taken, so the one before that has ended.
      if (counter.next >= 0) {
        this.close(counter, counter.open);
        counter.open = counter.next;
      }
      counter.next = n;
    }
  }

  interruptEnded(domid: number, vcpu: number, intid: number): void {
    const counter = this.counters.get(keyOf(domid, vcpu, intid));
    if (counter === undefined || counter.open < 0) return;
    this.close(counter, counter.open);
    // A list register that was pending once more while its interrupt was handled is found empty once.
    if (counter.next >= 0) this.close(counter, counter.next);
    counter.open = -1;
    counter.next = -1;
  }

  private close(counter: Counter, n: number): void {
    counter.ended++;
    if (n < this.count - REMEMBERED) return;
    const at = n % REMEMBERED;
    const latency = this.clock.nanoseconds() - (this.nanoseconds[at] ?? 0);
    this.latencies[at] = latency;
    counter.measured++;
    counter.sum += latency;
    counter.least = Math.min(counter.least, latency);
    counter.most = Math.max(counter.most, latency);
  }

  private injection(at: number): Injection {
    const latency = this.latencies[at] ?? NaN;
    return {
      domain: this.domains[at] ?? 0,
      vcpu: this.vcpus[at] ?? 0,
      intid: this.intids[at] ?? 0,
      merged: this.isMerged[at] === 1,
      instructions: this.instructions[at] ?? 0,
      nanoseconds: this.nanoseconds[at] ?? 0,
      ...(!Number.isNaN(latency) && { latency }),
    };
  }

  private counterOf(
    domid: number,
    vcpu: number,
    intid: number,
    instructions: number,
    nanoseconds: number,
  ): Counter | undefined {
    const key = keyOf(domid, vcpu, intid);
    let counter = this.counters.get(key);
    if (counter === undefined && this.counters.size < MAX_COUNTERS) {
      counter = new Counter(domid, vcpu, intid, { instructions, nanoseconds });
      this.counters.set(key, counter);
    }
    return counter;
  }
}

const keyOf = (domain: number, vcpu: number, intid: number): number => (domain * 256 + vcpu) * 1024 + intid;
