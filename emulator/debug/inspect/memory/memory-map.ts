// A domain's whole guest physical address space: what each range is, where it leads, and what stage 2 says of it.
// What is mapped is read from the stage-2 tables in memory, by VTTBR_EL2 and VTCR_EL2 of a vCPU; what nobody could
// read there (who owns a page, what is emulated where) comes from the hypervisor, if it is ours.

import { hex } from '../../../base/address.ts';
import { sizeOf } from '../../../cpu/sysregs/words.ts';
import type { MemoryView } from '../../../xen/hypervisor/memory-view.ts';
import {
  P2M_GRANT_MAP_RO,
  P2M_GRANT_MAP_RW,
  P2M_MAP_FOREIGN_RO,
  P2M_MAP_FOREIGN_RW,
} from '../../../xen/p2m.ts';
import { extendedRegions, GUEST_GNTTAB } from '../../../xen/toolstack/guest-layout.ts';
import { addressOf, DOMAIN, inspection, VCPU } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import { permissionText, shareabilityWords, shortAttributeWords, stage2Attributes } from './attributes.ts';
import { deviceName } from './devices.ts';
import { type Cut, cutBy, fillGaps, type Interval, limited } from './intervals.ts';
import { Owners } from './owners.ts';
import { shiftAt, stage2Enabled, stage2Geometry, stage2Inconsistent, vmidOf } from './regime.ts';
import { joinedLoosely, type MappedRange, type Scan } from './scan.ts';
import { ipaReference, nameOf, paReference, scanStage2, type Space, spaceOf } from './space.ts';
import { stage2Permissions } from './translate.ts';

/** Kinds of ranges, in the order of legends. */
export const MEMORY_KINDS = {
  ram: 'RAM',
  magic: 'magic page',
  'shared-info': 'shared info',
  'grant-table': 'grant table frame',
  xen: 'page of Xen',
  grant: 'granted by another domain',
  foreign: 'page of another domain',
  device: 'device passed through',
  emulated: 'emulated device',
  'grant-window': 'grant-table window',
  extended: 'extended region',
  hole: 'hole',
} as const;

export type MemoryKind = keyof typeof MEMORY_KINDS;

export interface MemoryMapRange {
  readonly ipa: string;
  readonly size: string;
  /** Of 4 KiB. */
  readonly pages: number;
  readonly kind: MemoryKind;
  /** `granted by d2`, `GIC distributor`. */
  readonly name: string;
  /** Whose page it is, if that is another domain. */
  readonly from?: number;
  /** Where stage 2 leads; absent where nothing is mapped, and where pages lie scattered. */
  readonly pa?: string;
  readonly scattered?: true;
  readonly level?: number;
  /** `2 MiB block`. */
  readonly block?: string;
  /** `rwx`, with `-` for what stage 2 does not allow; absent where nothing is mapped. */
  readonly permissions?: string;
  readonly attributes?: string;
  readonly shareability?: string;
  readonly accessFlag?: boolean;
  /** Memory that the guest may not write. */
  readonly writeProtected?: true;
  /** DBM is set: with FEAT_HAFDBS, hardware would make the page writable on the first write. */
  readonly dirtyByHardware?: true;
  /** What happens on an access where nothing is mapped. */
  readonly note?: string;
  readonly reference: string;
  readonly paReference?: string;
}

export interface KindCount {
  readonly kind: string;
  readonly label: string;
  readonly ranges: number;
  readonly pages: number;
}

export interface MemoryMapView {
  readonly domain: number;
  readonly name: string;
  /** The space has this many bytes. */
  readonly size: string;
  readonly bits: number;
  /** What the ranges cover. */
  readonly window: { readonly from: string; readonly size: string };
  /** Absent where stage 2 is off. */
  readonly stage2?: {
    readonly vttbr: string;
    readonly vtcr: string;
    readonly vmid: number;
    readonly root: string;
    readonly words: string;
  };
  readonly ranges: readonly MemoryMapRange[];
  readonly counts: readonly KindCount[];
  /** What a reader must know. */
  readonly notes: readonly string[];
  /** Why there are fewer ranges than there could be. */
  readonly truncated?: string;
}

const RANGES_MAX = 1000;
const PAGE = 4096;
/** Descriptor bits 51 and 52. */
const DBM = 8;
const CONTIGUOUS = 16;

