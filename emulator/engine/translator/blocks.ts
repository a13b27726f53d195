// The shape of a region: blocks of instructions that are reachable from its entry, in reverse postorder, with what
// structured control flow needs to know: loops, dominators, merges.
//
// A place is a distance in bytes from the start of the page that the entry is in. It may be on another page.

/** An edge to a block, or to a place outside the region. */
export type Edge = { readonly block: Block } | { readonly outside: number };

export interface Block {
  /** Place of its first instruction; all are on one page. */
  readonly start: number;
  /** Number of instructions; the last one may be a branch. */
  readonly length: number;
  /** How the last instruction goes on. */
  readonly end: 'next' | 'jump' | 'branch' | 'indirect' | 'return' | 'interpret' | 'stop';
  /** `next`, `jump`: one; `branch`: taken, not taken; `return` and `indirect`: where it may lead to, if known. */
  edges: Edge[];
  /** Position in reverse postorder. */
  order: number;
  dominator: Block | undefined;
  /** Blocks that this one dominates immediately, in reverse postorder. */
  children: Block[];
  /** Forward edges that lead here. */
  incoming: number;
  isLoopHead: boolean;
  /** Most instructions from here to the next test of the budget or exit. */
  longest: number;
  /** Whether the budget is tested on every way to it, not only on those back. */
  isTested: boolean;
}

/** What an instruction means for the shape. */
export type InstructionFlow =
  | { readonly kind: 'next' }
  | { readonly kind: 'jump'; readonly offset: number; readonly isCall: boolean }
  | { readonly kind: 'branch'; readonly offset: number }
  /** Of a call through a register: which one, and the place that it probably leads to. */
  | { readonly kind: 'indirect'; readonly register?: number; readonly guess?: number | undefined }
  | { readonly kind: 'return' }
  /** Cannot be translated: the interpreter executes it. */
  | { readonly kind: 'interpret' }
  /** Nothing may be said of it: a breakpoint, or no instruction. */
  | { readonly kind: 'stop' };

export const PAGE = 4096;

export const pageOf = (place: number): number => Math.floor(place / PAGE) * PAGE;

/**
 * A procedure that is called within the region stands in it once for each call, so that its RET has a place to
 * go to; one that calls itself stands in it once for all of these calls. A node is an instruction in such a context:
 * context * SPAN + offset in the pages of the region, which are counted as they are found.
 */
interface Context {
  readonly depth: number;
  /** Place of the procedure's first instruction. */
  readonly entry: number;
  readonly caller: number;
  /** Nodes that a RET may lead to. */
  readonly returnsTo: number[];
}

const CALL_DEPTH = 3;
/** Places that a RET is compared with. */
const RETURNS_MAX = 4;
/** Ways longer than this one are tested where several come together: the end of a budget is interpreted. */
const UNTESTED_MAX = 40;
/** Pages that a region may look at. */
const PAGES = 16;
const SPAN = PAGES * PAGE;

/** Counts the pages of a region. */
class Pages {
  private readonly pages: number[] = [];
  private last = 0;

  /** Position of a place, or -1 on one page too many. */
  positionOf(place: number): number {
    const page = pageOf(place);
    if (this.pages[this.last] !== page) {
      let number = this.pages.indexOf(page);
      if (number < 0) number = this.pages.length < PAGES ? this.pages.push(page) - 1 : -1;
      if (number < 0) return -1;
      this.last = number;
    }
    return this.last * PAGE + (place - page);
  }

  placeOf(node: number): number {
    const position = node % SPAN;
    return (this.pages[Math.floor(position / PAGE)] as number) + (position % PAGE);
  }
}

interface Reached {
  readonly flow: InstructionFlow;
  /** Nodes that the instruction may lead to; -1 where a region cannot go. */
  readonly targets: readonly number[];
}

/**
 * Finds the blocks from `entry` on, at most about `limit` instructions, in reverse postorder. Where `flowAt` knows
 * nothing the region ends.
 */
