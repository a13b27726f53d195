// Physical CPUs, and which vCPU has which of them. Xen common/sched/core.c and cpupool.c.
//
// A vCPU keeps its registers in a context of its own for good, so to switch is to let one context go on and another one
// stand. Who runs is asked of the policy of the CPU's pool, whenever something raised the CPU, and when its slice ended.

import { invariant } from '../../base/errors.ts';
import type { PhysicalCpu, PolicySockets, SchedulingPolicy } from './policy.ts';
import {
  type CpuSet,
  hasCpu,
  nameOfVcpu,
  type ScheduledDomain,
  type ScheduledVcpu,
} from './scheduled-vcpu.ts';

/** What the core does to vCPUs. */
export interface SchedulingHost {
  nanoseconds(): number;
  /** Nanoseconds between two moments that nanoseconds() can tell apart. */
  readonly tick: number;
  /** Its context goes on. */
  switchIn(vcpu: ScheduledVcpu): void;
  /** Its context stands; it may still be runnable. */
  switchOut(vcpu: ScheduledVcpu): void;
  /** It runs, waits for a CPU, or is not runnable: see `isRunning` and `isRunnable`. */
  stateChanged(vcpu: ScheduledVcpu): void;
  /** See SchedulingCore.nextDeadline. */
  deadlineChanged(): void;
}

/** A set of physical CPUs with a scheduler; every domain is in one. */
export interface CpuPool {
  readonly id: number;
  readonly name: string;
  readonly policy: SchedulingPolicy;
}

class Cpu implements PhysicalCpu {
  readonly index: number;
  pool: CpuPool | undefined;
  current: ScheduledVcpu | undefined;
  /** When it is to choose anew. */
  sliceEnd = Number.POSITIVE_INFINITY;
  /** Nanoseconds that vCPUs ran here, up to `since`. */
  busy = 0;
  since = 0;
  /** How often another vCPU came. */
  switches = 0;

  constructor(index: number) {
    this.index = index;
  }
}

export class SchedulingCore implements PolicySockets {
  readonly cpus: readonly Cpu[];
  /** When expire() is due: the first tick by which something is. */
  nextDeadline = Number.POSITIVE_INFINITY;
  private readonly cpuPools: CpuPool[] = [];
  private readonly poolOf = new Map<ScheduledDomain, CpuPool>();
  private raised: CpuSet = 0;
  private isSettling = false;
  private alone: ScheduledVcpu | undefined;
  private readonly host: SchedulingHost;

  constructor(cpus: number, host: SchedulingHost) {
    this.cpus = Array.from({ length: cpus }, (_, index) => new Cpu(index));
    this.host = host;
  }

  // ---------------------------------------------------------------- pools

  get pools(): readonly CpuPool[] {
    return this.cpuPools;
  }

  findPool(name: string): CpuPool | undefined {
    return this.cpuPools.find((pool) => pool.name === name);
  }

  addPool(name: string, policy: SchedulingPolicy, cpus: readonly number[]): CpuPool {
    const pool: CpuPool = { id: this.cpuPools.length, name, policy };
    this.cpuPools.push(pool);
    for (const cpu of cpus) this.assignCpu(cpu, pool);
    return pool;
  }

  /** The CPU goes to a pool, out of the one that it was in. */
  assignCpu(index: number, pool: CpuPool): void {
    const cpu = this.cpus[index];
    invariant(cpu !== undefined, `there is a physical CPU ${index}`);
    if (cpu.pool) {
      // It chooses among nobody then, and what ran there goes elsewhere.
      const { policy } = cpu.pool;
      policy.removeCpu(index);
      this.raise(index);
      this.settle();
    }
    cpu.pool = pool;
    pool.policy.addCpu(index);
    this.settle();
  }

  poolOfDomain(domain: ScheduledDomain): CpuPool {
    const pool = this.poolOf.get(domain);
    invariant(pool !== undefined, 'a domain is in a pool');
    return pool;
  }

  addDomain(domain: ScheduledDomain, pool: CpuPool): void {
    this.poolOf.set(domain, pool);
    const now = this.host.nanoseconds();
    for (const vcpu of domain.vcpus) {
      vcpu.stateSince = now;
      pool.policy.insert(vcpu, now);
    }
    this.settle();
  }

  /** Precondition: none of its vCPUs is runnable. */
  removeDomain(domain: ScheduledDomain): void {
    const { policy } = this.poolOfDomain(domain);
    for (const vcpu of domain.vcpus) policy.remove(vcpu);
    this.poolOf.delete(domain);
    if (this.alone?.domain === domain) this.alone = undefined;
    this.settle();
  }

  /** `xl cpupool-migrate`. */
  moveDomain(domain: ScheduledDomain, pool: CpuPool): void {
    const runnable = domain.vcpus.filter((vcpu) => vcpu.isRunnable);
    for (const vcpu of runnable) this.sleep(vcpu);
    this.removeDomain(domain);
    this.addDomain(domain, pool);
    for (const vcpu of runnable) this.wake(vcpu);
  }

  // ---------------------------------------------------------------- vCPUs

  wake(vcpu: ScheduledVcpu): void {
    if (vcpu.isRunnable) return;
    vcpu.isRunnable = true;
    // One that was told to stand, and has not had to yet, simply goes on.
    if (vcpu.isRunning) return;
    this.host.stateChanged(vcpu);
    this.poolOfDomain(vcpu.domain).policy.wake(vcpu, this.host.nanoseconds());
    this.letExecute(vcpu);
    this.settle();
  }

  sleep(vcpu: ScheduledVcpu): void {
    if (!vcpu.isRunnable) return;
    vcpu.isRunnable = false;
    if (vcpu.isRunning) {
      this.raise(vcpu.processor);
    } else {
      this.poolOfDomain(vcpu.domain).policy.sleep(vcpu);
      this.letExecute(vcpu);
      this.host.stateChanged(vcpu);
    }
    this.settle();
  }

