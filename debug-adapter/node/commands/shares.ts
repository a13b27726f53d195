// Which share of virtual time every domain and vCPU had between two moments of a run.

import type { HeadlessRun } from '../../../emulator/index.ts';

export interface Sample {
  /** Virtual nanoseconds. */
  readonly now: number;
  /** Of each physical CPU, how long it was busy. */
  readonly busy: readonly number[];
  readonly vcpus: readonly SampledVcpu[];
}

interface SampledVcpu {
  readonly domain: number;
  readonly name: string;
  readonly vcpu: number;
  readonly running: number;
  readonly runnable: number;
}

export interface Shares {
  readonly fromNanoseconds: number;
  readonly toNanoseconds: number;
  /** Busy, of each physical CPU: 0 to 1. */
  readonly cpus: readonly number[];
  readonly domains: readonly DomainShares[];
}

export interface DomainShares {
  readonly domain: number;
  readonly name: string;
  /** Of one physical CPU: ran, and waited for one. Two vCPUs that run all the time have 2. */
  readonly ran: number;
  readonly waited: number;
  readonly vcpus: readonly { readonly vcpu: number; readonly ran: number; readonly waited: number }[];
}

export function takeSample({ loaded }: HeadlessRun): Sample {
  const known = loaded.view?.scheduler();
  if (!known) return { now: loaded.machine.clock.nanoseconds(), busy: [], vcpus: [] };
  return {
    now: known.now,
    busy: known.cpus.map(({ busy }) => busy),
    vcpus: known.vcpus.map(({ domain, name, vcpu, times }) => ({
      domain,
      name,
      vcpu,
      running: times.running,
      runnable: times.runnable,
    })),
  };
}

/** A domain that came in between counts from nothing; of one that went, nothing is known any more. */
export function sharesBetween(from: Sample, to: Sample): Shares {
  const time = to.now - from.now;
  const part = (nanoseconds: number): number => (time > 0 ? nanoseconds / time : 0);
  const earlier = new Map(from.vcpus.map((vcpu) => [`${vcpu.domain}.${vcpu.vcpu}`, vcpu]));
  const domains = new Map<number, { name: string; vcpus: { vcpu: number; ran: number; waited: number }[] }>();
  for (const { domain, name, vcpu, running, runnable } of to.vcpus) {
    const before = earlier.get(`${domain}.${vcpu}`);
    const known = domains.get(domain) ?? { name, vcpus: [] };
    const ran = part(running - (before?.running ?? 0));
    known.vcpus.push({ vcpu, ran, waited: part(runnable - (before?.runnable ?? 0)) });
    domains.set(domain, known);
  }
  return {
    fromNanoseconds: from.now,
    toNanoseconds: to.now,
    cpus: to.busy.map((busy, cpu) => part(busy - (from.busy[cpu] ?? 0))),
    domains: [...domains].map(([domain, { name, vcpus }]) => ({
      domain,
      name,
      ran: vcpus.reduce((sum, { ran }) => sum + ran, 0),
      waited: vcpus.reduce((sum, { waited }) => sum + waited, 0),
      vcpus,
    })),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(8);

export function sharesText({ fromNanoseconds, toNanoseconds, cpus, domains }: Shares): string {
  const milliseconds = (time: number): string => (time / 1e6).toFixed(1);
  const width = Math.max(6, ...domains.map(({ name }) => name.length));
  const busy = cpus.map((share, cpu) => `CPU ${cpu}${percent(share)}`).join('  ');
  const lines = domains.flatMap(({ domain, name, ran, waited, vcpus }) => [
    `${`d${domain}`.padEnd(6)} ${name.padEnd(width)} ${percent(ran)} ${percent(waited)}`,
    ...(vcpus.length < 2
      ? []
      : vcpus.map(
          (vcpu) =>
            `${`  v${vcpu.vcpu}`.padEnd(6)} ${''.padEnd(width)} ${percent(vcpu.ran)} ${percent(vcpu.waited)}`,
        )),
  ]);
  return [
    `${milliseconds(fromNanoseconds)} to ${milliseconds(toNanoseconds)} ms  ${busy}`,
    `domain ${'name'.padEnd(width)} ${'ran'.padStart(8)} ${'waited'.padStart(8)}`,
    ...lines,
    '',
  ].join('\n');
}
