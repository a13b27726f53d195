// When a vCPU waits, and what ends its wait; who of those that do not wait has a physical CPU is the core's to say. It is
// also the hypervisor's clock, and the socket through which hypercalls reach vCPUs.

import { invariant } from '../../base/errors.ts';
import type { TrapOutcome } from '../../cpu/monitor.ts';
import { NANOSECONDS_PER_TICK } from '../../devices/clock.ts';
import { CTL_ENABLE } from '../../devices/generic-timer.ts';
import { SPSR_EL2 } from '../../memory/layout.ts';
import type { Runstate } from '../abi/shared-info.ts';
import type { HostedDomain } from '../hypervisor/hosted-domain.ts';
import type { Platform } from '../hypervisor/platform.ts';
import type { ObserverCalls } from '../observer.ts';
import type { VcpuControl } from '../sockets.ts';
import { GUEST_EVTCHN_PPI } from '../toolstack/guest-layout.ts';
import type { Vcpu } from '../vcpu.ts';
import { expirePhysicalTimer, physicalTimerDeadline } from '../vtimer.ts';
import { SchedulingCore } from './core.ts';
import { makePools, type MachineScheduling, type DomainScheduling, poolFor } from './configuration.ts';
import { ALL_CPUS, DEFAULT_PARAMETERS, ScheduledDomain, ScheduledVcpu } from './scheduled-vcpu.ts';

const PSTATE_I = 1n << 7n;
const TWO_32 = 2 ** 32;

const RESUME: TrapOutcome = { kind: 'resume' };
const WAIT: TrapOutcome = { kind: 'wait' };
const OFF: TrapOutcome = { kind: 'off' };
const YIELD: TrapOutcome = { kind: 'yield' };

export class Scheduler implements VcpuControl {
  readonly core: SchedulingCore;
  /** By context. */
  private readonly residents: (Vcpu | undefined)[];
  private readonly scheduled = new Map<number, ScheduledDomain>();
  private yielded = false;
  private readonly platform: Platform;
  private readonly find: (domid: number) => HostedDomain | undefined;
  private readonly observer: ObserverCalls;

  constructor(
    platform: Platform,
    find: (domid: number) => HostedDomain | undefined,
    observer: ObserverCalls,
    deadlineChanged: () => void,
    options: MachineScheduling = {},
  ) {
    this.observer = observer;
    this.platform = platform;
    this.find = find;
    this.residents = platform.cpus.map(() => undefined);
    this.core = new SchedulingCore(options.cpus ?? Math.min(platform.cpus.length, PHYSICAL_CPUS), {
      nanoseconds: () => this.nanoseconds(),
      tick: NANOSECONDS_PER_TICK,
      switchIn: (vcpu) => this.switchIn(vcpu),
      switchOut: (vcpu) => this.switchOut(vcpu),
      stateChanged: (vcpu) => this.stateChanged(vcpu),
      deadlineChanged,
    });
    makePools(this.core, options);
  }

  residentOn(context: number): Vcpu | undefined {
    return this.residents[context];
  }

  /** Contexts that no vCPU has, lowest first. */
  freeContexts(): number[] {
    return [...this.residents.keys()].filter((context) => this.residents[context] === undefined);
  }

  /** The vCPUs of a new domain; they are off. */
  addDomain(domid: number, vcpus: readonly Vcpu[], options: DomainScheduling = {}): void {
    const pool = poolFor(this.core, options.pool);
    const domain = new ScheduledDomain(domid, { ...DEFAULT_PARAMETERS, ...options.parameters });
    for (const vcpu of vcpus) {
      invariant(this.residents[vcpu.cpu.index] === undefined, 'one vCPU is resident in a context');
      this.residents[vcpu.cpu.index] = vcpu;
      vcpu.scheduled = new ScheduledVcpu(domain, vcpu.id);
      vcpu.scheduled.hardAffinity = options.hardAffinity?.[vcpu.id] ?? ALL_CPUS;
      vcpu.scheduled.softAffinity = options.softAffinity?.[vcpu.id] ?? ALL_CPUS;
    }
    this.scheduled.set(domid, domain);
    this.core.addDomain(domain, pool);
  }

  /** Precondition: it was paused, or shut down. Its contexts stay as they are. */
  removeDomain(domid: number): void {
    const domain = this.scheduled.get(domid);
    if (!domain) return;
    this.core.removeDomain(domain);
    this.scheduled.delete(domid);
  }

  /** Other vCPUs may have the contexts of a domain that was removed. */
  releaseContexts(vcpus: readonly Vcpu[]): void {
    for (const { cpu } of vcpus) this.residents[cpu.index] = undefined;
  }

  scheduledDomain(domid: number): ScheduledDomain | undefined {
    return this.scheduled.get(domid);
  }

  /** Only the vCPU in this context is to execute; with undefined all are as they were. */
  runAlone(context: number | undefined): void {
    this.core.runAlone(context === undefined ? undefined : this.residents[context]?.scheduled);
  }

