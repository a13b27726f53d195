// From the blocks of a region to one WebAssembly function: (budget) -> REGION_*.
//
// Control flow is structured along the dominator tree (Ramsey, "Beyond Relooper"): a block that several edges
// lead to stands behind a WebAssembly block that its immediate dominator opens, a loop head opens a loop.
//
// The budget is counted down where ways meet and where the region is left. It is tested at the entry, at back
// edges, against the longest way to the next test; what it does not cover is left to the interpreter.

import { CodeBuffer } from '../../base/wasm/code.ts';
import type { Field, Ops } from '../../cpu/isa/ops.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import type { KernelName } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import { FunctionBuilder, type Label } from '../code/function-builder.ts';
import { type Block, type Edge, PAGE, pageOf } from './blocks.ts';
import { emitBreakpointTest, type TestedBreakpoint } from './breakpoint-tests.ts';
import { Exits, partsOfWay, wayOut } from './exits.ts';
import type { FoundPage } from './found-pages.ts';
import { type FlagUse, liveFlags } from './live-flags.ts';
import type { RegionCounters } from './region-counters.ts';
import { type KnownFlags, keyOf } from './region-flags.ts';
import { ANOTHER_PAGE } from './memory-probes.ts';
import type { RegionFrame } from './region-frame.ts';
import { TranslatorOps } from './translator-ops.ts';
import type { ValueType } from '../../base/wasm/opcodes.ts';

/** An instruction with its fields as numbers. */
export interface Instruction {
  readonly row: InstructionRow;
  readonly operands: Record<string, Field | number>;
}

/** What regions of one module share. */
export interface ModuleFrame {
  kernelIndex(name: KernelName): number;
  materializeFlags(): number;
  /** Where they were asked for. */
  readonly counters: RegionCounters | undefined;
}

/** What is known at a place, because all ways to it come from one other place. */
interface Known {
  readonly flags: KnownFlags | undefined;
  readonly fpChecked: boolean;
  readonly pages: readonly FoundPage[];
  /** Instructions that the budget was not charged with yet. */
  readonly spent: number;
}

const BUDGET = 0;
const STACK_POINTER = 31;

/** The instructions of its pages. */
export interface RegionSource {
  instructionAt(place: number): Instruction;
  flagUse(place: number): FlagUse;
  /** Whether its accesses look in the TLB for themselves. */
  probesAlone(place: number): boolean;
  /** What may stop in front of it. */
  breakpointsAt(place: number): readonly TestedBreakpoint[] | undefined;
  physicalAddress(place: number): bigint;
  /** There are watchpoints. */
  readonly isWatched: boolean;
}

export function executeInstruction(ops: TranslatorOps, { row, operands }: Instruction): void {
  if (row.fp) ops.requireFp();
  row.execute(ops as unknown as Ops, operands);
}

