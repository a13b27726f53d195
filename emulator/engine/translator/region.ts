// One region, from the record that it is entered by to its code.

import * as layout from '../../memory/layout.ts';
import { type InstructionFlow, findBlocks } from './blocks.ts';
import { emitRegion } from './emit-region.ts';
import { type InstructionReader, recordsOf } from './instructions.ts';
import type { Body, RegionModule } from './region-module.ts';

/** Instructions of one region, about. */
const REGION_LIMIT = 300;

export interface RegionCode {
  /** The record that it is entered by. */
  readonly record: number;
  readonly body: Body;
  /** Which instructions it was made of: by page of records, their offsets in the page. */
  readonly covered: ReadonlyMap<number, ReadonlySet<number>>;
  /** How many instructions it has, those counted twice that stand in it twice. */
  readonly instructions: number;
  /** Records behind instructions that it leaves to the interpreter. */
  readonly interpreted: readonly number[];
}

/**
 * Undefined where nothing is gained: the first instruction already is one of the interpreter's. With `onlyExecuted`
 * it ends where code begins that was never executed: most of it never will be.
 */
export function translateRegion(
  reader: InstructionReader,
  record: number,
  module: RegionModule,
  { onlyExecuted }: { readonly onlyExecuted: boolean },
): RegionCode | undefined {
  const records = recordsOf(record);
  const flows = new Map<number, InstructionFlow>();
  const order = findBlocks((record - records) / 4, REGION_LIMIT, (offset) => {
    if (onlyExecuted && !reader.isDecoded(records + 4 * offset)) return undefined;
    const flow = reader.flowOf(records, offset);
    flows.set(offset, flow);
    return flow;
  });
  const [first] = order;
  if (!first || ((first.end === 'interpret' || first.end === 'stop') && first.length === 1)) return undefined;
  const body = emitRegion(order, records, (offset) => reader.instructionAt(records, offset), module);
  const covered = new Map([[records, new Set(flows.keys())]]);
  const instructions = order.reduce((sum, { length }) => sum + length, 0);
  const interpreted = order
    .filter(({ end }) => end === 'interpret')
    .map(({ start, length }) => records + 4 * (start + 4 * length))
    .filter((after) => after < records + layout.RECORD_SENTINEL);
  return { record, body, covered, instructions, interpreted };
}
