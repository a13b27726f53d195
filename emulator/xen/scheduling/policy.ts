// What a scheduling algorithm is to the rest: it is told what becomes of vCPUs and answers which of them a physical CPU
// runs next. Xen common/sched/private.h: struct scheduler.
//
// A policy keeps whom it has to choose from; that a vCPU runs or not is the core's to say and to carry out. Time is
// Xen's system time in nanoseconds. Between two calls nothing happens in a policy: what is due at a moment is done by
// expire() when `deadline` has come.

import type { CpuSet, ScheduledDomain, ScheduledVcpu } from './scheduled-vcpu.ts';

/** As `sched=` of Xen's command line names them; the first is the default. */
export const SCHEDULERS = ['credit2', 'credit', 'null', 'rtds', 'arinc653'] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

/** The right to execute: one of them runs one vCPU at a time. */
export interface PhysicalCpu {
  readonly index: number;
  /** Undefined while it is idle. */
  readonly current: ScheduledVcpu | undefined;
}

/** What a policy may ask of the core. */
export interface PolicySockets {
  readonly cpus: readonly PhysicalCpu[];
  /** The CPU is to choose anew: schedule() follows before anything else happens. */
  raise(cpu: number): void;
  /** It was asked to and has not yet. */
  isRaised(cpu: number): boolean;
}

export interface SchedulingPolicy {
  readonly name: SchedulerName;
  /** CPUs of the pool. */
  readonly cpus: CpuSet;
  addCpu(cpu: number): void;
  /** Precondition: it is idle. */
  removeCpu(cpu: number): void;
  /** A vCPU comes into the pool; it does not run, and is woken afterwards if it is runnable. */
  insert(vcpu: ScheduledVcpu, now: number): void;
  /** It leaves; it does not run and is not runnable. */
  remove(vcpu: ScheduledVcpu): void;
  /** It became runnable. */
  wake(vcpu: ScheduledVcpu, now: number): void;
  /** One that was runnable and did not run is runnable no more. */
  sleep(vcpu: ScheduledVcpu): void;
  /** One that runs lets others go first; schedule() follows. */
  yield(vcpu: ScheduledVcpu): void;
  /**
   * Whom the CPU runs from now on; undefined for nobody. `current`, if it is not chosen, stands afterwards, and waits here when
   * it is still runnable. `slice` then says after how many nanoseconds the CPU is to choose again.
   */
  schedule(cpu: PhysicalCpu, now: number): ScheduledVcpu | undefined;
  /** Of the last schedule(); Infinity: not before something happens. */
  readonly slice: number;
  affinityChanged(vcpu: ScheduledVcpu, now: number): void;
  parametersChanged(domain: ScheduledDomain, now: number): void;
  /** When expire() is due; Infinity when nothing is. */
  readonly deadline: number;
  expire(now: number): void;
  /** For people: credits, budgets and deadlines of a vCPU, by name. */
  describe(vcpu: ScheduledVcpu): Readonly<Record<string, number>>;
  /** vCPUs that wait, first the next one. */
  queue(): readonly ScheduledVcpu[];
  save(): unknown;
}

// ---------------------------------------------------------------- queues without garbage

export function insertAt<T>(list: T[], index: number, item: T): void {
  list.push(item);
  for (let i = list.length - 1; i > index; i--) list[i] = list[i - 1] as T;
  list[index] = item;
}

/** Whether it was there. */
export function removeFrom<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index < 0) return false;
  for (let i = index; i < list.length - 1; i++) list[i] = list[i + 1] as T;
  list.pop();
  return true;
}