export const memoryMapInspection = inspection('memoryMap', {
  doc: 'the guest physical address space of a domain: every range with its kind, PA and stage-2 attributes',
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    from: { kind: 'address', doc: 'first IPA; 0 when left out' },
    size: { kind: 'address', doc: 'bytes from there; up to the end when left out' },
  },
  inspect(subject, args): MemoryMapView {
    const space = spaceOf(subject, args.domain, args.vcpu);
    const bits = ipaBitsOf(space);
    const window = windowOf(args, 2 ** bits);
    const scan = scanStage2(space, window);
    const all = rangesOf(space, scan, window);
    const { ranges, truncated } = limited(all, RANGES_MAX, joinNeighbours);
    const rows = ranges.map((range) => rowOf(space, range));
    const stopped = scan?.stoppedAt;
    const reason =
      stopped === undefined
        ? truncated
        : `The tables have too many entries: reading them ended at IPA ${hex(stopped)}.`;
    return {
      domain: space.domain.domain,
      name: space.domain.name,
      size: hex(2 ** bits),
      bits,
      window: { from: hex(window.from), size: hex(window.to - window.from) },
      ...(stage2Enabled(space.registers) && { stage2: stage2Words(space) }),
      ranges: rows,
      counts: countsOf(rows, MEMORY_KINDS),
      notes: notesOf(space, scan),
      ...(reason !== undefined && { truncated: reason }),
    };
  },
  text: (view) =>
    [
      ...view.notes.map((note) => `${note}\n`),
      textTable(
        ['IPA', 'size', 'kind', 'what', 'PA', 'level', 'mapped by', 'access', 'memory', 'shareability'],
        view.ranges.map((range) => [
          range.ipa,
          range.size,
          MEMORY_KINDS[range.kind],
          range.name,
          range.pa ?? (range.scattered ? 'scattered' : ''),
          range.level,
          range.block,
          range.permissions,
          range.attributes,
          range.shareability,
        ]),
      ),
      ...(view.truncated ? [`${view.truncated}\n`] : []),
    ].join(''),
});

/** What is known of a range before it becomes text. */
export interface SpaceRange extends Interval {
  readonly kind: MemoryKind;
  readonly name: string;
  readonly owner?: number;
  readonly mapped?: MappedRange;
  readonly note?: string;
}

/** IPA bits by VTCR_EL2; where stage 2 is off, an IPA is a PA. */
export const ipaBitsOf = ({ registers }: Space): number =>
  stage2Enabled(registers) ? stage2Geometry(registers).inputBits : registers.paBits;

export interface Window {
  readonly from: number;
  readonly to: number;
}

export function windowOf(args: { readonly from?: string; readonly size?: string }, limit: number): Window {
  const from = args.from === undefined ? 0n : addressOf(args.from, 'from');
  const size = args.size === undefined ? BigInt(limit) : addressOf(args.size, 'size');
  const clamp = (value: bigint): number => Number(value > BigInt(limit) ? BigInt(limit) : value);
  const first = clamp(from) - (clamp(from) % PAGE);
  return { from: Math.min(first, limit), to: clamp(from + size) };
}

/** Every range of the window, lowest first, without gaps. */
export function rangesOf(space: Space, scan: Scan | undefined, window: Window): SpaceRange[] {
  const { loaded, domain } = space;
  if (!stage2Enabled(space.registers)) return fillGaps(flatRanges(space), window, holes(space, window));
  const known = loaded.view?.memory;
  const owners = new Owners(known);
  const mapped = (scan?.ranges ?? []).flatMap((range) => classified(space, range, owners, known));
  const end = scan?.stoppedAt ?? window.to;
  return fillGaps(
    mapped,
    { from: window.from, to: Math.min(end, window.to) },
    unmapped(domain.domain, space, window),
  );
}

/** Without stage 2: RAM and devices of the board, at their own addresses. */
function flatRanges({ loaded }: Space): SpaceRange[] {
  const { memory, devices } = loaded.machine;
  const found: SpaceRange[] = [
    { from: memory.base, size: memory.size, kind: 'ram', name: 'RAM of the machine' },
  ];
  for (const { base, size, name } of devices.bus.regions()) {
    found.push({ from: base, size, kind: 'device', name: deviceName(name) });
  }
  return found.sort((a, b) => a.from - b.from);
}

const holes = (_space: Space, window: Window): SpaceRange[] => [
  {
    from: window.from,
    size: window.to - window.from,
    kind: 'hole',
    name: 'nothing',
    note: 'An access is an external abort.',
  },
];

