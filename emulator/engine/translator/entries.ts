// Where a region had best begin, so that the code that was seen running becomes part of it.

import type { InstructionFlow } from './blocks.ts';

/** Bytes of code that are looked at in front of the place and behind it. */
const REACH = 1024;
const PAGE = 4096;

/** What is asked of a page. Offsets are in bytes from its start. */
export interface PageOfCode {
  /** Whether this place was executed before: the rest is not known to be code. */
  isKnown(offset: number): boolean;
  flowAt(offset: number): InstructionFlow;
}

/**
 * Offsets at which to begin, the best one first: the heads of the loops around the place, inner ones first; the
 * beginning of the straight piece of code that it is in, most often a procedure's; what follows the instruction
 * before it that no region can have, or the call, to which the callee returns from elsewhere; the place itself.
 */
export function entriesAround(page: PageOfCode, place: number): number[] {
  let first = place;
  let behindLeaving = place;
  while (first > Math.max(place - REACH, 0) && page.isKnown(first - 4)) {
    const flow = page.flowAt(first - 4);
    // Nothing falls out of a jump or a return.
    if (flow.kind === 'return' || flow.kind === 'stop' || (flow.kind === 'jump' && !flow.isCall)) break;
    if (flow.kind !== 'next' && flow.kind !== 'branch' && behindLeaving === place) behindLeaving = first;
    first -= 4;
  }
  const loops: number[] = [];
  for (let at = place; at < Math.min(place + REACH, PAGE) && page.isKnown(at); at += 4) {
    const flow = page.flowAt(at);
    if (flow.kind !== 'branch' && (flow.kind !== 'jump' || flow.isCall)) continue;
    const target = at + flow.offset;
    if (target >= first && target <= place) loops.push(target);
  }
  return [...new Set([...loops, first, behindLeaving, place])];
}
