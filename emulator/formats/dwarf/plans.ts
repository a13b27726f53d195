// Abbreviations made ready for reading many entries: where an attribute stands is found by its form alone, and
// values that nobody asks about are passed over without decoding them.

import type { Abbreviation, AbbreviationTable } from './abbrev.ts';
import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { fixedSize, skipForm } from './forms.ts';
import type { Encoding } from './forms.ts';

/** Steps over the values of an entry: so many bytes, or a value that says itself how long it is. */
export const SKIP = 0;
export const SKIP_FORM = 1;
/** Operations from here on are the caller's. */
export const FIRST_OPERATION = 2;

/**
 * The values of an entry as a list of steps, three numbers each: operation, argument (bytes or form), and the value
 * of DW_FORM_implicit_const. `operationOf`: what is done with an attribute; undefined: nothing.
 */
export function stepsOver(
  attributes: Abbreviation['attributes'],
  encoding: Encoding,
  operationOf: (attribute: number) => number | undefined,
): readonly number[] {
  const steps: number[] = [];
  let pending = 0;
  const flush = (): void => {
    if (pending > 0) steps.push(SKIP, pending, 0);
    pending = 0;
  };
  for (const [attribute, form, implicit] of attributes) {
    const operation = operationOf(attribute);
    const size = fixedSize(form, encoding);
    if (operation === undefined && size >= 0) {
      pending += size;
      continue;
    }
    flush();
    steps.push(operation ?? SKIP_FORM, form, implicit);
  }
  flush();
  return steps;
}

/** Plans by abbreviation code, made when an entry has it: most units use few of theirs on the way. */
export class PlanTable<Of> {
  private readonly table: AbbreviationTable;
  private readonly encoding: Encoding;
  private readonly compile: (abbreviation: Abbreviation, encoding: Encoding) => Of;
  private readonly made = new Map<number, Of>();

  constructor(
    table: AbbreviationTable,
    encoding: Encoding,
    compile: (abbreviation: Abbreviation, encoding: Encoding) => Of,
  ) {
    this.table = table;
    this.encoding = encoding;
    this.compile = compile;
  }

  /** The plan of the entry at the cursor, which then stands at the first value; undefined: a null entry. */
  at(cursor: Cursor): Of | undefined {
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const known = this.made.get(code);
    if (known !== undefined) return known;
    const abbreviation = this.table.get(code);
    if (abbreviation === undefined)
      throw new BadDwarf(`abbreviation ${code} is not declared`, cursor.offset - 1);
    const plan = this.compile(abbreviation, this.encoding);
    this.made.set(code, plan);
    return plan;
  }
}

/** What is needed to read any of the values. */
export interface Plan {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly number[];
  readonly forms: readonly number[];
  /** The values of DW_FORM_implicit_const. */
  readonly implicit: readonly number[];
  /** Bytes of each value; -1: it says itself. */
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
  /** Where DW_AT_sibling stands behind the first value, as most compilers write it; -1: elsewhere, or nowhere. */
  readonly siblingAt: number;
}

export type Plans = PlanTable<Plan>;

export const plansOf = (table: AbbreviationTable, encoding: Encoding): Plans =>
  new PlanTable(table, encoding, compile);

function compile({ tag, hasChildren, attributes }: Abbreviation, encoding: Encoding): Plan {
  return {
    tag,
    hasChildren,
    attributes: attributes.map(([attribute]) => attribute),
    forms: attributes.map(([, form]) => form),
    implicit: attributes.map(([, , implicit]) => implicit),
    sizes: attributes.map(([, form]) => fixedSize(form, encoding)),
    steps: stepsOver(attributes, encoding, () => undefined),
    siblingAt: siblingAt(attributes, encoding),
  };
}

function siblingAt(attributes: Abbreviation['attributes'], encoding: Encoding): number {
  let at = 0;
  for (const [attribute, form] of attributes) {
    if (attribute === dw.DW_AT_sibling) return form === dw.DW_FORM_ref4 ? at : -1;
    const size = fixedSize(form, encoding);
    if (size < 0) return -1;
    at += size;
  }
  return -1;
}

/** Passes over the values of an entry. */
export function skipValues(cursor: Cursor, { steps }: Plan, encoding: Encoding): void {
  for (let i = 0; i < steps.length; i += 3) {
    const argument = steps[i + 1] as number;
    if (steps[i] === SKIP) cursor.skip(argument);
    else skipForm(cursor, argument, encoding);
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
