// Where a variable is at an address: DW_AT_location as an expression or as a list in .debug_loclists (DWARF 5,
// section 7.7.3) or .debug_loc (DWARF 4, section 2.6.2), and DW_AT_const_value.

import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { Die, LoadedUnit } from './entries.ts';
import type { Expression, Location } from './model.ts';

const DW_LLE_end_of_list = 0;
const DW_LLE_base_addressx = 1;
const DW_LLE_startx_endx = 2;
const DW_LLE_startx_length = 3;
const DW_LLE_offset_pair = 4;
const DW_LLE_default_location = 5;
const DW_LLE_base_address = 6;
const DW_LLE_start_end = 7;
const DW_LLE_start_length = 8;
/** GCC's: the views of the entry behind it, which tell apart statements that share an address. */
const DW_LLE_GNU_view_pair = 9;

const ALL_ONES_64 = 0xffff_ffff * 0x1_0000_0000 + 0xffff_ffff;
const NOWHERE: Location = { kind: 'none' };
const encoder = new TextEncoder();

/**
 * What an attribute such as DW_AT_location says for an address, given as distance from the program's base. Without
 * an address only what holds everywhere counts.
 */
export async function locationOf(die: Die, attribute: number, at: number | undefined): Promise<Location> {
  const { unit } = die;
  const value = die.get(attribute);
  if (value?.kind === 'block') return whereIf(unit, value.bytes);
  if (value?.kind === 'number') return listed(unit, value.value, at);
  if (value?.kind === 'location-list-index') {
    const { bases, offsetSize } = unit.unit;
    const slot = bases.locationLists + value.value * offsetSize;
    const offset = await unit.sections.parse('loclists', slot, (cursor) => cursor.unsigned(offsetSize));
    return listed(unit, bases.locationLists + offset, at);
  }
  return NOWHERE;
}

/** DW_AT_const_value: the value stands in the entry itself. */
export function constantOf(die: Die): Location | undefined {
  const value = die.get(dw.DW_AT_const_value);
  if (value === undefined) return undefined;
  if (value.kind === 'block') return { kind: 'constant', value: value.bytes.slice() };
  const number = die.constant(dw.DW_AT_const_value);
  if (number !== undefined) return { kind: 'constant', value: number };
  const text = die.unit.textOf(value);
  return text === undefined ? undefined : { kind: 'constant', value: encoder.encode(`${text}\0`) };
}

export function expressionIn(unit: LoadedUnit, bytes: Uint8Array): Expression {
  return { bytes: bytes.slice(), version: unit.unit.version, unit: unit.id };
}

/** An empty expression: the variable is not there. */
function whereIf(unit: LoadedUnit, bytes: Uint8Array): Location {
  return bytes.length === 0 ? NOWHERE : { kind: 'expression', expression: expressionIn(unit, bytes) };
}

async function listed(unit: LoadedUnit, offset: number, at: number | undefined): Promise<Location> {
  const { version } = unit.unit;
  const name = version >= 5 ? 'loclists' : 'loc';
  const bytes = await unit.sections.parse(name, offset, (cursor) => {
    if (version >= 5) return inNewList(cursor, unit, at);
    return unit.sections.isSplit ? inSplitList(cursor, unit, at) : inOldList(cursor, unit, at);
  });
  return bytes === undefined ? NOWHERE : whereIf(unit, bytes);
}

const holds = (start: number, end: number, at: number | undefined): boolean =>
  at !== undefined && at >= start && at < end;

function inNewList(cursor: Cursor, unit: LoadedUnit, at: number | undefined): Uint8Array | undefined {
  const { window } = unit.sections;
  const size = unit.unit.addressSize;
  let base = unit.unit.low;
  let otherwise: Uint8Array | undefined;
  for (;;) {
    const kind = cursor.u8();
    let start = Number.NaN;
    let end = Number.NaN;
    switch (kind) {
      case DW_LLE_end_of_list:
        return otherwise;
      case DW_LLE_base_addressx:
        base = unit.indexedAddress(cursor.uleb());
        continue;
      case DW_LLE_base_address:
        base = cursor.address(size, window);
        continue;
      case DW_LLE_GNU_view_pair:
        cursor.skipLeb();
        cursor.skipLeb();
        continue;
      case DW_LLE_default_location:
        otherwise = cursor.block(cursor.uleb());
        continue;
      case DW_LLE_startx_endx:
        start = unit.indexedAddress(cursor.uleb());
        end = unit.indexedAddress(cursor.uleb());
        break;
      case DW_LLE_startx_length:
        start = unit.indexedAddress(cursor.uleb());
        end = start + cursor.uleb();
        break;
      case DW_LLE_offset_pair:
        start = base + cursor.uleb();
        end = base + cursor.uleb();
        break;
      case DW_LLE_start_end:
        start = cursor.address(size, window);
        end = cursor.address(size, window);
        break;
      case DW_LLE_start_length:
        start = cursor.address(size, window);
        end = start + cursor.uleb();
        break;
      default:
        throw new BadDwarf(`${kind} is no kind of location`, cursor.offset - 1);
    }
    const length = cursor.uleb();
    if (holds(start, end, at)) return cursor.block(length);
    cursor.skip(length);
  }
}

function inOldList(cursor: Cursor, unit: LoadedUnit, at: number | undefined): Uint8Array | undefined {
  const { window } = unit.sections;
  const size = unit.unit.addressSize;
  const ones = size === 8 ? ALL_ONES_64 : 0xffff_ffff;
  let base = unit.unit.low;
  for (;;) {
    const place = cursor.at;
    const start = cursor.unsigned(size);
    if (start >= ones) {
      base = cursor.address(size, window);
      continue;
    }
    const end = cursor.unsigned(size);
    if (start === 0 && end === 0) return undefined;
    const length = cursor.u16();
    const behind = cursor.at;
    let found = holds(base + start, base + end, at);
    if (Number.isNaN(base)) {
      // Units of several ranges have the base 0, out of reach of the program's: the values are addresses.
      cursor.at = place;
      found = holds(cursor.address(size, window), cursor.address(size, window), at);
      cursor.at = behind;
    }
    if (found) return cursor.block(length);
    cursor.skip(length);
  }
}

/** .debug_loc.dwo of GCC's split DWARF 4: kinds of its own, lengths of two bytes. */
function inSplitList(cursor: Cursor, unit: LoadedUnit, at: number | undefined): Uint8Array | undefined {
  for (;;) {
    const kind = cursor.u8();
    if (kind === 0) return undefined;
    if (kind === 1) {
      cursor.skipLeb();
      continue;
    }
    if (kind > 3) throw new BadDwarf(`${kind} is no kind of location`, cursor.offset - 1);
    const start = unit.indexedAddress(cursor.uleb());
    const end = kind === 2 ? unit.indexedAddress(cursor.uleb()) : start + cursor.u32();
    const length = cursor.u16();
    if (holds(start, end, at)) return cursor.block(length);
    cursor.skip(length);
  }
}
