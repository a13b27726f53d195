// One region, from the record that it is entered by to its code.

import * as layout from '../../memory/layout.ts';
import { type Block, findBlocks, PAGE, pageOf } from './blocks.ts';
import type { TestedBreakpoint } from './breakpoint-tests.ts';
import { emitRegion, type RegionSource } from './emit-region.ts';
import { type InstructionReader, recordsOf, type Whereabouts } from './instructions.ts';
import type { Body, RegionModule } from './region-module.ts';

/** Instructions of one region, about. */
const REGION_LIMIT = 300;
/** Bytes up to a procedure that is called through a register. */
const REACH = 1n << 40n;
/** Pages that its instructions may come from. */
const PAGES_MAX = 4;

export interface RegionCode {
  /** The record that it is entered by. */
  readonly record: number;
  readonly body: Body;
  /** Which instructions it was made of: by page of records, their offsets in the page. */
  readonly covered: ReadonlyMap<number, ReadonlySet<number>>;
  /** How many instructions it has, those counted twice that stand in it twice. */
  readonly instructions: number;
  /** Records at which execution comes back soon: behind calls and other instructions that leave the region. */
  readonly resumed: readonly number[];
}

export interface RegionOptions {
  /** It ends where code begins that was never executed: most of it never will be. */
  readonly onlyExecuted: boolean;
  /** What may stop at this offset of some page. */
  breakpointsAt(offset: number): readonly TestedBreakpoint[];
}

/**
 * Undefined where nothing is gained: the first instruction already is one of the interpreter's.
 */
export function translateRegion(
  reader: InstructionReader,
  record: number,
  whereabouts: Whereabouts,
  module: RegionModule,
  { onlyExecuted, breakpointsAt }: RegionOptions,
): RegionCode | undefined {
  const pages = new Map([[0, recordsOf(record)]]);
  const covered = new Map<number, Set<number>>();
  const order = findBlocks((record - recordsOf(record)) / 4, REGION_LIMIT, (place) => {
    const page = pageOf(place);
    let records = pages.get(page);
    if (records === undefined && pages.size < PAGES_MAX) {
      records = reader.recordsAt(whereabouts, page);
      if (records !== undefined) pages.set(page, records);
    }
    if (records === undefined) return undefined;
    const offset = place - page;
    if (onlyExecuted && !reader.isDecoded(records + 4 * offset)) return undefined;
    const offsets = covered.get(records) ?? new Set();
    covered.set(records, offsets.add(offset));
    const flow = reader.flowOf(records, offset);
    if (flow.kind !== 'indirect' || flow.register === undefined) return flow;
    return { kind: 'indirect', guess: guess(whereabouts, flow.register) };
  });
  const [first] = order;
  if (!first || ((first.end === 'interpret' || first.end === 'stop') && first.length === 1)) return undefined;
  const at = (place: number): readonly [number, number] => {
    const page = pageOf(place);
    return [pages.get(page) as number, place - page];
  };
  const source: RegionSource = {
    instructionAt: (place) => reader.instructionAt(...at(place)),
    flagUse: (place) => reader.flagUse(...at(place)),
    probesAlone: (place) => reader.probesAlone(...at(place)),
    breakpointsAt: (place) =>
      reader.isBreakpoint(...at(place)) ? breakpointsAt(place - pageOf(place)) : undefined,
    isWatched: reader.isWatched,
    physicalAddress: (place) => reader.physicalAddress(...at(place)),
  };
  const body = emitRegion(order, pages, source, module);
  const instructions = order.reduce((sum, { length }) => sum + length, 0);
  const resumed = order.filter(comesBack).map(({ start, length }) => {
    const [records, offset] = at(start + 4 * (length - 1));
    return records + 4 * offset + layout.RECORD_SIZE;
  });
  return { record, body, covered, instructions, resumed };
}

/** A call or an instruction of the interpreter's ends the block. A jump that is none of these leads to nothing here. */
function comesBack({ end, edges, start, length }: Block): boolean {
  if ((start + 4 * length) % PAGE === 0) return false;
  if (end === 'jump') return edges.some((edge) => 'outside' in edge);
  return end === 'interpret' || end === 'indirect';
}

/** Where a call through this register probably leads to: to what it held when the region was found worth making. */
function guess({ pageVa, registers }: Whereabouts, register: number): number | undefined {
  const address = registers[register];
  if (address === undefined) return undefined;
  const place = BigInt.asIntN(64, address - pageVa);
  return (place & 3n) === 0n && place > -REACH && place < REACH ? Number(place) : undefined;
}
