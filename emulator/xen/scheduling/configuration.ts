// What a machine and its domains are configured with: Xen's command line (`sched=`, `sched_ratelimit_us=`), `xl cpupool-create`
// and the keys of xl.cfg.

import { UserError } from '../../base/errors.ts';
import { Arinc653Policy } from './arinc653.ts';
import type { CpuPool, SchedulingCore } from './core.ts';
import { CreditPolicy } from './credit.ts';
import { Credit2Policy } from './credit2.ts';
import { NullPolicy } from './null.ts';
import type { PolicySockets, SchedulerName, SchedulingPolicy } from './policy.ts';
import { RtdsPolicy } from './rtds.ts';
import type { CpuSet, SchedulingParameters } from './scheduled-vcpu.ts';

export interface PoolConfig {
  readonly name: string;
  readonly scheduler?: SchedulerName;
  readonly cpus: readonly number[];
}

export interface MachineScheduling {
  /** Physical CPUs. */
  readonly cpus?: number;
  /** Of the CPUs that no pool names: they are Pool-0. */
  readonly scheduler?: SchedulerName;
  /** Microseconds that a vCPU runs at least before another takes its CPU; 0: it may be at once. */
  readonly ratelimit?: number;
  readonly pools?: readonly PoolConfig[];
}

export interface DomainScheduling {
  readonly parameters?: Partial<SchedulingParameters>;
  readonly pool?: string;
  /** By vCPU. */
  readonly hardAffinity?: readonly CpuSet[];
  readonly softAffinity?: readonly CpuSet[];
}

export const POOL_0 = 'Pool-0';

export function makePools(core: SchedulingCore, options: MachineScheduling): void {
  const pools = options.pools ?? [];
  const taken = new Set<number>();
  for (const { name, cpus } of pools) {
    for (const cpu of cpus) {
      if (!core.cpus[cpu]) {
        throw new UserError(`pool '${name}' has CPU ${cpu}`, `The machine has ${core.cpus.length}, from 0.`);
      }
      if (taken.has(cpu)) throw new UserError(`CPU ${cpu} is in two pools`, 'Give it to one.');
      taken.add(cpu);
    }
  }
  const rest = core.cpus.map(({ index }) => index).filter((cpu) => !taken.has(cpu));
  core.addPool(POOL_0, policyOf(options.scheduler ?? 'credit2', core, options), rest);
  for (const { name, scheduler, cpus } of pools) {
    if (core.findPool(name)) throw new UserError(`there are two pools '${name}'`, 'Give each its own name.');
    core.addPool(name, policyOf(scheduler ?? options.scheduler ?? 'credit2', core, options), cpus);
  }
}

export function poolFor(core: SchedulingCore, name = POOL_0): CpuPool {
  const pool = core.findPool(name);
  if (pool) return pool;
  throw new UserError(
    `there is no pool '${name}'`,
    `There is: ${core.pools.map((one) => one.name).join(', ')}.`,
  );
}

function policyOf(
  name: SchedulerName,
  sockets: PolicySockets,
  { ratelimit }: MachineScheduling,
): SchedulingPolicy {
  const least = ratelimit === undefined ? undefined : ratelimit * 1000;
  switch (name) {
    case 'credit2':
      return new Credit2Policy(sockets, least);
    case 'credit':
      return new CreditPolicy(sockets, least);
    case 'null':
      return new NullPolicy(sockets);
    case 'rtds':
      return new RtdsPolicy(sockets);
    case 'arinc653':
      return new Arinc653Policy(sockets);
  }
}
