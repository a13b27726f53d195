// What stands on the stack of a DWARF expression: an address-sized integer of no type, or a value of a
// base type (DWARF 5, section 2.5.1), and what operations make of them.

import type { BaseType } from './model.ts';
import * as ops from './operations.ts';

export interface StackValue {
  /** Unsigned, as wide as the type; of floating point its encoding. */
  readonly bits: bigint;
  /** Undefined: generic, 64 bits. */
  readonly type: BaseType | undefined;
}

/** A sentence that says what an expression asks for and cannot have. */
export class NotAvailable extends Error {}

export const generic = (bits: bigint): StackValue => ({ bits: BigInt.asUintN(64, bits), type: undefined });

const widthOf = (type: BaseType | undefined): number => (type ? 8 * type.size : 64);
const isFloat = (type: BaseType | undefined): boolean => type?.encoding === 'float';

/** The generic type counts as signed where that matters, but for the remainder and the logical shift. */
const isSigned = (type: BaseType | undefined): boolean =>
  !type || type.isSigned || type.encoding === 'signed';

export function typed(bits: bigint, type: BaseType): StackValue {
  return { bits: BigInt.asUintN(widthOf(type), bits), type };
}

const integerOf = ({ bits, type }: StackValue): bigint =>
  isSigned(type) ? BigInt.asIntN(widthOf(type), bits) : bits;

export function binary(op: number, left: StackValue, right: StackValue): StackValue {
  const { type } = left;
  if (isFloat(type)) return floating(op, left, right);
  const a = integerOf(left);
  const b = integerOf(right);
  const width = widthOf(type);
  const result = (value: bigint): StackValue => ({ bits: BigInt.asUintN(width, value), type });
  switch (op) {
    case ops.DW_OP_and:
      return result(left.bits & right.bits);
    case ops.DW_OP_or:
      return result(left.bits | right.bits);
    case ops.DW_OP_xor:
      return result(left.bits ^ right.bits);
    case ops.DW_OP_plus:
      return result(a + b);
    case ops.DW_OP_minus:
      return result(a - b);
    case ops.DW_OP_mul:
      return result(a * b);
    case ops.DW_OP_div:
      if (b === 0n) throw new NotAvailable('its location divides by zero');
      return result(a / b);
    case ops.DW_OP_mod:
      if (b === 0n) throw new NotAvailable('its location divides by zero');
      return result(type ? a % b : left.bits % right.bits);
    case ops.DW_OP_shl:
      return result(right.bits >= BigInt(width) ? 0n : left.bits << right.bits);
    case ops.DW_OP_shr:
      return result(right.bits >= BigInt(width) ? 0n : left.bits >> right.bits);
    case ops.DW_OP_shra: {
      const signed = BigInt.asIntN(width, left.bits);
      return result(right.bits >= BigInt(width) ? (signed < 0n ? -1n : 0n) : signed >> right.bits);
    }
    default:
      return generic(compare(op, a < b ? -1 : a > b ? 1 : 0));
  }
}

function compare(op: number, order: number): bigint {
  const holds: Readonly<Record<number, boolean>> = {
    [ops.DW_OP_eq]: order === 0,
    [ops.DW_OP_ne]: order !== 0,
    [ops.DW_OP_lt]: order < 0,
    [ops.DW_OP_le]: order <= 0,
    [ops.DW_OP_gt]: order > 0,
    [ops.DW_OP_ge]: order >= 0,
  };
  return holds[op] ? 1n : 0n;
}

function floating(op: number, left: StackValue, right: StackValue): StackValue {
  const a = floatOf(left);
  const b = floatOf(right);
  const { type } = left;
  switch (op) {
    case ops.DW_OP_plus:
      return fromFloat(a + b, type);
    case ops.DW_OP_minus:
      return fromFloat(a - b, type);
    case ops.DW_OP_mul:
      return fromFloat(a * b, type);
    case ops.DW_OP_div:
      return fromFloat(a / b, type);
    default:
      if (op < ops.DW_OP_eq || op > ops.DW_OP_ne) throw new NotAvailable('its location is damaged');
      // A NaN is unequal to everything, and neither less nor greater.
      if (Number.isNaN(a) || Number.isNaN(b)) return generic(op === ops.DW_OP_ne ? 1n : 0n);
      return generic(compare(op, a < b ? -1 : a > b ? 1 : 0));
  }
}

export function unary(op: number, value: StackValue): StackValue {
  const { type } = value;
  if (isFloat(type)) {
    const number = floatOf(value);
    return fromFloat(op === ops.DW_OP_neg ? -number : Math.abs(number), type);
  }
  const integer = op === ops.DW_OP_abs ? BigInt.asIntN(widthOf(type), value.bits) : integerOf(value);
  const result =
    op === ops.DW_OP_neg ? -integer : op === ops.DW_OP_not ? ~integer : integer < 0n ? -integer : integer;
  return { bits: BigInt.asUintN(widthOf(type), result), type };
}

/** DW_OP_convert: the same number in another type. */
export function converted(value: StackValue, type: BaseType | undefined): StackValue {
  if (isFloat(type)) return fromFloat(isFloat(value.type) ? floatOf(value) : Number(integerOf(value)), type);
  const integer = isFloat(value.type) ? truncated(floatOf(value)) : integerOf(value);
  return { bits: BigInt.asUintN(widthOf(type), integer), type };
}

const truncated = (value: number): bigint => (Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n);

function floatOf({ bits, type }: StackValue): number {
  const view = new DataView(new ArrayBuffer(8));
  if (type?.size === 4) {
    view.setUint32(0, Number(bits));
    return view.getFloat32(0);
  }
  if (type?.size !== 8) throw new NotAvailable('its location computes with long double');
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function fromFloat(value: number, type: BaseType | undefined): StackValue {
  const view = new DataView(new ArrayBuffer(8));
  if (type?.size === 4) {
    view.setFloat32(0, value);
    return { bits: BigInt(view.getUint32(0)), type };
  }
  if (type?.size !== 8) throw new NotAvailable('its location computes with long double');
  view.setFloat64(0, value);
  return { bits: view.getBigUint64(0), type };
}
