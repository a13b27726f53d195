// The null scheduler: a vCPU has a physical CPU for itself, or waits for one to become free. Xen common/sched/null.c.

import { invariant } from '../../base/errors.ts';
import type { PhysicalCpu, PolicySockets, SchedulingPolicy } from './policy.ts';
import { type CpuSet, hasCpu, nameOfVcpu, type ScheduledVcpu } from './scheduled-vcpu.ts';

export class NullPolicy implements SchedulingPolicy {
  readonly name = 'null';
  readonly slice = Number.POSITIVE_INFINITY;
  readonly deadline = Number.POSITIVE_INFINITY;
  cpus: CpuSet = 0;
  /** By physical CPU. */
  private readonly assigned: (ScheduledVcpu | undefined)[];
  /** Those without a CPU, in the order in which they came. */
  private readonly waiting: ScheduledVcpu[] = [];
  private readonly sockets: PolicySockets;

  constructor(sockets: PolicySockets) {
    this.sockets = sockets;
    this.assigned = sockets.cpus.map(() => undefined);
  }

  addCpu(cpu: number): void {
    this.cpus = (this.cpus | (1 << cpu)) >>> 0;
    this.offer(cpu);
  }

  removeCpu(cpu: number): void {
    this.cpus = (this.cpus & ~(1 << cpu)) >>> 0;
    const vcpu = this.assigned[cpu];
    this.assigned[cpu] = undefined;
    if (vcpu) this.assign(vcpu);
  }

  insert(vcpu: ScheduledVcpu): void {
    this.assign(vcpu);
  }

  remove(vcpu: ScheduledVcpu): void {
    const waited = this.waiting.indexOf(vcpu);
    if (waited >= 0) this.waiting.splice(waited, 1);
    else this.free(vcpu);
  }

  wake(vcpu: ScheduledVcpu): void {
    if (this.has(vcpu)) this.sockets.raise(vcpu.processor);
  }

  sleep(): void {}

  yield(): void {}

  schedule({ index }: PhysicalCpu): ScheduledVcpu | undefined {
    const vcpu = this.assigned[index];
    return vcpu?.isRunnable ? vcpu : undefined;
  }

  affinityChanged(vcpu: ScheduledVcpu): void {
    if (this.has(vcpu) && vcpu.mayRunOn(vcpu.processor)) return;
    this.remove(vcpu);
    this.assign(vcpu);
  }

  parametersChanged(): void {}
  expire(): void {}

  describe(vcpu: ScheduledVcpu): Record<string, number> {
    return { assigned: this.has(vcpu) ? 1 : 0 };
  }

  queue(): readonly ScheduledVcpu[] {
    return this.waiting;
  }

  save(): unknown {
    return {
      cpus: this.cpus,
      assigned: this.assigned.map((vcpu) => (vcpu ? nameOfVcpu(vcpu) : null)),
      waiting: this.waiting.map(nameOfVcpu),
    };
  }

  private has(vcpu: ScheduledVcpu): boolean {
    return this.assigned[vcpu.processor] === vcpu;
  }

  /** To a free CPU: the one it was on, one that it likes, any that it may have. */
  private assign(vcpu: ScheduledVcpu): void {
    const candidates = this.assigned
      .map((_, cpu) => cpu)
      .filter((cpu) => hasCpu(this.cpus, cpu) && this.assigned[cpu] === undefined && vcpu.mayRunOn(cpu));
    const cpu =
      candidates.find((one) => one === vcpu.processor) ??
      candidates.find((one) => hasCpu(vcpu.softAffinity, one)) ??
      candidates[0];
    if (cpu === undefined) {
      this.waiting.push(vcpu);
      return;
    }
    this.assigned[cpu] = vcpu;
    vcpu.processor = cpu;
    this.sockets.raise(cpu);
  }

  private free(vcpu: ScheduledVcpu): void {
    const cpu = this.assigned.indexOf(vcpu);
    invariant(cpu >= 0, 'a vCPU that does not wait has a CPU');
    this.assigned[cpu] = undefined;
    this.sockets.raise(cpu);
    this.offer(cpu);
  }

  /** A CPU that became free goes to the first that may have it. */
  private offer(cpu: number): void {
    const next = this.waiting.findIndex((vcpu) => vcpu.mayRunOn(cpu));
    const vcpu = this.waiting[next];
    if (vcpu === undefined) return;
    this.waiting.splice(next, 1);
    this.assigned[cpu] = vcpu;
    vcpu.processor = cpu;
    this.sockets.raise(cpu);
  }
}