/** `pages` has the records of each page, by its distance from the one that the entry is in. */
export function emitRegion(
  order: readonly Block[],
  pages: ReadonlyMap<number, number>,
  source: RegionSource,
  module: ModuleFrame,
): { locals: ValueType[]; code: CodeBuffer } {
  const b = new FunctionBuilder(1);
  /** Where to go on. */
  const way = b.newLocal('i32');
  const pageVa = b.newLocal('i64');
  const tlbBase = b.newLocal('i32');
  /** Locals of the registers, by their number. */
  const registers: { readonly local: number; written: boolean }[] = [];
  /** Distance of another page's records from those of the entry's. */
  let elsewhere: number | undefined;
  /** Instructions before the one being emitted that the budget was not charged with yet. */
  let spent = 0;
  let place = 0;
  const flagsLive = liveFlags(order, (at) => source.flagUse(at));

  const frame: RegionFrame = {
    builder: b,
    registerLocal(register, written) {
      let entry = registers[register];
      if (!entry) {
        entry = { local: b.newLocal('i64'), written: false };
        registers[register] = entry;
      }
      entry.written ||= written;
      return entry.local;
    },
    pageVa: code.local('i64', pageVa),
    tlbBase: code.local('i32', tlbBase),
    isWatched: source.isWatched,
    kernelIndex: module.kernelIndex,
    materializeFlags: module.materializeFlags,
    interpret(why, condition) {
      const to = wayOut(place, spent, layout.REGION_INTERPRET);
      const note = why === ANOTHER_PAGE ? noteStrayAccess : undefined;
      if (!module.counters) return leave(pageOf(place), to, condition, note);
      if (condition) b.if(condition);
      count(() => `${why}, ${source.instructionAt(place).row.name}`);
      leave(pageOf(place), to, undefined, note);
      if (condition) b.end();
    },
    leaveBehind(why) {
      count(() => why);
      aside(() => {
        spent++;
        const behind = place + 4;
        if (pageOf(behind) === pageOf(place)) leaveAt(behind, layout.REGION_CONTINUE);
        else leavePage(vaOf(behind));
      });
    },
  };
  const ops = new TranslatorOps(frame);
  const { flags } = ops;
  const exits = new Exits(b);
  const labels = new Map<Block, Label>();
  emitTree(order[0] as Block, { flags: undefined, fpChecked: false, pages: [], spent: 0 });
  return assemble();

  function count(what: () => string): void {
    module.counters?.count(b, what());
  }

  function vaOf(at: number): Expression {
    return code.binary('add', code.local('i64', pageVa), code.constant('i64', at));
  }

  // ---- leaving

  function charge(): void {
    if (spent > 0) b.set(BUDGET, code.binary('sub', code.local('i32', BUDGET), code.constant('i32', spent)));
    spent = 0;
  }

  /** Leaves the region from one of its pages, if the condition holds. */
  function leave(page: number, to: Expression, condition?: Expression, note?: (page: number) => void): void {
    const { known } = flags;
    if (known && !known.stored && known.otherwise !== undefined) {
      if (condition) b.if(condition);
      aside(() => {
        flags.flush();
        leave(page, to, undefined, note);
      });
      if (condition) b.end();
      return;
    }
    const isPending = known !== undefined && !known.stored;
    const key = 64 * (page / PAGE) + (isPending ? 2 * keyOf(known) : 0) + (note ? 1 : 0);
    if (!exits.has(key)) {
      const toStore = isPending ? { ...known, constant: undefined } : undefined;
      exits.add(key, () => {
        if (toStore) flags.store(toStore);
        note?.(page);
        moveTo(page);
      });
    }
    exits.leave(to, condition, key);
  }

  /** In a stub: the way out is on the stack. */
  function noteStrayAccess(page: number): void {
    b.takeResult(way);
    const record = code.binary(
      'add',
      code.binary('shl', partsOfWay(code.local('i32', way)).offset, code.constant('i32', 2)),
      code.constant('i32', pages.get(page) as number),
    );
    b.storeAt('i32', layout.STRAY_RECORD, record);
    const times = b.loadAt('i32', layout.STRAY_ACCESSES);
    b.storeAt('i32', layout.STRAY_ACCESSES, code.binary('add', times, code.constant('i32', 1)));
    b.push(code.local('i32', way));
  }

  /** Another page of the region is where code goes on. */
  function moveTo(page: number): void {
    if (page === 0) return;
    const records = pages.get(page) as number;
    b.storeAt('i64', layout.PAGE_VA, vaOf(page));
    b.storeAt('i32', layout.PAGE_RECORDS, code.constant('i32', records));
    elsewhere ??= b.newLocal('i32');
    b.set(elsewhere, code.constant('i32', records - (pages.get(0) as number)));
  }

  /** On at this place, on a page of the region. */
  function leaveAt(at: number, how: number): void {
    leave(pageOf(at), wayOut(at, spent, how));
  }

  function leavePage(address: Expression): void {
    b.storeAt('i64', layout.PC, address);
    leaveAt(0, layout.REGION_LEFT_PAGE);
  }

  // ---- control flow

  /** The block with everything that it dominates; behind it nothing is reached. */
  function emitTree(block: Block, known: Known): void {
    const merges = block.children.filter((child) => child.incoming > 1);
    if (block.isLoopHead) labels.set(block, b.loop());
    const isMerge = block.isLoopHead || block.incoming > 1;
    emitWithin(
      block,
      merges.toReversed(),
      isMerge ? { ...known, flags: undefined, pages: [], spent: 0 } : known,
    );
    if (block.isLoopHead) b.end();
  }

  /** The merge that comes last in order is opened first. */
  function emitWithin(block: Block, merges: readonly Block[], known: Known): void {
    const [outermost, ...inner] = merges;
    if (!outermost) {
      emitBlock(block, known);
      return;
    }
    const label = b.block();
    labels.set(outermost, label);
    emitWithin(block, inner, known);
    b.end();
    // The label of a loop head is that of its loop from here on.
    emitTree(outermost, known);
  }

  /**
   * Whether the page is known to be where it was when the region was made: it is the entry's, or one that was
   * come by. The instruction TLB does not change while a region is executed.
   */
  function isKnownPage(page: number, from: Block): boolean {
    if (page === 0) return true;
    for (let block: Block | undefined = from; block; ) {
      if (pageOf(block.start) === page) return true;
      block = block.dominator === block ? undefined : block.dominator;
    }
    return false;
  }

  /** Leaves the region unless the instruction TLB leads to the records that it was made of. */
  function checkPage(at: number): void {
    const page = pageOf(at);
    const va = b.pin(vaOf(page));
    const index = code.binary(
      'and',
      code.wrap(code.binary('shrU', va, code.constant('i64', 8))),
      code.constant('i32', (layout.ITLB_ENTRIES - 1) * layout.ITLB_ENTRY_SIZE),
    );
    const entry = b.pin(code.binary('add', index, b.loadAt('i32', layout.ITLB_BASE)));
    const otherVa = code.compare('ne', b.load('i64', entry, layout.ITLB_TAG), va);
    const records = code.constant('i32', pages.get(page) as number);
    const otherRecords = code.compare('ne', b.load('i32', entry, layout.ITLB_RECORDS), records);
    b.if(code.binary('or', otherVa, otherRecords));
    count(() => 'left, since another page is not where it was');
    leavePage(vaOf(at));
    b.end();
  }

  function follow(edge: Edge, from: Block): void {
    if ('outside' in edge) {
      if (isKnownPage(pageOf(edge.outside), from)) {
        count(() => 'left, on the same page');
        leaveAt(edge.outside, layout.REGION_CONTINUE);
      } else {
        count(() => 'left, to another page');
        leavePage(vaOf(edge.outside));
      }
      return;
    }
    const { block } = edge;
    if (!isKnownPage(pageOf(block.start), from)) checkPage(block.start);
    if (block.incoming > 1 || block.isLoopHead) {
      if (flagsLive.has(block)) flags.flush();
      charge();
    }
    if (block.order <= from.order) {
      const enough = code.compare('gtS', code.local('i32', BUDGET), code.constant('i32', block.longest));
      b.branchIf(labels.get(block) as Label, enough);
      count(() => 'budget, in a loop');
      leaveAt(block.start, layout.REGION_BUDGET);
      return;
    }
    if (block.isTested) {
      b.if(code.compare('leS', code.local('i32', BUDGET), code.constant('i32', block.longest)));
      aside(() => {
        count(() => 'budget, on the way');
        leaveAt(block.start, layout.REGION_BUDGET);
      });
      b.end();
    }
    if (block.incoming > 1) {
      b.branch(labels.get(block) as Label);
    } else {
      emitTree(block, { flags: flags.known, fpChecked: ops.fpChecked, pages: ops.pages.list, spent });
    }
  }

  /** Whatever `then` knows and does is forgotten behind it: control does not come from there. */
  function aside(then: () => void): void {
    const { known } = flags;
    const { fpChecked } = ops;
    const { list } = ops.pages;
    const before = spent;
    then();
    ops.pages.list = list;
    flags.known = known;
    ops.fpChecked = fpChecked;
    spent = before;
  }

  function testBreakpoints(): void {
    const breakpoints = source.breakpointsAt(place);
    if (!breakpoints) return;
    const counts = emitBreakpointTest(
      {
        builder: b,
        general: (register) => code.local('i64', frame.registerLocal(register, false)),
        va: b.pin(vaOf(place)),
        pa: source.physicalAddress(place),
        kernelIndex: module.kernelIndex,
      },
      breakpoints,
    );
    if (counts) leave(pageOf(place), wayOut(place, spent, layout.REGION_CONTINUE), counts);
  }

  function emitBlock(block: Block, known: Known): void {
    flags.known = known.flags;
    ops.fpChecked = known.fpChecked;
    ops.pages.list = known.pages;
    spent = known.spent;
    const translated = block.end === 'interpret' || block.end === 'stop' ? block.length - 1 : block.length;
    for (let done = 0; done < translated; done++) {
      place = block.start + 4 * done;
      b.recycle();
      testBreakpoints();
      ops.begin(place, source.probesAlone(place));
      executeInstruction(ops, source.instructionAt(place));
      spent++;
    }
    place = block.start + 4 * translated;
    switch (block.end) {
      case 'interpret':
        // Whoever interprets it does not ask again.
        b.recycle();
        testBreakpoints();
        count(() => `interpret, ${source.instructionAt(place).row.name}`);
        leaveAt(place, layout.REGION_INTERPRET);
        return;
      case 'stop':
        count(() => 'left, to what was not executed before');
        leaveAt(place, layout.REGION_CONTINUE);
        return;
      default:
    }
    const { flow } = ops;
    switch (flow?.kind) {
      case 'branch': {
        const [taken, otherwise] = block.edges as [Edge, Edge];
        b.if(flow.condition);
        aside(() => follow(taken, block));
        b.end();
        follow(otherwise, block);
        return;
      }
      case 'indirect': {
        // Where it nearly always leads.
        for (const edge of block.edges) {
          if (!('block' in edge)) continue;
          const expected = code.constant('i64', edge.block.start);
          b.if(code.compare('eq', flow.address, code.binary('add', code.local('i64', pageVa), expected)));
          aside(() => follow(edge, block));
          b.end();
        }
        count(() => 'left indirectly');
        leavePage(flow.address);
        return;
      }
      default:
        follow(block.edges[0] as Edge, block);
    }
  }

  // ---- prologue and epilogue, known once the body is

  function assemble(): { locals: ValueType[]; code: CodeBuffer } {
    const opening = exits.end(way);
    const prologue = new FunctionBuilder(1, 512);
    const budget = code.local('i32', BUDGET);
    prologue.if(code.compare('leS', budget, code.constant('i32', (order[0] as Block).longest)));
    module.counters?.count(prologue, 'budget, at the entry');
    prologue.return(code.constant('i32', layout.REGION_BUDGET));
    prologue.end();
    module.counters?.count(prologue, 'entered');
    prologue.set(pageVa, prologue.loadAt('i64', layout.PAGE_VA));
    prologue.set(tlbBase, prologue.loadAt('i32', layout.TLB_BASE));
    registers.forEach(({ local, written }, register) => {
      prologue.set(local, prologue.loadAt('i64', addressOfRegister(register)));
      if (written) b.storeAt('i64', addressOfRegister(register), code.local('i64', local));
    });
    const { offset: at, done, answer } = partsOfWay(code.local('i32', way));
    b.push(code.binary('sub', budget, done));
    const record = code.binary(
      'add',
      code.binary('shl', at, code.constant('i32', 2)),
      code.constant('i32', pages.get(0) as number),
    );
    b.push(elsewhere === undefined ? record : code.binary('add', record, code.local('i32', elsewhere)));
    b.push(answer);
    const whole = new CodeBuffer(prologue.code.length + opening.length + b.code.length + 8);
    whole.append(prologue.code);
    whole.append(opening);
    whole.append(b.code);
    return { locals: b.locals, code: whole };
  }
}

const addressOfRegister = (register: number): number =>
  register === STACK_POINTER ? layout.SP : layout.X + 8 * register;
