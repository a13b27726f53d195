// The operations of DWARF expressions, taken out of their bytes (DWARF 5, sections 2.5, 2.6 and 7.7.1,
// and the GNU extensions that GCC writes for DWARF 4).

export const DW_OP_addr = 0x03;
export const DW_OP_deref = 0x06;
export const DW_OP_const1u = 0x08;
export const DW_OP_const1s = 0x09;
export const DW_OP_const2u = 0x0a;
export const DW_OP_const2s = 0x0b;
export const DW_OP_const4u = 0x0c;
export const DW_OP_const4s = 0x0d;
export const DW_OP_const8u = 0x0e;
export const DW_OP_const8s = 0x0f;
export const DW_OP_constu = 0x10;
export const DW_OP_consts = 0x11;
export const DW_OP_dup = 0x12;
export const DW_OP_drop = 0x13;
export const DW_OP_over = 0x14;
export const DW_OP_pick = 0x15;
export const DW_OP_swap = 0x16;
export const DW_OP_rot = 0x17;
export const DW_OP_xderef = 0x18;
export const DW_OP_abs = 0x19;
export const DW_OP_and = 0x1a;
export const DW_OP_div = 0x1b;
export const DW_OP_minus = 0x1c;
export const DW_OP_mod = 0x1d;
export const DW_OP_mul = 0x1e;
export const DW_OP_neg = 0x1f;
export const DW_OP_not = 0x20;
export const DW_OP_or = 0x21;
export const DW_OP_plus = 0x22;
export const DW_OP_plus_uconst = 0x23;
export const DW_OP_shl = 0x24;
export const DW_OP_shr = 0x25;
export const DW_OP_shra = 0x26;
export const DW_OP_xor = 0x27;
export const DW_OP_bra = 0x28;
export const DW_OP_eq = 0x29;
export const DW_OP_ge = 0x2a;
export const DW_OP_gt = 0x2b;
export const DW_OP_le = 0x2c;
export const DW_OP_lt = 0x2d;
export const DW_OP_ne = 0x2e;
export const DW_OP_skip = 0x2f;
export const DW_OP_lit0 = 0x30;
export const DW_OP_reg0 = 0x50;
export const DW_OP_breg0 = 0x70;
export const DW_OP_regx = 0x90;
export const DW_OP_fbreg = 0x91;
export const DW_OP_bregx = 0x92;
export const DW_OP_piece = 0x93;
export const DW_OP_deref_size = 0x94;
export const DW_OP_xderef_size = 0x95;
export const DW_OP_nop = 0x96;
export const DW_OP_push_object_address = 0x97;
export const DW_OP_call2 = 0x98;
export const DW_OP_call4 = 0x99;
export const DW_OP_call_ref = 0x9a;
export const DW_OP_form_tls_address = 0x9b;
export const DW_OP_call_frame_cfa = 0x9c;
export const DW_OP_bit_piece = 0x9d;
export const DW_OP_implicit_value = 0x9e;
export const DW_OP_stack_value = 0x9f;
export const DW_OP_implicit_pointer = 0xa0;
export const DW_OP_addrx = 0xa1;
export const DW_OP_constx = 0xa2;
export const DW_OP_entry_value = 0xa3;
export const DW_OP_const_type = 0xa4;
export const DW_OP_regval_type = 0xa5;
export const DW_OP_deref_type = 0xa6;
export const DW_OP_xderef_type = 0xa7;
export const DW_OP_convert = 0xa8;
export const DW_OP_reinterpret = 0xa9;
const DW_OP_GNU_push_tls_address = 0xe0;
const DW_OP_GNU_uninit = 0xf0;
const DW_OP_GNU_implicit_pointer = 0xf2;
const DW_OP_GNU_entry_value = 0xf3;
const DW_OP_GNU_const_type = 0xf4;
const DW_OP_GNU_regval_type = 0xf5;
const DW_OP_GNU_deref_type = 0xf6;
const DW_OP_GNU_convert = 0xf7;
const DW_OP_GNU_reinterpret = 0xf9;
const DW_OP_GNU_parameter_ref = 0xfa;
const DW_OP_GNU_addr_index = 0xfb;
const DW_OP_GNU_const_index = 0xfc;
const DW_OP_GNU_variable_value = 0xfd;

/** What stands for an operation that says less than it should: a clear sentence is all there is to do. */
export const UNAVAILABLE: ReadonlyMap<number, string> = new Map([
  [DW_OP_form_tls_address, 'thread-local storage is not available'],
  [DW_OP_push_object_address, 'the address of the object it belongs to is not available'],
  [DW_OP_xderef, 'address classes are not available'],
  [DW_OP_xderef_size, 'address classes are not available'],
  [DW_OP_xderef_type, 'address classes are not available'],
  [DW_OP_call2, 'DWARF procedures are not available'],
  [DW_OP_call4, 'DWARF procedures are not available'],
  [DW_OP_call_ref, 'DWARF procedures are not available'],
  [DW_OP_GNU_parameter_ref, 'optimised out'],
  [DW_OP_GNU_variable_value, 'the value of another variable is not available'],
]);

/** DWARF 5 took these over with the same operands. */
const STANDARD: ReadonlyMap<number, number> = new Map([
  [DW_OP_GNU_push_tls_address, DW_OP_form_tls_address],
  [DW_OP_GNU_uninit, DW_OP_nop],
  [DW_OP_GNU_implicit_pointer, DW_OP_implicit_pointer],
  [DW_OP_GNU_entry_value, DW_OP_entry_value],
  [DW_OP_GNU_const_type, DW_OP_const_type],
  [DW_OP_GNU_regval_type, DW_OP_regval_type],
  [DW_OP_GNU_deref_type, DW_OP_deref_type],
  [DW_OP_GNU_convert, DW_OP_convert],
  [DW_OP_GNU_reinterpret, DW_OP_reinterpret],
  [DW_OP_GNU_addr_index, DW_OP_addrx],
  [DW_OP_GNU_const_index, DW_OP_constx],
]);

