// The default scheduler: general purpose, fair by weight, with a look at latency. Xen common/sched/credit2.c; the
// physical CPUs of the machine are cores of one socket, so they share one runqueue.
//
// Who runs burns credit, the faster the lower its weight is; who has the most credit runs. When nobody that could run
// has any left, an epoch ends and all get CREDIT_INIT more. A capped domain has in addition a budget that is filled up
// every BUDGET_PERIOD: its vCPUs take their part of it while they run, and are parked when there is none.

import { invariant } from '../../base/errors.ts';
import {
  insertAt,
  type PhysicalCpu,
  type PolicySockets,
  removeFrom,
  type SchedulingPolicy,
} from './policy.ts';
import {
  type CpuSet,
  hasCpu,
  nameOfVcpu,
  type ScheduledDomain,
  type ScheduledVcpu,
} from './scheduled-vcpu.ts';

const MICROSECOND = 1000;
const MILLISECOND = 1_000_000;

/** What the vCPU of the highest weight may run before an epoch ends. */
const CREDIT_INIT = 10 * MILLISECOND;
const CREDIT_MIN = -CREDIT_INIT;
const IDLE_CREDIT = CREDIT_MIN - 1;
const SLICE_MIN = 500 * MICROSECOND;
const SLICE_MAX = CREDIT_INIT;
/** What may be left over from the epoch before. */
const CARRYOVER_MAX = SLICE_MIN;
/** A vCPU moves to another CPU only for an advantage of this much, and gets something for it. */
const MIGRATE_RESIST = 500 * MICROSECOND;
const MIGRATE_COMPENSATION = 50 * MICROSECOND;
const TICKLE_TOLERANCE = 50 * MICROSECOND;
const BUDGET_PERIOD = 10 * MILLISECOND;
/** Xen's sched_ratelimit_us: who runs is not preempted before. */
export const RATELIMIT = 1000 * MICROSECOND;

class Credit2Vcpu {
  readonly vcpu: ScheduledVcpu;
  readonly domain: Credit2Domain;
  credit = CREDIT_INIT;
  /** What is left of the division of time by weight. */
  residual = 0;
  /** Since when it burns. */
  startTime = 0;
  /** Of a capped domain: what it may still run. */
  budget = 0;
  /** No budget was left for it. */
  isParked = false;
  isQueued = false;
  yields = false;
  /** The CPU that was asked to run it; -1: none. */
  tickled = -1;

  constructor(vcpu: ScheduledVcpu, domain: Credit2Domain) {
    this.vcpu = vcpu;
    this.domain = domain;
  }

  get weight(): number {
    return this.domain.domain.parameters.weight;
  }
}

class Credit2Domain {
  readonly domain: ScheduledDomain;
  readonly vcpus: Credit2Vcpu[] = [];
  /** What its vCPUs may take, of `perPeriod`. */
  budget = 0;
  nextReplenishment = 0;

  constructor(domain: ScheduledDomain) {
    this.domain = domain;
  }

  get isCapped(): boolean {
    return this.domain.parameters.cap > 0;
  }

  get perPeriod(): number {
    return (BUDGET_PERIOD * this.domain.parameters.cap) / 100;
  }

  /** The most one vCPU takes at once, so that others of the domain have some too. */
  get quota(): number {
    return Math.max(Math.floor(this.perPeriod / this.vcpus.length), Math.min(SLICE_MIN, this.perPeriod));
  }

  get hasWork(): boolean {
    for (const { vcpu } of this.vcpus) if (vcpu.isRunnable) return true;
    return false;
  }
}

export class Credit2Policy implements SchedulingPolicy {
  readonly name = 'credit2';
  cpus: CpuSet = 0;
  slice = Number.POSITIVE_INFINITY;
  private readonly sockets: PolicySockets;
  private readonly ratelimit: number;
  private readonly states = new Map<ScheduledVcpu, Credit2Vcpu>();
  private readonly domains = new Map<ScheduledDomain, Credit2Domain>();
  /** Most credit first; first come, first served among equals. */
  private readonly runqueue: Credit2Vcpu[] = [];
  private maximumWeight = 1;

