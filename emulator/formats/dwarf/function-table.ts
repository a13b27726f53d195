// The functions of one unit by address. Entries on the top level are hopped over by their siblings; what is inside a
// function is left for when somebody stops there.

import * as dw from './constants.ts';
import type { Die, LoadedUnit } from './entries.ts';
import { isC } from './languages.ts';
import { rangesOf } from './ranges.ts';
import type { Range } from './ranges.ts';

const MAX_DEPTH = 64;

export interface FunctionEntry {
  readonly die: Die;
  readonly ranges: readonly Range[];
}

export class FunctionTable {
  private readonly functions: readonly FunctionEntry[];

  private constructor(functions: readonly FunctionEntry[]) {
    this.functions = functions;
  }

  static async read(unit: LoadedUnit): Promise<FunctionTable> {
    const dies: Die[] = [];
    collect(unit, unit.root(), isC(unit), dies, 0);
    const functions: FunctionEntry[] = [];
    for (const die of dies) functions.push({ die, ranges: await rangesOf(unit.sections, unit.unit, die) });
    return new FunctionTable(functions);
  }

  /** The innermost function, where one is nested in another. */
  at(address: number): FunctionEntry | undefined {
    return this.functions.findLast(({ ranges }) => inRanges(ranges, address));
  }
}

export const inRanges = (ranges: readonly Range[], at: number): boolean =>
  ranges.some(([start, end]) => at >= start && at < end);

export const hasCode = (die: Die): boolean => die.has(dw.DW_AT_low_pc) || die.has(dw.DW_AT_ranges);

function collect(unit: LoadedUnit, parent: Die, inC: boolean, into: Die[], depth: number): void {
  unit.forEachChild(parent, (tag, at) => {
    const isFunction = tag === dw.DW_TAG_subprogram;
    if (!isFunction && !(depth < MAX_DEPTH && mayHoldFunctions(tag, inC))) return;
    const die = unit.dieAt(at);
    if (die === undefined) return;
    if (!isFunction) collect(unit, die, inC, into, depth + 1);
    else if (hasCode(die)) into.push(die);
  });
}

function mayHoldFunctions(tag: number, inC: boolean): boolean {
  if (inC) return false;
  return (
    tag === dw.DW_TAG_namespace ||
    tag === dw.DW_TAG_structure_type ||
    tag === dw.DW_TAG_class_type ||
    tag === dw.DW_TAG_union_type ||
    tag === dw.DW_TAG_enumeration_type ||
    tag === dw.DW_TAG_interface_type
  );
}
