// Real time: earliest deadline first, with budgets. Xen common/sched/rt.c.
//
// A vCPU gets `budget` in each `period`. Who has the earliest deadline, which is the end of its period, runs until its
// budget is used up; then it waits for the next period, or goes on with extra time (a lower priority level) when
// nobody with a budget of its own wants the CPU. All CPUs of the pool share one queue.

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

/** A slice is not shorter, so that time goes on. */
const SLICE_MIN = 1000;

class RtdsVcpu {
  readonly vcpu: ScheduledVcpu;
  /** Of the present period, with what is left of its budget, and since when that is used. */
  deadline = 0;
  budget = 0;
  startTime = 0;
  /** How often the budget was used up in this period: 0 goes before 1. */
  level = 0;
  isDepleted = false;
  isQueued = false;

  constructor(vcpu: ScheduledVcpu) {
    this.vcpu = vcpu;
  }

  get parameters(): { period: number; budget: number; extratime: boolean } {
    return this.vcpu.domain.parameters;
  }

  goesBefore(other: RtdsVcpu): boolean {
    return this.level !== other.level ? this.level < other.level : this.deadline < other.deadline;
  }
}

export class RtdsPolicy implements SchedulingPolicy {
  readonly name = 'rtds';
  cpus: CpuSet = 0;
  slice = Number.POSITIVE_INFINITY;
  private readonly sockets: PolicySockets;
  private readonly states = new Map<ScheduledVcpu, RtdsVcpu>();
  /** The next one first. */
  private readonly runqueue: RtdsVcpu[] = [];

  constructor(sockets: PolicySockets) {
    this.sockets = sockets;
  }

  addCpu(cpu: number): void {
    this.cpus = (this.cpus | (1 << cpu)) >>> 0;
    this.sockets.raise(cpu);
  }

  removeCpu(cpu: number): void {
    this.cpus = (this.cpus & ~(1 << cpu)) >>> 0;
  }

  insert(vcpu: ScheduledVcpu): void {
    this.states.set(vcpu, new RtdsVcpu(vcpu));
  }

  remove(vcpu: ScheduledVcpu): void {
    this.dequeue(this.stateOf(vcpu));
    this.states.delete(vcpu);
  }

  wake(vcpu: ScheduledVcpu, now: number): void {
    const state = this.stateOf(vcpu);
    if (now >= state.deadline) this.beginPeriod(state, now);
    if (state.isDepleted) return;
    this.enqueue(state);
    this.tickle(state);
  }

  sleep(vcpu: ScheduledVcpu): void {
    this.dequeue(this.stateOf(vcpu));
  }

  yield(): void {}

  schedule(cpu: PhysicalCpu, now: number): ScheduledVcpu | undefined {
    const current = cpu.current && this.stateOf(cpu.current);
    if (current) this.burn(current, now);
    const wants = current?.vcpu.isRunnable === true && !current.isDepleted;
    const stays = wants && this.isOurs(current.vcpu, cpu.index) ? current : undefined;
    const waiting = hasCpu(this.cpus, cpu.index) ? this.firstFor(cpu.index) : undefined;
    const next = stays && (!waiting || !waiting.goesBefore(stays)) ? stays : waiting;
    if (next && next !== stays) this.dequeue(next);
    if (current && wants && next !== current) {
      this.enqueue(current);
      this.tickle(current, cpu.index);
    }
    if (!next) {
      this.slice = Number.POSITIVE_INFINITY;
      return undefined;
    }
    next.startTime = now;
    next.vcpu.processor = cpu.index;
    this.slice = Math.max(next.budget, SLICE_MIN);
    return next.vcpu;
  }

  affinityChanged(vcpu: ScheduledVcpu): void {
    if (vcpu.isRunning) this.sockets.raise(vcpu.processor);
    else if (this.stateOf(vcpu).isQueued) this.tickle(this.stateOf(vcpu));
  }

  parametersChanged(domain: ScheduledDomain, now: number): void {
    for (const vcpu of domain.vcpus) {
      const state = this.stateOf(vcpu);
      this.renew(state, now);
    }
  }

