// The machine's physical address space: whose every page of RAM is, what Xen uses its own for, and which device
// answers where.

import { hex } from '../../../base/address.ts';
import type { LoadedMachine } from '../../../machine/guest.ts';
import type { XenPage } from '../../../xen/hypervisor/memory-view.ts';
import { inspection, type Subject } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import { deviceName } from './devices.ts';
import { type Cut, cutBy, fillGaps, type Interval, limited } from './intervals.ts';
import { type KindCount, countsOf } from './memory-map.ts';
import { type OwnedRange, Owners } from './owners.ts';
import type { MappedRange } from './scan.ts';
import { ipaReference, nameOf, paReference, scanStage2, spaceOf } from './space.ts';

export const PHYSICAL_KINDS = {
  ram: 'RAM',
  domain: 'RAM of a domain',
  xen: 'Xen',
  free: 'free',
  device: 'device',
  hole: 'hole',
} as const;

export type PhysicalKind = keyof typeof PHYSICAL_KINDS;

export interface PhysicalMapRange {
  readonly pa: string;
  readonly size: string;
  readonly pages: number;
  readonly kind: PhysicalKind;
  /** `RAM of d1`, `stage-2 tables of d1`, `UART (PL011)`. */
  readonly name: string;
  readonly domain?: number;
  /** Where its domain sees the range. */
  readonly ipa?: string;
  readonly reference: string;
  readonly ipaReference?: string;
}

export interface PhysicalMapView {
  readonly bits: number;
  readonly size: string;
  readonly ranges: readonly PhysicalMapRange[];
  readonly counts: readonly KindCount[];
  readonly notes: readonly string[];
  readonly truncated?: string;
}

interface PhysicalRange extends Interval {
  readonly kind: PhysicalKind;
  readonly name: string;
  readonly domain?: number;
  readonly ipa?: number;
}

const RANGES_MAX = 1000;
const PAGE = 4096;

export const physicalMapInspection = inspection('physicalMap', {
  doc: 'the physical address space of the machine, with the owner of every page and the devices',
  arguments: {},
  inspect(subject): PhysicalMapView {
    const { loaded } = subject;
    const bits = loaded.machine.features.paBits;
    const hole: PhysicalRange = { from: 0, size: 2 ** bits, kind: 'hole', name: 'nothing' };
    const known = [...deviceRanges(loaded), ...ramRanges(subject)];
    const all = fillGaps(known, { from: 0, to: 2 ** bits }, [hole]);
    const { ranges, truncated } = limited(all, RANGES_MAX, joinedByKind);
    const rows = ranges.map(rowOf);
    return {
      bits,
      size: hex(2 ** bits),
      ranges: rows,
      counts: countsOf(rows, PHYSICAL_KINDS),
      notes: loaded.view ? [] : ['No hypervisor of ours: all RAM belongs to what runs on the machine.'],
      ...(truncated !== undefined && { truncated }),
    };
  },
  text: (view) =>
    [
      ...view.notes.map((note) => `${note}\n`),
      textTable(
        ['PA', 'size', 'kind', 'what', 'IPA'],
        view.ranges.map(({ pa, size, kind, name, ipa }) => [pa, size, PHYSICAL_KINDS[kind], name, ipa]),
      ),
      ...(view.truncated ? [`${view.truncated}\n`] : []),
    ].join(''),
});

/** All devices of the board stand below its RAM. */
function deviceRanges({ machine }: LoadedMachine): PhysicalRange[] {
  return [...machine.devices.bus.regions()].map(({ base, size, name }) => ({
    from: base,
    size,
    kind: 'device',
    name: deviceName(name),
  }));
}

function ramRanges(subject: Subject): PhysicalRange[] {
  const { machine, view } = subject.loaded;
  if (!view) {
    const { base, size } = machine.memory;
    return [{ from: base, size, kind: 'ram', name: 'RAM of the machine' }];
  }
  const uses = usesOfXen(view.memory.xenPages());
  const mappings = mappingsByDomain(subject);
  return new Owners(view.memory).runs.flatMap((run) => ownedRanges(run, uses, mappings));
}

function ownedRanges(
  { from, size, owner }: OwnedRange,
  uses: readonly Cut<string>[],
  mappings: ReadonlyMap<number, readonly Cut<number>[]>,
): PhysicalRange[] {
  if (typeof owner === 'number') {
    const name = `RAM of ${nameOf(owner)}`;
    return cutBy({ from, size }, mappings.get(owner) ?? []).map(({ what, ...part }) => ({
      ...part,
      kind: 'domain',
      domain: owner,
      ...(what === undefined ? { name: `${name}, mapped nowhere in it` } : { name, ipa: part.from + what }),
    }));
  }
  if (owner !== 'xen') return [{ from, size, kind: 'free', name: 'free' }];
  return cutBy({ from, size }, uses).map(({ what, ...part }) => ({
    ...part,
    kind: 'xen',
    name: what ?? 'page of Xen',
  }));
}

/** Pages of one use that stand side by side are one. */
function usesOfXen(pages: readonly XenPage[]): Cut<string>[] {
  const sorted = [...pages].sort((a, b) => a.pa - b.pa);
  const cuts: { from: number; size: number; what: string }[] = [];
  for (const { pa, use, domain } of sorted) {
    const what = `${use === 'stage-2 table' ? 'stage-2 tables' : use} of ${nameOf(domain)}`;
    const last = cuts.at(-1);
    if (last && last.what === what && last.from + last.size === pa) last.size += PAGE;
    else cuts.push({ from: pa, size: PAGE, what });
  }
  return cuts;
}

function joinedByKind(ranges: readonly PhysicalRange[]): PhysicalRange[] {
  const joined: PhysicalRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last && last.kind === range.kind && last.domain === range.domain) {
      const { ipa: _, ...rest } = last;
      joined[joined.length - 1] = { ...rest, name: PHYSICAL_KINDS[range.kind], size: last.size + range.size };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

/** What each domain maps of the machine, by PA; `what` is the way from a PA to the IPA. */
function mappingsByDomain(subject: Subject): ReadonlyMap<number, readonly Cut<number>[]> {
  const found = new Map<number, readonly Cut<number>[]>();
  for (const { domain } of subject.loaded.info.domains) {
    const ranges = scanStage2(spaceOf(subject, domain, 0))?.ranges ?? [];
    found.set(domain, joinedMappings([...ranges].sort((a, b) => a.output - b.output)));
  }
  return found;
}

function joinedMappings(ranges: readonly MappedRange[]): Cut<number>[] {
  const cuts: { from: number; size: number; what: number }[] = [];
  for (const { from, size, output } of ranges) {
    const last = cuts.at(-1);
    if (last && last.from + last.size === output && last.what === from - output) last.size += size;
    else cuts.push({ from: output, size, what: from - output });
  }
  return cuts;
}

function rowOf({ from, size, kind, name, domain, ipa }: PhysicalRange): PhysicalMapRange {
  return {
    pa: hex(from),
    size: hex(size),
    pages: Math.ceil(size / PAGE),
    kind,
    name,
    ...(domain !== undefined && { domain }),
    ...(domain !== undefined &&
      ipa !== undefined && { ipa: hex(ipa), ipaReference: ipaReference(domain, ipa) }),
    reference: paReference(from),
  };
}
