// run(): the loop of the interpreter.
//
// Hot handlers stand in its switch, all others are functions in the module's table. A handler in
// the switch calls nothing: what it cannot do by itself it leaves to its own function, before it
// has changed anything. So the fast loop has one variable, the record to execute.
//
// Instructions are counted by where the code runs straight: `limit` is the record at which the
// budget would be used up, and only a jump moves it. Up to the end of the page nothing is tested;
// when the budget ends before that, each instruction is executed alone. Whatever raises attention
// sets the budget to 0, and only functions do: `limit` is found anew after each.

import type { KernelName } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder, type Label } from '../code/function-builder.ts';
import { emitHandler, type Environment } from './emit-handler.ts';
import type { Handler } from './enumerate.ts';
import type { HandlerFrame, KnownFlags } from './handler-ops.ts';
import { placeIn, type Shape } from './shape.ts';

/** Budget to distance: records have 16 bytes. */
const RECORD_SHIFT = 4;

interface HotHandler {
  readonly handler: Handler;
  readonly shape: Shape;
}

type Which = (handler: Handler) => boolean;

const which =
  (name: string, statics: Readonly<Record<string, number>> = {}): Which =>
  (handler) =>
    handler.row.name === name &&
    Object.entries(statics).every(([field, value]) => handler.statics[field] === value);

const HINT = which('NOP, HINT');
const PUSH = which('STP, LDP, LDPSW, STNP, LDNP', { opc: 2, mode: 3, L: 0 });
const POP = which('STP, LDP, LDPSW, STNP, LDNP', { opc: 2, mode: 1, L: 1 });
const ADD = which('ADD, ADDS, SUB, SUBS (immediate)', { sf: 1, op: 0, S: 0 });
const COMPARE = 'ADD, ADDS, SUB, SUBS (shifted register)';
const COMPARE_IMMEDIATE = 'ADD, ADDS, SUB, SUBS (immediate)';

/** What compilers put behind an instruction more often than not: prologues, epilogues, addresses, bounds. */
const FOLLOWERS: readonly (readonly [Which, Which])[] = [
  [HINT, HINT],
  [HINT, which('BR, BLR, RET', { opc: 2 })],
  [HINT, PUSH],
  [PUSH, ADD],
  [POP, HINT],
  [which('ADR, ADRP', { op: 1 }), ADD],
  [which(COMPARE, { sf: 1, op: 1, S: 1, shift: 0 }), which('B.cond', { cond: 8 })],
  [which(COMPARE, { sf: 0, op: 1, S: 1, shift: 0 }), which('B.cond', { cond: 2 })],
  [which(COMPARE_IMMEDIATE, { sf: 0, op: 1, S: 1 }), which('B.cond', { cond: 9 })],
  [which(COMPARE_IMMEDIATE, { sf: 0, op: 1, S: 1 }), which('B.cond', { cond: 8 })],
];

