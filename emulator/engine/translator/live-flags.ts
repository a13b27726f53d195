// Where in a region somebody may still look at the flags: an instruction that reads them, or whoever comes after the
// region, before they are set again.

import type { Block } from './blocks.ts';

export interface FlagUse {
  /** Reads the flags, or may leave the region: before it sets them. */
  readonly needs: boolean;
  readonly sets: boolean;
}

/** The blocks at whose beginning the flags count. */
export function liveFlags(order: readonly Block[], useAt: (offset: number) => FlagUse): ReadonlySet<Block> {
  const live = new Set<Block>();
  /** Blocks that neither need the flags nor set them: what counts is what comes behind. */
  const passing: Block[] = [];
  for (const block of order) {
    const verdict = inBlock(block, useAt);
    if (verdict === undefined) passing.push(block);
    else if (verdict) live.add(block);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = passing.length - 1; i >= 0; i--) {
      const block = passing[i] as Block;
      if (live.has(block) || !countBehind(block, live)) continue;
      live.add(block);
      changed = true;
    }
  }
  return live;
}

/** Undefined: the block leaves them as they are. */
function inBlock({ start, length, end }: Block, useAt: (offset: number) => FlagUse): boolean | undefined {
  for (let i = 0; i < length; i++) {
    // The last instruction may be one that ends the region.
    if (i === length - 1 && (end === 'interpret' || end === 'stop')) return true;
    const { needs, sets } = useAt(start + 4 * i);
    if (needs) return true;
    if (sets) return false;
  }
  return undefined;
}

function countBehind({ edges, end, order }: Block, live: ReadonlySet<Block>): boolean {
  if (end === 'indirect' || end === 'return' || edges.length === 0) return true;
  // Where the budget is tested the region may be left.
  const mayLeave = ({ order: target, isTested }: Block): boolean => target <= order || isTested;
  return edges.some((edge) => !('block' in edge) || mayLeave(edge.block) || live.has(edge.block));
}
