// Who runs on which physical CPU, who waits, and what share of the time everybody had.

import type {
  PhysicalCpuView,
  PoolView,
  ScheduledVcpuView,
  SchedulerView as Known,
} from '../../xen/hypervisor/scheduler-view.ts';
import { inspection } from './inspection.ts';
import { textTable } from './text-table.ts';
import { durationText } from './xen-words.ts';

export interface SchedulerView {
  /** False on a bare machine: there is nothing to schedule. */
  readonly scheduled: boolean;
  readonly now: number;
  readonly cpus: readonly CpuRow[];
  readonly pools: readonly PoolView[];
  readonly vcpus: readonly VcpuRow[];
}

export interface CpuRow extends PhysicalCpuView {
  /** `d1v0`, `idle`. */
  readonly words: string;
  /** Busy, of all the time so far. */
  readonly share: number;
}

export interface VcpuRow extends ScheduledVcpuView {
  /** `running on CPU 0`, `waits for a CPU`, `blocked`. */
  readonly words: string;
  /** Of one physical CPU, of all the time so far: run, and wanted to run. */
  readonly share: number;
  readonly waited: number;
  /** Credits and the like, in words. */
  readonly figureWords: string;
}

export const schedulerInspection = inspection('scheduler', {
  doc: 'physical CPUs, pools, who runs and who waits, with shares of virtual time',
  arguments: {},
  inspect({ loaded: { view } }): SchedulerView {
    const known = view?.scheduler();
    return known ? viewOf(known) : { scheduled: false, now: 0, cpus: [], pools: [], vcpus: [] };
  },
  text: (view) => (view.scheduled ? textOf(view) : 'a bare machine: nobody shares its CPUs\n'),
});

function viewOf({ now, cpus, pools, vcpus }: Known): SchedulerView {
  const part = (time: number): number => (now > 0 ? time / now : 0);
  return {
    scheduled: true,
    now,
    cpus: cpus.map((cpu) => ({
      ...cpu,
      words: cpu.runs ? `d${cpu.runs.domain}v${cpu.runs.vcpu}` : 'idle',
      share: part(cpu.busy),
    })),
    pools,
    vcpus: vcpus.map((vcpu) => ({
      ...vcpu,
      words: wordsOf(vcpu),
      share: part(vcpu.times.running),
      waited: part(vcpu.times.runnable),
      figureWords: figuresOf(vcpu),
    })),
  };
}

function wordsOf({ runstate, cpu }: ScheduledVcpuView): string {
  switch (runstate) {
    case 'running':
      return `running on CPU ${cpu}`;
    case 'runnable':
      return 'waits for a CPU';
    case 'blocked':
      return 'blocked';
    case 'offline':
      return 'offline';
  }
}

function figuresOf({ figures }: ScheduledVcpuView): string {
  const inTime = (name: string): boolean => TIMES.has(name);
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${inTime(name) ? durationText(value) : value}`)
    .join(', ');
}

/** Figures that are nanoseconds. */
const TIMES = new Set(['budget', 'deadline', 'slot']);

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function textOf({ cpus, pools, vcpus }: SchedulerView): string {
  const tables = [
    textTable(
      ['CPU', 'pool', 'runs', 'chooses again in', 'busy', 'switches'],
      cpus.map(({ cpu, pool, words, sliceLeft, share, switches }) => [
        cpu,
        pool,
        words,
        sliceLeft === undefined ? undefined : durationText(sliceLeft),
        percent(share),
        switches,
      ]),
    ),
    textTable(
      ['pool', 'scheduler', 'CPUs', 'waiting'],
      pools.map(({ name, scheduler, cpus: own, queue }) => [
        name,
        scheduler,
        own.join(','),
        queue.map(({ domain, vcpu }) => `d${domain}v${vcpu}`).join(' '),
      ]),
    ),
    textTable(
      ['vCPU', 'name', 'state', 'ran', 'waited', 'may run on', 'prefers', 'scheduler knows'],
      vcpus.map((vcpu) => [
        `d${vcpu.domain}v${vcpu.vcpu}`,
        vcpu.name,
        vcpu.words,
        percent(vcpu.share),
        percent(vcpu.waited),
        vcpu.hardAffinity?.join(',') ?? 'all',
        vcpu.softAffinity?.join(',') ?? 'all',
        vcpu.figureWords,
      ]),
    ),
  ];
  return tables.join('\n');
}
