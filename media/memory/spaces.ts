// The address spaces that the panel shows, each as one map: what is drawn of it, and what is asked for beside it when
// it has too many ranges.

import { type Column, t } from '../panel/panel.ts';
import { IPA_COLUMNS, PA_COLUMNS, VA_COLUMNS } from './columns.ts';
import {
  ipaMap,
  type IpaRange,
  type MemoryMapView,
  paMap,
  type PaRange,
  type PhysicalMapView,
  type SpaceMap,
  type Stage1MapView,
  vaMap,
  type VaRange,
} from './ranges.ts';
import type { Zoom } from './scale.ts';

export type Space = 'ipa' | 'pa' | 'ttbr1' | 'ttbr0';

export type AnyMap = MemoryMapView | PhysicalMapView | Stage1MapView;

export type AnyRange = IpaRange | PaRange | VaRange;

/** What is drawn of one of the three spaces. */
export interface Shown {
  readonly map: SpaceMap;
  readonly rows: readonly AnyRange[];
  readonly before: readonly AnyRange[] | undefined;
  readonly columns: readonly Column<never>[];
  readonly keyOf: (row: never) => string;
  readonly notes: readonly string[];
  readonly truncated?: string | undefined;
  readonly title: string;
}

/** `before` is the view at the last stop. `nameOf` names a domain. */
export function shownOf(
  space: Space,
  view: AnyMap,
  before: AnyMap | undefined,
  nameOf: (domain: number) => string,
): Shown {
  const common = { notes: view.notes, truncated: view.truncated };
  switch (space) {
    case 'ipa': {
      const [now, then] = [view as MemoryMapView, before as MemoryMapView | undefined];
      return {
        ...common,
        map: ipaMap(now, then),
        rows: now.ranges,
        before: then?.ranges,
        columns: IPA_COLUMNS,
        keyOf: (row: IpaRange) => row.ipa,
        notes: [
          ...(now.stage2 ? [t('Stage 2 of VMID {0}: {1}.', now.stage2.vmid, now.stage2.words)] : []),
          ...now.notes,
        ],
        title: t('Guest physical address space of {0}', nameOf(now.domain)),
      };
    }
    case 'pa': {
      const [now, then] = [view as PhysicalMapView, before as PhysicalMapView | undefined];
      return {
        ...common,
        map: paMap(now, then),
        rows: now.ranges,
        before: then?.ranges,
        columns: PA_COLUMNS,
        keyOf: (row: PaRange) => row.pa,
        title: t('Physical address space of the machine'),
      };
    }
    default: {
      const [now, then] = [view as Stage1MapView, before as Stage1MapView | undefined];
      const { tables, off } = now;
      return {
        ...common,
        map: vaMap(now, then),
        rows: now.ranges,
        before: then?.ranges,
        columns: VA_COLUMNS,
        keyOf: (row: VaRange) => row.va,
        notes: [
          ...(off ? [off] : []),
          ...(tables
            ? [t('{0} is {1}: {2}, ASID {3}.', tables.register, tables.value, tables.words, tables.asid)]
            : []),
          ...now.notes,
        ],
        title: t(
          'Virtual addresses of vCPU {0} by {1}',
          now.vcpu,
          space === 'ttbr1' ? 'TTBR1_EL1' : 'TTBR0_EL1',
        ),
      };
    }
  }
}

export /** Changes are told between views of one space: not between two domains or two processes. */
function sameSpace(view: AnyMap, before: AnyMap): boolean {
  if ('which' in view && 'which' in before) {
    return (
      view.which === before.which &&
      view.domain === before.domain &&
      view.tables?.root === before.tables?.root
    );
  }
  if ('bits' in view && 'domain' in view && 'domain' in before) return view.domain === before.domain;
  return true;
}

/** The part of a map that is looked at, to be asked for when the whole has more ranges than it shows. */
export function partOf(
  view: MemoryMapView | Stage1MapView,
  zoomIn: (base: bigint, size: number) => Zoom,
): { from: string; size: string } | undefined {
  if (!view.truncated) return undefined;
  const { base, size } = spaceOf(view);
  const { from, to } = zoomIn(base, size);
  if (to - from >= size / 2) return undefined;
  // Asked again only when the view leaves a window twice as wide.
  const width = 2 ** Math.ceil(Math.log2(to - from));
  const start = from - (from % width);
  return { from: hex(base + BigInt(start)), size: hex(BigInt(2 * width)) };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Where the space of a map begins, and its bytes. */
const spaceOf = (view: MemoryMapView | Stage1MapView): { base: bigint; size: number } =>
  'which' in view
    ? { base: BigInt(view.window.from), size: Number(view.window.size) }
    : { base: 0n, size: Number(view.size) };

/** A map with the ranges of a part in place of those it had there. */
export function withDetail(view: AnyMap, detail: MemoryMapView | Stage1MapView): AnyMap {
  const placeOf = (row: { readonly ipa?: string; readonly va?: string }): bigint =>
    BigInt(('which' in detail ? row.va : row.ipa) ?? 0);
  const first = detail.ranges[0];
  const last = detail.ranges.at(-1);
  if (!first || !last) return view;
  const [from, to] = [placeOf(first), placeOf(last) + BigInt(last.size)];
  const rows = view.ranges as readonly (IpaRange & VaRange)[];
  const outside = rows.filter((row) => placeOf(row) + BigInt(row.size) <= from || placeOf(row) >= to);
  const ranges = [...outside, ...detail.ranges] as (IpaRange & VaRange)[];
  ranges.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const { truncated: _, ...rest } = view;
  return { ...rest, ranges, ...(detail.truncated && { truncated: detail.truncated }) } as AnyMap;
}
