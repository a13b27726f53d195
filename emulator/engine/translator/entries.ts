// Where a region had best begin, so that the code that was seen running becomes part of it.

import type { InstructionReader } from './instructions.ts';

/** Bytes of code that are looked at in front of the place and behind it. */
const REACH = 2048;
const PAGE = 4096;

/**
 * Offsets in the page at which to begin, the best one first: the heads of the loops around the place, inner ones
 * first, the beginning of the straight piece of code that it is in (most often a procedure's), and the place itself.
 * Only what was executed before is looked at: the rest is not known to be code.
 */
export function entriesAround(reader: InstructionReader, records: number, place: number): number[] {
  const first = beginningOf(reader, records, place);
  const loops: number[] = [];
  const end = Math.min(place + REACH, PAGE);
  for (let at = place; at < end && reader.isDecoded(records + 4 * at); at += 4) {
    const flow = reader.flowOf(records, at);
    if (flow.kind !== 'branch' && (flow.kind !== 'jump' || flow.isCall)) continue;
    const target = at + flow.offset;
    if (target >= first && target <= place) loops.push(target);
  }
  return [...new Set([...loops, first, place])];
}

/** Back to what nothing falls into: behind a jump or a return, or where code was never executed. */
function beginningOf(reader: InstructionReader, records: number, place: number): number {
  const limit = Math.max(place - REACH, 0);
  let at = place;
  while (at > limit) {
    const before = records + 4 * (at - 4);
    if (!reader.isDecoded(before)) break;
    const flow = reader.flowOf(records, at - 4);
    if (flow.kind === 'return' || flow.kind === 'stop' || (flow.kind === 'jump' && !flow.isCall)) break;
    at -= 4;
  }
  return at;
}