  constructor(sockets: PolicySockets, ratelimit = RATELIMIT) {
    this.sockets = sockets;
    this.ratelimit = ratelimit;
  }

  addCpu(cpu: number): void {
    this.cpus = (this.cpus | (1 << cpu)) >>> 0;
    this.sockets.raise(cpu);
  }

  removeCpu(cpu: number): void {
    this.cpus = (this.cpus & ~(1 << cpu)) >>> 0;
  }

  insert(vcpu: ScheduledVcpu, now: number): void {
    let domain = this.domains.get(vcpu.domain);
    if (!domain) {
      domain = new Credit2Domain(vcpu.domain);
      domain.budget = domain.perPeriod;
      domain.nextReplenishment = now + BUDGET_PERIOD;
      this.domains.set(vcpu.domain, domain);
    }
    const state = new Credit2Vcpu(vcpu, domain);
    domain.vcpus.push(state);
    this.states.set(vcpu, state);
    this.findMaximumWeight();
    if (!this.isOurs(vcpu, vcpu.processor)) vcpu.processor = this.firstCpuOf(vcpu);
  }

  remove(vcpu: ScheduledVcpu): void {
    const state = this.stateOf(vcpu);
    this.dequeue(state);
    removeFrom(state.domain.vcpus, state);
    this.states.delete(vcpu);
    if (state.domain.vcpus.length === 0) this.domains.delete(vcpu.domain);
    this.findMaximumWeight();
  }

  wake(vcpu: ScheduledVcpu, now: number): void {
    const state = this.stateOf(vcpu);
    if (state.domain.isCapped) this.catchUp(state.domain, now);
    // Back from a pause or a wait: what stood in its way then may be over.
    state.isParked = false;
    if (!this.isOurs(vcpu, vcpu.processor)) vcpu.processor = this.firstCpuOf(vcpu);
    this.enqueue(state);
    this.tickle(state, now);
  }

  sleep(vcpu: ScheduledVcpu): void {
    const state = this.stateOf(vcpu);
    state.isParked = false;
    this.dequeue(state);
  }

  yield(vcpu: ScheduledVcpu): void {
    this.stateOf(vcpu).yields = true;
  }

  schedule(cpu: PhysicalCpu, now: number): ScheduledVcpu | undefined {
    const current = cpu.current && this.stateOf(cpu.current);
    if (current) this.burn(current, now);
    const canGoOn =
      current !== undefined &&
      current.vcpu.isRunnable &&
      hasCpu(this.cpus, cpu.index) &&
      this.hasBudget(current);

    const next = this.candidate(cpu, current, canGoOn, now);
    // What it did not use is the domain's again.
    if (current && current !== next) this.leave(current, now);
    if (next) this.begin(next, cpu.index, now);
    if (current && current !== next && current.vcpu.isRunnable && !current.isParked) {
      this.enqueue(current);
      // Another CPU may have nothing better to do.
      this.tickle(current, now, cpu.index);
    }
    this.slice = next ? this.sliceOf(next, now) : Number.POSITIVE_INFINITY;
    return next?.vcpu;
  }

  affinityChanged(vcpu: ScheduledVcpu, now: number): void {
    const state = this.stateOf(vcpu);
    if (vcpu.isRunning) {
      if (!this.isOurs(vcpu, vcpu.processor)) this.sockets.raise(vcpu.processor);
      return;
    }
    if (!this.isOurs(vcpu, vcpu.processor)) vcpu.processor = this.firstCpuOf(vcpu);
    if (state.isQueued) this.tickle(state, now);
  }

  parametersChanged(domain: ScheduledDomain, now: number): void {
    const state = this.domains.get(domain);
    if (!state) return;
    this.findMaximumWeight();
    state.budget = state.perPeriod;
    state.nextReplenishment = now + BUDGET_PERIOD;
    for (const vcpu of state.vcpus) {
      vcpu.budget = 0;
      if (vcpu.vcpu.isRunning) this.sockets.raise(vcpu.vcpu.processor);
    }
    this.unpark(state, now);
  }

