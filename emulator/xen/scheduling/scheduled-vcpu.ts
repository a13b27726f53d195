// A vCPU and its domain as the scheduler knows them. Xen common/sched/private.h: struct sched_unit with one vCPU.

/** A set of physical CPUs: bit n is CPU n. */
export type CpuSet = number;

export const ALL_CPUS: CpuSet = 0xffff_ffff;

export const hasCpu = (set: CpuSet, cpu: number): boolean => ((set >>> cpu) & 1) !== 0;

export const cpusOf = (set: CpuSet): number[] =>
  Array.from({ length: 32 }, (_, cpu) => cpu).filter((cpu) => hasCpu(set, cpu));

export const cpuSet = (cpus: Iterable<number>): CpuSet => {
  let set = 0;
  for (const cpu of cpus) set |= 1 << cpu;
  return set >>> 0;
};

/** What `xl sched-credit2` and its kin set. Each scheduler looks at its own part. */
export interface SchedulingParameters {
  /** credit, credit2: the share beside others'. */
  readonly weight: number;
  /** credit, credit2: per cent of one physical CPU that the domain gets at most; 0 is no limit. */
  readonly cap: number;
  /** rtds: each vCPU gets `budget` in each `period`, in ns. */
  readonly period: number;
  readonly budget: number;
  /** rtds: goes on by what nobody else needs when the budget is used up. */
  readonly extratime: boolean;
  /** arinc653: nanoseconds that each vCPU gets in every major frame. */
  readonly slot: number;
}

/** Xen's: CSCHED2_DEFAULT_WEIGHT, RTDS_DEFAULT_PERIOD, RTDS_DEFAULT_BUDGET, DEFAULT_TIMESLICE. */
export const DEFAULT_PARAMETERS: SchedulingParameters = {
  weight: 256,
  cap: 0,
  period: 10_000_000,
  budget: 4_000_000,
  extratime: true,
  slot: 10_000_000,
};

export class ScheduledDomain {
  readonly domid: number;
  parameters: SchedulingParameters;
  readonly vcpus: ScheduledVcpu[] = [];

  constructor(domid: number, parameters: SchedulingParameters) {
    this.domid = domid;
    this.parameters = parameters;
  }
}

export class ScheduledVcpu {
  readonly domain: ScheduledDomain;
  readonly id: number;
  /** Where it may run, and where it would rather. */
  hardAffinity: CpuSet = ALL_CPUS;
  softAffinity: CpuSet = ALL_CPUS;
  /** The physical CPU that it runs on, or ran on last, or is to run on. */
  processor = 0;
  /** Neither blocked nor paused nor off: it runs or wants to. */
  isRunnable = false;
  isRunning = false;
  /** Its context goes on; see SchedulingCore.executes(). */
  isExecuting = false;
  /** When it began to run, or stopped. */
  stateSince = 0;

  constructor(domain: ScheduledDomain, id: number) {
    this.domain = domain;
    this.id = id;
    domain.vcpus.push(this);
  }

  mayRunOn(cpu: number): boolean {
    return hasCpu(this.hardAffinity, cpu);
  }

  save(): unknown {
    return {
      domid: this.domain.domid,
      id: this.id,
      hardAffinity: this.hardAffinity,
      softAffinity: this.softAffinity,
      processor: this.processor,
      isRunnable: this.isRunnable,
      isRunning: this.isRunning,
      isExecuting: this.isExecuting,
      stateSince: this.stateSince,
    };
  }
}

/** For messages and saved states. */
export const nameOfVcpu = ({ domain, id }: ScheduledVcpu): string => `d${domain.domid}v${id}`;