  yield(vcpu: ScheduledVcpu): void {
    if (!vcpu.isRunning) return;
    this.poolOfDomain(vcpu.domain).policy.yield(vcpu);
    this.raise(vcpu.processor);
    this.settle();
  }

  setAffinity(vcpu: ScheduledVcpu, hard: CpuSet, soft: CpuSet): void {
    vcpu.hardAffinity = hard;
    vcpu.softAffinity = soft;
    this.poolOfDomain(vcpu.domain).policy.affinityChanged(vcpu, this.host.nanoseconds());
    this.settle();
  }

  parametersChanged(domain: ScheduledDomain): void {
    this.poolOfDomain(domain).policy.parametersChanged(domain, this.host.nanoseconds());
    this.settle();
  }

  /**
   * A debugger lets one vCPU execute while all others stand: it does whether it has a CPU or not. To the policies nothing
   * changes.
   */
  runAlone(vcpu: ScheduledVcpu | undefined): void {
    const before = this.alone;
    this.alone = vcpu;
    if (before) this.letExecute(before);
    if (vcpu) this.letExecute(vcpu);
  }

  /** It is to execute instructions now. */
  executes(vcpu: ScheduledVcpu): boolean {
    return vcpu.isRunning || (vcpu === this.alone && vcpu.isRunnable);
  }

  // ---------------------------------------------------------------- PolicySockets

  raise(cpu: number): void {
    this.raised = (this.raised | (1 << cpu)) >>> 0;
  }

  isRaised(cpu: number): boolean {
    return hasCpu(this.raised, cpu);
  }

  // ---------------------------------------------------------------- time

  /** A slice ended, or something of a policy is due. */
  expire(): void {
    const now = this.host.nanoseconds();
    for (const cpu of this.cpus) if (cpu.sliceEnd <= now) this.raise(cpu.index);
    for (const { policy } of this.cpuPools) if (policy.deadline <= now) policy.expire(now);
    this.settle();
  }

  /** Nanoseconds that vCPUs ran on a CPU up to now. */
  busyTime(index: number): number {
    const cpu = this.cpus[index];
    if (!cpu) return 0;
    return cpu.busy + (cpu.current ? this.host.nanoseconds() - cpu.since : 0);
  }

  save(): unknown {
    return {
      pools: this.cpuPools.map(({ id, name, policy }) => ({
        id,
        name,
        policy: policy.name,
        state: policy.save(),
      })),
      cpus: this.cpus.map(({ pool, current, sliceEnd, busy, since, switches }) => ({
        pool: pool?.id ?? null,
        current: current ? nameOfVcpu(current) : null,
        sliceEnd,
        busy,
        since,
        switches,
      })),
      domains: [...this.poolOf].map(([domain, pool]) => ({
        domid: domain.domid,
        pool: pool.id,
        parameters: domain.parameters,
        vcpus: domain.vcpus.map((vcpu) => vcpu.save()),
      })),
      alone: this.alone ? nameOfVcpu(this.alone) : null,
    };
  }

  /** Every CPU that was raised chooses, until none is. */
  private settle(): void {
    if (this.isSettling) return;
    this.isSettling = true;
    while (this.raised !== 0) {
      const index = 31 - Math.clz32(this.raised & -this.raised);
      this.raised = (this.raised & ~(1 << index)) >>> 0;
      this.schedule(this.cpus[index] as Cpu);
    }
    this.isSettling = false;
    let deadline = Number.POSITIVE_INFINITY;
    for (const { sliceEnd } of this.cpus) if (sliceEnd < deadline) deadline = sliceEnd;
    for (const { policy } of this.cpuPools) deadline = Math.min(deadline, policy.deadline);
    const { tick } = this.host;
    deadline = Math.ceil(deadline / tick) * tick;
    if (deadline === this.nextDeadline) return;
    this.nextDeadline = deadline;
    this.host.deadlineChanged();
  }

  private schedule(cpu: Cpu): void {
    const { pool, current } = cpu;
    if (!pool) return;
    const now = this.host.nanoseconds();
    const next = pool.policy.schedule(cpu, now);
    cpu.sliceEnd = now + pool.policy.slice;
    if (next === current) return;
    if (next?.isRunning) this.takeFrom(next, now);
    if (current) this.stop(cpu, current, now);
    if (next) this.start(cpu, next, now);
  }

  private takeFrom(vcpu: ScheduledVcpu, now: number): void {
    const other = this.cpus.find(({ current }) => current === vcpu);
    if (!other) return;
    this.stop(other, vcpu, now);
    this.raise(other.index);
  }

  private stop(cpu: Cpu, vcpu: ScheduledVcpu, now: number): void {
    cpu.busy += now - cpu.since;
    cpu.since = now;
    cpu.current = undefined;
    vcpu.isRunning = false;
    vcpu.stateSince = now;
    this.letExecute(vcpu);
    this.host.stateChanged(vcpu);
  }

  private start(cpu: Cpu, vcpu: ScheduledVcpu, now: number): void {
    cpu.current = vcpu;
    cpu.since = now;
    cpu.switches++;
    vcpu.processor = cpu.index;
    vcpu.isRunning = true;
    vcpu.stateSince = now;
    this.host.stateChanged(vcpu);
    this.letExecute(vcpu);
  }

  private letExecute(vcpu: ScheduledVcpu): void {
    const executes = this.executes(vcpu);
    if (executes === vcpu.isExecuting) return;
    vcpu.isExecuting = executes;
    if (executes) this.host.switchIn(vcpu);
    else this.host.switchOut(vcpu);
  }
}
