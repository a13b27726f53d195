// The machine's physical address space: whose every page of RAM is, what Xen uses its own for, and which device
// answers where.

import { hex } from '../../../base/address.ts';
import type { LoadedMachine } from '../../../machine/guest.ts';
import type { XenPage } from '../../../xen/hypervisor/memory-view.ts';
import { inspection, type Subject } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import { deviceNameAt } from './devices.ts';
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
  /** Where its domain sees the range, if all of it in one place. */
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
    const all = fillGaps([...deviceRanges(loaded), ...ramRanges(loaded)], { from: 0, to: 2 ** bits }, [hole]);
    const { ranges, truncated } = limited(all, RANGES_MAX, joinedByKind);
    const seen = mappingsByDomain(subject);
    const rows = ranges.map((range) => rowOf(range, seen));
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
    name: deviceNameAt(name),
  }));
}

function ramRanges({ machine, view }: LoadedMachine): PhysicalRange[] {
  if (!view) {
    const { base, size } = machine.memory;
    return [{ from: base, size, kind: 'ram', name: 'RAM of the machine' }];
  }
  const uses = usesOfXen(view.memory.xenPages());
  return new Owners(view.memory).runs.flatMap((run) => ownedRanges(run, uses));
}

function ownedRanges({ from, size, owner }: OwnedRange, uses: readonly Cut<string>[]): PhysicalRange[] {
  if (typeof owner === 'number') {
    return [{ from, size, kind: 'domain', name: `RAM of ${nameOf(owner)}`, domain: owner }];
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
      joined[joined.length - 1] = { ...last, name: PHYSICAL_KINDS[range.kind], size: last.size + range.size };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

function mappingsByDomain(subject: Subject): ReadonlyMap<number, readonly MappedRange[]> {
  const { loaded } = subject;
  const found = new Map<number, readonly MappedRange[]>();
  if (!loaded.view) return found;
  for (const { domain } of loaded.info.domains) {
    found.set(domain, scanStage2(spaceOf(subject, domain, 0))?.ranges ?? []);
  }
  return found;
}

function rowOf(
  { from, size, kind, name, domain }: PhysicalRange,
  seen: ReadonlyMap<number, readonly MappedRange[]>,
): PhysicalMapRange {
  const mapped =
    domain === undefined
      ? undefined
      : seen.get(domain)?.find((range) => range.output <= from && range.output + range.size >= from + size);
  const ipa = mapped && mapped.from + (from - mapped.output);
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
