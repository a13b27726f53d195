// Functions of one unit and the calls inlined into them, from .debug_info. Top-level entries are
// hopped over by their siblings; inside a function only scopes are visited.

import * as dw from './constants.ts';
import { Cursor } from './cursor.ts';
import { rangesOf } from './ranges.ts';
import type { Range } from './ranges.ts';
import type { DwarfSections } from './sections.ts';
import { openUnit, readEntry, readUnitHeader, textOf } from './units.ts';
import type { Attributes, Entry, Unit } from './units.ts';

export interface Scope {
  /** .debug_info offset of the entry. */
  readonly entry: number;
  readonly inlined: boolean;
  readonly attributes: Attributes;
  readonly ranges: readonly Range[];
  /** Calls inlined here, lexical blocks dissolved. */
  readonly children: readonly Scope[];
}

/** Scopes nest this deep at most: inlining of inlining of … */
const MAX_DEPTH = 200;
/** Chains of abstract_origin and specification are two or three long. */
const MAX_ORIGINS = 8;

/** All functions of a unit that have code. */
export async function readFunctions(sections: DwarfSections, unit: Unit): Promise<Scope[]> {
  const drafts = await sections.parseRange('info', unit.unitOffset, unit.end, (cursor) => {
    cursor.offset = unit.entries;
    const root = readEntry(cursor, unit.table, unit, sections);
    const found: Draft[] = [];
    if (root?.hasChildren) readSiblings(cursor, sections, unit, found, 0);
    return found;
  });
  return Promise.all(drafts.map((draft) => settle(sections, unit, draft)));
}

/** The name of a function, through the entry it is a copy of. */
export async function nameOf(
  sections: DwarfSections,
  unit: Unit,
  attributes: Attributes,
): Promise<string | undefined> {
  let home = unit;
  let current = attributes;
  for (let i = 0; i < MAX_ORIGINS; i++) {
    const name = await textOf(sections, home, current.get(dw.DW_AT_name));
    if (name !== undefined) return name;
    const origin = current.get(dw.DW_AT_abstract_origin) ?? current.get(dw.DW_AT_specification);
    if (origin?.kind !== 'entry') return undefined;
    const { value } = origin;
    if (value < home.unitOffset || value >= home.end) {
      // Link-time optimisation refers to other units; where they start is not known here.
      const other = await unitHolding(sections, value);
      if (other === undefined) return undefined;
      home = other;
    }
    const unitThere = home;
    const entry = await sections.parse(
      'info',
      value,
      (c) => readEntry(c, unitThere.table, unitThere, sections),
      home.end,
    );
    if (entry === undefined) return undefined;
    current = entry.attributes;
  }
  return undefined;
}

interface Draft {
  readonly entry: Entry;
  readonly inlined: boolean;
  readonly children: Draft[];
}

/** Reads siblings up to the null entry; keeps functions and inlined calls. */
function readSiblings(
  cursor: Cursor,
  sections: DwarfSections,
  unit: Unit,
  into: Draft[],
  depth: number,
): void {
  while (!cursor.atEnd) {
    const entry = readEntry(cursor, unit.table, unit, sections);
    if (entry === undefined) return;
    const keep = entry.tag === dw.DW_TAG_subprogram || entry.tag === dw.DW_TAG_inlined_subroutine;
    const enter = keep || entry.tag === dw.DW_TAG_lexical_block || entry.tag === dw.DW_TAG_namespace;
    let children = into;
    if (keep) {
      const draft = { entry, inlined: entry.tag === dw.DW_TAG_inlined_subroutine, children: [] };
      // Declarations and abstract instances have no code of their own.
      if (hasCode(entry.attributes)) into.push(draft);
      children = draft.children;
    }
    if (!entry.hasChildren) continue;
    const sibling = entry.attributes.get(dw.DW_AT_sibling);
    if (depth < MAX_DEPTH && enter && (!keep || hasCode(entry.attributes))) {
      readSiblings(cursor, sections, unit, children, depth + 1);
    } else if (sibling?.kind === 'entry' && sibling.value > cursor.offset && sibling.value <= unit.end) {
      cursor.offset = sibling.value;
    } else {
      skipChildren(cursor, sections, unit);
    }
  }
}

/** Passes over the children of an entry that names no sibling. */
function skipChildren(cursor: Cursor, sections: DwarfSections, unit: Unit): void {
  for (let depth = 1; depth > 0 && !cursor.atEnd; ) {
    const entry = readEntry(cursor, unit.table, unit, sections);
    if (entry === undefined) depth--;
    else if (entry.hasChildren) depth++;
  }
}

function hasCode(attributes: Attributes): boolean {
  return attributes.has(dw.DW_AT_low_pc) || attributes.has(dw.DW_AT_ranges);
}

async function settle(sections: DwarfSections, unit: Unit, draft: Draft): Promise<Scope> {
  const { entry, inlined } = draft;
  const ranges = await rangesOf(sections, unit, entry.attributes);
  const children: Scope[] = [];
  for (const child of draft.children) children.push(await settle(sections, unit, child));
  return { entry: entry.offset, inlined, attributes: entry.attributes, ranges, children };
}

async function unitHolding(sections: DwarfSections, entry: number): Promise<Unit | undefined> {
  const size = await sections.size('info');
  for (let offset = 0; offset < size; ) {
    const { end } = await sections.parse('info', offset, readUnitHeader);
    if (entry >= offset && entry < end) return openUnit(sections, offset);
    offset = end;
  }
  return undefined;
}
