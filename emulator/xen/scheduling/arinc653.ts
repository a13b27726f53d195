// Real time by a table: a major frame is divided into slots, each for one vCPU, and is repeated for ever. Who does not
// use its slot leaves the CPU idle. Xen common/sched/arinc653.c; as there, one physical CPU of the pool is used.
//
// Deviation: Xen has the table set by a toolstack (ARINC653_SCHED_SET). Here it is all vCPUs of the pool, in the order in
// which they came, each for its domain's `slot`.

import type { PhysicalCpu, PolicySockets, SchedulingPolicy } from './policy.ts';
import { type CpuSet, hasCpu, nameOfVcpu, type ScheduledVcpu } from './scheduled-vcpu.ts';

export class Arinc653Policy implements SchedulingPolicy {
  readonly name = 'arinc653';
  readonly deadline = Number.POSITIVE_INFINITY;
  cpus: CpuSet = 0;
  slice = Number.POSITIVE_INFINITY;
  private readonly sockets: PolicySockets;
  private readonly table: ScheduledVcpu[] = [];
  /** When the major frame began, from which all others follow. */
  private start = 0;

  constructor(sockets: PolicySockets) {
    this.sockets = sockets;
  }

  addCpu(cpu: number): void {
    this.cpus = (this.cpus | (1 << cpu)) >>> 0;
    this.sockets.raise(cpu);
  }

  removeCpu(cpu: number): void {
    this.cpus = (this.cpus & ~(1 << cpu)) >>> 0;
    this.raise();
  }

  insert(vcpu: ScheduledVcpu, now: number): void {
    this.table.push(vcpu);
    this.begin(now);
  }

  remove(vcpu: ScheduledVcpu): void {
    this.table.splice(this.table.indexOf(vcpu), 1);
    this.raise();
  }

  wake(): void {
    this.raise();
  }

  sleep(): void {}
  yield(): void {}
  affinityChanged(): void {}
  expire(): void {}

  schedule({ index }: PhysicalCpu, now: number): ScheduledVcpu | undefined {
    this.slice = Number.POSITIVE_INFINITY;
    if (index !== this.cpu || !this.hasWork) return undefined;
    let left = (now - this.start) % this.majorFrame;
    for (const vcpu of this.table) {
      const { slot } = vcpu.domain.parameters;
      if (left < slot) {
        this.slice = slot - left;
        return vcpu.isRunnable && vcpu.mayRunOn(index) ? vcpu : undefined;
      }
      left -= slot;
    }
    return undefined;
  }

  parametersChanged(_domain: unknown, now: number): void {
    this.begin(now);
  }

  describe(vcpu: ScheduledVcpu): Record<string, number> {
    return { slot: vcpu.domain.parameters.slot, place: this.table.indexOf(vcpu) };
  }

  queue(): readonly ScheduledVcpu[] {
    return this.table.filter(({ isRunnable, isRunning }) => isRunnable && !isRunning);
  }

  save(): unknown {
    return { cpus: this.cpus, start: this.start, table: this.table.map(nameOfVcpu) };
  }

  /** A new table counts from now. */
  private begin(now: number): void {
    this.start = now;
    this.raise();
  }

  private raise(): void {
    for (let cpu = 0; cpu < this.sockets.cpus.length; cpu++)
      if (hasCpu(this.cpus, cpu)) this.sockets.raise(cpu);
  }

  /** The lowest of the pool. */
  private get cpu(): number {
    return this.cpus === 0 ? -1 : 31 - Math.clz32(this.cpus & -this.cpus);
  }

  private get majorFrame(): number {
    let sum = 0;
    for (const { domain } of this.table) sum += domain.parameters.slot;
    return sum;
  }

  private get hasWork(): boolean {
    for (const { isRunnable } of this.table) if (isRunnable) return true;
    return false;
  }
}
