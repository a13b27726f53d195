// Abbreviation tables: the shapes of debugging information entries (DWARF 5, section 7.5.3).

import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import * as dw from './constants.ts';

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute, form, and the value of DW_FORM_implicit_const. */
  readonly attributes: readonly (readonly [attribute: number, form: number, implicit: number])[];
}

export type AbbreviationTable = ReadonlyMap<number, Abbreviation>;

/** Forms that lead to type units or to a supplementary file. */
const LINKS: ReadonlySet<number> = new Set([
  dw.DW_FORM_ref_sig8,
  dw.DW_FORM_GNU_ref_alt,
  dw.DW_FORM_GNU_strp_alt,
  dw.DW_FORM_ref_sup4,
  dw.DW_FORM_ref_sup8,
  dw.DW_FORM_strp_sup,
]);

/** `links`: gets the forms that lead to type units or to a supplementary file. */
export function readAbbreviations(cursor: Cursor, links: Set<number>): AbbreviationTable {
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
      if (form >= dw.DW_FORM_ref_sup4 && LINKS.has(form)) links.add(form);
      attributes.push([attribute, form, form === dw.DW_FORM_implicit_const ? cursor.sleb() : 0]);
    }
    if (table.has(code)) throw new BadDwarf(`abbreviation ${code} is declared twice`, cursor.offset);
    table.set(code, { tag, hasChildren, attributes });
  }
}
