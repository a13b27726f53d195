// Changing what an expression names: memory, a register of the innermost frame, a bit-field of either. What
// does not fit is refused, not cut off.

import { littleEndian, littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import * as errors from '../errors.ts';
import { formatMemoryReference } from '../memory-reference.ts';
import { wrapped } from './arithmetic.ts';
import type { Scalar } from './arithmetic.ts';
import { bytesOfFloat } from './floats.ts';
import { converted, scalarOf } from './scalars.ts';
import type { Scope } from './scope.ts';
import { bare, sizeOf, spell } from './types.ts';
import { readBytes } from './value.ts';
import type { RegisterStorage, Storage, StoragePiece, TypedValue } from './value.ts';

/** Answers the place with its new value. */
export async function assign(scope: Scope, place: TypedValue, value: TypedValue): Promise<TypedValue> {
  const bytes = await bytesFor(scope, place, value);
  const { bits, offset } = place;
  const length = bits ? Math.ceil((bits.offset + bits.size) / 8) : bytes.length;
  const whole = bits ? await merged(scope, place, littleEndian(bytes), length) : bytes;
  await write(scope, place.storage, offset, whole);
  scope.memory.forget();
  return refreshed(place, offset, whole);
}

/** A register's storage is a copy. */
function refreshed(place: TypedValue, offset: number, bytes: Uint8Array): TypedValue {
  const { storage } = place;
  if (storage.kind !== 'register') return place;
  const now = storage.bytes.slice();
  now.set(bytes, offset);
  return { ...place, storage: { ...storage, bytes: now } };
}

/** The new bytes; of a bit-field its value, not yet shifted. */
async function bytesFor(scope: Scope, place: TypedValue, value: TypedValue): Promise<Uint8Array> {
  const type = await bare(place.type);
  if (type.kind === 'structure' || type.kind === 'array') {
    const size = (await sizeOf(type)) ?? 0;
    if ((await spell(value.type)) !== (await spell(place.type))) {
      // A string fills an array of characters.
      const text = value.storage.kind === 'bytes' ? value.storage.bytes : undefined;
      const element = type.kind === 'array' ? await sizeOf(await type.element.resolve()) : undefined;
      if (text && element === 1 && text.length <= size) return text;
      throw errors.notComputable(
        `A value of type '${await spell(value.type)}' is no '${await spell(place.type)}'`,
      );
    }
    return readBytes(value, size, scope.memory.read.bind(scope.memory));
  }
  const given = await scalarOf(value, scope.memory);
  const scalar = await converted(given, type);
  await checkWidth(place, given, scalar);
  if (scalar.kind === 'float') return bytesOfFloat(scalar.value, scalar.type.size);
  return littleEndianBytes(scalar.value, scalar.kind === 'pointer' ? 8 : scalar.type.size);
}

/** A number may be written signed or unsigned, but all of it has to be there. */
async function checkWidth(place: TypedValue, given: Scalar, kept: Scalar): Promise<void> {
  if (given.kind === 'float' || kept.kind === 'float') return;
  if (kept.kind === 'integer' && kept.type.kind === 'integer' && kept.type.role === 'boolean') return;
  const bits = place.bits?.size ?? (kept.kind === 'pointer' ? 64 : 8 * kept.type.size);
  const { value } = given;
  const asUnsigned = BigInt.asUintN(bits, value) === value;
  const asSigned = BigInt.asIntN(bits, value) === value;
  // What is read back as 64 bits may have been meant as a negative number.
  const wide = wrapped({ size: 8, signed: true }, value);
  if (asUnsigned || asSigned || BigInt.asIntN(bits, wide) === wide) return;
  throw errors.notANumber(String(value), bits);
}

/** The bytes around a bit-field with the field changed. */
async function merged(scope: Scope, place: TypedValue, value: bigint, length: number): Promise<Uint8Array> {
  const { offset, size } = place.bits ?? { offset: 0, size: 8 * length };
  const before = littleEndian(await readBytes(place, length, scope.memory.read.bind(scope.memory)));
  const mask = ((1n << BigInt(size)) - 1n) << BigInt(offset);
  return littleEndianBytes((before & ~mask) | ((value << BigInt(offset)) & mask), length);
}

async function write(scope: Scope, storage: Storage, offset: number, bytes: Uint8Array): Promise<void> {
  switch (storage.kind) {
    case 'memory': {
      const { space } = storage;
      const address = BigInt.asUintN(64, storage.address + BigInt(offset));
      const { machine } = scope.debuggee;
      const there = await machine.request('readMemory', { space, address, length: bytes.length });
      const reference = formatMemoryReference({ space, address });
      if (there.length < bytes.length) throw errors.unwritable(reference, there.length, bytes.length);
      const written = await machine.request('writeMemory', { space, address, bytes });
      if (written < bytes.length) throw errors.unwritable(reference, written, bytes.length);
      return;
    }
    case 'register':
      return writeRegister(scope, storage, offset, bytes);
    case 'pieces':
      return writePieces(scope, storage.pieces, offset, bytes);
    case 'bytes':
    case 'points-to':
    case 'missing':
      throw errors.notAssignable('It');
  }
}

async function writeRegister(
  { debuggee }: Scope,
  storage: RegisterStorage,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  if (storage.isSaved) throw errors.notAssignable(`$${storage.name}`);
  const now = storage.bytes.slice();
  now.set(bytes, offset);
  await debuggee.writeRegister(storage.vcpu, storage.name, littleEndian(now));
}

/** Piece by piece, where each is whole bytes. */
async function writePieces(
  scope: Scope,
  pieces: readonly StoragePiece[],
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  let at = 0;
  for (const { storage, bits, bitOffset } of pieces) {
    const size = bits / 8;
    const first = Math.max(at, offset);
    const last = Math.min(at + size, offset + bytes.length);
    if (first < last) {
      if (!Number.isInteger(size) || bitOffset % 8 !== 0) throw errors.notAssignable('It');
      await write(scope, storage, bitOffset / 8 + first - at, bytes.subarray(first - offset, last - offset));
    }
    at += size;
  }
}
