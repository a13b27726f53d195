// run(): the loop of the interpreter.
//
// It executes records from the current page until the budget is used up or something raises
// attention (which sets the budget to 0, so that the loop tests one thing only). Hot handlers
// stand in the switch; all others are called through the module's table.

import type { KernelName } from '../../cpu/kernels.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder, type Label } from '../code/function-builder.ts';
import type { Handler } from './enumerate.ts';
import { emitHandler, type Environment, placeIn } from './generate.ts';
import type { HandlerFrame } from './handler-ops.ts';
import type { Shape } from './shape.ts';

export function buildRun(
  hot: readonly { handler: Handler; shape: Shape }[],
  environment: Environment,
): FunctionBuilder {
  const b = new FunctionBuilder(0);
  const kernel = (name: KernelName): number => environment.imports.get(name) as number;
  /** Address of the record being executed. */
  const record = b.newLocal('i32');
  /** Address of the record to execute next. */
  const next = b.newLocal('i32');
  const budget = b.newLocal('i32');
  const records = b.newLocal('i32');
  const pageVa = b.newLocal('i64');
  const pc = b.newLocal('i64');
  const scratch = b.newLocal('i32');

  const storeBudget = (): void => b.storeAt('i32', layout.BUDGET, code.local('i32', budget));
  const loadBudget = (): void => b.set(budget, b.loadAt('i32', layout.BUDGET));
  const storeRecord = (): void => b.storeAt('i32', layout.CURRENT_RECORD, code.local('i32', record));
  const spend = (amount: number): void =>
    b.set(budget, code.binary('add', code.local('i32', budget), code.constant('i32', amount)));

  // The first pass through service() takes what is already pending, at the PC as it stands.
  const attention = b.loadAt('i32', layout.ATTENTION);
  b.storeAt('i32', layout.ATTENTION, code.binary('or', attention, code.constant('i32', layout.ATTENTION_PC)));
  loadBudget();
  spend(-1);
  const leave = b.block();
  const service = b.loop();
  // Here the budget is one too low: the record in `next` was not executed.
  const stop = b.callValue(kernel('service'), [code.local('i32', next), code.local('i32', budget)], 'i32');
  b.branchIf(leave, stop);
  loadBudget();
  b.recycle();
  const lookup = b.loop();
  emitLookup();
  const loop = b.loop();
  emitDispatch(loop);
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
    b.set(records, b.load('i32', entry, layout.ITLB_RECORDS));
    b.else();
    storeBudget();
    b.set(records, b.callValue(kernel('fetchMiss'), [code.local('i64', pc)], 'i32'));
    loadBudget();
    b.if(code.eqz(code.local('i32', records)));
    // An aborted fetch counts as an instruction: a vector that cannot be fetched leads to the next
    // abort for ever, and the budget has to end that.
    spend(-2);
    b.branch(service);
    b.end();
    b.end();
    b.set(pageVa, code.binary('and', code.local('i64', pc), code.constant('i64', ~0xfffn)));
    b.storeAt('i64', layout.PAGE_VA, code.local('i64', pageVa));
    b.storeAt('i32', layout.PAGE_RECORDS, code.local('i32', records));
    const place = code.binary(
      'shl',
      code.binary('and', code.wrap(code.local('i64', pc)), code.constant('i32', 0xffc)),
      code.constant('i32', 2),
    );
    b.set(next, code.binary('add', code.local('i32', records), place));
    b.recycle();
  }

  function emitDispatch(loopLabel: Label): void {
    b.set(record, code.local('i32', next));
    spend(-1);
    b.branchIf(service, code.compare('ltS', code.local('i32', budget), code.constant('i32', 0)));
    b.set(next, code.binary('add', code.local('i32', record), code.constant('i32', layout.RECORD_SIZE)));

    const called = b.block();
    const undefinedLabel = called;
    const breakLabel = b.block();
    const nextPageLabel = b.block();
    const decodeLabel = b.block();
    const hotLabels: Label[] = [];
    for (let i = hot.length - 1; i >= 0; i--) hotLabels[i] = b.block();
    b.branchTable(
      [decodeLabel, nextPageLabel, breakLabel, undefinedLabel, ...hotLabels, called],
      b.load('u16', code.local('i32', record), 0),
    );
    for (const { handler, shape } of hot) {
      b.end();
      b.recycle();
      emitHandler(handler, inlineFrame(shape, loopLabel));
      b.branch(loopLabel);
    }

    b.end(); // DECODE: fill in the record, then execute it.
    b.call(kernel('decodeRecord'), [code.local('i32', record)]);
    b.set(next, code.local('i32', record));
    spend(1);
    b.branch(loopLabel);

    b.end(); // NEXT_PAGE: the sentinel behind the last record of a page.
    spend(1);
    b.storeAt('i64', layout.PC, code.binary('add', code.local('i64', pageVa), code.constant('i64', 4096)));
    b.branch(lookup);

    b.end(); // BREAK: stop before the instruction, or execute what the record was.
    spend(1);
    storeBudget();
    storeRecord();
    b.set(scratch, b.callValue(kernel('breakpointHit'), [code.local('i32', record)], 'i32'));
    loadBudget();
    b.if(code.compare('ltS', code.local('i32', scratch), code.constant('i32', 0)));
    b.set(next, code.local('i32', record));
    b.else();
    spend(-1);
    storeBudget();
    b.callIndirect(environment.handlerType, [code.local('i32', record)], code.local('i32', scratch));
    loadBudget();
    b.end();
    b.branch(loopLabel);

    b.end(); // All other handlers.
    storeBudget();
    storeRecord();
    b.callIndirect(
      environment.handlerType,
      [code.local('i32', record)],
      b.load('u16', code.local('i32', record), 0),
    );
    loadBudget();
    b.branch(loopLabel);
  }

  /** A handler inside the switch: it keeps the budget and the position in locals. */
  function inlineFrame(shape: Shape, loopLabel: Label): HandlerFrame {
    const jumpOut = (address: code.Expression): void => {
      b.storeAt('i64', layout.PC, address);
      b.branch(lookup);
    };
    return {
      builder: b,
      record,
      operandPlace: (field, use) => placeIn(shape, field, use),
      kernelIndex: kernel,
      materializeFlags: environment.materializeFlags,
      beforeSlowCall: () => {
        storeBudget();
        storeRecord();
      },
      afterSlowCall: loadBudget,
      abandon: () => b.branch(loopLabel),
      jumpRelative: (offset) => {
        const distance = b.pin(offset);
        const scaled = code.binary('shl', distance, code.constant('i32', 2));
        const target = b.pin(code.binary('add', code.local('i32', record), scaled));
        const inPage = code.binary('sub', target, code.local('i32', records));
        b.if(code.compare('ltU', inPage, code.constant('i32', layout.RECORD_SENTINEL)));
        b.set(next, target);
        b.else();
        const here = code.binary('sub', code.local('i32', record), code.local('i32', records));
        const offsetInPage = code.extendU(code.binary('shrU', here, code.constant('i32', 2)));
        const from = code.binary('add', code.local('i64', pageVa), offsetInPage);
        jumpOut(code.binary('add', from, code.extendS(distance)));
        b.end();
      },
      jumpAbsolute: (address) => {
        const distance = b.pin(code.binary('sub', address, code.local('i64', pageVa)));
        b.if(code.eqz(code.binary('and', distance, code.constant('i64', ~0xffcn))));
        const place = code.binary('shl', code.wrap(distance), code.constant('i32', 2));
        b.set(next, code.binary('add', code.local('i32', records), place));
        b.else();
        jumpOut(address);
        b.end();
      },
    };
  }
}
