// Executes call frame instructions up to an address (DWARF 5, section 6.4.2): how to find the registers of
// the caller from those of a frame. Register numbers are those of DWARF for AArch64 (AADWARF64):
// 0..30 are X0..X30, 31 is SP, 32 the PC, 34 RA_SIGN_STATE.

import { BadDwarf, Cursor } from './cursor.ts';
import type { CommonEntry, FrameEntry } from './frame-index.ts';

export type CfaRule =
  | { readonly kind: 'register'; readonly register: number; readonly offset: number }
  /** The CFA is what this computes. */
  | { readonly kind: 'expression'; readonly bytes: Uint8Array };

export type RegisterRule =
  | { readonly kind: 'undefined' }
  | { readonly kind: 'same' }
  /** Saved at CFA + offset; or it is CFA + offset. */
  | { readonly kind: 'offset' | 'val_offset'; readonly offset: number }
  | { readonly kind: 'register'; readonly register: number }
  /** Saved where this says, with the CFA on the stack; or it is what this says. */
  | { readonly kind: 'expression' | 'val_expression'; readonly bytes: Uint8Array };

export interface FrameRules {
  readonly cfa: CfaRule;
  /** Registers without a rule are as the ABI says: X19..X29 the same, the others lost. */
  readonly registers: ReadonlyMap<number, RegisterRule>;
  /** The register that holds the return address. */
  readonly returnAddress: number;
  /** The return address carries a pointer authentication code. */
  readonly isSigned: boolean;
  readonly isSignalFrame: boolean;
}

/** What DW_CFA_remember_state keeps. */
interface Row {
  cfa: CfaRule | undefined;
  registers: Map<number, RegisterRule>;
  isSigned: boolean;
}

/** `address`: as distance from the program's base. */
export function rulesOf(bytes: Uint8Array, entry: FrameEntry, address: number): FrameRules {
  const { common } = entry;
  const row: Row = { cfa: undefined, registers: new Map(), isSigned: false };
  execute(bytes, common.start, common.end, common, row, undefined, entry.codeStart, address);
  const initial = copyOf(row);
  execute(bytes, entry.start, entry.end, common, row, initial, entry.codeStart, address);
  if (!row.cfa) throw new BadDwarf('a frame has no canonical frame address', entry.start);
  return {
    cfa: row.cfa,
    registers: row.registers,
    returnAddress: common.returnAddress,
    isSigned: row.isSigned,
    isSignalFrame: common.isSignalFrame,
  };
}