  /** After a trap: what the context does next. */
  outcomeFor(vcpu: Vcpu): TrapOutcome {
    const yielded = this.yielded;
    this.yielded = false;
    if (vcpu.down || vcpu.paused) return OFF;
    if (!vcpu.scheduled.isExecuting) return WAIT;
    return yielded ? YIELD : RESUME;
  }

  // ---------------------------------------------------------------- time

  /** System time: since the machine was switched on. */
  nanoseconds(): number {
    return this.count() * NANOSECONDS_PER_TICK;
  }

  /** CNTPCT_EL0. */
  count(): number {
    return this.platform.timers[0]?.physicalCount() ?? 0;
  }

  /** CNTHP of a CPU fired: whatever is due happens. */
  hypervisorTimerFired(cpu: number): void {
    const vcpu = this.residents[cpu];
    const domain = vcpu && this.find(vcpu.domid);
    if (vcpu === undefined || domain === undefined) return;
    const now = this.nanoseconds();
    expirePhysicalTimer(vcpu, domain.vgic, BigInt(this.count()));
    if (vcpu.blockedUntilNs !== undefined && vcpu.blockedUntilNs <= now) this.unblock(vcpu);
    if (vcpu === timekeeper(domain)) domain.domain.expireTimers(now);
    this.programTimer(vcpu);
  }

  programTimerOf(domid: number): void {
    const domain = this.find(domid);
    const vcpu = domain && timekeeper(domain);
    if (vcpu) this.programTimer(vcpu);
  }

  /** Sets CNTHP to the next thing that is due on the CPU of this vCPU. */
  programTimer(vcpu: Vcpu): void {
    const timer = this.platform.timers[vcpu.cpu.index]?.hypervisor;
    if (timer === undefined) return;
    const domain = this.find(vcpu.domid);
    const deadlines = [
      ticksAt(vcpu.blockedUntilNs),
      Number(physicalTimerDeadline(vcpu) ?? Infinity),
      ticksAt(domain && vcpu === timekeeper(domain) ? domain.domain.nextDeadline : undefined),
    ];
    const next = Math.min(...deadlines);
    if (next >= Number.MAX_SAFE_INTEGER) {
      timer.writeControl(0);
      return;
    }
    timer.writeCompare(next % TWO_32, Math.floor(next / TWO_32));
    timer.writeControl(CTL_ENABLE);
  }

  // ---------------------------------------------------------------- running and waiting

  /** WFI: the vCPU waits unless an interrupt can be taken, whatever PSTATE masks. */
  waitForInterrupt(vcpu: Vcpu): void {
    if (!this.hasEvent(vcpu)) this.enterBlocked(vcpu, undefined);
  }

  /** An interrupt was injected: a vCPU that waits goes on. */
  kick(domid: number, vcpuId: number): void {
    this.wake(domid, vcpuId);
  }

  /** PSCI CPU_ON, and the start of vCPU 0: its registers are set. */
  started(vcpu: Vcpu): void {
    vcpu.down = false;
    vcpu.blocked = false;
    vcpu.blockedUntilNs = undefined;
    // It returns from EL2, and goes on when it has a CPU.
    this.platform.scheduler.start(vcpu.cpu.index);
    this.platform.scheduler.park(vcpu.cpu.index);
    this.core.wake(vcpu.scheduled);
  }

  /** PSCI CPU_OFF by the vCPU itself. */
  goDown(domain: HostedDomain, vcpu: Vcpu): void {
    vcpu.down = true;
    const vgicCpu = domain.vgic.cpus[vcpu.id];
    if (vgicCpu) vgicCpu.online = false;
    this.stop(vcpu);
    this.programTimerOf(domain.id);
  }

  /** Every vCPU of the domain stops. */
  pauseDomain(domain: HostedDomain): void {
    for (const vcpu of domain.vcpus) {
      if (vcpu.paused) continue;
      vcpu.paused = true;
      this.stop(vcpu);
    }
  }

  /** The vCPUs of a paused domain go on where they were: running, waiting or off. */
  unpauseDomain(domain: HostedDomain): void {
    for (const vcpu of domain.vcpus) {
      if (!vcpu.paused) continue;
      vcpu.paused = false;
      if (vcpu.down) continue;
      // A physical interrupt may have come meanwhile.
      this.platform.scheduler.park(vcpu.cpu.index);
      if (vcpu.blocked) this.stateChanged(vcpu.scheduled);
      else this.core.wake(vcpu.scheduled);
    }
  }

  // ---------------------------------------------------------------- VcpuControl

  raiseEventInterrupt(domid: number, vcpu: number): void {
    this.find(domid)?.vgic.injectPrivate(vcpu, GUEST_EVTCHN_PPI);
  }

  isOnline(domid: number, vcpu: number): boolean {
    return this.find(domid)?.vcpus[vcpu]?.down === false;
  }

