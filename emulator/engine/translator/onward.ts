// From a region straight into the next one, where that is already translated: what the interpreter's loop would do,
// without going back to it. Each module of regions has this function once; regions end by calling it.

import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import type { RegionCounters } from './region-counters.ts';

export const ONWARD_SIGNATURE = { params: ['i32', 'i32', 'i32'], results: ['i32'] } as const;

/**
 * (budget, record to go on at, REGION_*) -> REGION_*, when all else of a region's state is in memory. At least one
 * instruction is left, since the test at a region's entry covers all that it spends.
 */
export function buildOnward(regionType: number, counters: RegionCounters | undefined): FunctionBuilder {
  const b = new FunctionBuilder(3);
  const [budget, record, answer] = [0, 1, 2].map((index) => code.local('i32', index)) as [
    code.Expression,
    code.Expression,
    code.Expression,
  ];
  const NEXT = 1;
  const page = b.newLocal('i32');
  const records = code.local('i32', page);

  b.storeAt('i32', layout.BUDGET, budget);
  b.if(code.compare('eq', answer, code.constant('i32', layout.REGION_LEFT_PAGE)));
  emitLookup(b, NEXT, page);
  b.else();
  b.storeAt('i32', layout.CURRENT_RECORD, record);
  b.if(answer);
  b.return(answer);
  b.end();
  b.set(page, b.loadAt('i32', layout.PAGE_RECORDS));
  b.end();
  b.if(code.compare('eq', b.load('u16', record), code.constant('i32', layout.HANDLER_ENTER)));
  counters?.count(b, 'onward, to the next region');
  const place = b.load('u16', factsOf(record, records), layout.RECORD_REGION);
  b.returnCallIndirect(regionType, [budget], place);
  b.end();
  counters?.count(b, 'onward, to what is interpreted');
  emitCounting(b, record, records);
  b.return(code.constant('i32', layout.REGION_CONTINUE));
  b.unreachable();
  return b;
}

/** Base of the 16-bit facts about a record, which stand behind the records. */
const factsOf = (record: code.Expression, records: code.Expression): code.Expression =>
  code.binary(
    'add',
    records,
    code.binary('shrU', code.binary('sub', record, records), code.constant('i32', 3)),
  );

/**
 * Going back to the interpreter costs more than the few instructions that it may be for, which no sample would
 * ever meet: where regions go on so often, one is to begin.
 */
function emitCounting(b: FunctionBuilder, record: code.Expression, records: code.Expression): void {
  const handler = b.load('u16', record);
  b.if(code.compare('geU', handler, code.constant('i32', layout.HANDLERS_FIRST)));
  const facts = b.pin(factsOf(record, records));
  const times = b.pin(
    code.binary('add', b.load('u16', facts, layout.RECORD_REGION), code.constant('i32', 1)),
  );
  b.if(code.compare('leU', times, code.constant('i32', layout.LEFT_TO_MAX)));
  b.store('i32as16', facts, layout.RECORD_REGION, times);
  b.if(code.compare('eq', times, code.constant('i32', layout.LEFT_TO_MAX)));
  b.store('i32as16', facts, layout.RECORD_ORIGINAL, handler);
  b.store('i32as16', record, 0, code.constant('i32', layout.HANDLER_REACHED));
  b.end();
  b.end();
  b.end();
}

/** Finds the page of records that PC is in, if the instruction TLB knows it: emitLookup of run.ts. */
function emitLookup(b: FunctionBuilder, next: number, page: number): void {
  const pc = b.newLocal('i64');
  const scratch = b.newLocal('i32');
  const address = code.local('i64', pc);
  const entry = code.local('i32', scratch);
  b.set(pc, b.loadAt('i64', layout.PC));
  const index = code.binary(
    'and',
    code.wrap(code.binary('shrU', address, code.constant('i64', 8))),
    code.constant('i32', (layout.ITLB_ENTRIES - 1) * layout.ITLB_ENTRY_SIZE),
  );
  b.set(scratch, code.binary('add', index, b.loadAt('i32', layout.ITLB_BASE)));
  // A misaligned PC keeps its low bits and so never matches.
  const tag = code.binary('and', address, code.constant('i64', ~0xffcn));
  b.if(code.compare('ne', b.load('i64', entry, layout.ITLB_TAG), tag));
  b.return(code.constant('i32', layout.REGION_LEFT_PAGE));
  b.end();
  b.set(page, b.load('i32', entry, layout.ITLB_RECORDS));
  b.storeAt('i64', layout.PAGE_VA, code.binary('and', address, code.constant('i64', ~0xfffn)));
  b.storeAt('i32', layout.PAGE_RECORDS, code.local('i32', page));
  const offset = code.binary('and', code.wrap(address), code.constant('i32', 0xffc));
  const place = code.binary('shl', offset, code.constant('i32', 2));
  b.set(next, code.binary('add', code.local('i32', page), place));
  b.storeAt('i32', layout.CURRENT_RECORD, code.local('i32', next));
}
