// How an address space is laid out along a line, and what of it is looked at. Pure functions. Addresses are
// offsets from where the space begins: spaces have at most 2^48 bytes, which doubles hold exactly.

export interface Part {
  readonly from: number;
  readonly size: number;
}

/** Places on the line, from 0 to `length`. */
export interface Scale {
  readonly length: number;
  toPlace(offset: number): number;
  toOffset(place: number): number;
}

/** What is looked at, as offsets. */
export interface Zoom {
  readonly from: number;
  readonly to: number;
}

export const PAGE = 4096;

/** To scale: as much room as there are bytes. */
export const linearScale = (size: number): Scale => ({
  length: size,
  toPlace: (offset) => offset,
  toOffset: (place) => place,
});

/** Compressed: each part has room by the number of digits of its size, so that a page is seen beside a gigabyte. */
export function compressedScale(parts: readonly Part[], size: number): Scale {
  const starts: number[] = [];
  let length = 0;
  for (const part of parts) {
    starts.push(length);
    length += Math.log2(Math.max(part.size / PAGE, 1)) / 4 + 1;
  }
  if (parts.length === 0) return linearScale(size);
  const roomOf = (index: number): number => (starts[index + 1] ?? length) - (starts[index] ?? 0);
  return {
    length,
    toPlace(offset) {
      const index = lastAtOrBefore(parts.length, (i) => (parts[i] as Part).from <= offset);
      const part = parts[index];
      if (!part) return 0;
      const share = Math.min((offset - part.from) / part.size, 1);
      return (starts[index] ?? 0) + share * roomOf(index);
    },
    toOffset(place) {
      const index = lastAtOrBefore(parts.length, (i) => (starts[i] ?? 0) <= place);
      const part = parts[index];
      if (!part) return 0;
      const share = Math.min((place - (starts[index] ?? 0)) / roomOf(index), 1);
      return part.from + share * part.size;
    },
  };
}

function lastAtOrBefore(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Parts for a compressed line: the ranges, and what lies between them. */
export function withGaps(ranges: readonly Part[], size: number): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const range of ranges) {
    if (range.from > at) parts.push({ from: at, size: range.from - at });
    parts.push(range);
    at = Math.max(at, range.from + range.size);
  }
  if (at < size) parts.push({ from: at, size: size - at });
  return parts;
}

/** Brings a view into the space, and no closer than a page. */
export function bounded({ from, to }: Zoom, size: number): Zoom {
  const width = Math.min(Math.max(to - from, PAGE), size);
  const start = Math.max(0, Math.min(from, size - width));
  return { from: start, to: start + width };
}

/** Zooms by a factor so that the place under the pointer (0 to 1) stays where it is. */
export function zoomed(zoom: Zoom, scale: Scale, factor: number, at: number, size: number): Zoom {
  const first = scale.toPlace(zoom.from);
  const width = scale.toPlace(zoom.to) - first;
  const place = first + at * width;
  const smaller = width / factor;
  const start = Math.max(0, Math.min(place - at * smaller, scale.length - smaller));
  const end = Math.min(start + smaller, scale.length);
  const seen = { from: scale.toOffset(start), to: scale.toOffset(end) };
  if (seen.to - seen.from >= PAGE) return bounded(seen, size);
  const target = scale.toOffset(place);
  return bounded({ from: target - at * PAGE, to: target + (1 - at) * PAGE }, size);
}

/** Moves by a share of what is seen. */
export function panned(zoom: Zoom, scale: Scale, by: number, size: number): Zoom {
  const first = scale.toPlace(zoom.from);
  const width = scale.toPlace(zoom.to) - first;
  const start = Math.max(0, Math.min(first + by * width, scale.length - width));
  return bounded({ from: scale.toOffset(start), to: scale.toOffset(start + width) }, size);
}

/** A range with a little room on both sides. */
export const around = ({ from, size }: Part, space: number): Zoom =>
  bounded({ from: from - size / 8, to: from + size + size / 8 }, space);

/** Around an address that was searched for: wide enough to see what is beside it. */
const NEIGHBOURHOOD = 64 * PAGE;

export function neighbourhood(offset: number): Zoom {
  const page = offset - (offset % PAGE);
  return { from: Math.max(0, page - NEIGHBOURHOOD / 2), to: page + NEIGHBOURHOOD / 2 };
}

/** The range that holds an offset. */
export function partAt<P extends Part>(parts: readonly P[], offset: number): P | undefined {
  const part = parts[lastAtOrBefore(parts.length, (i) => (parts[i] as P).from <= offset)];
  return part && offset >= part.from && offset < part.from + part.size ? part : undefined;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `38 MiB`, `60.5 KiB`. */
export function sizeText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

/** Round offsets in what is seen, at most `most`. */
export function ticksOf({ from, to }: Zoom, most: number): number[] {
  const step = 2 ** Math.max(12, Math.ceil(Math.log2((to - from) / most)));
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at < to && ticks.length < most; at += step) ticks.push(at);
  return ticks;
}
