// The scheduler before credit2. Xen common/sched/credit.c.
//
// Each physical CPU has a queue, by priority: those that were just woken (BOOST), those with credit left (UNDER), those
// without (OVER). Who runs burns credit; every accounting period the credit of all CPUs is shared out by weight among
// the vCPUs that are active. A CPU that would run a vCPU without credit, or nobody, looks for a better one at its peers.

import { invariant } from '../../base/errors.ts';
import {
  insertAt,
  type PhysicalCpu,
  type PolicySockets,
  removeFrom,
  type SchedulingPolicy,
} from './policy.ts';
import {
  ALL_CPUS,
  type CpuSet,
  hasCpu,
  nameOfVcpu,
  type ScheduledDomain,
  type ScheduledVcpu,
} from './scheduled-vcpu.ts';

const MILLISECOND = 1_000_000;
const TICK = 10 * MILLISECOND;
const TIME_SLICE = 30 * MILLISECOND;
const ACCOUNTING = 30 * MILLISECOND;
const CREDITS_PER_MILLISECOND = 10;
const CREDITS_PER_SLICE = 300;
const RATELIMIT = MILLISECOND;

const BOOST = 0;
const UNDER = -1;
const OVER = -2;
const IDLE = -64;

class CreditVcpu {
  readonly vcpu: ScheduledVcpu;
  credit = 0;
  priority = UNDER;
  /** Since when it burns. */
  startTime = 0;
  /** It earns credit. */
  isActive = false;
  /** It has used more than its domain's cap. */
  isParked = false;
  isQueued = false;
  yields = false;

  constructor(vcpu: ScheduledVcpu) {
    this.vcpu = vcpu;
  }
}

export class CreditPolicy implements SchedulingPolicy {
  readonly name = 'credit';
  cpus: CpuSet = 0;
  slice = Number.POSITIVE_INFINITY;
  private readonly sockets: PolicySockets;
  private readonly ratelimit: number;
  private readonly states = new Map<ScheduledVcpu, CreditVcpu>();
  /** By physical CPU. */
  private readonly queues: CreditVcpu[][];
  private readonly nextTick: number[];
  private nextAccounting = Number.POSITIVE_INFINITY;
  /** What was left of the credit, in sum, after the last accounting. */
  private balance = 0;

  constructor(sockets: PolicySockets, ratelimit = RATELIMIT) {
    this.sockets = sockets;
    this.ratelimit = ratelimit;
    this.queues = sockets.cpus.map(() => []);
    this.nextTick = sockets.cpus.map(() => Number.POSITIVE_INFINITY);
  }

  addCpu(cpu: number): void {
    this.cpus = (this.cpus | (1 << cpu)) >>> 0;
    this.sockets.raise(cpu);
  }

  removeCpu(cpu: number): void {
    this.cpus = (this.cpus & ~(1 << cpu)) >>> 0;
    for (const state of this.queueOf(cpu).splice(0)) {
      state.isQueued = false;
      state.vcpu.processor = this.bestCpuOf(state.vcpu);
      this.enqueue(state);
      this.tickle(state);
    }
  }

  insert(vcpu: ScheduledVcpu): void {
    this.states.set(vcpu, new CreditVcpu(vcpu));
    vcpu.processor = this.bestCpuOf(vcpu);
  }

  remove(vcpu: ScheduledVcpu): void {
    this.dequeue(this.stateOf(vcpu));
    this.states.delete(vcpu);
  }

  wake(vcpu: ScheduledVcpu): void {
    const state = this.stateOf(vcpu);
    if (state.isParked) return;
    if (state.priority === UNDER) state.priority = BOOST;
    if (!this.isOurs(vcpu, vcpu.processor)) vcpu.processor = this.bestCpuOf(vcpu);
    this.enqueue(state);
    this.tickle(state);
  }

  sleep(vcpu: ScheduledVcpu): void {
    this.dequeue(this.stateOf(vcpu));
  }

  yield(vcpu: ScheduledVcpu): void {
    this.stateOf(vcpu).yields = true;
  }

  schedule(cpu: PhysicalCpu, now: number): ScheduledVcpu | undefined {
    const { index } = cpu;
    const current = cpu.current && this.stateOf(cpu.current);
    if (current) this.burn(current, now);
    const canGoOn = current !== undefined && current.vcpu.isRunnable && !current.isParked;
    if (current && canGoOn && this.isOurs(current.vcpu, index)) {
      const left = current.vcpu.stateSince + this.ratelimit - now;
      if (!current.yields && left > 0) {
        this.slice = left;
        return current.vcpu;
      }
      this.enqueue(current);
      current.yields = false;
    } else if (current && canGoOn) {
      current.vcpu.processor = this.bestCpuOf(current.vcpu);
      this.enqueue(current);
      this.tickle(current);
    }
    const next = hasCpu(this.cpus, index) ? this.best(index) : undefined;
    if (!next) {
      this.nextTick[index] = Number.POSITIVE_INFINITY;
      this.slice = Number.POSITIVE_INFINITY;
      return undefined;
    }
    this.dequeue(next);
    next.startTime = now;
    next.vcpu.processor = index;
    if (current?.isQueued && current !== next) this.tickle(current);
    if (this.nextTick[index] === Number.POSITIVE_INFINITY) this.nextTick[index] = now + TICK;
    this.slice = TIME_SLICE;
    return next.vcpu;
  }

