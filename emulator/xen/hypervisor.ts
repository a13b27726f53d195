// The embedded hypervisor: what runs when an exception is taken to EL2 and no guest code sits
// there. It behaves as Xen 4.17 does at EL2: stage 2 in emulated memory, interrupts through list
// registers, its own timer CNTHP. This file holds the state that belongs to the whole machine and
// the way in; single traps are in traps/.
//
// vCPU n of a domain is resident on one physical CPU for good, as with Xen's null scheduler; a vCPU
// that does not run leaves its CPU idle.

import { OnceLogger } from '../base/log.ts';
import { invariant } from '../base/errors.ts';
import type { Monitor, TrapOutcome } from '../cpu/monitor.ts';
import { SHUTDOWN_CRASH } from './abi/sched.ts';
import { BackendTimers } from './backends/timers.ts';
import { DomainList } from './domain-list.ts';
import { noMemory } from './domain.ts';
import { Heap } from './heap.ts';
import type { HypercallServices, XenConsole } from './hypercalls/define.ts';
import { type XenIdentity, xen417 } from './hypercalls/identity.ts';
import { buildHostedDomain, type NewDomain } from './hypervisor/create-domain.ts';
import type { HostedDomain } from './hypervisor/hosted-domain.ts';
import type { Platform } from './hypervisor/platform.ts';
import { type DaemonsView, type HypervisorView, viewOf } from './hypervisor/view.ts';
import { ObserverRelay } from './observer.ts';
import type { MachineScheduling } from './scheduling/configuration.ts';
import { Scheduler } from './scheduling/scheduler.ts';
import type { XenSockets } from './sockets.ts';
import { handleTrap } from './traps/dispatch.ts';

export interface HypervisorOptions {
  readonly platform: Platform;
  readonly console: XenConsole;
  /** Default: Xen 4.17 as Debian builds it. */
  readonly identity?: XenIdentity;
  readonly xsm?: 'silo' | 'dummy';
  /** Default: credit2, on as many physical CPUs as there are contexts, 8 at most. */
  readonly scheduling?: MachineScheduling;
  /** A domain powered off, rebooted, crashed or was suspended (SHUTDOWN_*); its vCPUs stand. */
  readonly onShutdown: (domid: number, reason: number) => void;
}

export class Hypervisor implements Monitor {
  readonly platform: Platform;
  readonly heap: Heap;
  readonly domains: DomainList;
  /** What the parts that hypercalls own are plugged into. */
  readonly sockets: XenSockets;
  readonly services: HypercallServices;
  readonly scheduler: Scheduler;
  readonly once: OnceLogger;
  /** Passes on what happens to whoever watches. */
  readonly observer = new ObserverRelay();
  /** When what runs in domain 0 acts by itself. */
  readonly timers = new BackendTimers(
    () => this.scheduler.nanoseconds(),
    () => this.setTimer(),
  );
  /** What the daemons in the control domain know, for inspectors; they enter it themselves. */
  daemons: DaemonsView | undefined;
  /** Domains with guest code, by domid. */
  private readonly hosted = new Map<number, HostedDomain>();

  constructor(options: HypervisorOptions) {
    const { platform } = options;
    this.platform = platform;
    this.once = new OnceLogger(platform.log);
    this.heap = new Heap(platform.memory, platform.ramBase, platform.ramSize);
    this.scheduler = new Scheduler(
      platform,
      (domid) => this.hosted.get(domid),
      this.observer,
      () => this.setTimer(),
      options.scheduling,
    );
    this.sockets = {
      machine: platform.memory,
      heap: this.heap,
      vcpus: this.scheduler,
      domains: {
        domainShutDown: (domid, reason) => {
          const domain = this.hosted.get(domid);
          if (domain) this.scheduler.pauseDomain(domain);
          this.observer.domainShutDown(domid, reason);
          if (reason === SHUTDOWN_CRASH) this.warn(`crash:${domid}`, `domain ${domid} crashed`);
          options.onShutdown(domid, reason);
        },
      },
      clock: {
        nanoseconds: () => this.scheduler.nanoseconds(),
        deadlineChanged: (domid) => this.scheduler.programTimerOf(domid),
      },
      log: platform.log,
      observer: this.observer,
    };
    this.domains = new DomainList(this.sockets);
    this.services = {
      domains: this.domains,
      sockets: this.sockets,
      identity: options.identity ?? xen417,
      xsm: options.xsm ?? 'silo',
      once: this.once,
      console: options.console,
    };
    // The embedded toolstack acts as domain 0, without a vCPU.
    const control = { id: 0, name: 'Domain-0', handle: new Uint8Array(16), vcpuCount: 0, privileged: true };
    this.domains.create(control, noMemory);
    for (const { index } of platform.cpus) platform.gic.start(index);
  }

