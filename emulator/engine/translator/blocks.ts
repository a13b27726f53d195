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
  readonly end: 'next' | 'jump' | 'branch' | 'indirect' | 'interpret' | 'stop';
  /** `next`, `jump`: one; `branch`: taken, not taken. */
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
  | { readonly kind: 'jump'; readonly offset: number }
  | { readonly kind: 'branch'; readonly offset: number }
  | { readonly kind: 'indirect' }
  /** Cannot be translated: the interpreter executes it. */
  | { readonly kind: 'interpret' }
  /** Nothing may be said of it: a breakpoint, or no instruction. */
  | { readonly kind: 'stop' };

const PAGE = 4096;

/** Finds the blocks from `entry` on, at most about `limit` instructions, in reverse postorder. */
export function findBlocks(
  entry: number,
  limit: number,
  flowAt: (offset: number) => InstructionFlow,
): Block[] {
  const flows = collect(entry, limit, flowAt);
  const leaders = new Set<number>([entry]);
  for (const [at, flow] of flows) {
    if (flow.kind === 'branch' || flow.kind === 'jump') {
      if (flows.has(at + flow.offset)) leaders.add(at + flow.offset);
      if (flow.kind === 'branch' && flows.has(at + 4)) leaders.add(at + 4);
    }
  }
  const blocks = new Map<number, Block>();
  for (const leader of leaders) blocks.set(leader, blockAt(leader, leaders, flows));
  const edge = (offset: number): Edge => {
    const block = blocks.get(offset);
    return block ? { block } : { outside: offset };
  };
  for (const block of blocks.values()) {
    const last = block.start + 4 * (block.length - 1);
    const flow = flows.get(last);
    if (block.end === 'next') block.edges = [edge(block.start + 4 * block.length)];
    else if (flow?.kind === 'jump') block.edges = [edge(last + flow.offset)];
    else if (flow?.kind === 'branch') block.edges = [edge(last + flow.offset), edge(last + 4)];
  }
  return structure(blocks.get(entry) as Block);
}

/** Breadth first, so that what is left out is what is farthest away. */
function collect(
  entry: number,
  limit: number,
  flowAt: (offset: number) => InstructionFlow,
): Map<number, InstructionFlow> {
  const flows = new Map<number, InstructionFlow>();
  const queue = [entry];
  for (let i = 0; i < queue.length; i++) {
    for (let at = queue[i] as number; at < PAGE && !flows.has(at) && flows.size < limit; at += 4) {
      const flow = flowAt(at);
      flows.set(at, flow);
      if (flow.kind === 'next') continue;
      if (flow.kind === 'jump' || flow.kind === 'branch') {
        const target = at + flow.offset;
        if (target >= 0 && target < PAGE) queue.push(target);
        if (flow.kind === 'branch') continue;
      }
      break;
    }
  }
  return flows;
}

function blockAt(
  start: number,
  leaders: ReadonlySet<number>,
  flows: ReadonlyMap<number, InstructionFlow>,
): Block {
  let at = start;
  let end: Block['end'] = 'next';
  for (;;) {
    const flow = flows.get(at);
    if (!flow) break;
    at += 4;
    if (flow.kind !== 'next') {
      end = flow.kind;
      break;
    }
    if (leaders.has(at)) break;
  }
  return {
    start,
    length: (at - start) / 4,
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
