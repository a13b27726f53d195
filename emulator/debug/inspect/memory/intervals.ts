// Ranges of an address space: cutting them, filling what is between them, and keeping lists short.

export interface Interval {
  readonly from: number;
  readonly size: number;
}

export interface Cut<What> extends Interval {
  readonly what: What;
}

const endOf = ({ from, size }: Interval): number => from + size;

/** Cuts an interval where others cover it; parts that none covers have no `what`. */
export function cutBy<What>(
  whole: Interval,
  cuts: readonly Cut<What>[],
): { from: number; size: number; what?: What }[] {
  const parts: { from: number; size: number; what?: What }[] = [];
  let at = whole.from;
  for (const cut of cuts) {
    const from = Math.max(cut.from, at);
    const end = Math.min(endOf(cut), endOf(whole));
    if (from >= end) continue;
    if (from > at) parts.push({ from: at, size: from - at });
    parts.push({ from, size: end - from, what: cut.what });
    at = end;
  }
  if (at < endOf(whole)) parts.push({ from: at, size: endOf(whole) - at });
  return parts;
}

/**
 * Fills a window: with `ranges` (lowest first, without overlap) where they are, between them with the first of
 * `background` that covers a place.
 */
export function fillGaps<Range extends Interval>(
  ranges: readonly Range[],
  window: { readonly from: number; readonly to: number },
  background: readonly Range[],
): Range[] {
  const filled: Range[] = [];
  let at = window.from;
  for (const range of ranges) {
    if (endOf(range) <= at) continue;
    if (range.from >= window.to) break;
    if (range.from > at) filled.push(...covered(at, range.from, background));
    filled.push(range);
    at = endOf(range);
  }
  if (at < window.to) filled.push(...covered(at, window.to, background));
  return filled;
}

function covered<Range extends Interval>(from: number, to: number, background: readonly Range[]): Range[] {
  const parts: Range[] = [];
  for (let at = from; at < to; ) {
    const here = background.find((range) => range.from <= at && endOf(range) > at);
    if (!here) break;
    // An earlier one that begins further up ends this one.
    const rank = background.indexOf(here);
    const next = background
      .slice(0, rank)
      .reduce((least, range) => (range.from > at ? Math.min(least, range.from) : least), to);
    const end = Math.min(endOf(here), next, to);
    parts.push({ ...here, from: at, size: end - at });
    at = end;
  }
  return parts;
}

export interface Limited<Range> {
  readonly ranges: readonly Range[];
  readonly truncated?: string;
}

/** A list that is too long is first joined, then cut. */
export function limited<Range extends Interval>(
  ranges: readonly Range[],
  limit: number,
  join: (ranges: readonly Range[]) => readonly Range[],
): Limited<Range> {
  if (ranges.length <= limit) return { ranges };
  const joined = join(ranges);
  if (joined.length <= limit) {
    return {
      ranges: joined,
      truncated: `Neighbours alike are shown as one although their pages lie scattered: there are ${ranges.length} ranges. Look at less of the space to see each.`,
    };
  }
  return {
    ranges: joined.slice(0, limit),
    truncated: `There are ${joined.length} ranges; the first ${limit} are shown. Look at less of the space to see the others.`,
  };
}
