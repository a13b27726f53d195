// What a caller knows of the arguments it passed (DWARF 5, section 3.4): DW_TAG_call_site, and what GCC wrote before
// there was a standard for it.

import * as dw from './constants.ts';
import type { Die } from './entries.ts';
import { expressionIn } from './locations.ts';
import type { CallSite } from './model.ts';

const MAX_DEPTH = 200;

/** The call in a function that returns to an address, given as distance from the program's base. */
export function callSiteIn(parent: Die, returns: number, depth = 0): CallSite | undefined {
  const { unit } = parent;
  for (let die = unit.firstChild(parent); die; die = unit.nextSibling(die)) {
    if (die.tag === dw.DW_TAG_call_site || die.tag === dw.DW_TAG_GNU_call_site) {
      const place = die.address(dw.DW_AT_call_return_pc) ?? die.address(dw.DW_AT_low_pc);
      if (place === returns) return describe(die, returns);
    } else if (depth < MAX_DEPTH && isScope(die.tag)) {
      const found = callSiteIn(die, returns, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const isScope = (tag: number): boolean =>
  tag === dw.DW_TAG_lexical_block || tag === dw.DW_TAG_inlined_subroutine;

function describe(die: Die, returns: number): CallSite {
  const { unit } = die;
  const parameters: CallSite['parameters'][number][] = [];
  for (const child of unit.children(die)) {
    if (child.tag !== dw.DW_TAG_call_site_parameter && child.tag !== dw.DW_TAG_GNU_call_site_parameter)
      continue;
    const at = child.block(dw.DW_AT_location);
    const value = child.block(dw.DW_AT_call_value) ?? child.block(dw.DW_AT_GNU_call_site_value);
    if (at === undefined || value === undefined) continue;
    parameters.push({ at: expressionIn(unit, at), value: expressionIn(unit, value) });
  }
  return { returns: unit.sections.window.addressOf(returns), parameters };
}