  affinityChanged(vcpu: ScheduledVcpu): void {
    if (this.isOurs(vcpu, vcpu.processor)) return;
    if (vcpu.isRunning) {
      this.sockets.raise(vcpu.processor);
      return;
    }
    const state = this.stateOf(vcpu);
    const wasQueued = state.isQueued;
    this.dequeue(state);
    vcpu.processor = this.bestCpuOf(vcpu);
    if (!wasQueued) return;
    this.enqueue(state);
    this.tickle(state);
  }

  parametersChanged(domain: ScheduledDomain): void {
    if (domain.parameters.cap === 0) {
      for (const vcpu of domain.vcpus) this.unpark(this.stateOf(vcpu));
    }
  }

  get deadline(): number {
    let deadline = this.nextAccounting;
    for (const tick of this.nextTick) if (tick < deadline) deadline = tick;
    return deadline;
  }

  expire(now: number): void {
    for (let cpu = 0; cpu < this.nextTick.length; cpu++) {
      if ((this.nextTick[cpu] as number) <= now) this.tick(cpu, now);
    }
    if (this.nextAccounting <= now) this.account(now);
  }

  describe(vcpu: ScheduledVcpu): Record<string, number> {
    const { credit, priority, isParked } = this.stateOf(vcpu);
    const { weight, cap } = vcpu.domain.parameters;
    return { credit, priority, weight, ...(cap > 0 && { cap, parked: isParked ? 1 : 0 }) };
  }

  queue(): readonly ScheduledVcpu[] {
    return this.queues.flatMap((queue) => queue.map(({ vcpu }) => vcpu));
  }

  save(): unknown {
    return {
      cpus: this.cpus,
      ratelimit: this.ratelimit,
      nextTick: this.nextTick.map((time) => (Number.isFinite(time) ? time : null)),
      nextAccounting: Number.isFinite(this.nextAccounting) ? this.nextAccounting : null,
      balance: this.balance,
      vcpus: [...this.states.values()].map(({ vcpu, ...state }) => ({ name: nameOfVcpu(vcpu), ...state })),
      queues: this.queues.map((queue) => queue.map(({ vcpu }) => nameOfVcpu(vcpu))),
    };
  }

  // ---------------------------------------------------------------- who is next

  /** The first of the CPU's own queue, unless a peer has a more urgent one that may come here. */
  private best(cpu: number): CreditVcpu | undefined {
    const own = this.queueOf(cpu)[0];
    if (own && own.priority > OVER) return own;
    return (
      this.steal(cpu, own?.priority ?? IDLE, true) ?? this.steal(cpu, own?.priority ?? IDLE, false) ?? own
    );
  }

  private steal(cpu: number, above: number, byLiking: boolean): CreditVcpu | undefined {
    for (let i = 1; i < this.queues.length; i++) {
      for (const state of this.queueOf((cpu + i) % this.queues.length)) {
        if (state.priority <= above) break;
        const { softAffinity } = state.vcpu;
        if (byLiking && (softAffinity === ALL_CPUS || !hasCpu(softAffinity, cpu))) continue;
        if (this.isOurs(state.vcpu, cpu)) return state;
      }
    }
    return undefined;
  }

  /** Asks its CPU when it is more urgent than who runs there, else a CPU that has nothing to do. */
  private tickle({ vcpu, priority }: CreditVcpu): void {
    const running = this.sockets.cpus[vcpu.processor]?.current;
    const current = running && this.states.get(running);
    if (!current) {
      this.sockets.raise(vcpu.processor);
      return;
    }
    const idle = this.idleCpuOf(vcpu, vcpu.hardAffinity & vcpu.softAffinity);
    const any = idle >= 0 ? idle : this.idleCpuOf(vcpu, vcpu.hardAffinity);
    if (any >= 0) this.sockets.raise(any);
    else if (priority > current.priority) this.sockets.raise(vcpu.processor);
  }

  private idleCpuOf(vcpu: ScheduledVcpu, allowed: CpuSet): number {
    for (let i = 0; i < this.sockets.cpus.length; i++) {
      const cpu = (vcpu.processor + i) % this.sockets.cpus.length;
      const isIdle = this.sockets.cpus[cpu]?.current === undefined && !this.sockets.isRaised(cpu);
      if (isIdle && hasCpu(allowed & this.cpus, cpu)) return cpu;
    }
    return -1;
  }

  /** An idle one, or one with the fewest vCPUs that wait. */
  private bestCpuOf(vcpu: ScheduledVcpu): number {
    const idle = this.idleCpuOf(vcpu, vcpu.hardAffinity & vcpu.softAffinity);
    if (idle >= 0) return idle;
    let best = -1;
    for (let cpu = 0; cpu < this.queues.length; cpu++) {
      if (!this.isOurs(vcpu, cpu)) continue;
      if (best < 0 || this.queueOf(cpu).length < this.queueOf(best).length) best = cpu;
    }
    return best >= 0 ? best : vcpu.processor;
  }