  /** Creates a domain without memory or a program; its vCPUs are off. */
  createDomain(config: NewDomain): HostedDomain {
    const domain = buildHostedDomain(this, config);
    this.hosted.set(domain.id, domain);
    this.observer.domainCreated(domain.id, config.name);
    return domain;
  }

  /**
   * XEN_DOMCTL_destroydomain. As in Xen, what somebody still refers to stays: a debugger can look at the vCPUs' registers,
   * at stage 2 and at RAM.
   */
  destroyDomain(domid: number): void {
    const domain = this.hosted.get(domid);
    invariant(domain !== undefined, 'a domain that is destroyed has guest code');
    this.scheduler.pauseDomain(domain);
    this.scheduler.removeDomain(domid);
    domain.domain.kill();
    this.domains.destroy(domid);
    this.observer.domainDestroyed(domid);
  }

  /** Contexts and memory of domains that were destroyed are free for others; nobody can look at them any more. */
  releaseDestroyed(): void {
    for (const [domid, domain] of this.hosted) {
      if (this.domains.find(domid)) continue;
      this.hosted.delete(domid);
      for (const { cpu } of domain.vcpus) {
        const timers = this.platform.timers[cpu.index];
        timers?.virtual.writeControl(0);
        timers?.hypervisor.writeControl(0);
        this.platform.gic.setUnderflowInterrupt(cpu.index, false);
        this.platform.scheduler.park(cpu.index);
      }
      this.scheduler.releaseContexts(domain.vcpus);
      domain.pages.release();
      domain.p2m.release();
    }
  }

  /** Also those that were destroyed and not released. */
  hostedDomains(): HostedDomain[] {
    return [...this.hosted.values()];
  }

  domain(domid: number): HostedDomain | undefined {
    return this.hosted.get(domid);
  }

  /** Monitor. */
  onTrap(cpu: number): TrapOutcome {
    const vcpu = this.scheduler.residentOn(cpu);
    invariant(vcpu !== undefined, `a CPU that takes traps has a vCPU (CPU ${cpu})`);
    const domain = this.hosted.get(vcpu.domid);
    invariant(domain !== undefined, 'a resident vCPU belongs to a domain');
    const registers = domain.vgic.cpus[vcpu.id]?.listRegisters;

    this.observer.trapTaken(vcpu.domid, vcpu.id);
    registers?.sync();
    const stop = handleTrap(this, domain, vcpu);
    registers?.flush();
    return stop ?? this.scheduler.outcomeFor(vcpu);
  }

  /** When expire() is due: timers of the physical CPUs, and those of what runs in domain 0. */
  private setTimer(): void {
    this.platform.scheduler.setTimer(Math.min(this.scheduler.core.nextDeadline, this.timers.deadline));
  }

  /** Monitor. */
  expire(): void {
    // vCPUs that they wake are scheduled below.
    this.timers.expire();
    this.scheduler.core.expire();
  }

  runAlone(cpu: number | undefined): void {
    this.scheduler.runAlone(cpu);
  }

  get view(): HypervisorView {
    return viewOf(this, this.hosted);
  }

  warn(key: string, message: string): void {
    this.once.once(key, 'warn', 'xen', message);
  }

  save(): unknown {
    return {
      heap: this.heap.save(),
      scheduler: this.scheduler.save(),
      domains: this.domains
        .all()
        .map((domain) => this.hosted.get(domain.id)?.save() ?? { domain: domain.save() }),
    };
  }
}
