// The address ranges of an entry: DW_AT_low_pc with DW_AT_high_pc, or a list in .debug_ranges
// (DWARF 4, section 2.17.3) or .debug_rnglists (DWARF 5, section 7.25). Ranges are distances from
// the program's base, end exclusive.

import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { DwarfSections } from './sections.ts';
import { addressOf } from './units.ts';
import type { Attributes, Unit } from './units.ts';

export type Range = readonly [start: number, end: number];

const DW_RLE_end_of_list = 0;
const DW_RLE_base_addressx = 1;
const DW_RLE_startx_endx = 2;
const DW_RLE_startx_length = 3;
const DW_RLE_offset_pair = 4;
const DW_RLE_base_address = 5;
const DW_RLE_start_end = 6;
const DW_RLE_start_length = 7;

export async function rangesOf(
  sections: DwarfSections,
  unit: Unit,
  attributes: Pick<Attributes, 'get'>,
): Promise<Range[]> {
  const list = attributes.get(dw.DW_AT_ranges);
  // GCC gives units with a list a meaningless low_pc of 0 as well: the list decides.
  if (list?.kind === 'number') return listAt(sections, unit, list.value);
  if (list?.kind === 'range-list-index') {
    const slot = unit.bases.rangeLists + list.value * unit.offsetSize;
    const offset = await sections.parse('rnglists', slot, (cursor) => cursor.unsigned(unit.offsetSize));
    return listAt(sections, unit, unit.bases.rangeLists + offset);
  }
  const low = await addressOf(sections, unit, attributes.get(dw.DW_AT_low_pc));
  const high = attributes.get(dw.DW_AT_high_pc);
  if (low === undefined || high === undefined) return [];
  const end = high.kind === 'number' ? low + high.value : await addressOf(sections, unit, high);
  return end !== undefined && end > low ? [[low, end]] : [];
}

async function listAt(sections: DwarfSections, unit: Unit, offset: number): Promise<Range[]> {
  if (unit.version < 5) {
    const start = unit.bases.oldRanges + offset;
    return sections.parse('ranges', start, (cursor) => oldList(cursor, unit, sections));
  }
  const addresses = await sections.whole('addr');
  return sections.parse('rnglists', offset, (cursor) => newList(cursor, unit, sections, addresses));
}

function oldList(cursor: Cursor, unit: Unit, sections: DwarfSections): Range[] {
  const { window } = sections;
  const ranges: Range[] = [];
  const size = unit.addressSize;
  let base = unit.low;
  // A value counts from the base; the base 0 of units with several ranges is out of reach of the
  // program's base, and then the value is the address itself.
  const value = (): { number: number; distance: number } => {
    const { at } = cursor;
    const address = cursor.address(size, window);
    cursor.at = at;
    const number = cursor.unsigned(size);
    return { number, distance: Number.isNaN(base) ? address : base + number };
  };
  for (;;) {
    const start = value();
    if (start.number >= (size === 8 ? ALL_ONES_64 : 0xffff_ffff)) {
      base = cursor.address(size, window);
      continue;
    }
    const end = value();
    if (start.number === 0 && end.number === 0) return ranges;
    if (end.distance > start.distance) ranges.push([start.distance, end.distance]);
  }
}

const ALL_ONES_64 = 0xffff_ffff * 0x1_0000_0000 + 0xffff_ffff;

function newList(cursor: Cursor, unit: Unit, sections: DwarfSections, addresses: Uint8Array): Range[] {
  const { window } = sections;
  const size = unit.addressSize;
  const indexed = (): number => {
    const at = unit.bases.addresses + cursor.uleb() * size;
    if (at + size > addresses.length) throw new BadDwarf('an address index is out of range', cursor.offset);
    const high = size === 8 ? little32(addresses, at + 4) : 0;
    return window.offsetOfHalves(little32(addresses, at), high);
  };
  const ranges: Range[] = [];
  let base = unit.low;
  for (;;) {
    const kind = cursor.u8();
    let start = Number.NaN;
    let end = Number.NaN;
    switch (kind) {
      case DW_RLE_end_of_list:
        return ranges;
      case DW_RLE_base_addressx:
        base = indexed();
        continue;
      case DW_RLE_base_address:
        base = cursor.address(size, window);
        continue;
      case DW_RLE_startx_endx:
        start = indexed();
        end = indexed();
        break;
      case DW_RLE_startx_length:
        start = indexed();
        end = start + cursor.uleb();
        break;
      case DW_RLE_offset_pair:
        start = base + cursor.uleb();
        end = base + cursor.uleb();
        break;
      case DW_RLE_start_end:
        start = cursor.address(size, window);
        end = cursor.address(size, window);
        break;
      case DW_RLE_start_length:
        start = cursor.address(size, window);
        end = start + cursor.uleb();
        break;
      default:
        throw new BadDwarf(`${kind} is no kind of range`, cursor.offset - 1);
    }
    if (end > start) ranges.push([start, end]);
  }
}

function little32(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
  return view.getUint32(0, true);
}
