// Attribute values by their forms (DWARF 5, section 7.5.4). Values that need another section are
// returned as references and resolved by whoever wants them, so that decoding needs no reads.

import type { AddressWindow } from '../address-window.ts';
import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Cursor } from './cursor.ts';

/** How the values of one unit are written. */
export interface Encoding {
  readonly version: number;
  readonly addressSize: number;
  readonly offsetSize: 4 | 8;
  /** Start of the unit in .debug_info, from which its references count. */
  readonly unitOffset: number;
}

export type FormValue =
  | { readonly kind: 'number'; readonly value: number }
  /** Distance from the program's base, NaN when out of reach. */
  | { readonly kind: 'address'; readonly value: number }
  | { readonly kind: 'address-index'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'str' | 'line_str'; readonly value: number }
  | { readonly kind: 'string-index'; readonly value: number }
  /** Offset in .debug_info. */
  | { readonly kind: 'entry'; readonly value: number }
  /** In the supplementary file: an entry, or a string of its .debug_str. */
  | { readonly kind: 'supplementary-entry' | 'supplementary-string'; readonly value: number }
  /** Of a type unit. */
  | { readonly kind: 'signature'; readonly value: bigint }
  | { readonly kind: 'range-list-index'; readonly value: number }
  | { readonly kind: 'location-list-index'; readonly value: number }
  /** An expression or a block of constant bytes: a view of what the cursor reads. */
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  | { readonly kind: 'other' };

const OTHER: FormValue = { kind: 'other' };

export function readForm(
  cursor: Cursor,
  form: number,
  implicit: number,
  encoding: Encoding,
  window: AddressWindow,
): FormValue {
  const { offsetSize, unitOffset } = encoding;
  switch (form) {
    case dw.DW_FORM_addr:
      return { kind: 'address', value: cursor.address(encoding.addressSize, window) };
    case dw.DW_FORM_data1:
    case dw.DW_FORM_flag:
      return { kind: 'number', value: cursor.u8() };
    case dw.DW_FORM_data2:
      return { kind: 'number', value: cursor.u16() };
    case dw.DW_FORM_data4:
      return { kind: 'number', value: cursor.u32() };
    case dw.DW_FORM_data8:
      return { kind: 'number', value: cursor.u64() };
    case dw.DW_FORM_sdata:
      return { kind: 'number', value: cursor.sleb() };
    case dw.DW_FORM_udata:
      return { kind: 'number', value: cursor.uleb() };
    case dw.DW_FORM_implicit_const:
      return { kind: 'number', value: implicit };
    case dw.DW_FORM_flag_present:
      return { kind: 'number', value: 1 };
    case dw.DW_FORM_sec_offset:
      return { kind: 'number', value: cursor.unsigned(offsetSize) };
    case dw.DW_FORM_string:
      return { kind: 'text', value: cursor.string() };
    case dw.DW_FORM_strp:
      return { kind: 'str', value: cursor.unsigned(offsetSize) };
    case dw.DW_FORM_line_strp:
      return { kind: 'line_str', value: cursor.unsigned(offsetSize) };
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_GNU_strp_alt:
      return { kind: 'supplementary-string', value: cursor.unsigned(offsetSize) };
    case dw.DW_FORM_strx:
    case dw.DW_FORM_GNU_str_index:
      return { kind: 'string-index', value: cursor.uleb() };
    case dw.DW_FORM_strx1:
      return { kind: 'string-index', value: cursor.u8() };
    case dw.DW_FORM_strx2:
      return { kind: 'string-index', value: cursor.u16() };
    case dw.DW_FORM_strx3:
      return { kind: 'string-index', value: cursor.u24() };
    case dw.DW_FORM_strx4:
      return { kind: 'string-index', value: cursor.u32() };
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_GNU_addr_index:
      return { kind: 'address-index', value: cursor.uleb() };
    case dw.DW_FORM_addrx1:
      return { kind: 'address-index', value: cursor.u8() };
    case dw.DW_FORM_addrx2:
      return { kind: 'address-index', value: cursor.u16() };
    case dw.DW_FORM_addrx3:
      return { kind: 'address-index', value: cursor.u24() };
    case dw.DW_FORM_addrx4:
      return { kind: 'address-index', value: cursor.u32() };
    case dw.DW_FORM_ref1:
      return { kind: 'entry', value: unitOffset + cursor.u8() };
    case dw.DW_FORM_ref2:
      return { kind: 'entry', value: unitOffset + cursor.u16() };
    case dw.DW_FORM_ref4:
      return { kind: 'entry', value: unitOffset + cursor.u32() };
    case dw.DW_FORM_ref8:
      return { kind: 'entry', value: unitOffset + cursor.u64() };
    case dw.DW_FORM_ref_udata:
      return { kind: 'entry', value: unitOffset + cursor.uleb() };
    case dw.DW_FORM_ref_addr:
      return {
        kind: 'entry',
        value: cursor.unsigned(encoding.version < 3 ? encoding.addressSize : offsetSize),
      };
    case dw.DW_FORM_ref_sig8:
      return { kind: 'signature', value: cursor.big64() };
    case dw.DW_FORM_ref_sup4:
      return { kind: 'supplementary-entry', value: cursor.u32() };
    case dw.DW_FORM_ref_sup8:
      return { kind: 'supplementary-entry', value: cursor.u64() };
    case dw.DW_FORM_GNU_ref_alt:
      return { kind: 'supplementary-entry', value: cursor.unsigned(offsetSize) };
    case dw.DW_FORM_rnglistx:
      return { kind: 'range-list-index', value: cursor.uleb() };
    case dw.DW_FORM_loclistx:
      return { kind: 'location-list-index', value: cursor.uleb() };
    case dw.DW_FORM_data16:
      return { kind: 'block', bytes: cursor.block(16) };
    case dw.DW_FORM_block1:
      return { kind: 'block', bytes: cursor.block(cursor.u8()) };
    case dw.DW_FORM_block2:
      return { kind: 'block', bytes: cursor.block(cursor.u16()) };
    case dw.DW_FORM_block4:
      return { kind: 'block', bytes: cursor.block(cursor.u32()) };
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return { kind: 'block', bytes: cursor.block(cursor.uleb()) };
    case dw.DW_FORM_indirect:
      return readForm(cursor, directForm(cursor), implicit, encoding, window);
    default:
      skipForm(cursor, form, encoding);
      return OTHER;
  }
}

