// Between values and numbers: what a value counts as in arithmetic, and numbers as values again.

import { littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { floatScalar, toInteger, truth, wrapped } from './arithmetic.ts';
import type { Scalar } from './arithmetic.ts';
import { bytesOfFloat, floatOfBytes } from './floats.ts';
import type { GuestMemory } from './guest-memory.ts';
import { bare, pointerTo, spell } from './types.ts';
import type { Type } from './types.ts';
import { addressOf, inMemory, Missing, ofBytes, readBytes, readUnsigned } from './value.ts';
import type { TypedValue } from './value.ts';

/** Arrays and functions become pointers (C17, 6.3.2.1). Throws for what has no single value. */
export async function scalarOf(value: TypedValue, memory: GuestMemory): Promise<Scalar> {
  const type = await bare(value.type);
  const read = memory.read.bind(memory);
  switch (type.kind) {
    case 'integer':
    case 'enumeration': {
      const bits = value.bits?.size ?? 8 * type.size;
      const raw = await readUnsigned(value, type.size, read);
      return { kind: 'integer', type, value: type.signed ? BigInt.asIntN(bits, raw) : raw };
    }
    case 'float':
      return floatScalar(type, floatOfBytes(await readBytes(value, type.size, read)));
    case 'pointer': {
      const raw = await readUnsigned(value, 8, read);
      if (!type.isReference) return { kind: 'pointer', type, value: raw };
      return scalarOf(inMemory(await type.target.resolve(), value.space, raw), memory);
    }
    case 'array':
      return { kind: 'pointer', type: pointerTo(type.element), value: addressNeeded(value) };
    case 'function':
      return { kind: 'pointer', type: pointerTo(type), value: addressNeeded(value) };
    case 'structure':
    case 'member-pointer':
    case 'void':
    case 'other':
      throw errors.notComputable(`A value of type '${await spell(value.type)}' is no number`);
  }
}

export function addressNeeded(value: TypedValue): bigint {
  const address = addressOf(value);
  if (address !== undefined) return address;
  if (value.storage.kind === 'missing') throw new Missing(value.storage.reason);
  if (value.bits) throw errors.notComputable('A bit-field has no address');
  if (value.storage.kind === 'register') {
    throw errors.notComputable(`It has no address: it is in the register ${value.storage.name}`);
  }
  throw errors.notComputable('It has no address');
}

export const valueOfScalar = (scalar: Scalar, space: AddressSpace): TypedValue =>
  ofBytes(scalar.type, bytesOf(scalar), space);

function bytesOf(scalar: Scalar): Uint8Array {
  if (scalar.kind === 'float') return bytesOfFloat(scalar.value, scalar.type.size);
  return littleEndianBytes(scalar.value, scalar.kind === 'pointer' ? 8 : scalar.type.size);
}

/** Conversion by a cast or an assignment. */
export async function converted(scalar: Scalar, to: Type): Promise<Scalar> {
  const type = await bare(to);
  switch (type.kind) {
    case 'integer':
    case 'enumeration':
      return { kind: 'integer', type, value: toInteger(scalar, type) };
    case 'float':
      return floatScalar(type, Number(scalar.value));
    case 'pointer':
      if (scalar.kind === 'float') break;
      return { kind: 'pointer', type, value: wrapped({ size: 8, signed: false }, scalar.value) };
    default:
  }
  throw errors.notComputable(`A number is no '${await spell(to)}'`);
}

export async function truthOf(value: TypedValue, memory: GuestMemory): Promise<boolean> {
  return truth(await scalarOf(value, memory));
}

export async function integerOf(value: TypedValue, memory: GuestMemory): Promise<bigint> {
  const scalar = await scalarOf(value, memory);
  if (scalar.kind === 'float') throw errors.notComputable('An integer is needed here');
  return scalar.value;
}
