// From the blocks of a region to one WebAssembly function: (budget) -> REGION_*.
//
// Control flow is structured along the dominator tree (Ramsey, "Beyond Relooper"): a block that several edges
// lead to stands behind a WebAssembly block that its immediate dominator opens, a loop head opens a loop.
//
// The budget is counted down at the end of each block. It is tested at the entry and at back edges, against the
// longest way to the next test; what it does not cover is left to the interpreter.

import { CodeBuffer } from '../../base/wasm/code.ts';
import type { Field, Ops } from '../../cpu/isa/ops.ts';
import type { InstructionRow } from '../../cpu/isa/define.ts';
import type { KernelName } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import { FunctionBuilder, type Label } from '../code/function-builder.ts';
import { type Block, type Edge, pageOf } from './blocks.ts';
import type { RegionCounters } from './region-counters.ts';
import { type KnownFlags, type RegionFrame, TranslatorOps } from './translator-ops.ts';
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

const BUDGET = 0;
const STACK_POINTER = 31;

export function executeInstruction(ops: TranslatorOps, { row, operands }: Instruction): void {
  if (row.fp) ops.requireFp();
  row.execute(ops as unknown as Ops, operands);
}

/** `pages` has the records of each page, by its distance from the one that the entry is in. */
export function emitRegion(
  order: readonly Block[],
  pages: ReadonlyMap<number, number>,
  instructionAt: (place: number) => Instruction,
  module: ModuleFrame,
): { locals: ValueType[]; code: CodeBuffer } {
  const b = new FunctionBuilder(1);
  const answer = b.newLocal('i32');
  /** The record to go on at. */
  const next = b.newLocal('i32');
  const pageVa = b.newLocal('i64');
  const tlbBase = b.newLocal('i32');
  const registers = new Map<number, { readonly local: number; written: boolean }>();
  let flags: { op: number; a: number; b: number; written: boolean } | undefined;
  /** Instructions of the block before the one being emitted. */
  let done = 0;
  /** Where it stands. */
  let place = 0;

  const frame: RegionFrame = {
    builder: b,
    registerLocal(register, written) {
      let entry = registers.get(register);
      if (!entry) {
        entry = { local: b.newLocal('i64'), written: false };
        registers.set(register, entry);
      }
      entry.written ||= written;
      return entry.local;
    },
    flagLocals(written) {
      flags ??= { op: b.newLocal('i32'), a: b.newLocal('i64'), b: b.newLocal('i64'), written: false };
      flags.written ||= written;
      return flags;
    },
    pageVa: code.local('i64', pageVa),
    tlbBase: code.local('i32', tlbBase),
    kernelIndex: module.kernelIndex,
    materializeFlags: module.materializeFlags,
    interpret: (why) => {
      count(`${why}, ${instructionAt(place).row.name}`);
      leaveAt(place, done, layout.REGION_INTERPRET);
    },
  };
  const ops = new TranslatorOps(frame);

  const exit = b.block();
  const exits = new Map([[0, exit]]);
  const otherPages = [...new Set(order.map(({ start }) => pageOf(start)))].filter((page) => page !== 0);
  for (const page of otherPages) exits.set(page, b.block());
  const labels = new Map<Block, Label>();
  emitTree(order[0] as Block, undefined);
  b.unreachable();
  for (const page of otherPages.toReversed()) {
    b.end();
    b.storeAt('i64', layout.PAGE_VA, vaOf(page));
    b.storeAt('i32', layout.PAGE_RECORDS, code.constant('i32', pages.get(page) as number));
    b.branch(exit);
  }
  b.end();
  return assemble();

  function count(what: string): void {
    module.counters?.count(b, what);
  }

  function vaOf(at: number): Expression {
    return code.binary('add', code.local('i64', pageVa), code.constant('i64', at));
  }

  // ---- leaving

  function spend(instructions: number): void {
    const rest = code.binary('sub', code.local('i32', BUDGET), code.constant('i32', instructions));
    if (instructions > 0) b.set(BUDGET, rest);
  }

  /** On at this place, on a page of the region, after so many instructions of the block. */
  function leaveAt(at: number, instructions: number, how: number): void {
    const page = pageOf(at);
    spend(instructions);
    b.set(next, code.constant('i32', (pages.get(page) as number) + 4 * (at - page)));
    b.set(answer, code.constant('i32', how));
    b.branch(exits.get(page) as Label);
  }

  function leavePage(address: Expression): void {
    b.storeAt('i64', layout.PC, address);
    b.set(answer, code.constant('i32', layout.REGION_LEFT_PAGE));
    b.branch(exit);
  }

  // ---- control flow

  /** The block with everything that it dominates; behind it nothing is reached. */
  function emitTree(block: Block, known: KnownFlags): void {
    const merges = block.children.filter((child) => child.incoming > 1);
    if (block.isLoopHead) labels.set(block, b.loop());
    const entryFlags = block.isLoopHead || block.incoming > 1 ? undefined : known;
    emitWithin(block, merges.toReversed(), entryFlags);
    if (block.isLoopHead) b.end();
  }

  /** The merge that comes last in order is opened first. */
  function emitWithin(block: Block, merges: readonly Block[], known: KnownFlags): void {
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
    emitTree(outermost, undefined);
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
    count('left, since another page is not where it was');
    leavePage(vaOf(at));
    b.end();
  }

  function follow(edge: Edge, from: Block): void {
    if ('outside' in edge) {
      if (isKnownPage(pageOf(edge.outside), from)) {
        count('left, on the same page');
        leaveAt(edge.outside, 0, layout.REGION_CONTINUE);
      } else {
        count('left, to another page');
        leavePage(vaOf(edge.outside));
      }
      return;
    }
    const { block } = edge;
    if (!isKnownPage(pageOf(block.start), from)) checkPage(block.start);
    if (block.order <= from.order) {
      const enough = code.compare('gtS', code.local('i32', BUDGET), code.constant('i32', block.longest));
      b.branchIf(labels.get(block) as Label, enough);
      count('budget, in a loop');
      leaveAt(block.start, 0, layout.REGION_BUDGET);
    } else if (block.incoming > 1) {
      b.branch(labels.get(block) as Label);
    } else {
      emitTree(block, ops.flags);
    }
  }

  function emitBlock(block: Block, known: KnownFlags): void {
    ops.beginBlock(known);
    const translated = block.end === 'interpret' || block.end === 'stop' ? block.length - 1 : block.length;
    for (done = 0; done < translated; done++) {
      place = block.start + 4 * done;
      b.recycle();
      ops.begin(place);
      executeInstruction(ops, instructionAt(place));
    }
    place = block.start + 4 * translated;
    switch (block.end) {
      case 'interpret':
        count(`interpret, ${instructionAt(place).row.name}`);
        leaveAt(place, translated, layout.REGION_INTERPRET);
        return;
      case 'stop':
        count('left, to what was not executed before');
        leaveAt(place, translated, layout.REGION_CONTINUE);
        return;
      default:
    }
    spend(translated);
    const { flow } = ops;
    switch (flow?.kind) {
      case 'branch': {
        const [taken, otherwise] = block.edges as [Edge, Edge];
        const after = ops.flags;
        b.if(flow.condition);
        follow(taken, block);
        b.end();
        ops.flags = after;
        follow(otherwise, block);
        return;
      }
      case 'indirect': {
        const [back] = block.edges;
        if (back) {
          // Back to the call, if that is where it goes: it nearly always does.
          const expected = code.constant('i64', 'block' in back ? back.block.start : back.outside);
          const address = b.pin(flow.address);
          b.if(code.compare('eq', address, code.binary('add', code.local('i64', pageVa), expected)));
          follow(back, block);
          b.end();
        }
        count('left indirectly');
        leavePage(flow.address);
        return;
      }
      default:
        follow(block.edges[0] as Edge, block);
    }
  }

  // ---- prologue and epilogue, known once the body is

  function assemble(): { locals: ValueType[]; code: CodeBuffer } {
    const prologue = new FunctionBuilder(1);
    const budget = code.local('i32', BUDGET);
    prologue.if(code.compare('leS', budget, code.constant('i32', (order[0] as Block).longest)));
    module.counters?.count(prologue, 'budget, at the entry');
    prologue.return(code.constant('i32', layout.REGION_BUDGET));
    prologue.end();
    module.counters?.count(prologue, 'entered');
    prologue.set(pageVa, prologue.loadAt('i64', layout.PAGE_VA));
    prologue.set(tlbBase, prologue.loadAt('i32', layout.TLB_BASE));
    for (const [register, { local }] of registers) {
      prologue.set(local, prologue.loadAt('i64', addressOfRegister(register)));
    }
    if (flags) {
      prologue.set(flags.op, prologue.loadAt('i32', layout.FLAGS_OP));
      prologue.set(flags.a, prologue.loadAt('i64', layout.FLAGS_A));
      prologue.set(flags.b, prologue.loadAt('i64', layout.FLAGS_B));
    }
    for (const [register, { local, written }] of registers) {
      if (written) b.storeAt('i64', addressOfRegister(register), code.local('i64', local));
    }
    if (flags?.written) {
      b.storeAt('i32', layout.FLAGS_OP, code.local('i32', flags.op));
      b.storeAt('i64', layout.FLAGS_A, code.local('i64', flags.a));
      b.storeAt('i64', layout.FLAGS_B, code.local('i64', flags.b));
    }
    for (const argument of [BUDGET, next, answer]) b.push(code.local('i32', argument));
    const whole = new CodeBuffer(prologue.code.length + b.code.length);
    whole.append(prologue.code);
    whole.append(b.code);
    return { locals: b.locals, code: whole };
  }
}

const addressOfRegister = (register: number): number =>
  register === STACK_POINTER ? layout.SP : layout.X + 8 * register;
