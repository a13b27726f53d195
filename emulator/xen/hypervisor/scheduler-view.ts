// What the scheduler knows, as plain data: who runs where, who waits, and for how long each did what.

import type { Runstate } from '../abi/shared-info.ts';
import { ALL_CPUS, type CpuSet, cpusOf, type SchedulingParameters } from '../scheduling/scheduled-vcpu.ts';
import type { Scheduler } from '../scheduling/scheduler.ts';
import type { HostedDomain } from './hosted-domain.ts';

export interface SchedulerView {
  /** System time, in ns. */
  readonly now: number;
  readonly cpus: readonly PhysicalCpuView[];
  readonly pools: readonly PoolView[];
  readonly vcpus: readonly ScheduledVcpuView[];
}

export interface PhysicalCpuView {
  readonly cpu: number;
  readonly pool: string;
  /** Undefined while it is idle. */
  readonly runs?: { readonly domain: number; readonly vcpu: number };
  /** Nanoseconds until it chooses anew; undefined: not before something happens. */
  readonly sliceLeft?: number;
  /** Nanoseconds that vCPUs ran here. */
  readonly busy: number;
  /** How often another vCPU came. */
  readonly switches: number;
}

export interface PoolView {
  readonly name: string;
  readonly scheduler: string;
  readonly cpus: readonly number[];
  /** vCPUs that wait for a CPU, first the next one. */
  readonly queue: readonly { readonly domain: number; readonly vcpu: number }[];
}

export interface ScheduledVcpuView {
  readonly domain: number;
  readonly name: string;
  readonly vcpu: number;
  readonly pool: string;
  readonly runstate: Runstate;
  /** The physical CPU that it runs on, or ran on last. */
  readonly cpu: number;
  /** Where its registers are. */
  readonly context: number;
  /** Undefined: all. */
  readonly hardAffinity?: readonly number[];
  readonly softAffinity?: readonly number[];
  readonly parameters: SchedulingParameters;
  /** Credits, budgets and deadlines, by the scheduler's own names. */
  readonly figures: Readonly<Record<string, number>>;
  /** Nanoseconds in each runstate. */
  readonly times: Readonly<Record<Runstate, number>>;
}

export function schedulerViewOf(scheduler: Scheduler, domains: readonly HostedDomain[]): SchedulerView {
  const { core } = scheduler;
  const now = scheduler.nanoseconds();
  return {
    now,
    cpus: core.cpus.map(({ index, pool, current, sliceEnd, switches }) => ({
      cpu: index,
      pool: pool?.name ?? '',
      ...(current && { runs: { domain: current.domain.domid, vcpu: current.id } }),
      ...(Number.isFinite(sliceEnd) && { sliceLeft: Math.max(sliceEnd - now, 0) }),
      busy: core.busyTime(index),
      switches,
    })),
    pools: core.pools.map(({ name, policy }) => ({
      name,
      scheduler: policy.name,
      cpus: cpusOf(policy.cpus),
      queue: policy.queue().map(({ domain, id }) => ({ domain: domain.domid, vcpu: id })),
    })),
    vcpus: domains.flatMap((domain) => vcpusOf(scheduler, domain, now)),
  };
}

function vcpusOf(scheduler: Scheduler, hosted: HostedDomain, now: number): ScheduledVcpuView[] {
  const scheduled = scheduler.scheduledDomain(hosted.id);
  // It was destroyed, and is only looked at.
  if (!scheduled) return [];
  const pool = scheduler.core.poolOfDomain(scheduled);
  return hosted.vcpus.map(({ id, cpu, scheduled: vcpu }) => {
    const known = hosted.domain.vcpus[id];
    const [running = 0, runnable = 0, blocked = 0, offline = 0] = known?.runstateTimesAt(now) ?? [];
    return {
      domain: hosted.id,
      name: hosted.domain.name,
      vcpu: id,
      pool: pool.name,
      runstate: known?.currentRunstate ?? 'offline',
      cpu: vcpu.processor,
      context: cpu.index,
      ...affinity('hardAffinity', vcpu.hardAffinity),
      ...affinity('softAffinity', vcpu.softAffinity),
      parameters: scheduled.parameters,
      figures: pool.policy.describe(vcpu),
      times: { running, runnable, blocked, offline },
    };
  });
}

const affinity = (name: 'hardAffinity' | 'softAffinity', set: CpuSet): Record<string, readonly number[]> =>
  set === ALL_CPUS ? {} : { [name]: cpusOf(set) };
