// Which vCPU may run where, and when a waiting one goes on: a null scheduler, with the timers that
// end waits. It is also the hypervisor's clock, and the socket through which hypercalls reach vCPUs.

import { invariant } from '../../base/errors.ts';
import type { TrapOutcome } from '../../cpu/monitor.ts';
import { NANOSECONDS_PER_TICK } from '../../devices/clock.ts';
import { CTL_ENABLE } from '../../devices/generic-timer.ts';
import { SPSR_EL2 } from '../../memory/layout.ts';
import type { Runstate } from '../abi/shared-info.ts';
import type { ObserverCalls } from '../observer.ts';
import type { VcpuControl } from '../sockets.ts';
import { GUEST_EVTCHN_PPI } from '../toolstack/guest-layout.ts';
import type { Vcpu } from '../vcpu.ts';
import { expirePhysicalTimer, physicalTimerDeadline } from '../vtimer.ts';
import type { HostedDomain } from './hosted-domain.ts';
import type { Platform } from './platform.ts';

const PSTATE_I = 1n << 7n;
const TWO_32 = 2 ** 32;

const RESUME: TrapOutcome = { kind: 'resume' };
const WAIT: TrapOutcome = { kind: 'wait' };
const OFF: TrapOutcome = { kind: 'off' };
const YIELD: TrapOutcome = { kind: 'yield' };

export class Scheduler implements VcpuControl {
  /** By physical CPU. */
  private readonly residents: (Vcpu | undefined)[];
  private yielded = false;
  private readonly platform: Platform;
  private readonly find: (domid: number) => HostedDomain | undefined;
  private readonly observer: ObserverCalls;

  constructor(
    platform: Platform,
    find: (domid: number) => HostedDomain | undefined,
    observer: ObserverCalls,
  ) {
    this.observer = observer;
    this.platform = platform;
    this.find = find;
    this.residents = platform.cpus.map(() => undefined);
  }

  residentOn(cpu: number): Vcpu | undefined {
    return this.residents[cpu];
  }

  /** CPUs that no vCPU is resident on, lowest first. */
  freeCpus(): number[] {
    return [...this.residents.keys()].filter((cpu) => this.residents[cpu] === undefined);
  }

  place(vcpu: Vcpu): void {
    invariant(this.residents[vcpu.cpu.index] === undefined, 'one vCPU is resident on a CPU');
    this.residents[vcpu.cpu.index] = vcpu;
  }

  /** After a trap: what the CPU does next. */
  outcomeFor(vcpu: Vcpu): TrapOutcome {
    const yielded = this.yielded;
    this.yielded = false;
    if (vcpu.down || vcpu.paused) return OFF;
    if (vcpu.blocked) return WAIT;
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
    if (vcpu.blockedUntilNs !== undefined && vcpu.blockedUntilNs <= now) this.unblock(domain, vcpu);
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
    this.enterRunstate(vcpu, 'running');
    this.platform.gic.setVirtualInterface(vcpu.cpu.index, true);
    this.platform.scheduler.start(vcpu.cpu.index);
  }

  /** PSCI CPU_OFF by the vCPU itself. */
  goDown(domain: HostedDomain, vcpu: Vcpu): void {
    vcpu.down = true;
    const vgicCpu = domain.vgic.cpus[vcpu.id];
    if (vgicCpu) vgicCpu.online = false;
    this.suspend(vcpu);
    this.programTimerOf(domain.id);
  }

  /** Every vCPU of the domain stops. */
  pauseDomain(domain: HostedDomain): void {
    for (const vcpu of domain.vcpus) {
      if (vcpu.paused) continue;
      vcpu.paused = true;
      if (!vcpu.down) this.suspend(vcpu);
    }
  }

  /** The vCPUs of a paused domain go on where they were: running, waiting or off. */
  unpauseDomain(domain: HostedDomain): void {
    for (const vcpu of domain.vcpus) {
      if (!vcpu.paused) continue;
      vcpu.paused = false;
      if (vcpu.down) continue;
      const { index } = vcpu.cpu;
      this.platform.gic.setVirtualInterface(index, true);
      domain.vgic.cpus[vcpu.id]?.listRegisters.flush();
      this.enterRunstate(vcpu, vcpu.blocked ? 'blocked' : 'running');
      if (vcpu.blocked) this.platform.scheduler.park(index);
      else this.platform.scheduler.wake(index);
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
    if (domain && vcpu?.blocked) this.unblock(domain, vcpu);
  }

  yield(_domid: number, _vcpu: number): void {
    this.yielded = true;
  }

  save(): unknown {
    return { residents: this.residents.map((vcpu) => (vcpu ? { domid: vcpu.domid, vcpu: vcpu.id } : null)) };
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
    this.enterRunstate(vcpu, 'blocked');
    if (untilNs === undefined) return;
    vcpu.blockedUntilNs = untilNs;
    this.programTimer(vcpu);
  }

  private unblock(domain: HostedDomain, vcpu: Vcpu): void {
    vcpu.blocked = false;
    if (vcpu.blockedUntilNs !== undefined) {
      vcpu.blockedUntilNs = undefined;
      this.programTimer(vcpu);
    }
    if (!vcpu.runnable) return;
    this.enterRunstate(vcpu, 'running');
    domain.vgic.cpus[vcpu.id]?.listRegisters.flush();
    this.platform.scheduler.wake(vcpu.cpu.index);
  }

  private suspend(vcpu: Vcpu): void {
    this.enterRunstate(vcpu, 'offline');
    this.platform.gic.setVirtualInterface(vcpu.cpu.index, false);
    this.platform.scheduler.park(vcpu.cpu.index);
  }

  private enterRunstate(vcpu: Vcpu, state: Runstate): void {
    this.find(vcpu.domid)?.domain.vcpus[vcpu.id]?.enterRunstate(state, this.nanoseconds());
    if (state !== 'runnable') this.observer.vcpuChanged(vcpu.domid, vcpu.id, state);
  }
}

/** The vCPU on whose CPU the timers of the whole domain run: the first that is on. */
const timekeeper = (domain: HostedDomain): Vcpu | undefined => domain.vcpus.find((vcpu) => !vcpu.down);

const ticksAt = (nanoseconds: number | undefined): number =>
  nanoseconds === undefined ? Infinity : Math.ceil(nanoseconds / NANOSECONDS_PER_TICK);
