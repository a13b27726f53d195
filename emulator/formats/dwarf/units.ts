// Unit headers of .debug_info and the attributes of each unit's root entry (DWARF 5, sections
// 7.5.1 and 3.1). Nothing else of the unit is read here.

import { readAbbreviations } from './abbrev.ts';
import type { AbbreviationTable } from './abbrev.ts';
import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { readForm, skipForm } from './forms.ts';
import type { Encoding, FormValue } from './forms.ts';
import type { DwarfSections } from './sections.ts';

const DW_UT_type = 2;
const DW_UT_skeleton = 4;
const DW_UT_split_compile = 5;
const DW_UT_split_type = 6;

export interface UnitHeader extends Encoding {
  /** Behind the last entry, in .debug_info. */
  readonly end: number;
  /** Where the root entry starts. */
  readonly entries: number;
  readonly abbreviations: number;
}

export interface Unit extends UnitHeader {
  readonly table: AbbreviationTable;
  readonly root: ReadonlyMap<number, FormValue>;
  /** Bases of the unit's indexes into other sections. */
  readonly bases: {
    readonly strings: number;
    readonly addresses: number;
    readonly rangeLists: number;
    readonly locationLists: number;
  };
  /** Distance of DW_AT_low_pc from the program's base: range lists count from it. */
  readonly low: number;
}

/** An entry's attributes, as far as they were asked for. */
export type Attributes = ReadonlyMap<number, FormValue>;

export function readUnitHeader(cursor: Cursor): UnitHeader {
  const unitOffset = cursor.offset;
  const { length, offsetSize } = cursor.initialLength();
  const end = cursor.offset + length;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new BadDwarf(`a unit has version ${version}`, unitOffset);
  let addressSize = 0;
  let abbreviations = 0;
  if (version >= 5) {
    const type = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.unsigned(offsetSize);
    if (type === DW_UT_skeleton || type === DW_UT_split_compile) cursor.skip(8);
    if (type === DW_UT_type || type === DW_UT_split_type) cursor.skip(8 + offsetSize);
  } else {
    abbreviations = cursor.unsigned(offsetSize);
    addressSize = cursor.u8();
  }
  if (addressSize !== 4 && addressSize !== 8) {
    throw new BadDwarf(`a unit has addresses of ${addressSize} bytes`, unitOffset);
  }
  if (end < cursor.offset) throw new BadDwarf('a unit is shorter than its header', unitOffset);
  return { unitOffset, end, version, addressSize, offsetSize, abbreviations, entries: cursor.offset };
}

export async function openUnit(sections: DwarfSections, offset: number): Promise<Unit> {
  const header = await sections.parse('info', offset, readUnitHeader);
  if (header.end > (await sections.size('info'))) {
    throw sections.damaged('info', offset, `a unit claims ${header.end - offset} bytes`);
  }
  const table = await sections.parse('abbrev', header.abbreviations, readAbbreviations);
  const root = await sections.parse(
    'info',
    header.entries,
    (cursor) => readEntry(cursor, table, header, sections)?.attributes ?? new Map<number, FormValue>(),
    header.end,
  );
  const base = (attribute: number, standard: number): number => numberOf(root.get(attribute)) ?? standard;
  // Without an explicit base, index tables start behind their section's header.
  const afterHeader = header.offsetSize === 8 ? 16 : 8;
  const afterListHeader = header.offsetSize === 8 ? 20 : 12;
  const bases = {
    strings: base(dw.DW_AT_str_offsets_base, afterHeader),
    addresses: base(dw.DW_AT_addr_base, afterHeader),
    rangeLists: base(dw.DW_AT_rnglists_base, afterListHeader),
    locationLists: base(dw.DW_AT_loclists_base, afterListHeader),
  };
  const low = await addressOf(sections, { ...header, bases }, root.get(dw.DW_AT_low_pc));
  return { ...header, table, root, bases, low: low ?? sections.window.offsetOfHalves(0, 0) };
}

/** Attributes that anybody here reads; all others are skipped. */
const WANTED = new Set<number>([
  dw.DW_AT_sibling,
  dw.DW_AT_name,
  dw.DW_AT_stmt_list,
  dw.DW_AT_low_pc,
  dw.DW_AT_high_pc,
  dw.DW_AT_comp_dir,
  dw.DW_AT_abstract_origin,
  dw.DW_AT_specification,
  dw.DW_AT_ranges,
  dw.DW_AT_call_file,
  dw.DW_AT_call_line,
  dw.DW_AT_str_offsets_base,
  dw.DW_AT_addr_base,
  dw.DW_AT_rnglists_base,
  dw.DW_AT_loclists_base,
]);

export interface Entry {
  readonly offset: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: Attributes;
}

/** Reads the entry at the cursor; undefined for the null entry that ends a list of siblings. */
export function readEntry(
  cursor: Cursor,
  table: AbbreviationTable,
  encoding: Encoding,
  sections: DwarfSections,
): Entry | undefined {
  const offset = cursor.offset;
  const code = cursor.uleb();
  if (code === 0) return undefined;
  const abbreviation = table.get(code);
  if (abbreviation === undefined) throw new BadDwarf(`abbreviation ${code} is not declared`, offset);
  const attributes = new Map<number, FormValue>();
  for (const [attribute, form, implicit] of abbreviation.attributes) {
    if (WANTED.has(attribute)) {
      attributes.set(attribute, readForm(cursor, form, implicit, encoding, sections.window));
    } else {
      skipForm(cursor, form, encoding);
    }
  }
  return { offset, tag: abbreviation.tag, hasChildren: abbreviation.hasChildren, attributes };
}

// -------------------------------------------------------------------- values

export function numberOf(value: FormValue | undefined): number | undefined {
  return value?.kind === 'number' ? value.value : undefined;
}

/** An address as distance from the program's base. */
export async function addressOf(
  sections: DwarfSections,
  unit: Pick<Unit, 'bases' | 'addressSize'>,
  value: FormValue | undefined,
): Promise<number | undefined> {
  if (value?.kind === 'address') return value.value;
  if (value?.kind !== 'address-index') return undefined;
  const at = unit.bases.addresses + value.value * unit.addressSize;
  return sections.parse('addr', at, (cursor) => cursor.address(unit.addressSize, sections.window));
}

export async function textOf(
  sections: DwarfSections,
  unit: Pick<Unit, 'bases' | 'offsetSize'>,
  value: FormValue | undefined,
): Promise<string | undefined> {
  if (value?.kind === 'text') return value.value;
  if (value?.kind === 'str' || value?.kind === 'line_str') return sections.stringIn(value.kind, value.value);
  if (value?.kind !== 'string-index') return undefined;
  const at = unit.bases.strings + value.value * unit.offsetSize;
  const offset = await sections.parse('str_offsets', at, (cursor) => cursor.unsigned(unit.offsetSize));
  return sections.stringIn('str', offset);
}
