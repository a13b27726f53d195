// Physical CPUs in virtual time without a machine: vCPUs spin, or compute for a while and sleep for a while, and the
// simulation says who ran how long.

import { SchedulingCore } from '../../../../emulator/xen/scheduling/core.ts';
import type { PolicySockets, SchedulingPolicy } from '../../../../emulator/xen/scheduling/policy.ts';
import {
  cpuSet,
  DEFAULT_PARAMETERS,
  ScheduledDomain,
  ScheduledVcpu,
  type SchedulingParameters,
} from '../../../../emulator/xen/scheduling/scheduled-vcpu.ts';

export const MS = 1_000_000;
export const US = 1000;

interface Load {
  /** Nanoseconds of work, then of sleep, again and again; without it the vCPU spins. */
  readonly computes: number;
  readonly sleeps: number;
}

interface Guest {
  readonly vcpu: ScheduledVcpu;
  readonly load: Load | undefined;
  left: number;
  wakesAt: number;
  woken: number;
  ran: number;
  waited: number;
}

export interface GuestOptions extends Partial<SchedulingParameters> {
  readonly vcpus?: number;
  readonly load?: Load;
  readonly cpus?: readonly number[];
  readonly likes?: readonly number[];
  readonly pool?: string;
}

export class Simulation {
  readonly core: SchedulingCore;
  now = 0;
  /** Who ran from when to when on which CPU, in order. */
  readonly runs: { readonly name: string; readonly cpu: number; readonly from: number; to: number }[] = [];
  private readonly guests: Guest[] = [];
  private domids = 1;

  constructor(cpus: number, policy: (sockets: PolicySockets) => SchedulingPolicy) {
    this.core = new SchedulingCore(cpus, {
      nanoseconds: () => this.now,
      tick: 1,
      switchIn: (vcpu) => this.runs.push({ name: nameOf(vcpu), cpu: vcpu.processor, from: this.now, to: -1 }),
      switchOut: (vcpu) => {
        const run = this.runs.findLast(({ name, to }) => name === nameOf(vcpu) && to < 0);
        if (run) run.to = this.now;
      },
      stateChanged: () => {},
      deadlineChanged: () => {},
    });
    this.core.addPool(
      'Pool-0',
      policy(this.core),
      this.core.cpus.map(({ index }) => index),
    );
  }

  domain(options: GuestOptions = {}): ScheduledDomain {
    const domain = new ScheduledDomain(this.domids++, { ...DEFAULT_PARAMETERS, ...options });
    for (let id = 0; id < (options.vcpus ?? 1); id++) {
      const vcpu = new ScheduledVcpu(domain, id);
      if (options.cpus) vcpu.hardAffinity = cpuSet(options.cpus);
      if (options.likes) vcpu.softAffinity = cpuSet(options.likes);
      this.guests.push({
        vcpu,
        load: options.load,
        left: options.load?.computes ?? Infinity,
        wakesAt: Infinity,
        woken: 0,
        ran: 0,
        waited: 0,
      });
    }
    const pool = this.core.findPool(options.pool ?? 'Pool-0');
    if (!pool) throw new Error('no such pool');
    this.core.addDomain(domain, pool);
    for (const vcpu of domain.vcpus) this.core.wake(vcpu);
    return domain;
  }

  run(duration: number): void {
    const end = this.now + duration;
    while (this.now < end) {
      let next = Math.min(end, this.core.nextDeadline);
      for (const { vcpu, left, wakesAt } of this.guests) {
        if (vcpu.isRunning) next = Math.min(next, this.now + left);
        next = Math.min(next, wakesAt);
      }
      const time = Math.max(next - this.now, 0);
      for (const guest of this.guests) {
        if (guest.vcpu.isRunning) {
          guest.ran += time;
          guest.left -= time;
        } else if (guest.vcpu.isRunnable) {
          guest.waited += time;
        }
      }
      this.now = next;
      if (this.core.nextDeadline <= this.now) this.core.expire();
      for (const guest of this.guests) {
        if (guest.left <= 0 && guest.vcpu.isRunning) {
          guest.left = guest.load?.computes ?? Infinity;
          guest.wakesAt = this.now + (guest.load?.sleeps ?? Infinity);
          this.core.sleep(guest.vcpu);
        }
        if (guest.wakesAt <= this.now) {
          guest.wakesAt = Infinity;
          guest.woken++;
          this.core.wake(guest.vcpu);
        }
      }
    }
  }

  /** Of one physical CPU, since the beginning or since the mark. */
  share(domain: ScheduledDomain, since?: Mark): number {
    const before = since?.ran.get(domain) ?? 0;
    return (this.ran(domain) - before) / (this.now - (since?.now ?? 0));
  }

  mark(): Mark {
    return {
      now: this.now,
      ran: new Map(this.guests.map(({ vcpu: { domain } }) => [domain, this.ran(domain)])),
    };
  }

  ran(domain: ScheduledDomain): number {
    return this.sum(domain, ({ ran }) => ran);
  }

  waited(domain: ScheduledDomain): number {
    return this.sum(domain, ({ waited }) => waited);
  }

  wakes(domain: ScheduledDomain): number {
    return this.sum(domain, ({ woken }) => woken);
  }

  /** On which CPUs it ran. */
  cpusOf(domain: ScheduledDomain): number[] {
    const names = new Set(domain.vcpus.map(nameOf));
    return [...new Set(this.runs.filter(({ name }) => names.has(name)).map(({ cpu }) => cpu))].sort();
  }

  private of(domain: ScheduledDomain): Guest[] {
    return this.guests.filter(({ vcpu }) => vcpu.domain === domain);
  }

  private sum(domain: ScheduledDomain, figure: (guest: Guest) => number): number {
    return this.of(domain).reduce((sum, guest) => sum + figure(guest), 0);
  }
}

interface Mark {
  readonly now: number;
  readonly ran: ReadonlyMap<ScheduledDomain, number>;
}

export const nameOf = ({ domain, id }: ScheduledVcpu): string => `d${domain.domid}v${id}`;
