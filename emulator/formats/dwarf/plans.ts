// Abbreviations made ready for reading many entries: where an attribute stands is found by its form alone, and
// entries that nobody asks about are passed over without decoding them.

import type { Abbreviation, AbbreviationTable } from './abbrev.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { fixedSize, skipForm } from './forms.ts';
import type { Encoding } from './forms.ts';

export interface Plan {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly number[];
  readonly forms: readonly number[];
  /** The values of DW_FORM_implicit_const. */
  readonly implicit: readonly number[];
  /** Bytes of each value; -1: it says itself. */
  readonly sizes: readonly number[];
  /** Bytes of all values together; -1: they differ from entry to entry. */
  readonly size: number;
}

/** Plans by abbreviation code, made when an entry has it: most units use few of theirs on the way. */
export class Plans {
  private readonly table: AbbreviationTable;
  private readonly encoding: Encoding;
  private readonly made = new Map<number, Plan>();

  constructor(table: AbbreviationTable, encoding: Encoding) {
    this.table = table;
    this.encoding = encoding;
  }

  get(code: number): Plan | undefined {
    const known = this.made.get(code);
    if (known !== undefined) return known;
    const abbreviation = this.table.get(code);
    if (abbreviation === undefined) return undefined;
    const plan = compile(abbreviation, this.encoding);
    this.made.set(code, plan);
    return plan;
  }
}

function compile({ tag, hasChildren, attributes }: Abbreviation, encoding: Encoding): Plan {
  const sizes = attributes.map(([, form]) => fixedSize(form, encoding));
  return {
    tag,
    hasChildren,
    attributes: attributes.map(([attribute]) => attribute),
    forms: attributes.map(([, form]) => form),
    implicit: attributes.map(([, , implicit]) => implicit),
    sizes,
    size: sizes.includes(-1) ? -1 : sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** The plan of the entry at the cursor, which then stands at the first value; undefined: a null entry. */
export function planAt(cursor: Cursor, plans: Plans): Plan | undefined {
  const code = cursor.uleb();
  if (code === 0) return undefined;
  const plan = plans.get(code);
  if (plan === undefined) throw new BadDwarf(`abbreviation ${code} is not declared`, cursor.offset - 1);
  return plan;
}

/** Passes over the values of an entry. */
export function skipValues(cursor: Cursor, plan: Plan, encoding: Encoding): void {
  if (plan.size >= 0) {
    cursor.skip(plan.size);
    return;
  }
  const { sizes, forms } = plan;
  for (let i = 0; i < sizes.length; i++) {
    const size = sizes[i] as number;
    if (size >= 0) cursor.skip(size);
    else skipForm(cursor, forms[i] as number, encoding);
  }
}

/** Passes over the values of an entry, and tells where each one stands. */
export function locateValues(cursor: Cursor, plan: Plan, encoding: Encoding): number[] {
  const { sizes, forms } = plan;
  const positions: number[] = [];
  for (let i = 0; i < sizes.length; i++) {
    positions.push(cursor.at);
    const size = sizes[i] as number;
    if (size >= 0) cursor.skip(size);
    else skipForm(cursor, forms[i] as number, encoding);
  }
  return positions;
}
