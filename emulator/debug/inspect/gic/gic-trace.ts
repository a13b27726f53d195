// The inspection `gicTrace`: which interrupts came to a domain, when, and how long they took to be ended. From the
// record (record/interrupt-record.ts), which begins when the machine is loaded.

import { BARE_DOMAIN } from '../../../machine/messages.ts';
import type { InterruptCount, InterruptRecord } from '../../record/interrupt-record.ts';
import { REMEMBERED } from '../../record/interrupt-record.ts';
import { DOMAIN, domainOf, inspection, vcpuOf } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import type { InterruptNames } from './interrupt-names.ts';

export interface InjectionRow {
  readonly instructions: number;
  readonly nanoseconds: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly name?: string;
  /** `pending` covers an interrupt that the guest handles too; `merged` with one that was pending. */
  readonly state: 'ended' | 'pending' | 'merged';
  /** From the edge until the hypervisor found it ended, in virtual nanoseconds. */
  readonly latency?: number;
}

export interface InjectionCountRow {
  readonly vcpu: number;
  readonly intid: number;
  readonly name?: string;
  /** Edges; of those `merged` added nothing to one that was pending. */
  readonly count: number;
  readonly merged: number;
  readonly ended: number;
  /** In the time that the pulse covers, for each second of virtual time. */
  readonly perSecond: number;
  readonly lastNanoseconds: number;
  /** Virtual nanoseconds, over those that ended. */
  readonly latency?: { readonly least: number; readonly mean: number; readonly most: number };
}

/** How many came in each of the last stretches of virtual time. */
export interface Pulse {
  /** Where the first stretch begins. */
  readonly startNanoseconds: number;
  readonly bucketNanoseconds: number;
  readonly series: readonly PulseSeries[];
  /** The record reaches back to here only: stretches before are too low. */
  readonly completeFromNanoseconds?: number;
}

export interface PulseSeries {
  /** Absent for all that have no series of their own. */
  readonly intid?: number;
  readonly name: string;
  readonly counts: readonly number[];
}

export interface GicTraceView {
  readonly domain: number;
  readonly domainName: string;
  /** How the record differs from that of a domain. */
  readonly note?: string;
  /** Edges at the vGICs of the machine (a bare one: acknowledgements) since it was loaded, and how many are remembered one by one. */
  readonly total: number;
  readonly remembered: number;
  readonly nanoseconds: number;
  /** Newest first. */
  readonly injections: readonly InjectionRow[];
  readonly counts: readonly InjectionCountRow[];
  readonly pulse: Pulse;
}

const DEFAULT_LIMIT = 200;
const DEFAULT_MILLISECONDS = 1000;
const LONGEST_MILLISECONDS = 3_600_000;
const BUCKETS = 60;
const MAX_SERIES = 6;
const NANOSECONDS = 1_000_000;

