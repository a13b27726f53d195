// Unit headers of .debug_info and the attributes of each unit's root entry (DWARF 5, sections
// 7.5.1 and 3.1). Nothing else of the unit is read here.

import type { AbbreviationTable } from './abbrev.ts';
import * as dw from './constants.ts';
import { BadDwarf, Cursor } from './cursor.ts';
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
  /** Of a type unit: its signature, and the .debug_info offset of the type. */
  readonly type: { readonly signature: bigint; readonly entry: number } | undefined;
  /** What a split unit and its skeleton have in common. DWARF 4 has it as an attribute. */
  readonly dwoId: bigint | undefined;
}

export interface Unit extends UnitHeader {
  readonly table: AbbreviationTable;
  /** Forms of its entries that lead to type units or to a supplementary file. */
  readonly links: ReadonlySet<number>;
  readonly root: ReadonlyMap<number, FormValue>;
  /** Bases of the unit's indexes into other sections. */
  readonly bases: {
    readonly strings: number;
    readonly addresses: number;
    /** Of .debug_ranges. */
    readonly oldRanges: number;
    readonly rangeLists: number;
    readonly locationLists: number;
  };
  /** Distance of DW_AT_low_pc from the program's base: range lists count from it. */
  readonly low: number;
}

/** An entry's attributes, as far as they were asked for. */
export type Attributes = ReadonlyMap<number, FormValue>;

/** `inTypes`: in .debug_types of DWARF 4, where all units are type units. */
export function readUnitHeader(cursor: Cursor, inTypes = false): UnitHeader {
  const unitOffset = cursor.offset;
  const { length, offsetSize } = cursor.initialLength();
  const end = cursor.offset + length;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new BadDwarf(`a unit has version ${version}`, unitOffset);
  let addressSize = 0;
  let abbreviations = 0;
  let kind = inTypes ? DW_UT_type : 0;
  if (version >= 5) {
    kind = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.unsigned(offsetSize);
  } else {
    abbreviations = cursor.unsigned(offsetSize);
    addressSize = cursor.u8();
  }
  const dwoId = kind === DW_UT_skeleton || kind === DW_UT_split_compile ? cursor.big64() : undefined;
  const hasType = kind === DW_UT_type || kind === DW_UT_split_type;
  const type = hasType
    ? { signature: cursor.big64(), entry: unitOffset + cursor.unsigned(offsetSize) }
    : undefined;
  if (addressSize !== 4 && addressSize !== 8) {
    throw new BadDwarf(`a unit has addresses of ${addressSize} bytes`, unitOffset);
  }
  if (end < cursor.offset) throw new BadDwarf('a unit is shorter than its header', unitOffset);
  const entries = cursor.offset;
  return { unitOffset, end, version, addressSize, offsetSize, abbreviations, entries, type, dwoId };
}

export async function openUnit(
  sections: DwarfSections,
  offset: number,
  options: {
    readonly section?: 'info' | 'types';
    /** Of a split unit. */
    readonly skeleton?: Unit;
    /** The whole unit, if it has been read. */
    readonly bytes?: Uint8Array;
  } = {},
): Promise<Unit> {
  const { section = 'info', skeleton, bytes } = options;
  const inTypes = section === 'types';
  const parse = <T>(at: number, end: number | undefined, parser: (cursor: Cursor) => T): Promise<T> | T => {
    if (bytes === undefined) return sections.parse(section, at, parser, end);
    const cursor = new Cursor(bytes, offset);
    cursor.offset = at;
    return sections.guard(section, () => parser(cursor));
  };
  const header = await parse(offset, undefined, (cursor) => readUnitHeader(cursor, inTypes));
  if (header.end > (await sections.size(section))) {
    throw sections.damaged(section, offset, `a unit claims ${header.end - offset} bytes`);
  }
  const { table, links } = await sections.abbreviations(header.abbreviations);
  const root = await parse(
    header.entries,
    header.end,
    (cursor) => readEntry(cursor, table, header, sections)?.attributes ?? new Map<number, FormValue>(),
  );
  const bases = basesOf(header, root, skeleton);
  const low = await addressOf(sections, { ...header, bases }, root.get(dw.DW_AT_low_pc));
  const base = low ?? skeleton?.low ?? sections.window.offsetOfHalves(0, 0);
  return { ...header, table, links, root, bases, low: base };
}

function basesOf(header: UnitHeader, root: Attributes, skeleton: Unit | undefined): Unit['bases'] {
  // Without an explicit base, index tables start behind their section's header; GCC's of DWARF 4 have none.
  const isOld = header.version < 5;
  const wide = header.offsetSize === 8;
  const afterHeader = isOld ? 0 : wide ? 16 : 8;
  const afterListHeader = isOld ? 0 : wide ? 20 : 12;
  const base = (attribute: number, standard: number): number => numberOf(root.get(attribute)) ?? standard;
  return {
    strings: base(dw.DW_AT_str_offsets_base, afterHeader),
    addresses:
      skeleton?.bases.addresses ?? base(dw.DW_AT_addr_base, base(dw.DW_AT_GNU_addr_base, afterHeader)),
    // Only the units inside .dwo files count from the skeleton's base, not the skeleton itself.
    oldRanges: numberOf(skeleton?.root.get(dw.DW_AT_GNU_ranges_base)) ?? 0,
    rangeLists: base(dw.DW_AT_rnglists_base, afterListHeader),
    locationLists: base(dw.DW_AT_loclists_base, afterListHeader),
  };
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
  dw.DW_AT_dwo_name,
  dw.DW_AT_GNU_dwo_name,
  dw.DW_AT_GNU_dwo_id,
  dw.DW_AT_GNU_addr_base,
  dw.DW_AT_GNU_ranges_base,
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