export function findBlocks(
  entry: number,
  limit: number,
  flowAt: (place: number) => InstructionFlow | undefined,
): Block[] {
  const pages = new Pages();
  const first = pages.positionOf(entry);
  const reached = collect(entry, first, limit, pages, flowAt);
  const leaders = new Set<number>([first]);
  for (const { flow, targets } of reached.values()) {
    if (flow.kind === 'next' && (targets[0] as number) % PAGE !== 0) continue;
    for (const target of targets) if (reached.has(target)) leaders.add(target);
  }
  const blocks = new Map<number, Block>();
  for (const leader of leaders) blocks.set(leader, blockAt(leader, leaders, reached, pages));
  for (const [leader, block] of blocks) {
    const last = leader + 4 * (block.length - 1);
    const { flow, targets } = reached.get(last) as Reached;
    const edge = (node: number, outside: number): Edge => {
      const target = blocks.get(node);
      return target ? { block: target } : { outside };
    };
    const at = pages.placeOf(last);
    if (flow.kind === 'next') block.edges = [edge(targets[0] as number, at + 4)];
    else if (flow.kind === 'jump') block.edges = [edge(targets[0] as number, at + flow.offset)];
    else if (flow.kind === 'branch') {
      block.edges = [edge(targets[0] as number, at + flow.offset), edge(targets[1] as number, at + 4)];
    } else {
      for (const target of targets) {
        const known = blocks.get(target);
        const isAnother = block.edges.every(
          (other) => 'block' in other && other.block.start !== known?.start,
        );
        if (known && isAnother) block.edges.push({ block: known });
      }
    }
  }
  return structure(blocks.get(first) as Block);
}

/** Breadth first, so that what is left out is what is farthest away. */
function collect(
  entry: number,
  first: number,
  limit: number,
  pages: Pages,
  flowAt: (place: number) => InstructionFlow | undefined,
): Map<number, Reached> {
  const contexts: Context[] = [{ depth: 0, entry, caller: -1, returnsTo: [] }];
  const reached = new Map<number, Reached>();
  const queue = [first];
  for (let i = 0; i < queue.length; i++) {
    let node = queue[i] as number;
    if (node < 0) continue;
    const number = Math.floor(node / SPAN);
    const context = contexts[number] as Context;
    const nodeAt = (place: number, within = number): number => {
      const position = pages.positionOf(place);
      return position < 0 ? -1 : within * SPAN + position;
    };
    /** The procedure at a place, called by the instruction in front of the other. */
    const call = (procedure: number, back: number): number => {
      const returnsTo = nodeAt(back);
      for (let c = number; c >= 0; c = (contexts[c] as Context).caller) {
        const { entry: start, returnsTo: others } = contexts[c] as Context;
        if (start !== procedure || others.length >= RETURNS_MAX) continue;
        // In front of the first caller: it may be at the same place in another context, which knows less.
        others.unshift(returnsTo);
        queue.push(returnsTo);
        return nodeAt(procedure, c);
      }
      if (context.depth >= CALL_DEPTH) return -1;
      const called = { depth: context.depth + 1, entry: procedure, caller: number, returnsTo: [returnsTo] };
      return nodeAt(procedure, contexts.push(called) - 1);
    };
    while (!reached.has(node) && reached.size < limit) {
      const at = pages.placeOf(node);
      const flow = flowAt(at);
      if (!flow) break;
      // Of a RET the list grows.
      const targets = flow.kind === 'return' ? context.returnsTo : [];
      if (flow.kind === 'next') targets.push(nodeAt(at + 4));
      else if (flow.kind === 'branch') targets.push(nodeAt(at + flow.offset), nodeAt(at + 4));
      else if (flow.kind === 'jump') {
        targets.push(flow.isCall ? call(at + flow.offset, at + 4) : nodeAt(at + flow.offset));
      } else if (flow.kind === 'indirect' && flow.guess !== undefined) targets.push(call(flow.guess, at + 4));
      reached.set(node, { flow, targets });
      const [next] = targets;
      if (flow.kind !== 'next' || (next as number) % PAGE === 0) {
        for (const target of targets) if (target >= 0) queue.push(target);
        break;
      }
      if (next === -1) break;
      node = next as number;
    }
  }
  return reached;
}