export function buildRun(hot: readonly HotHandler[], environment: Environment): FunctionBuilder {
  const b = new FunctionBuilder(0);
  const kernel = (name: KernelName): number => environment.imports.get(name) as number;
  /** Address of the record to execute, or that is executed. */
  const record = b.newLocal('i32');
  /** Behind the last record that was executed, when a jump leads to `record`. */
  const behind = b.newLocal('i32');
  const limit = b.newLocal('i64');
  const pc = b.newLocal('i64');
  const scratch = b.newLocal('i32');
  /** Budget at the entry of a region. */
  const before = b.newLocal('i32');

  const here = code.local('i32', record);
  const records = b.loadAt('i32', layout.PAGE_RECORDS);
  const handler = b.load('u16', here, 0);
  const add = (value: code.Expression, amount: number): code.Expression =>
    code.binary('add', value, code.constant('i32', amount));
  /** Instructions from a record to `limit`. */
  const left = (from: code.Expression): code.Expression => {
    const distance = code.binary('sub', code.local('i64', limit), code.extendU(from));
    return code.wrap(code.binary('shrS', distance, code.constant('i64', RECORD_SHIFT)));
  };
  const storeLeft = (spent: number): void =>
    b.storeAt('i32', layout.BUDGET, left(add(here, spent * layout.RECORD_SIZE)));
  /** The budget counts from `record`. */
  const loadLimit = (): void => {
    const budget = code.extendS(b.loadAt('i32', layout.BUDGET));
    const distance = code.binary('shl', budget, code.constant('i64', RECORD_SHIFT));
    b.set(limit, code.binary('add', code.extendU(here), distance));
    b.set(behind, here);
  };

  // The first pass through service() takes what is already pending, at the PC as it stands.
  const attention = b.loadAt('i32', layout.ATTENTION);
  b.storeAt('i32', layout.ATTENTION, code.binary('or', attention, code.constant('i32', layout.ATTENTION_PC)));
  b.set(scratch, add(b.loadAt('i32', layout.BUDGET), -1));
  const leave = b.block();
  const service = b.loop();
  // `scratch` is the budget less the record at `record`, which was not executed.
  b.branchIf(leave, b.callValue(kernel('service'), [here, code.local('i32', scratch)], 'i32'));
  b.recycle();
  const lookup = b.loop();
  emitLookup();
  const straight = b.loop();
  emitStraight();
  const loop = b.loop();
  emitDispatch(loop);
  b.end();
  b.end();
  b.end();
  b.end();
  b.end();
  return b;

  /** Finds the records of the page that PC is in. */
  function emitLookup(): void {
    b.set(pc, b.loadAt('i64', layout.PC));
    const index = code.binary(
      'and',
      code.wrap(code.binary('shrU', code.local('i64', pc), code.constant('i64', 8))),
      code.constant('i32', (layout.ITLB_ENTRIES - 1) * layout.ITLB_ENTRY_SIZE),
    );
    b.set(scratch, code.binary('add', index, b.loadAt('i32', layout.ITLB_BASE)));
    const entry = code.local('i32', scratch);
    // A misaligned PC keeps its low bits and so never matches.
    const tag = code.binary('and', code.local('i64', pc), code.constant('i64', ~0xffcn));
    b.if(code.compare('eq', b.load('i64', entry, layout.ITLB_TAG), tag));
    b.set(record, b.load('i32', entry, layout.ITLB_RECORDS));
    b.else();
    b.set(record, b.callValue(kernel('fetchMiss'), [b.loadAt('i64', layout.PC)], 'i32'));
    b.set(pc, b.loadAt('i64', layout.PC));
    b.if(code.eqz(here));
    // An aborted fetch counts as an instruction: a vector that cannot be fetched leads to the next
    // abort for ever, and the budget has to end that.
    b.set(scratch, add(b.loadAt('i32', layout.BUDGET), -2));
    b.branch(service);
    b.end();
    b.end();
    const page = code.binary('and', code.local('i64', pc), code.constant('i64', ~0xfffn));
    b.storeAt('i64', layout.PAGE_VA, page);
    b.storeAt('i32', layout.PAGE_RECORDS, here);
    const place = code.binary(
      'shl',
      code.binary('and', code.wrap(code.local('i64', pc)), code.constant('i32', 0xffc)),
      code.constant('i32', 2),
    );
    b.set(record, code.binary('add', here, place));
    loadLimit();
    b.recycle();
  }

  /** Code runs straight from `record` on. */
  function emitStraight(): void {
    const moved = code.extendS(code.binary('sub', here, code.local('i32', behind)));
    b.set(limit, code.binary('add', code.local('i64', limit), moved));
    const sentinel = code.extendU(add(records, layout.RECORD_SENTINEL));
    b.if(code.compare('leS', code.local('i64', limit), sentinel));
    b.set(behind, here);
    b.if(code.compare('leS', code.local('i64', limit), code.extendU(here)));
    b.set(scratch, add(left(here), -1));
    b.branch(service);
    b.end();
    b.if(code.compare('geU', handler, code.constant('i32', layout.HANDLERS_FIRST)));
    callHandler(handler, straight);
    b.end();
    b.end();
  }

  /** Base of the 16-bit facts about the record at `record`, which stand behind the records. */
  function factsOfRecord(): code.Expression {
    const distance = code.binary('sub', here, records);
    return code.binary('add', records, code.binary('shrU', distance, code.constant('i32', 3)));
  }

  /** Executes the instruction by its function, and goes on behind it. */
  function callHandler(number: code.Expression, to: Label): void {
    storeLeft(1);
    b.storeAt('i32', layout.CURRENT_RECORD, here);
    b.callIndirect(environment.handlerType, [here], number);
    b.set(record, add(b.loadAt('i32', layout.CURRENT_RECORD), layout.RECORD_SIZE));
    loadLimit();
    b.branch(to);
  }

  function emitDispatch(loopLabel: Label): void {
    const jumped = b.block();
    const called = b.block();
    const undefinedLabel = called;
    const breakLabel = b.block();
    const enterLabel = b.block();
    const reachedLabel = b.block();
    const nextPageLabel = b.block();
    const decodeLabel = b.block();
    const hotLabels: Label[] = [];
    for (let i = hot.length - 1; i >= 0; i--) hotLabels[i] = b.block();
    b.branchTable(
      [
        decodeLabel,
        nextPageLabel,
        breakLabel,
        undefinedLabel,
        enterLabel,
        reachedLabel,
        ...hotLabels,
        called,
      ],
      handler,
    );
    for (const { handler: hotHandler, shape } of hot) {
      b.end();
      b.recycle();
      const flags = emitHandler(hotHandler, inlineFrame(shape, jumped, called));
      b.set(record, add(here, layout.RECORD_SIZE));
      for (const next of followers(hotHandler, flags)) {
        b.if(code.compare('eq', handler, code.constant('i32', next.handler.number)));
        emitHandler(next.handler, inlineFrame(next.shape, jumped, called), flags);
        b.set(record, add(here, layout.RECORD_SIZE));
        b.branch(loopLabel);
        b.end();
      }
      b.branch(loopLabel);
    }

    b.end(); // DECODE: fill in the record, then execute it.
    storeLeft(0);
    b.storeAt('i32', layout.CURRENT_RECORD, here);
    b.call(kernel('decodeRecord'), [here]);
    b.set(record, b.loadAt('i32', layout.CURRENT_RECORD));
    loadLimit();
    b.branch(straight);

    b.end(); // NEXT_PAGE: the sentinel behind the last record of a page.
    storeLeft(0);
    const nextPage = code.binary('add', b.loadAt('i64', layout.PAGE_VA), code.constant('i64', 4096));
    b.storeAt('i64', layout.PC, nextPage);
    b.branch(lookup);

    b.end(); // REACHED: the translator notes it, and puts the handler back.
    storeLeft(0);
    b.storeAt('i32', layout.CURRENT_RECORD, here);
    b.call(kernel('reachedRecord'), [here]);
    b.set(behind, here);
    b.branch(straight);

    b.end(); // ENTER: a translated region begins here.
    storeLeft(0);
    b.storeAt('i32', layout.CURRENT_RECORD, here);
    b.set(before, b.loadAt('i32', layout.BUDGET));
    const region = b.load('u16', factsOfRecord(), layout.RECORD_REGION);
    b.callIndirect(environment.regionType, [code.local('i32', before)], region);
    b.takeResult(scratch);
    const spent = code.binary('sub', code.local('i32', before), b.loadAt('i32', layout.BUDGET));
    b.storeAt('i32', layout.TRANSLATED, code.binary('add', b.loadAt('i32', layout.TRANSLATED), spent));
    const answered = (answer: number): code.Expression =>
      code.compare('eq', code.local('i32', scratch), code.constant('i32', answer));
    b.storeAt('i32', layout.REGION_CUT, answered(layout.REGION_BUDGET));
    b.branchIf(lookup, answered(layout.REGION_LEFT_PAGE));
    b.set(record, b.loadAt('i32', layout.CURRENT_RECORD));
    loadLimit();
    b.branchIf(straight, code.eqz(code.local('i32', scratch)));
    // By its function, whatever stands before the handler. What may stop there the region has looked at.
    b.set(scratch, handler);
    b.if(code.compare('leU', code.local('i32', scratch), code.constant('i32', layout.HANDLER_REACHED)));
    const isHandler = (compare: 'ltU' | 'ne', number: number): code.Expression =>
      code.compare(compare, code.local('i32', scratch), code.constant('i32', number));
    b.branchIf(
      straight,
      code.binary('and', isHandler('ltU', layout.HANDLER_ENTER), isHandler('ne', layout.HANDLER_BREAK)),
    );
    b.set(scratch, b.load('u16', factsOfRecord(), layout.RECORD_ORIGINAL));
    b.end();
    callHandler(code.local('i32', scratch), straight);

    b.end(); // BREAK: stop before the instruction, or execute what the record was.
    storeLeft(0);
    b.storeAt('i32', layout.CURRENT_RECORD, here);
    b.set(scratch, b.callValue(kernel('breakpointHit'), [here], 'i32'));
    b.set(record, b.loadAt('i32', layout.CURRENT_RECORD));
    loadLimit();
    b.branchIf(straight, code.compare('ltS', code.local('i32', scratch), code.constant('i32', 0)));
    callHandler(code.local('i32', scratch), straight);

    b.end(); // All other handlers, and those of the switch that cannot go on by themselves.
    callHandler(handler, straight);

    b.end(); // To another page: PC is written, the jump at `record` was executed.
    storeLeft(1);
    b.branch(lookup);
  }

  /** What often comes next stands behind a handler once more, and needs no way through the switch. */
  function followers(first: Handler, flags: KnownFlags | undefined): readonly HotHandler[] {
    const usual = FOLLOWERS.filter(([before]) => before(first)).map(([, next]) => next);
    // The flags are those of a comparison whose operands are at hand.
    const compares = flags !== undefined && flags.kind !== 'add';
    return hot.filter(
      ({ handler }) =>
        usual.some((next) => next(handler)) ||
        (compares && handler.row.name === 'B.cond' && Number(handler.statics['cond']) < 2),
    );
  }

  /** A handler inside the switch. */
  function inlineFrame(shape: Shape, jumped: Label, called: Label): HandlerFrame {
    const jumpOut = (address: code.Expression): void => {
      b.storeAt('i64', layout.PC, address);
      b.branch(jumped);
    };
    const jumpInPage = (target: code.Expression): void => {
      b.set(behind, add(here, layout.RECORD_SIZE));
      b.set(record, target);
      b.branch(straight);
    };
    return {
      builder: b,
      record,
      operandPlace: (field, use) => placeIn(shape, field, use),
      kernelIndex: kernel,
      materializeFlags: environment.materializeFlags,
      leaveToFunction: () => b.branch(called),
      abandon: () => {},
      jumpRelative: (offset) => {
        const distance = b.pin(offset);
        const scaled = code.binary('shl', distance, code.constant('i32', 2));
        const target = b.pin(code.binary('add', here, scaled));
        const inPage = code.binary('sub', target, records);
        b.if(code.compare('ltU', inPage, code.constant('i32', layout.RECORD_SENTINEL)));
        jumpInPage(target);
        b.end();
        const offsetInPage = code.extendU(
          code.binary('shrU', code.binary('sub', here, records), code.constant('i32', 2)),
        );
        const from = code.binary('add', b.loadAt('i64', layout.PAGE_VA), offsetInPage);
        jumpOut(code.binary('add', from, code.extendS(distance)));
      },
      jumpAbsolute: (address) => {
        const distance = b.pin(code.binary('sub', address, b.loadAt('i64', layout.PAGE_VA)));
        b.if(code.eqz(code.binary('and', distance, code.constant('i64', ~0xffcn))));
        const place = code.binary('shl', code.wrap(distance), code.constant('i32', 2));
        jumpInPage(code.binary('add', records, place));
        b.end();
        jumpOut(address);
      },
    };
  }
}