  get deadline(): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (const domain of this.domains.values()) {
      if (domain.isCapped && domain.hasWork) deadline = Math.min(deadline, domain.nextReplenishment);
    }
    return deadline;
  }

  expire(now: number): void {
    for (const domain of this.domains.values()) {
      if (!domain.isCapped || domain.nextReplenishment > now) continue;
      this.catchUp(domain, now);
      if (domain.budget > 0) this.unpark(domain, now);
    }
  }

  describe(vcpu: ScheduledVcpu): Record<string, number> {
    const { credit, weight, domain, budget, isParked } = this.stateOf(vcpu);
    const cap = domain.isCapped
      ? { cap: vcpu.domain.parameters.cap, budget: budget + domain.budget, parked: isParked ? 1 : 0 }
      : {};
    return { credit, weight, ...cap };
  }

  queue(): readonly ScheduledVcpu[] {
    return this.runqueue.map(({ vcpu }) => vcpu);
  }

  save(): unknown {
    return {
      cpus: this.cpus,
      ratelimit: this.ratelimit,
      domains: [...this.domains.values()].map(({ domain, budget, nextReplenishment }) => ({
        domid: domain.domid,
        budget,
        nextReplenishment,
      })),
      vcpus: [...this.states.values()].map(
        ({ vcpu, credit, residual, startTime, budget, isParked, isQueued, yields, tickled }) => ({
          name: nameOfVcpu(vcpu),
          credit,
          residual,
          startTime,
          budget,
          isParked,
          isQueued,
          yields,
          tickled,
        }),
      ),
      runqueue: this.runqueue.map(({ vcpu }) => nameOfVcpu(vcpu)),
    };
  }

  // ---------------------------------------------------------------- who is next

  private candidate(
    cpu: PhysicalCpu,
    current: Credit2Vcpu | undefined,
    canGoOn: boolean,
    now: number,
  ): Credit2Vcpu | undefined {
    const yields = current?.yields ?? false;
    if (current && !yields && canGoOn && now - current.vcpu.stateSince < this.ratelimit) {
      if (this.isOurs(current.vcpu, cpu.index)) return current;
    }
    if (current) current.yields = false;
    const stays = canGoOn && current !== undefined && this.isOurs(current.vcpu, cpu.index);
    const prefersAnother = stays && this.couldMoveHome(current, cpu.index);
    const fallback = stays && !prefersAnother ? current : undefined;
    const credit = fallback?.credit ?? IDLE_CREDIT;
    if (!hasCpu(this.cpus, cpu.index)) return undefined;
    for (let i = 0; i < this.runqueue.length; i++) {
      const waiting = this.runqueue[i] as Credit2Vcpu;
      if (!yields && waiting.credit <= credit) break;
      if (!waiting.vcpu.mayRunOn(cpu.index)) continue;
      if (waiting.tickled >= 0 && waiting.tickled !== cpu.index && this.sockets.isRaised(waiting.tickled))
        continue;
      if (waiting.vcpu.processor !== cpu.index && credit + MIGRATE_RESIST > waiting.credit) continue;
      if (this.hasBudget(waiting)) return waiting;
      // It was parked, and is in the queue no more.
      i--;
    }
    return fallback;
  }

  private begin(next: Credit2Vcpu, cpu: number, now: number): void {
    this.dequeue(next);
    const first = this.runqueue[0]?.credit ?? IDLE_CREDIT;
    if (Math.max(next.credit, first) <= 0) this.endEpoch(next, now);
    next.startTime = now;
    next.tickled = -1;
    if (next.vcpu.processor === cpu) return;
    next.vcpu.processor = cpu;
    next.credit += MIGRATE_COMPENSATION;
  }

  /** It runs where it would rather not, while a CPU that it likes has nothing to do. */
  private couldMoveHome({ vcpu }: Credit2Vcpu, cpu: number): boolean {
    if (hasCpu(vcpu.softAffinity, cpu)) return false;
    return this.idleCpuOf(vcpu, vcpu.hardAffinity & vcpu.softAffinity) >= 0;
  }

  /** Until its credit is that of the next; neither too short nor too long. */
  private sliceOf(next: Credit2Vcpu, now: number): number {
    const { vcpu } = next;
    const unlimited = vcpu.isRunning ? vcpu.stateSince + this.ratelimit - now : this.ratelimit;
    const least = Math.max(SLICE_MIN, unlimited);
    const other = Math.max(this.runqueue[0]?.credit ?? 0, 0);
    const credit = next.credit - other;
    let time = credit > 0 ? Math.floor((credit * next.weight + next.residual) / this.maximumWeight) : 0;
    if (next.domain.isCapped) {
      time = Math.min(time, next.budget);
      // A budget that is smaller than the least slice is still all that there is.
      return Math.max(Math.min(Math.max(time, least), next.budget, SLICE_MAX), 1);
    }
    return Math.min(Math.max(time, least), SLICE_MAX);
  }

  /** Asks the CPU that should run it: an idle one, or the one whose vCPU has the least credit. */
  private tickle(state: Credit2Vcpu, now: number, notOn = -1): void {
    const { vcpu } = state;
    const home = this.idleCpuOf(vcpu, vcpu.hardAffinity & vcpu.softAffinity, notOn);
    const idle = home >= 0 ? home : this.idleCpuOf(vcpu, vcpu.hardAffinity, notOn);
    if (idle >= 0) {
      state.tickled = idle;
      this.sockets.raise(idle);
      return;
    }
    let best = -1;
    let most = 0;
    for (let cpu = 0; cpu < this.sockets.cpus.length; cpu++) {
      if (cpu === notOn || !this.isOurs(vcpu, cpu) || this.sockets.isRaised(cpu)) continue;
      const score = this.tickleScore(state, cpu, now);
      // Where it was is preferred to all others.
      if (score > 0 && cpu === vcpu.processor && hasCpu(vcpu.softAffinity, cpu)) {
        best = cpu;
        break;
      }
      if (score > most) {
        best = cpu;
        most = score;
      }
    }
    if (best < 0) return;
    state.tickled = best;
    this.sockets.raise(best);
  }

  /** How much it gains by preempting whoever runs there; not above 0 when it must not. */
  private tickleScore(state: Credit2Vcpu, cpu: number, now: number): number {
    const running = this.sockets.cpus[cpu]?.current;
    const current = running && this.states.get(running);
    if (!current) return 0;
    if (now - current.vcpu.stateSince < this.ratelimit - TICKLE_TOLERANCE) return 0;
    this.burn(current, now);
    let score = state.credit - current.credit;
    if (state.vcpu.processor !== cpu) score -= MIGRATE_RESIST;
    if (score <= 0) return score;
    if (hasCpu(state.vcpu.softAffinity, cpu)) score += CREDIT_INIT;
    if (!hasCpu(current.vcpu.softAffinity, cpu)) score += CREDIT_INIT;
    return score;
  }

  /** The one it was on if that is idle, else the next one above it; -1 when there is none. */
  private idleCpuOf(vcpu: ScheduledVcpu, allowed: CpuSet, notOn = -1): number {
    const count = this.sockets.cpus.length;
    for (let i = 0; i < count; i++) {
      const cpu = (vcpu.processor + i) % count;
      if (cpu === notOn || !hasCpu(allowed & this.cpus, cpu)) continue;
      if (this.sockets.cpus[cpu]?.current === undefined && !this.sockets.isRaised(cpu)) return cpu;
    }
    return -1;
  }

  // ---------------------------------------------------------------- credits

  private burn(state: Credit2Vcpu, now: number): void {
    const time = now - state.startTime;
    if (time <= 0) return;
    const burned = time * this.maximumWeight + state.residual;
    state.residual = burned % state.weight;
    state.credit = Math.max(state.credit - Math.floor(burned / state.weight), CREDIT_MIN);
    if (state.domain.isCapped) state.budget -= time;
    state.startTime = now;
  }

  /** All get credit for the next epoch; their order stays. */
  private endEpoch(next: Credit2Vcpu, now: number): void {
    const more = next.credit === CREDIT_MIN ? 2 * CREDIT_INIT : CREDIT_INIT;
    for (const state of this.states.values()) {
      if (state.vcpu.isRunning && this.sockets.cpus[state.vcpu.processor]?.current === state.vcpu) {
        this.burn(state, now);
        if (state.domain.isCapped && state.budget <= 0) this.sockets.raise(state.vcpu.processor);
      }
      state.credit = Math.min(state.credit + more, CREDIT_INIT + CARRYOVER_MAX);
    }
  }

  private findMaximumWeight(): void {
    this.maximumWeight = 1;
    for (const { weight } of this.states.values()) this.maximumWeight = Math.max(this.maximumWeight, weight);
  }

  // ---------------------------------------------------------------- budgets

  /** Takes a part of the domain's budget if it has none; parks it when there is none. */
  private hasBudget(state: Credit2Vcpu): boolean {
    const { domain } = state;
    if (!domain.isCapped || state.budget > 0) return true;
    // What it ran too long is missing from the domain's budget.
    domain.budget += state.budget;
    state.budget = 0;
    if (domain.budget > 0) {
      state.budget = Math.min(domain.budget, domain.quota);
      domain.budget -= state.budget;
      return true;
    }
    this.dequeue(state);
    state.isParked = true;
    return false;
  }

  private leave(state: Credit2Vcpu, now: number): void {
    const { domain } = state;
    if (!domain.isCapped) return;
    domain.budget += state.budget;
    state.budget = 0;
    if (domain.budget > 0) this.unpark(domain, now, state);
  }

  private unpark(domain: Credit2Domain, now: number, except?: Credit2Vcpu): void {
    for (const state of domain.vcpus) {
      if (!state.isParked || state === except) continue;
      state.isParked = false;
      if (!state.vcpu.isRunnable) continue;
      this.enqueue(state);
      this.tickle(state, now);
    }
  }

  /** A domain that sleeps is not looked at; it never has more than one period's budget. */
  private catchUp(domain: Credit2Domain, now: number): void {
    while (domain.nextReplenishment <= now) {
      const periods = Math.floor((now - domain.nextReplenishment) / BUDGET_PERIOD) + 1;
      domain.nextReplenishment += periods * BUDGET_PERIOD;
      domain.budget = Math.min(domain.budget + periods * domain.perPeriod, domain.perPeriod);
    }
  }

  // ---------------------------------------------------------------- the queue

  private enqueue(state: Credit2Vcpu): void {
    if (state.isQueued) return;
    let at = this.runqueue.length;
    while (at > 0 && (this.runqueue[at - 1] as Credit2Vcpu).credit < state.credit) at--;
    insertAt(this.runqueue, at, state);
    state.isQueued = true;
  }

  private dequeue(state: Credit2Vcpu): void {
    if (!state.isQueued) return;
    removeFrom(this.runqueue, state);
    state.isQueued = false;
  }

  private isOurs(vcpu: ScheduledVcpu, cpu: number): boolean {
    return hasCpu(this.cpus & vcpu.hardAffinity, cpu);
  }

  private firstCpuOf(vcpu: ScheduledVcpu): number {
    const liked = this.idleCpuOf(vcpu, vcpu.hardAffinity & vcpu.softAffinity);
    if (liked >= 0) return liked;
    for (let cpu = 0; cpu < this.sockets.cpus.length; cpu++) if (this.isOurs(vcpu, cpu)) return cpu;
    return vcpu.processor;
  }

  private stateOf(vcpu: ScheduledVcpu): Credit2Vcpu {
    const state = this.states.get(vcpu);
    invariant(state !== undefined, 'a vCPU was inserted before it is scheduled');
    return state;
  }
}