function execute(
  bytes: Uint8Array,
  start: number,
  end: number,
  { codeAlignment, dataAlignment, addressSize }: CommonEntry,
  row: Row,
  initial: Row | undefined,
  codeStart: number,
  wanted: number,
): void {
  const cursor = new Cursor(bytes.subarray(0, end), 0);
  cursor.at = start;
  const remembered: Row[] = [];
  let location = codeStart;
  const restore = (register: number): void => {
    const rule = initial?.registers.get(register);
    if (rule) row.registers.set(register, rule);
    else row.registers.delete(register);
  };
  const set = (register: number, rule: RegisterRule): void => void row.registers.set(register, rule);
  const block = (): Uint8Array => {
    const size = cursor.uleb();
    const at = cursor.at;
    cursor.skip(size);
    return bytes.subarray(at, at + size);
  };
  const cfaRegister = (register: number | undefined, offset: number | undefined, at: number): void => {
    const known = row.cfa?.kind === 'register' ? row.cfa : undefined;
    if ((register === undefined || offset === undefined) && !known) {
      throw new BadDwarf('half a rule for a canonical frame address that has none', at);
    }
    row.cfa = {
      kind: 'register',
      register: register ?? known?.register ?? 0,
      offset: offset ?? known?.offset ?? 0,
    };
  };

  while (!cursor.atEnd) {
    const at = cursor.at;
    const byte = cursor.u8();
    const low = byte & 0x3f;
    switch (byte >>> 6) {
      case 1: // DW_CFA_advance_loc
        location += low * codeAlignment;
        if (location > wanted) return;
        continue;
      case 2: // DW_CFA_offset
        set(low, { kind: 'offset', offset: cursor.uleb() * dataAlignment });
        continue;
      case 3: // DW_CFA_restore
        restore(low);
        continue;
    }
    switch (low) {
      case 0x00: // DW_CFA_nop
        break;
      case 0x01: // DW_CFA_set_loc
        throw new BadDwarf('DW_CFA_set_loc is not written for AArch64', at);
      case 0x02: // DW_CFA_advance_loc1, 2 and 4
        location += cursor.u8() * codeAlignment;
        if (location > wanted) return;
        break;
      case 0x03:
        location += cursor.u16() * codeAlignment;
        if (location > wanted) return;
        break;
      case 0x04:
        location += cursor.u32() * codeAlignment;
        if (location > wanted) return;
        break;
      case 0x05: // DW_CFA_offset_extended
        set(cursor.uleb(), { kind: 'offset', offset: cursor.uleb() * dataAlignment });
        break;
      case 0x06: // DW_CFA_restore_extended
        restore(cursor.uleb());
        break;
      case 0x07: // DW_CFA_undefined
        set(cursor.uleb(), { kind: 'undefined' });
        break;
      case 0x08: // DW_CFA_same_value
        set(cursor.uleb(), { kind: 'same' });
        break;
      case 0x09: // DW_CFA_register
        set(cursor.uleb(), { kind: 'register', register: cursor.uleb() });
        break;
      case 0x0a: // DW_CFA_remember_state
        remembered.push(copyOf(row));
        break;
      case 0x0b: {
        // DW_CFA_restore_state
        const state = remembered.pop();
        if (!state) throw new BadDwarf('a frame restores a state that it did not keep', at);
        Object.assign(row, state);
        break;
      }
      case 0x0c: // DW_CFA_def_cfa
        cfaRegister(cursor.uleb(), cursor.uleb(), at);
        break;
      case 0x0d: // DW_CFA_def_cfa_register
        cfaRegister(cursor.uleb(), undefined, at);
        break;
      case 0x0e: // DW_CFA_def_cfa_offset
        cfaRegister(undefined, cursor.uleb(), at);
        break;
      case 0x0f: // DW_CFA_def_cfa_expression
        row.cfa = { kind: 'expression', bytes: block() };
        break;
      case 0x10: // DW_CFA_expression
        set(cursor.uleb(), { kind: 'expression', bytes: block() });
        break;
      case 0x11: // DW_CFA_offset_extended_sf
        set(cursor.uleb(), { kind: 'offset', offset: cursor.sleb() * dataAlignment });
        break;
      case 0x12: // DW_CFA_def_cfa_sf
        cfaRegister(cursor.uleb(), cursor.sleb() * dataAlignment, at);
        break;
      case 0x13: // DW_CFA_def_cfa_offset_sf
        cfaRegister(undefined, cursor.sleb() * dataAlignment, at);
        break;
      case 0x14: // DW_CFA_val_offset
        set(cursor.uleb(), { kind: 'val_offset', offset: cursor.uleb() * dataAlignment });
        break;
      case 0x15: // DW_CFA_val_offset_sf
        set(cursor.uleb(), { kind: 'val_offset', offset: cursor.sleb() * dataAlignment });
        break;
      case 0x16: // DW_CFA_val_expression
        set(cursor.uleb(), { kind: 'val_expression', bytes: block() });
        break;
      case 0x2c: // DW_CFA_AARCH64_negate_ra_state_with_pc
      case 0x2d: // DW_CFA_AARCH64_negate_ra_state
        row.isSigned = !row.isSigned;
        break;
      case 0x2e: // DW_CFA_GNU_args_size
        cursor.uleb();
        break;
      case 0x2f: // DW_CFA_GNU_negative_offset_extended
        set(cursor.uleb(), { kind: 'offset', offset: -cursor.uleb() * dataAlignment });
        break;
      default:
        throw new BadDwarf(
          `0x${byte.toString(16)} is no call frame instruction for ${addressSize * 8} bits`,
          at,
        );
    }
  }
}

const copyOf = ({ cfa, registers, isSigned }: Row): Row => ({
  cfa,
  registers: new Map(registers),
  isSigned,
});
