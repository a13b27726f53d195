// Abbreviation tables: the shapes of debugging information entries (DWARF 5, section 7.5.3).

import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { DW_FORM_implicit_const } from './constants.ts';

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute, form, and the value of DW_FORM_implicit_const. */
  readonly attributes: readonly (readonly [attribute: number, form: number, implicit: number])[];
}

export type AbbreviationTable = ReadonlyMap<number, Abbreviation>;

export function readAbbreviations(cursor: Cursor): AbbreviationTable {
  const table = new Map<number, Abbreviation>();
  for (;;) {
    const code = cursor.uleb();
    if (code === 0) return table;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const attributes: [number, number, number][] = [];
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      if (attribute === 0 && form === 0) break;
      attributes.push([attribute, form, form === DW_FORM_implicit_const ? cursor.sleb() : 0]);
    }
    if (table.has(code)) throw new BadDwarf(`abbreviation ${code} is declared twice`, cursor.offset);
    table.set(code, { tag, hasChildren, attributes });
  }
}