export const gicTraceInspection = inspection('gicTrace', {
  doc: 'the last interrupts of a domain, counts, rates and latencies',
  arguments: {
    domain: DOMAIN,
    vcpu: { kind: 'number', doc: 'vCPU of the domain; all when left out' },
    limit: { kind: 'number', doc: `how many of the last interrupts to list; ${DEFAULT_LIMIT} when left out` },
    milliseconds: {
      kind: 'number',
      doc: `virtual time that the pulse covers; ${DEFAULT_MILLISECONDS} when left out`,
    },
  },
  inspect({ loaded, record }, args): GicTraceView {
    const domain = domainOf({ loaded, record }, args.domain);
    const vcpu = args.vcpu === undefined ? undefined : vcpuOf(domain, args.vcpu);
    const limit = bounded(args.limit, DEFAULT_LIMIT, REMEMBERED);
    const milliseconds = bounded(args.milliseconds, DEFAULT_MILLISECONDS, LONGEST_MILLISECONDS);
    const now = loaded.machine.clock.nanoseconds();
    const names = record.interrupts.namesOf(domain.domain);
    // Not further back than the machine's start.
    const covered = Math.min(milliseconds * NANOSECONDS, now);
    const bucketNanoseconds = Math.max(Math.ceil(covered / BUCKETS), 1);
    const start = Math.max(now - bucketNanoseconds * BUCKETS, 0);

    const injections: InjectionRow[] = [];
    const buckets = new Map<number, number[]>();
    const inWindow = new Map<string, number>();
    for (const one of record.interrupts.newestFirst()) {
      if (one.domain !== domain.domain || (vcpu !== undefined && one.vcpu !== vcpu)) continue;
      const { instructions, nanoseconds, vcpu: target, intid, merged, latency } = one;
      if (injections.length < limit) {
        injections.push({
          instructions,
          nanoseconds,
          vcpu: target,
          intid,
          ...nameOf(names, intid),
          state: merged ? 'merged' : latency === undefined ? 'pending' : 'ended',
          ...(latency !== undefined && { latency }),
        });
      }
      if (nanoseconds >= start) {
        const key = `${target} ${intid}`;
        inWindow.set(key, (inWindow.get(key) ?? 0) + 1);
        let counts = buckets.get(intid);
        if (counts === undefined) buckets.set(intid, (counts = new Array<number>(BUCKETS).fill(0)));
        const bucket = Math.min(Math.floor((nanoseconds - start) / bucketNanoseconds), BUCKETS - 1);
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      } else if (injections.length >= limit) {
        break;
      }
    }
    const seconds = Math.max(now - start, 1) / 1e9;
    return {
      domain: domain.domain,
      domainName: domain.name,
      ...(domain.domain === BARE_DOMAIN && {
        note: 'On a bare machine an interrupt is recorded when a CPU acknowledges it, until it is deactivated.',
      }),
      total: record.interrupts.total,
      remembered: Math.min(record.interrupts.total, REMEMBERED),
      nanoseconds: now,
      injections,
      counts: record.interrupts
        .countsOf(domain.domain)
        .filter((count) => vcpu === undefined || count.vcpu === vcpu)
        .sort((a, b) => a.vcpu - b.vcpu || a.intid - b.intid)
        .map((count) =>
          countRow(count, names, (inWindow.get(`${count.vcpu} ${count.intid}`) ?? 0) / seconds),
        ),
      pulse: {
        startNanoseconds: start,
        bucketNanoseconds,
        series: seriesOf(buckets, names),
        ...completeFrom(record.interrupts, start),
      },
    };
  },
  text: (view) =>
    [
      `${view.total} interrupts in all${view.note === undefined ? '' : `. ${view.note}`}\n`,
      textTable(
        ['vCPU', 'INTID', 'name', 'count', 'merged', 'ended', 'per second', 'mean latency (ns)', 'most'],
        view.counts.map((row) => [
          row.vcpu,
          row.intid,
          row.name,
          row.count,
          row.merged,
          row.ended,
          row.perSecond,
          row.latency?.mean,
          row.latency?.most,
        ]),
      ),
      textTable(
        ['virtual ns', 'instructions', 'vCPU', 'INTID', 'name', 'state', 'latency (ns)'],
        view.injections.map((row) => [
          row.nanoseconds,
          row.instructions,
          row.vcpu,
          row.intid,
          row.name,
          row.state,
          row.latency,
        ]),
      ),
    ].join('\n'),
});

function countRow(count: InterruptCount, names: InterruptNames, perSecond: number): InjectionCountRow {
  const { vcpu, intid, raised, merged, ended, last, latency } = count;
  return {
    vcpu,
    intid,
    ...nameOf(names, intid),
    count: raised,
    merged,
    ended,
    perSecond: Math.round(perSecond * 10) / 10,
    lastNanoseconds: last.nanoseconds,
    ...(latency && { latency }),
  };
}

/** The most frequent ones have a series each, in the order of INTIDs; the others share the last one. */
function seriesOf(buckets: ReadonlyMap<number, readonly number[]>, names: InterruptNames): PulseSeries[] {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const sorted = [...buckets].sort(([a, one], [b, other]) => sum(other) - sum(one) || a - b);
  const own = sorted.slice(0, MAX_SERIES).sort(([a], [b]) => a - b);
  const others = sorted.slice(MAX_SERIES).map(([, counts]) => counts);
  return [
    ...own.map(([intid, counts]) => ({ intid, name: names.get(intid)?.name ?? `INTID ${intid}`, counts })),
    ...(others.length === 0
      ? []
      : [
          {
            name: 'others',
            counts: Array.from({ length: BUCKETS }, (_, bucket) =>
              sum(others.map((counts) => counts[bucket] ?? 0)),
            ),
          },
        ]),
  ];
}

/** When the ring of remembered injections begins inside the pulse. */
function completeFrom(record: InterruptRecord, start: number): { completeFromNanoseconds?: number } {
  const oldest = record.oldest;
  if (record.total <= REMEMBERED || oldest === undefined || oldest.nanoseconds <= start) return {};
  return { completeFromNanoseconds: oldest.nanoseconds };
}

const nameOf = (names: InterruptNames, intid: number): { name?: string } => {
  const name = names.get(intid)?.name;
  return name === undefined ? {} : { name };
};

function bounded(value: number | undefined, otherwise: number, most: number): number {
  if (value === undefined || !Number.isFinite(value)) return otherwise;
  return Math.min(Math.max(Math.floor(value), 1), most);
}