  // ---------------------------------------------------------------- credit

  private burn(state: CreditVcpu, now: number): void {
    const credits = Math.round(((now - state.startTime) * CREDITS_PER_MILLISECOND) / MILLISECOND);
    if (credits <= 0) return;
    state.credit -= credits;
    state.startTime += (credits * MILLISECOND) / CREDITS_PER_MILLISECOND;
  }

  private tick(cpu: number, now: number): void {
    const current = this.sockets.cpus[cpu]?.current;
    if (!current) {
      this.nextTick[cpu] = Number.POSITIVE_INFINITY;
      return;
    }
    this.nextTick[cpu] = now + TICK;
    const state = this.stateOf(current);
    // It uses a part of the CPU that is no trifle.
    if (state.priority === BOOST) state.priority = UNDER;
    this.burn(state, now);
    state.isActive = true;
    if (this.nextAccounting === Number.POSITIVE_INFINITY) this.nextAccounting = now + ACCOUNTING;
  }

  private account(now: number): void {
    const domains = new Map<ScheduledDomain, CreditVcpu[]>();
    for (const state of this.states.values()) {
      if (!state.isActive) continue;
      const active = domains.get(state.vcpu.domain) ?? [];
      active.push(state);
      domains.set(state.vcpu.domain, active);
    }
    this.nextAccounting = domains.size > 0 ? now + ACCOUNTING : Number.POSITIVE_INFINITY;
    let weightLeft = 0;
    for (const [{ parameters }, active] of domains) weightLeft += parameters.weight * active.length;
    const weightTotal = weightLeft;
    let cpus = 0;
    for (const { index } of this.sockets.cpus) if (hasCpu(this.cpus, index)) cpus++;
    const missing = Math.max(-this.balance, 0);
    let total = cpus * CREDITS_PER_SLICE + missing;
    let balance = 0;
    for (const [{ parameters }, active] of domains) {
      const { weight, cap } = parameters;
      const count = active.length;
      weightLeft -= weight * count;
      const most = Math.ceil((cap * CREDITS_PER_SLICE) / 100);
      let peak = count * CREDITS_PER_SLICE + Math.ceil((missing * weight * count) / weightTotal);
      if (cap > 0) peak = Math.min(peak, most);
      const fair = Math.ceil((total * weight * count) / weightTotal);
      // What it may not have is the others'.
      if (fair >= peak && weightLeft > 0) total += Math.ceil(((fair - peak) * weightTotal) / weightLeft);
      const each = Math.ceil(Math.min(fair, peak) / count);
      for (const state of active) {
        state.credit += each;
        this.judge(state, cap > 0 ? Math.ceil(most / count) : undefined);
        balance += state.credit;
      }
    }
    this.balance = balance;
    for (const queue of this.queues) queue.sort((a, b) => b.priority - a.priority);
  }

  /** After it was given credit: priority, and whether it stands for its cap. */
  private judge(state: CreditVcpu, cap: number | undefined): void {
    if (state.credit < 0) {
      state.priority = OVER;
      if (cap !== undefined && state.credit < -cap) this.park(state);
      state.credit = Math.max(state.credit, -CREDITS_PER_SLICE);
      return;
    }
    state.priority = UNDER;
    this.unpark(state);
    if (state.credit <= CREDITS_PER_SLICE) return;
    // It does not use what it earns.
    state.isActive = false;
    state.credit = Math.floor(state.credit / 2);
  }

  private park(state: CreditVcpu): void {
    if (state.isParked) return;
    state.isParked = true;
    if (state.vcpu.isRunning) this.sockets.raise(state.vcpu.processor);
    else this.dequeue(state);
  }

  private unpark(state: CreditVcpu): void {
    if (!state.isParked) return;
    state.isParked = false;
    if (!state.vcpu.isRunnable || state.vcpu.isRunning) return;
    this.enqueue(state);
    this.tickle(state);
  }

  // ---------------------------------------------------------------- queues

  private enqueue(state: CreditVcpu): void {
    if (state.isQueued) return;
    const queue = this.queueOf(state.vcpu.processor);
    let at = 0;
    while (at < queue.length && (queue[at] as CreditVcpu).priority >= state.priority) at++;
    // One that yields lets one of lower priority go first too.
    if (state.yields && at < queue.length) at++;
    insertAt(queue, at, state);
    state.isQueued = true;
  }

  private dequeue(state: CreditVcpu): void {
    if (!state.isQueued) return;
    removeFrom(this.queueOf(state.vcpu.processor), state);
    state.isQueued = false;
  }

  private queueOf(cpu: number): CreditVcpu[] {
    return this.queues[cpu] as CreditVcpu[];
  }

  private isOurs(vcpu: ScheduledVcpu, cpu: number): boolean {
    return hasCpu(this.cpus & vcpu.hardAffinity, cpu);
  }

  private stateOf(vcpu: ScheduledVcpu): CreditVcpu {
    const state = this.states.get(vcpu);
    invariant(state !== undefined, 'a vCPU was inserted before it is scheduled');
    return state;
  }
}