  block(domid: number, vcpuId: number, options: { unmaskInterrupts: boolean; untilNs?: number }): boolean {
    const vcpu = this.find(domid)?.vcpus[vcpuId];
    if (vcpu === undefined) return false;
    const spsr = vcpu.cpu.sysreg(SPSR_EL2);
    if (options.unmaskInterrupts) vcpu.cpu.setSysreg(SPSR_EL2, spsr & ~PSTATE_I);
    const masked = !options.unmaskInterrupts && (spsr & PSTATE_I) !== 0n;
    if (!masked && this.hasEvent(vcpu)) return false;
    this.enterBlocked(vcpu, options.untilNs);
    return true;
  }

  wake(domid: number, vcpuId: number): void {
    const domain = this.find(domid);
    const vcpu = domain?.vcpus[vcpuId];
    if (domain && vcpu?.blocked) this.unblock(vcpu);
  }

  yield(domid: number, vcpuId: number): void {
    this.yielded = true;
    const vcpu = this.find(domid)?.vcpus[vcpuId];
    if (vcpu) this.core.yield(vcpu.scheduled);
  }

  save(): unknown {
    return {
      residents: this.residents.map((vcpu) => (vcpu ? { domid: vcpu.domid, vcpu: vcpu.id } : null)),
      core: this.core.save(),
    };
  }

  /** local_events_need_delivery_nomask(). */
  private hasEvent(vcpu: Vcpu): boolean {
    const domain = this.find(vcpu.domid);
    const vgicCpu = domain?.vgic.cpus[vcpu.id];
    if (domain === undefined || vgicCpu === undefined) return false;
    if (vgicCpu.listRegisters.hasDeliverable()) return true;
    // A pending upcall whose interrupt is not under way keeps the vCPU from waiting.
    const upcall = domain.domain.vcpus[vcpu.id]?.upcallPending === true;
    return upcall && vgicCpu.privateInterrupts[GUEST_EVTCHN_PPI]?.inflight === false;
  }

  private enterBlocked(vcpu: Vcpu, untilNs: number | undefined): void {
    vcpu.blocked = true;
    this.core.sleep(vcpu.scheduled);
    if (untilNs === undefined) return;
    vcpu.blockedUntilNs = untilNs;
    this.programTimer(vcpu);
  }

  private unblock(vcpu: Vcpu): void {
    vcpu.blocked = false;
    if (vcpu.blockedUntilNs !== undefined) {
      vcpu.blockedUntilNs = undefined;
      this.programTimer(vcpu);
    }
    if (vcpu.runnable) this.core.wake(vcpu.scheduled);
  }

  /** It is off, or paused. */
  private stop(vcpu: Vcpu): void {
    if (vcpu.scheduled.isRunnable) this.core.sleep(vcpu.scheduled);
    else this.stateChanged(vcpu.scheduled);
  }

  // ---------------------------------------------------------------- SchedulingHost

  private switchIn({ domain, id }: ScheduledVcpu): void {
    const hosted = this.find(domain.domid);
    const vcpu = hosted?.vcpus[id];
    if (!vcpu) return;
    this.platform.gic.setVirtualInterface(vcpu.cpu.index, true);
    hosted.vgic.cpus[id]?.listRegisters.flush();
    this.observer.vcpuSwitched(domain.domid, id, true);
    this.platform.scheduler.wake(vcpu.cpu.index);
  }

  private switchOut({ domain, id }: ScheduledVcpu): void {
    const vcpu = this.find(domain.domid)?.vcpus[id];
    if (!vcpu) return;
    this.platform.gic.setVirtualInterface(vcpu.cpu.index, false);
    this.observer.vcpuSwitched(domain.domid, id, false);
    this.platform.scheduler.park(vcpu.cpu.index);
  }

  private stateChanged(scheduled: ScheduledVcpu): void {
    const { domid } = scheduled.domain;
    const hosted = this.find(domid);
    const vcpu = hosted?.vcpus[scheduled.id];
    if (!vcpu) return;
    const state = runstateOf(vcpu);
    hosted.domain.vcpus[vcpu.id]?.enterRunstate(state, this.nanoseconds());
    if (state !== 'runnable') this.observer.vcpuChanged(domid, vcpu.id, state);
  }
}

function runstateOf({ scheduled, down, paused }: Vcpu): Runstate {
  if (scheduled.isRunning) return 'running';
  if (scheduled.isRunnable) return 'runnable';
  return down || paused ? 'offline' : 'blocked';
}

/** What the machine has unless it is told: enough for all vCPUs, up to this many. */
const PHYSICAL_CPUS = 8;

/** The vCPU on whose CPU the timers of the whole domain run: the first that is on. */
const timekeeper = (domain: HostedDomain): Vcpu | undefined => domain.vcpus.find((vcpu) => !vcpu.down);

const ticksAt = (nanoseconds: number | undefined): number =>
  nanoseconds === undefined ? Infinity : Math.ceil(nanoseconds / NANOSECONDS_PER_TICK);
