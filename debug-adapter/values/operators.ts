// Operators on values: arithmetic of numbers and pointers, casts.

import * as errors from '../errors.ts';
import { arithmetic, integerScalar } from './arithmetic.ts';
import type { Scalar } from './arithmetic.ts';
import type { GuestMemory } from './guest-memory.ts';
import { baseOffset, sizeNeeded } from './members.ts';
import { converted, scalarOf, valueOfScalar } from './scalars.ts';
import type { ArithmeticOperator } from './syntax.ts';
import { bare, INT, LONG, spell } from './types.ts';
import type { Type } from './types.ts';
import { addressOf, ofBytes, ofInteger, partOf } from './value.ts';
import type { TypedValue } from './value.ts';

/** A narrow bit-field becomes an int whatever its type (C17, 6.3.1.1). */
export function promotedField(scalar: Exclude<Scalar, { kind: 'pointer' }>, { bits }: TypedValue) {
  if (scalar.kind !== 'integer' || !bits || scalar.type.size > 4) return scalar;
  if (scalar.type.kind === 'integer' && scalar.type.role === 'word') return scalar;
  const fits = bits.size < 32 || scalar.type.signed;
  return fits ? integerScalar(INT, scalar.value) : scalar;
}

export async function arithmeticOf(
  operator: ArithmeticOperator,
  left: TypedValue,
  right: TypedValue,
  memory: GuestMemory,
): Promise<TypedValue> {
  const a = await scalarOf(left, memory);
  const b = await scalarOf(right, memory);
  if (a.kind !== 'pointer' && b.kind !== 'pointer') {
    const space = left.storage.kind === 'bytes' ? left.space : right.space;
    return valueOfScalar(arithmetic(operator, promotedField(a, left), promotedField(b, right)), space);
  }
  if (a.kind === 'pointer' && b.kind === 'pointer') {
    if (operator !== '-') throw errors.notComputable(`'${operator}' takes no two pointers`);
    const size = BigInt(await sizeNeeded(await a.type.target.resolve()));
    return ofInteger(LONG, 8, BigInt.asIntN(64, a.value - b.value) / (size === 0n ? 1n : size), left.space);
  }
  const [pointer, other, space] = a.kind === 'pointer' ? [a, b, left.space] : [b, a, right.space];
  if (pointer.kind !== 'pointer' || other.kind !== 'integer' || (operator !== '+' && operator !== '-')) {
    throw errors.notComputable(`'${operator}' takes no pointer`);
  }
  const by = other.value * BigInt(await sizeNeeded(await pointer.type.target.resolve()));
  return ofInteger(pointer.type, 8, operator === '+' ? pointer.value + by : pointer.value - by, space);
}

export async function cast(value: TypedValue, type: Type, memory: GuestMemory): Promise<TypedValue> {
  const core = await bare(type);
  if (core.kind === 'void') return ofBytes(type, new Uint8Array(), value.space);
  if (core.kind === 'structure' || core.kind === 'array') {
    // Not C, but what else could be meant: the same bytes, read as that.
    const from = await bare(value.type);
    const base =
      from.kind === 'structure' && core.kind === 'structure' ? await baseOffset(from, core) : undefined;
    if (base !== undefined) return partOf(value, type, 8 * base, undefined);
    if (addressOf(value) !== undefined && from.kind !== 'pointer') return { ...value, type };
    if (from.kind === 'structure') return { ...value, type };
    throw errors.notComputable(`A value of type '${await spell(value.type)}' is no '${await spell(type)}'`);
  }
  const scalar = await converted(await scalarOf(value, memory), type);
  const moved = scalar.kind === 'pointer' ? await toBase(value, scalar) : scalar;
  return { ...valueOfScalar(moved, value.space), type };
}

/** A pointer to an object of C++ becomes one to its base class, which may begin further on. */
async function toBase(from: TypedValue, to: Scalar & { kind: 'pointer' }): Promise<Scalar> {
  const type = await bare(from.type);
  if (type.kind !== 'pointer' || to.value === 0n) return to;
  const derived = await bare(await type.target.resolve());
  const base = await bare(await to.type.target.resolve());
  if (derived.kind !== 'structure' || base.kind !== 'structure') return to;
  const offset = await baseOffset(derived, base);
  return offset === undefined ? to : { ...to, value: to.value + BigInt(offset) };
}
