// Types and enumerators that a function declares for itself: the index has only those of the top level.

import * as dw from './constants.ts';
import type { Die } from './entries.ts';
import type { IndexedEntry } from './name-index.ts';

const TYPES: ReadonlySet<number> = new Set([
  dw.DW_TAG_structure_type,
  dw.DW_TAG_union_type,
  dw.DW_TAG_class_type,
  dw.DW_TAG_enumeration_type,
  dw.DW_TAG_typedef,
]);

const MAX_DEPTH = 16;

/** `scopes`: innermost first. */
export function localNames(
  scopes: readonly Die[],
  name: string,
  kind: 'type' | 'enumerator',
): IndexedEntry[] {
  const found: IndexedEntry[] = [];
  for (const scope of scopes) collect(scope, name, kind, found, 0);
  return found;
}

function collect(
  parent: Die,
  name: string,
  kind: 'type' | 'enumerator',
  into: IndexedEntry[],
  depth: number,
): void {
  for (const die of parent.unit.children(parent)) {
    const isNamed =
      (kind === 'type' ? TYPES.has(die.tag) : die.tag === dw.DW_TAG_enumerator) && die.has(dw.DW_AT_name);
    if (isNamed && die.text(dw.DW_AT_name) === name) {
      into.push({ entry: die.id, kind, isDeclaration: die.flag(dw.DW_AT_declaration) });
    }
    // clang puts a type inside of the structure that it is written in.
    if (TYPES.has(die.tag) && depth < MAX_DEPTH) collect(die, name, kind, into, depth + 1);
  }
}
