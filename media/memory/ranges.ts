// What the three maps have in common for drawing: ranges with a place, a kind and a text, and what differs between
// two stops.

import type { Inspections } from '../../debug-adapter/protocol.ts';
import type { StripRange } from './strip-drawing.ts';

export type MemoryMapView = Inspections['memoryMap']['view'];
export type PhysicalMapView = Inspections['physicalMap']['view'];
export type Stage1MapView = Inspections['stage1Map']['view'];

export type IpaRange = MemoryMapView['ranges'][number];
export type PaRange = PhysicalMapView['ranges'][number];
export type VaRange = Stage1MapView['ranges'][number];

/** A map as the strip and the legend take it. */
export interface SpaceMap {
  readonly base: bigint;
  readonly size: number;
  readonly ranges: readonly StripRange[];
  readonly counts: MemoryMapView['counts'];
  readonly changes: readonly Change[];
}

export interface Change {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly key: string;
  readonly size: number;
  readonly name: string;
  /** What it was and is. */
  readonly was?: string;
  readonly is?: string;
}

interface Raw {
  readonly key: string;
  readonly size: string;
  readonly kind: string;
  readonly name: string;
  readonly details: string;
}

export const ipaDetails = ({ pa, scattered, permissions, block, attributes, note }: IpaRange): string =>
  [
    pa === undefined ? (scattered ? 'PA scattered' : '') : `PA ${pa}`,
    permissions ?? '',
    block ?? '',
    attributes ?? '',
    note ?? '',
  ]
    .filter((text) => text !== '')
    .join(', ');

const rawOfIpa = (range: IpaRange): Raw => ({ ...range, key: range.ipa, details: ipaDetails(range) });
const rawOfPa = (range: PaRange): Raw => ({
  ...range,
  key: range.pa,
  details: range.ipa === undefined ? '' : `IPA ${range.ipa}`,
});
const rawOfVa = (range: VaRange): Raw => ({
  ...range,
  key: range.va,
  details: [
    range.ipa === undefined ? 'IPA scattered' : `IPA ${range.ipa}`,
    `EL1 ${range.el1}`,
    `EL0 ${range.el0}`,
    range.block,
    range.attributes,
  ].join(', '),
});

export function ipaMap(view: MemoryMapView, before: MemoryMapView | undefined): SpaceMap {
  return mapOf(0n, Number(view.size), view.ranges.map(rawOfIpa), before?.ranges.map(rawOfIpa), view.counts);
}

export function paMap(view: PhysicalMapView, before: PhysicalMapView | undefined): SpaceMap {
  return mapOf(0n, Number(view.size), view.ranges.map(rawOfPa), before?.ranges.map(rawOfPa), view.counts);
}

export function vaMap(view: Stage1MapView, before: Stage1MapView | undefined): SpaceMap {
  const { from, size } = view.window;
  return mapOf(
    BigInt(from),
    Number(size),
    view.ranges.map(rawOfVa),
    before?.ranges.map(rawOfVa),
    view.counts,
  );
}

function mapOf(
  base: bigint,
  size: number,
  rows: readonly Raw[],
  before: readonly Raw[] | undefined,
  counts: SpaceMap['counts'],
): SpaceMap {
  const changes = before ? changesBetween(before, rows) : [];
  const changed = new Set(changes.filter(({ kind }) => kind !== 'removed').map(({ key }) => key));
  const ranges = rows
    .filter(({ kind }) => kind !== 'hole')
    .map(({ key, size: bytes, kind, name, details }) => ({
      key,
      from: Number(BigInt(key) - base),
      size: Number(bytes),
      kind,
      name,
      details,
      changed: changed.has(key),
    }));
  return { base, size, ranges, counts, changes };
}

/** Ranges by where they begin: added, gone, or with another size, kind or permission. Holes are no ranges. */
export function changesBetween(before: readonly Raw[], now: readonly Raw[]): Change[] {
  const old = new Map(before.filter(({ kind }) => kind !== 'hole').map((row) => [row.key, row]));
  const changes: Change[] = [];
  for (const row of now) {
    if (row.kind === 'hole') continue;
    const was = old.get(row.key);
    old.delete(row.key);
    const { key, name } = row;
    const size = Number(row.size);
    if (!was) changes.push({ kind: 'added', key, size, name });
    else if (was.size !== row.size || was.name !== row.name || was.details !== row.details) {
      const [then, after] = [partsOf(was), partsOf(row)];
      changes.push({ kind: 'changed', key, size, name, was: without(then, after), is: without(after, then) });
    }
  }
  for (const { key, size, name } of old.values())
    changes.push({ kind: 'removed', key, size: Number(size), name });
  return changes;
}

const partsOf = ({ size, name, details }: Raw): string[] =>
  [size, name, ...details.split(', ')].filter((part) => part !== '');

/** What differs: parts that the other does not have. */
const without = (parts: readonly string[], other: readonly string[]): string =>
  parts.filter((part) => !other.includes(part)).join(', ');
