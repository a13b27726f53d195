// The shape of a region: blocks of instructions that are reachable from its entry inside one page, in
// reverse postorder, with what structured control flow needs to know: loops, dominators, merges.

/** An edge to a block, or to a place outside the region (offset in bytes from the start of the page). */
export type Edge = { readonly block: Block } | { readonly outside: number };

export interface Block {
  /** Byte offset in the page. */
  readonly start: number;
  /** Number of instructions; the last one may be a branch. */
  readonly length: number;
  /** How the last instruction goes on. */
  readonly end: 'next' | 'jump' | 'branch' | 'indirect' | 'return' | 'interpret' | 'stop';
  /** `next`, `jump`: one; `return`: where the call came from, if the region knows; `branch`: taken, not taken. */
  edges: Edge[];
  /** Position in reverse postorder. */
  order: number;
  dominator: Block | undefined;
  /** Blocks that this one dominates immediately, in reverse postorder. */
  children: Block[];
  /** Forward edges that lead here. */
  incoming: number;
  isLoopHead: boolean;
  /** Most instructions from here to the next back edge or exit. */
  longest: number;
}

/** What an instruction means for the shape. */
export type InstructionFlow =
  | { readonly kind: 'next' }
  | { readonly kind: 'jump'; readonly offset: number; readonly isCall: boolean }
  | { readonly kind: 'branch'; readonly offset: number }
  | { readonly kind: 'indirect' }
  | { readonly kind: 'return' }
  /** Cannot be translated: the interpreter executes it. */
  | { readonly kind: 'interpret' }
  /** Nothing may be said of it: a breakpoint, or no instruction. */
  | { readonly kind: 'stop' };

const PAGE = 4096;

/**
 * A procedure that is called within the region stands in it once for each call, so that its RET has a place to
 * go to. A node is an instruction in such a context: context * PAGE + offset.
 */
interface Context {
  readonly depth: number;
  /** The node that a RET leads to, or -1. */
  readonly returnsTo: number;
}

const CALL_DEPTH = 3;

interface Reached {
  readonly flow: InstructionFlow;
  /** Nodes inside the page that the instruction may lead to; -1 elsewhere. */
  readonly targets: readonly number[];
}

/**
 * Finds the blocks from `entry` on, at most about `limit` instructions, in reverse postorder. Where `flowAt` knows
 * nothing the region ends.
 */
export function findBlocks(
  entry: number,
  limit: number,
  flowAt: (offset: number) => InstructionFlow | undefined,
): Block[] {
  const reached = collect(entry, limit, flowAt);
  const leaders = new Set<number>([entry]);
  for (const { flow, targets } of reached.values()) {
    if (flow.kind === 'next') continue;
    for (const target of targets) if (reached.has(target)) leaders.add(target);
  }
  const blocks = new Map<number, Block>();
  for (const leader of leaders) blocks.set(leader, blockAt(leader, leaders, reached));
  for (const [leader, block] of blocks) {
    const last = leader + 4 * (block.length - 1);
    const { flow, targets } = reached.get(last) as Reached;
    const edge = (node: number, outside: number): Edge => {
      const target = blocks.get(node);
      return target ? { block: target } : { outside };
    };
    const at = last % PAGE;
    if (flow.kind === 'next') block.edges = [edge(last + 4, at + 4)];
    else if (flow.kind === 'jump') block.edges = [edge(targets[0] as number, at + flow.offset)];
    else if (flow.kind === 'branch') {
      block.edges = [edge(targets[0] as number, at + flow.offset), edge(targets[1] as number, at + 4)];
    } else if (flow.kind === 'return' && blocks.has(targets[0] ?? -1)) {
      block.edges = [{ block: blocks.get(targets[0] as number) as Block }];
    }
  }
  return structure(blocks.get(entry) as Block);
}

/** Breadth first, so that what is left out is what is farthest away. */
function collect(
  entry: number,
  limit: number,
  flowAt: (offset: number) => InstructionFlow | undefined,
): Map<number, Reached> {
  const contexts: Context[] = [{ depth: 0, returnsTo: -1 }];
  const reached = new Map<number, Reached>();
  const queue = [entry];
  for (let i = 0; i < queue.length; i++) {
    let node = queue[i] as number;
    const number = Math.floor(node / PAGE);
    const context = contexts[number] as Context;
    while (!reached.has(node) && reached.size < limit) {
      const at = node % PAGE;
      const flow = flowAt(at);
      if (!flow) break;
      const targets: number[] = [];
      const inPage = (offset: number, base = number * PAGE): number =>
        offset >= 0 && offset < PAGE ? base + offset : -1;
      if (flow.kind === 'next') targets.push(inPage(at + 4));
      if (flow.kind === 'jump' && flow.isCall) {
        const target = at + flow.offset;
        if (context.depth < CALL_DEPTH && inPage(target) >= 0) {
          const called = contexts.push({ depth: context.depth + 1, returnsTo: inPage(at + 4) }) - 1;
          targets.push(inPage(target, called * PAGE));
        } else targets.push(-1);
      } else if (flow.kind === 'jump') targets.push(inPage(at + flow.offset));
      else if (flow.kind === 'branch') targets.push(inPage(at + flow.offset), inPage(at + 4));
      else if (flow.kind === 'return') targets.push(context.returnsTo);
      reached.set(node, { flow, targets });
      if (flow.kind !== 'next') {
        for (const target of targets) if (target >= 0) queue.push(target);
        break;
      }
      if (targets[0] === -1) break;
      node = targets[0] as number;
    }
  }
  return reached;
}

function blockAt(node: number, leaders: ReadonlySet<number>, reached: ReadonlyMap<number, Reached>): Block {
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
    if (leaders.has(at) || here.targets[0] === -1) break;
  }
  return {
    start: node % PAGE,
    length: (at - node) / 4,
    end,
    edges: [],
    order: -1,
    dominator: undefined,
    children: [],
    incoming: 0,
    isLoopHead: false,
    longest: 0,
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
    const after = targetsOf(block).filter((target) => target.order > block.order);
    block.longest = block.length + Math.max(0, ...after.map((target) => target.longest));
  }
}