function blockAt(
  node: number,
  leaders: ReadonlySet<number>,
  reached: ReadonlyMap<number, Reached>,
  pages: Pages,
): Block {
  let at = node;
  let end: Block['end'] = 'next';
  for (;;) {
    const here = reached.get(at);
    if (!here) break;
    at += 4;
    if (here.flow.kind !== 'next') {
      end = here.flow.kind;
      break;
    }
    // The first instruction of a page begins a block.
    if (leaders.has(at) || here.targets[0] !== at) break;
  }
  return {
    start: pages.placeOf(node),
    length: (at - node) / 4,
    end,
    edges: [],
    order: -1,
    dominator: undefined,
    children: [],
    incoming: 0,
    isLoopHead: false,
    longest: 0,
    isTested: false,
  };
}

const targetsOf = (block: Block): Block[] =>
  block.edges.flatMap((edge) => ('block' in edge ? [edge.block] : []));

/** Orders the blocks, and cuts edges that jump into a loop from its side: they leave the region. */
function structure(entry: Block): Block[] {
  for (;;) {
    const order = reversePostorder(entry);
    findDominators(order);
    let cut = false;
    for (const block of order) {
      block.edges = block.edges.map((edge) => {
        if (!('block' in edge) || edge.block.order > block.order || dominates(edge.block, block)) return edge;
        cut = true;
        return { outside: edge.block.start };
      });
    }
    if (cut) continue;
    describe(order);
    return order;
  }
}

function reversePostorder(entry: Block): Block[] {
  const seen = new Set<Block>();
  const order: Block[] = [];
  const visit = (block: Block): void => {
    seen.add(block);
    // The first edge last: what is not taken then stands right behind.
    for (const target of targetsOf(block)) if (!seen.has(target)) visit(target);
    order.push(block);
  };
  visit(entry);
  order.reverse();
  order.forEach((block, i) => {
    block.order = i;
  });
  return order;
}

/** Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm". */
function findDominators(order: readonly Block[]): void {
  const before = new Map<Block, Block[]>(order.map((block) => [block, []]));
  for (const block of order) for (const target of targetsOf(block)) before.get(target)?.push(block);
  for (const block of order) block.dominator = undefined;
  const [entry] = order;
  if (!entry) return;
  entry.dominator = entry;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order) {
      if (block === entry) continue;
      let common: Block | undefined;
      for (const source of before.get(block) as Block[]) {
        if (source.dominator) common = common ? intersect(source, common) : source;
      }
      if (common !== block.dominator) {
        block.dominator = common;
        changed = true;
      }
    }
  }
}

function intersect(a: Block, b: Block): Block {
  while (a !== b) {
    while (a.order > b.order) a = a.dominator as Block;
    while (b.order > a.order) b = b.dominator as Block;
  }
  return a;
}

function dominates(a: Block, b: Block): boolean {
  while (b.order > a.order) b = b.dominator as Block;
  return a === b;
}

function describe(order: readonly Block[]): void {
  for (const block of order) {
    block.children = [];
    block.incoming = 0;
    block.isLoopHead = false;
  }
  for (const block of order) {
    if (block.dominator && block.dominator !== block) block.dominator.children.push(block);
    for (const target of targetsOf(block)) {
      if (target.order > block.order) target.incoming++;
      else target.isLoopHead = true;
    }
  }
  for (const block of order.toReversed()) {
    const after = targetsOf(block).filter((target) => target.order > block.order && !target.isTested);
    block.longest = block.length + Math.max(0, ...after.map((target) => target.longest));
    block.isTested = (block.isLoopHead || block.incoming > 1) && block.longest > UNTESTED_MAX;
  }
}