export function skipForm(cursor: Cursor, form: number, encoding: Encoding): void {
  const size = fixedSize(form, encoding);
  if (size >= 0) return cursor.skip(size);
  switch (form) {
    case dw.DW_FORM_sdata:
    case dw.DW_FORM_udata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      return cursor.skipLeb();
    case dw.DW_FORM_string:
      return cursor.skipString();
    case dw.DW_FORM_block1:
      return cursor.skip(cursor.u8());
    case dw.DW_FORM_block2:
      return cursor.skip(cursor.u16());
    case dw.DW_FORM_block4:
      return cursor.skip(cursor.u32());
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return cursor.skip(cursor.uleb());
    case dw.DW_FORM_indirect:
      return skipForm(cursor, directForm(cursor), encoding);
    default:
      throw new BadDwarf(`0x${form.toString(16)} is no form`, cursor.offset);
  }
}

/** The form written in front of the value; one indirection is all that makes sense. */
export function directForm(cursor: Cursor): number {
  const form = cursor.uleb();
  if (form !== dw.DW_FORM_indirect && form !== dw.DW_FORM_implicit_const) return form;
  throw new BadDwarf('an indirect form names no form', cursor.offset);
}

/** The bytes that every value of a form has; -1: they differ. */
export function fixedSize(form: number, encoding: Encoding): number {
  switch (form) {
    case dw.DW_FORM_flag_present:
    case dw.DW_FORM_implicit_const:
      return 0;
    case dw.DW_FORM_data1:
    case dw.DW_FORM_flag:
    case dw.DW_FORM_ref1:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_addrx1:
      return 1;
    case dw.DW_FORM_data2:
    case dw.DW_FORM_ref2:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_addrx2:
      return 2;
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_addrx3:
      return 3;
    case dw.DW_FORM_data4:
    case dw.DW_FORM_ref4:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_addrx4:
    case dw.DW_FORM_ref_sup4:
      return 4;
    case dw.DW_FORM_data8:
    case dw.DW_FORM_ref8:
    case dw.DW_FORM_ref_sig8:
    case dw.DW_FORM_ref_sup8:
      return 8;
    case dw.DW_FORM_data16:
      return 16;
    case dw.DW_FORM_addr:
      return encoding.addressSize;
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      return encoding.offsetSize;
    case dw.DW_FORM_ref_addr:
      return encoding.version < 3 ? encoding.addressSize : encoding.offsetSize;
    default:
      return -1;
  }
}