/** What stands where nothing is mapped; the first that covers an address has it. */
function unmapped(domid: number, space: Space, window: Window): SpaceRange[] {
  const { loaded, domain } = space;
  const found: SpaceRange[] = [];
  for (const { ipa, size, name } of loaded.view?.memory.emulated(domid) ?? []) {
    const note = 'Not mapped in stage 2: every access traps, and Xen emulates the device.';
    found.push({ from: ipa, size, kind: 'emulated', name, note });
  }
  if (loaded.view) {
    const { base, size } = GUEST_GNTTAB;
    const note = 'Where the guest may map the frames of its grant table.';
    found.push({ from: base, size, kind: 'grant-window', name: 'grant-table window', note });
    const ram = domain.ram.reduce((sum, bank) => sum + bank.size, 0);
    for (const region of extendedRegions(ram, ipaBitsOf(space))) {
      const text = 'Free address space that the guest was told to map pages of other domains into.';
      found.push({
        from: region.base,
        size: region.size,
        kind: 'extended',
        name: 'extended region',
        note: text,
      });
    }
  }
  const note = loaded.view
    ? 'Not mapped in stage 2, and nothing is emulated there: Xen injects an abort.'
    : 'Not mapped in stage 2: an access is a fault that the hypervisor takes.';
  found.push({ from: window.from, size: window.to - window.from, kind: 'hole', name: 'nothing', note });
  return found;
}

/** A mapped range, cut where its owner or use changes. */
function classified(
  space: Space,
  range: MappedRange,
  owners: Owners,
  known: MemoryView | undefined,
): SpaceRange[] {
  const domid = space.domain.domain;
  const type = p2mTypeOf(range);
  const { memory } = space.loaded.machine;
  if (!memory.contains(range.output)) {
    const region = [...space.loaded.machine.devices.bus.regions()].find(
      ({ base, size }) => range.output >= base && range.output < base + size,
    );
    const name = region ? deviceName(region.name) : 'no device and no RAM there';
    return [{ from: range.from, size: range.size, kind: 'device', name, mapped: range }];
  }
  const uses: Cut<{ kind: MemoryKind; name: string }>[] = (known?.knownPages(domid) ?? []).map(
    ({ ipa, use, name }) => ({ from: ipa, size: PAGE, what: { kind: USE_KINDS[use], name } }),
  );
  return cutBy(range, uses).flatMap((part): SpaceRange[] => {
    if (part.what) return [{ from: part.from, size: part.size, ...part.what, mapped: range }];
    const pa = range.output + (part.from - range.from);
    return owners.within(pa, part.size).map(({ from, size, owner }) => ({
      from: part.from + (from - pa),
      size,
      ...kindOfPage(type, owner, domid),
      mapped: range,
    }));
  });
}

const USE_KINDS = {
  'magic page': 'magic',
  'shared info': 'shared-info',
  'grant table': 'grant-table',
} as const;

const P2M_TYPE_SHIFT = 7;
/** Descriptor bits 58:55. */
export const p2mTypeOf = ({ high }: MappedRange): number => (high >> P2M_TYPE_SHIFT) & 15;

function kindOfPage(
  type: number,
  owner: number | 'xen' | 'free' | undefined,
  domid: number,
): { kind: MemoryKind; name: string; owner?: number } {
  const whose = typeof owner === 'number' ? { owner } : {};
  const by = typeof owner === 'number' ? nameOf(owner) : owner === 'xen' ? 'Xen' : 'nobody that is left';
  const unknown = owner === undefined;
  if (type === P2M_GRANT_MAP_RO || type === P2M_GRANT_MAP_RW) {
    return { kind: 'grant', name: unknown ? 'granted by another domain' : `granted by ${by}`, ...whose };
  }
  if (type === P2M_MAP_FOREIGN_RO || type === P2M_MAP_FOREIGN_RW) {
    return { kind: 'foreign', name: unknown ? 'page of another domain' : `page of ${by}`, ...whose };
  }
  if (owner === 'xen') return { kind: 'xen', name: 'page of Xen' };
  if (owner === 'free') return { kind: 'ram', name: 'RAM that nobody owns any more' };
  if (typeof owner === 'number' && owner !== domid) {
    return { kind: 'foreign', name: `page of ${by}, mapped as RAM`, ...whose };
  }
  return { kind: 'ram', name: 'RAM' };
}

