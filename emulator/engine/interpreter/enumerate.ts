// The handlers of the interpreter: one for each instruction row and combination of its static
// fields. Hot handlers have the lowest numbers, because they stand in the switch of run().

import type { InstructionRow } from '../../cpu/isa/define.ts';
import { HANDLERS_FIRST } from '../../memory/layout.ts';

export interface Handler {
  readonly row: InstructionRow;
  readonly statics: Readonly<Record<string, number>>;
  readonly hot: boolean;
  /** What records of this handler begin with. */
  readonly number: number;
}

export interface Enumeration {
  /** In the order of their numbers, which begin at HANDLERS_FIRST. */
  readonly handlers: readonly Handler[];
  readonly hotCount: number;
  /** For each row and combination index (mixed radix over its static fields): the handler, or undefined where there is none. */
  readonly byCombination: readonly (readonly (Handler | undefined)[])[];
}

export function enumerateHandlers(rows: readonly InstructionRow[]): Enumeration {
  const perRow = rows.map((row) =>
    combinations(row).map((statics) => {
      if (row.combination && !row.combination(statics)) return undefined;
      return { row, statics, hot: row.hot?.(statics) ?? false };
    }),
  );
  const all = perRow.flat().filter((entry) => entry !== undefined);
  const hot = all.filter((entry) => entry.hot);
  const ordered = [...hot, ...all.filter((entry) => !entry.hot)];
  const handlers = ordered.map((entry, i) => ({ ...entry, number: HANDLERS_FIRST + i }));
  const byEntry = new Map(ordered.map((entry, i) => [entry, handlers[i]]));
  return {
    handlers,
    hotCount: hot.length,
    byCombination: perRow.map((entries) => entries.map((entry) => entry && byEntry.get(entry))),
  };
}

/** All combinations of the static fields, the first field varying slowest. */
function combinations(row: InstructionRow): Record<string, number>[] {
  let result: Record<string, number>[] = [{}];
  for (const [name, values] of row.statics) {
    result = result.flatMap((statics) => values.map((value) => ({ ...statics, [name]: value })));
  }
  return result;
}

/** The static fields of one of these combinations. */
export function combinationAt(row: InstructionRow, index: number): Record<string, number> {
  const statics: Record<string, number> = {};
  let count = 1;
  for (const values of row.statics.values()) count *= values.length;
  for (const [name, values] of row.statics) {
    count /= values.length;
    statics[name] = values[Math.floor(index / count) % values.length] as number;
  }
  return statics;
}

/** The index of a combination, or -1 when a field has a value that the row does not list. */
export function combinationIndex(
  row: InstructionRow,
  fields: Readonly<Record<string, number | bigint>>,
): number {
  let index = 0;
  for (const [name, values] of row.statics) {
    const position = values.indexOf(fields[name] as number);
    if (position < 0) return -1;
    index = index * values.length + position;
  }
  return index;
}