  /** The end of the first period of one that wants to run. */
  get deadline(): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (const state of this.states.values()) {
      if (state.vcpu.isRunnable && state.deadline < deadline) deadline = state.deadline;
    }
    return deadline;
  }

  expire(now: number): void {
    for (const state of this.states.values()) {
      if (state.vcpu.isRunnable && state.deadline <= now) this.renew(state, now);
    }
  }

  describe(vcpu: ScheduledVcpu): Record<string, number> {
    const { deadline, budget, level, isDepleted } = this.stateOf(vcpu);
    return { deadline, budget, level, depleted: isDepleted ? 1 : 0 };
  }

  queue(): readonly ScheduledVcpu[] {
    return this.runqueue.map(({ vcpu }) => vcpu);
  }

  save(): unknown {
    return {
      cpus: this.cpus,
      vcpus: [...this.states.values()].map(({ vcpu, ...state }) => ({ name: nameOfVcpu(vcpu), ...state })),
      runqueue: this.runqueue.map(({ vcpu }) => nameOfVcpu(vcpu)),
    };
  }

  /** A new period begins for one that is runnable. */
  private renew(state: RtdsVcpu, now: number): void {
    const { vcpu } = state;
    if (vcpu.isRunning) this.burn(state, now);
    const wasQueued = state.isQueued;
    const wasDepleted = state.isDepleted;
    this.dequeue(state);
    this.beginPeriod(state, now);
    // Its deadline is later than it was: another one may go before it now, and it before others.
    if (vcpu.isRunning) this.sockets.raise(vcpu.processor);
    else if (wasQueued || (wasDepleted && vcpu.isRunnable)) {
      this.enqueue(state);
      this.tickle(state);
    }
  }

  private beginPeriod(state: RtdsVcpu, now: number): void {
    const { period, budget } = state.parameters;
    const length = Math.max(period, 10_000);
    const late = now - state.deadline;
    // A vCPU that slept begins its periods anew.
    state.deadline = late < length ? state.deadline + length : now + length;
    state.budget = Math.min(budget, length);
    state.level = 0;
    state.isDepleted = false;
    state.startTime = now;
  }

  private burn(state: RtdsVcpu, now: number): void {
    state.budget -= now - state.startTime;
    state.startTime = now;
    if (state.budget > 0) return;
    if (state.parameters.extratime) {
      state.level++;
      state.budget = Math.min(state.parameters.budget, Math.max(state.parameters.period, 10_000));
    } else {
      state.budget = 0;
      state.isDepleted = true;
    }
  }

  private firstFor(cpu: number): RtdsVcpu | undefined {
    for (const state of this.runqueue) if (this.isOurs(state.vcpu, cpu)) return state;
    return undefined;
  }

  /** Asks an idle CPU, or the one whose vCPU has the latest deadline. */
  private tickle(state: RtdsVcpu, notOn = -1): void {
    let latest: RtdsVcpu | undefined;
    const { vcpu } = state;
    const count = this.sockets.cpus.length;
    for (let i = 0; i < count; i++) {
      const cpu = (vcpu.processor + i) % count;
      if (cpu === notOn || !this.isOurs(vcpu, cpu) || this.sockets.isRaised(cpu)) continue;
      const running = this.sockets.cpus[cpu]?.current;
      if (!running) {
        this.sockets.raise(cpu);
        return;
      }
      const other = this.stateOf(running);
      if (!latest || latest.goesBefore(other)) latest = other;
    }
    if (latest && state.goesBefore(latest)) this.sockets.raise(latest.vcpu.processor);
  }

  private enqueue(state: RtdsVcpu): void {
    if (state.isQueued) return;
    let at = this.runqueue.length;
    while (at > 0 && state.goesBefore(this.runqueue[at - 1] as RtdsVcpu)) at--;
    insertAt(this.runqueue, at, state);
    state.isQueued = true;
  }

  private dequeue(state: RtdsVcpu): void {
    if (!state.isQueued) return;
    removeFrom(this.runqueue, state);
    state.isQueued = false;
  }

  private isOurs(vcpu: ScheduledVcpu, cpu: number): boolean {
    return hasCpu(this.cpus & vcpu.hardAffinity, cpu);
  }

  private stateOf(vcpu: ScheduledVcpu): RtdsVcpu {
    const state = this.states.get(vcpu);
    invariant(state !== undefined, 'a vCPU was inserted before it is scheduled');
    return state;
  }
}