function joinNeighbours(ranges: readonly SpaceRange[]): SpaceRange[] {
  const joined: SpaceRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    const both =
      last?.mapped &&
      range.mapped &&
      joinedLoosely([
        { ...last.mapped, from: last.from, size: last.size },
        { ...range.mapped, from: range.from, size: range.size },
      ]);
    if (last && last.kind === range.kind && last.name === range.name && both?.length === 1 && both[0]) {
      joined[joined.length - 1] = {
        ...last,
        size: last.size + range.size,
        mapped: { ...both[0], linear: false },
      };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

export function rowOf(
  space: Space,
  { from, size, kind, name, owner, mapped, note }: SpaceRange,
): MemoryMapRange {
  const domid = space.domain.domain;
  const said = mapped && (mapped.low & 1) === 0 ? KEPT_BY_XEN : note;
  const base = {
    ipa: hex(from),
    size: hex(size),
    pages: Math.ceil(size / PAGE),
    kind,
    name,
    ...(owner !== undefined && { from: owner }),
    ...(said !== undefined && { note: said }),
    reference: ipaReference(domid, from),
  };
  if (mapped) return { ...base, ...mappedRow(space, mapped, from, kind) };
  if (stage2Enabled(space.registers) || kind === 'hole') return base;
  const permissions = kind === 'ram' ? { permissions: 'rwx' } : { permissions: 'rw-' };
  return { ...base, pa: hex(from), paReference: paReference(from), ...permissions };
}

const KEPT_BY_XEN =
  'Bit 0 of the entry is clear: an access faults, and Xen, which keeps the mapping in it, makes it valid again.';

function mappedRow(
  space: Space,
  mapped: MappedRange,
  from: number,
  kind: MemoryKind,
): Partial<MemoryMapRange> {
  const { linear, output, level, low, high } = mapped;
  const pa = output + (from - mapped.from);
  const descriptor = BigInt(low) | (BigInt(high) << 48n);
  const allowed = stage2Permissions(descriptor);
  const permissions = permissionText(allowed);
  const shift = shiftAt(stage2Geometry(space.registers), level);
  const isContiguous = (high & CONTIGUOUS) !== 0;
  return {
    ...(linear ? { pa: hex(pa), paReference: paReference(pa) } : { scattered: true }),
    level,
    block: `${sizeOf(shift)} ${level === 3 ? 'page' : 'block'}${isContiguous ? ', contiguous' : ''}`,
    permissions,
    attributes: shortAttributeWords(stage2Attributes((low >> 2) & 15)),
    shareability: shareabilityWords((low >> 8) & 3),
    accessFlag: (low & 0x400) !== 0,
    ...(kind !== 'device' && !permissions.includes('w') && { writeProtected: true as const }),
    ...((high & DBM) !== 0 && { dirtyByHardware: true as const }),
  };
}

export function countsOf(
  rows: readonly { readonly kind: string; readonly pages: number }[],
  kinds: Readonly<Record<string, string>>,
): KindCount[] {
  return Object.entries(kinds).flatMap(([kind, label]) => {
    const found = rows.filter((row) => row.kind === kind);
    if (found.length === 0) return [];
    return [{ kind, label, ranges: found.length, pages: found.reduce((sum, { pages }) => sum + pages, 0) }];
  });
}

function stage2Words({ registers }: Space): NonNullable<MemoryMapView['stage2']> {
  const geometry = stage2Geometry(registers);
  return {
    vttbr: hex(registers.VTTBR_EL2),
    vtcr: hex(registers.VTCR_EL2),
    vmid: vmidOf(registers),
    root: paReference(geometry.value & 0xffff_ffff_fffen),
    words: `${geometry.inputBits}-bit IPAs, granule of ${sizeOf(geometry.granule)}, first level ${geometry.firstLevel}`,
  };
}

function notesOf(space: Space, scan: Scan | undefined): string[] {
  const { registers, loaded, domain } = space;
  if (!stage2Enabled(registers)) return ['Stage 2 is off: an IPA is the PA.'];
  const notes: string[] = [];
  const inconsistent = stage2Inconsistent(registers);
  if (inconsistent) notes.push(`${inconsistent}: every access is a translation fault.`);
  if (loaded.view?.domains().every(({ id }) => id !== domain.domain)) {
    notes.push('The domain is gone: this is what its tables held last.');
  }
  if (!loaded.view) {
    notes.push(
      'The hypervisor at EL2 is not ours: what it emulates, and whose pages are mapped, is not known.',
    );
  }
  return [...notes, ...badEntries(scan)];
}

/** What a scan met that cannot be right. */
export function badEntries(scan: Scan | undefined): string[] {
  if (!scan) return [];
  const some = (count: number, one: string, many: string): string[] =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}.`];
  return [
    ...some(scan.reserved, 'entry is reserved at its level', 'entries are reserved at their level'),
    ...some(
      scan.outside,
      'entry holds an address that is too long',
      'entries hold addresses that are too long',
    ),
    ...some(scan.unreadable, 'table does not stand in RAM', 'tables do not stand in RAM'),
  ];
}