type Operand =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'u64'
  | 'i64'
  | 'uleb'
  | 'sleb'
  /** An unsigned LEB128 length, or one byte of it, and so many bytes. */
  | 'block'
  | 'block1';

const OPERANDS: Readonly<Record<number, readonly Operand[]>> = {
  [DW_OP_addr]: ['u64'],
  [DW_OP_const1u]: ['u8'],
  [DW_OP_const1s]: ['i8'],
  [DW_OP_const2u]: ['u16'],
  [DW_OP_const2s]: ['i16'],
  [DW_OP_const4u]: ['u32'],
  [DW_OP_const4s]: ['i32'],
  [DW_OP_const8u]: ['u64'],
  [DW_OP_const8s]: ['i64'],
  [DW_OP_constu]: ['uleb'],
  [DW_OP_consts]: ['sleb'],
  [DW_OP_pick]: ['u8'],
  [DW_OP_plus_uconst]: ['uleb'],
  [DW_OP_bra]: ['i16'],
  [DW_OP_skip]: ['i16'],
  [DW_OP_regx]: ['uleb'],
  [DW_OP_fbreg]: ['sleb'],
  [DW_OP_bregx]: ['uleb', 'sleb'],
  [DW_OP_piece]: ['uleb'],
  [DW_OP_deref_size]: ['u8'],
  [DW_OP_xderef_size]: ['u8'],
  [DW_OP_call2]: ['u16'],
  [DW_OP_call4]: ['u32'],
  [DW_OP_call_ref]: ['u32'],
  [DW_OP_bit_piece]: ['uleb', 'uleb'],
  [DW_OP_implicit_value]: ['block'],
  // References have four bytes in the 32-bit format, the only one that is in use.
  [DW_OP_implicit_pointer]: ['u32', 'sleb'],
  [DW_OP_addrx]: ['uleb'],
  [DW_OP_constx]: ['uleb'],
  [DW_OP_entry_value]: ['block'],
  [DW_OP_const_type]: ['uleb', 'block1'],
  [DW_OP_regval_type]: ['uleb', 'uleb'],
  [DW_OP_deref_type]: ['u8', 'uleb'],
  [DW_OP_xderef_type]: ['u8', 'uleb'],
  [DW_OP_convert]: ['uleb'],
  [DW_OP_reinterpret]: ['uleb'],
  [DW_OP_GNU_parameter_ref]: ['u32'],
  [DW_OP_GNU_variable_value]: ['u32'],
};

export interface Operation {
  /** A literal is DW_OP_lit0, a register DW_OP_reg0 or DW_OP_breg0, with its number as first operand. */
  readonly op: number;
  readonly operands: readonly bigint[];
  readonly block: Uint8Array;
  /** Where the next one begins. */
  readonly next: number;
}

const NO_BLOCK: Uint8Array = new Uint8Array();

/** Undefined: the bytes end within it, or nobody knows it. */
export function operationAt(bytes: Uint8Array, at: number): Operation | undefined {
  const code = bytes[at];
  if (code === undefined) return undefined;
  const op = STANDARD.get(code) ?? code;
  const reader = new OperandReader(bytes, at + 1);
  const operands: bigint[] = [];
  let block = NO_BLOCK;
  let plain = op;
  const numbered = numberedFrom(op);
  if (numbered !== undefined) {
    plain = numbered;
    operands.push(BigInt(op - numbered));
    if (numbered === DW_OP_breg0) operands.push(reader.leb(true));
  } else if (!isKnown(op)) {
    return undefined;
  }
  for (const operand of OPERANDS[op] ?? []) {
    if (operand === 'block' || operand === 'block1') block = reader.block(operand);
    else operands.push(reader.number(operand));
  }
  return reader.failed ? undefined : { op: plain, operands, block, next: reader.at };
}

function numberedFrom(op: number): number | undefined {
  for (const first of [DW_OP_lit0, DW_OP_reg0, DW_OP_breg0]) if (op >= first && op < first + 32) return first;
  return undefined;
}

const isKnown = (op: number): boolean =>
  op === DW_OP_addr ||
  op === DW_OP_deref ||
  (op >= DW_OP_const1u && op <= DW_OP_skip) ||
  (op >= DW_OP_regx && op <= DW_OP_reinterpret) ||
  UNAVAILABLE.has(op);

const WIDTHS = { 8: 1, 16: 2, 32: 4, 64: 8 } as const;

class OperandReader {
  at: number;
  failed = false;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  number(operand: Exclude<Operand, 'block' | 'block1'>): bigint {
    if (operand === 'uleb' || operand === 'sleb') return this.leb(operand === 'sleb');
    const bits = Number(operand.slice(1)) as keyof typeof WIDTHS;
    const value = littleEndian(this.take(WIDTHS[bits]));
    return operand.startsWith('i') ? BigInt.asIntN(bits, value) : value;
  }

  leb(signed: boolean): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || shift > 140n) {
        this.failed = true;
        return 0n;
      }
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return signed ? BigInt.asIntN(Number(shift) + 7, value) : value;
    }
  }

  block(kind: 'block' | 'block1'): Uint8Array {
    return this.take(kind === 'block' ? Number(this.leb(false)) : Number(this.number('u8')));
  }

  private take(count: number): Uint8Array {
    const end = this.at + count;
    if (end > this.bytes.length) {
      this.failed = true;
      return NO_BLOCK;
    }
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }
}

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

export function littleEndianBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let i = 0; i < length; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
