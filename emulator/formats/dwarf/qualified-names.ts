// Names as their languages write them, with the namespaces and classes around: `shapes::Square::area`. In C a name
// stands alone.

import * as dw from './constants.ts';
import type { Die, LoadedUnit } from './entries.ts';
import { isC } from './languages.ts';
import { havingOf } from './origins.ts';

const MAX_DEPTH = 64;

/** The name of the first entry in a chain of origins that has one. */
export function qualifiedName(chain: readonly Die[]): string | undefined {
  const named = havingOf(chain, dw.DW_AT_name);
  const name = named?.text(dw.DW_AT_name);
  if (named === undefined || name === undefined || isC(named.unit)) return name;
  return [...namesAround(named), name].join('::');
}

function namesAround(die: Die): string[] {
  const names: string[] = [];
  for (const parent of parentsOf(die.unit, die.at)) {
    if (parent.tag === dw.DW_TAG_namespace) names.push(parent.text(dw.DW_AT_name) ?? '(anonymous namespace)');
    else if (isClass(parent.tag)) names.push(parent.text(dw.DW_AT_name) ?? '(anonymous)');
    // What is local to a function does not bear the function's name.
    else names.length = 0;
  }
  return names;
}

/** From the unit's root, which is left out, down to the entry that holds the one at a place. */
export function parentsOf(unit: LoadedUnit, at: number): Die[] {
  const parents: Die[] = [];
  let parent = unit.root();
  while (parents.length < MAX_DEPTH) {
    let holder: Die | undefined;
    for (let child = unit.firstChild(parent); child && child.at < at; child = unit.nextSibling(child))
      holder = child;
    if (holder === undefined || at >= unit.afterChildren(holder)) return parents;
    parents.push(holder);
    parent = holder;
  }
  return parents;
}

const isClass = (tag: number): boolean =>
  tag === dw.DW_TAG_structure_type ||
  tag === dw.DW_TAG_class_type ||
  tag === dw.DW_TAG_union_type ||
  tag === dw.DW_TAG_enumeration_type ||
  tag === dw.DW_TAG_interface_type;
