// What an expression names: a type at a place, read when it is looked at. A structure of a thousand bytes
// costs nothing until somebody expands it.

import { UserError } from '../../emulator/base/errors.ts';
import type { Place } from '../../emulator/formats/dwarf/expression.ts';
import { littleEndian, littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace, VcpuId } from '../../emulator/machine/messages.ts';
import { formatMemoryReference } from '../memory-reference.ts';
import type { Type } from './types.ts';

export type Storage =
  | { readonly kind: 'memory'; readonly space: AddressSpace; readonly address: bigint }
  | RegisterStorage
  /** Computed. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'pieces'; readonly pieces: readonly StoragePiece[] }
  /** A pointer that the compiler removed: what it points to is known. */
  | { readonly kind: 'points-to'; target(): Promise<TypedValue> }
  /** In words, for people: `optimised out`. */
  | { readonly kind: 'missing'; readonly reason: string };

export interface RegisterStorage {
  readonly kind: 'register';
  readonly vcpu: VcpuId;
  /** As the machine names it: `x0`, `v3`, `SCTLR_EL1`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of a caller's frame: it is saved somewhere, and changing the register would change another frame. */
  readonly isSaved: boolean;
}

export interface StoragePiece {
  readonly storage: Exclude<Storage, { kind: 'pieces' }>;
  readonly bits: number;
  readonly bitOffset: number;
}

/** A value of C. */
export interface TypedValue {
  readonly kind: 'typed';
  readonly type: Type;
  readonly storage: Storage;
  /** Bytes from the beginning of the storage. */
  readonly offset: number;
  /** A bit-field: from its first byte. */
  readonly bits?: { readonly offset: number; readonly size: number };
  /** Where pointers lead. */
  readonly space: AddressSpace;
}

export type Value =
  | TypedValue
  /** Of the hypervisor: plain data with names. */
  | { readonly kind: 'tree'; readonly data: unknown; readonly space: AddressSpace }
  | ListValue
  /** Found only by a walk through memory of the guest: done when somebody expands it. */
  | { readonly kind: 'deferred'; readonly type: string; resolve(): Promise<Value> }
  /** An answer in words. */
  | { readonly kind: 'text'; readonly text: string };

/** Several values side by side: of every CPU, elements of a container. */
export interface ListValue {
  readonly kind: 'list';
  /** Named `[5]`, by what stands in brackets behind the expression. */
  readonly items: readonly { readonly name: string; readonly value: Value }[];
  /** Shown as one. */
  readonly isArray?: boolean;
  readonly type?: string;
  /** Why it is not all. */
  readonly ended?: string;
}

/** There is no value to show, and this is why. Views show it in the place of the value. */
export class Missing extends UserError {
  constructor(message: string, hint = 'Select another frame, or another place in the function') {
    super(message, hint);
  }

  /** `<optimised out>`. */
  get text(): string {
    return `<${this.message}>`;
  }
}

export type ReadMemory = (space: AddressSpace, address: bigint, length: number) => Promise<Uint8Array>;

export const ofBytes = (type: Type, bytes: Uint8Array, space: AddressSpace): TypedValue => ({
  kind: 'typed',
  type,
  storage: { kind: 'bytes', bytes },
  offset: 0,
  space,
});

export const ofInteger = (type: Type, size: number, value: bigint, space: AddressSpace): TypedValue =>
  ofBytes(type, littleEndianBytes(value, size), space);

export const inMemory = (type: Type, space: AddressSpace, address: bigint): TypedValue => ({
  kind: 'typed',
  type,
  storage: { kind: 'memory', space, address: BigInt.asUintN(64, address) },
  offset: 0,
  space,
});

export const missing = (type: Type, reason: string, space: AddressSpace): TypedValue => ({
  kind: 'typed',
  type,
  storage: { kind: 'missing', reason },
  offset: 0,
  space,
});

/** A part of it. */
export function partOf(
  value: TypedValue,
  type: Type,
  bitOffset: number,
  bitSize: number | undefined,
): TypedValue {
  const { storage, space } = value;
  const inner = value.bits ? value.bits.offset + bitOffset : bitOffset;
  const offset = value.offset + Math.floor(inner / 8);
  return {
    kind: 'typed',
    type,
    storage,
    offset,
    space,
    ...(bitSize !== undefined && { bits: { offset: inner % 8, size: bitSize } }),
  };
}

/** Where it begins in memory; undefined for what is elsewhere, or no whole byte. */
export function addressOf({ storage, offset, bits }: TypedValue): bigint | undefined {
  if (storage.kind !== 'memory' || bits) return undefined;
  return BigInt.asUintN(64, storage.address + BigInt(offset));
}

/** `length` bytes of it; throws Missing where they are not. */
export async function readBytes(value: TypedValue, length: number, read: ReadMemory): Promise<Uint8Array> {
  return readStorage(value.storage, value.offset, length, read);
}

async function readStorage(
  storage: Storage,
  offset: number,
  length: number,
  read: ReadMemory,
): Promise<Uint8Array> {
  switch (storage.kind) {
    case 'memory': {
      const address = BigInt.asUintN(64, storage.address + BigInt(offset));
      const bytes = await read(storage.space, address, length);
      if (bytes.length < length) throw new Missing(unreadable(storage.space, address + BigInt(bytes.length)));
      return bytes;
    }
    case 'register':
    case 'bytes': {
      const { bytes } = storage;
      const part = bytes.subarray(offset, offset + length);
      if (part.length < length) throw new Missing('optimised out');
      return part;
    }
    case 'pieces':
      return readPieces(storage.pieces, offset, length, read);
    case 'points-to':
      throw new Missing('synthetic pointer');
    case 'missing':
      throw new Missing(storage.reason);
  }
}

/** A plain number for addresses that everybody takes for virtual ones. */
const unreadable = (space: AddressSpace, address: bigint): string =>
  `unreadable ${space.kind === 'va' ? `0x${address.toString(16)}` : formatMemoryReference({ space, address })}`;

async function readPieces(
  pieces: readonly StoragePiece[],
  offset: number,
  length: number,
  read: ReadMemory,
): Promise<Uint8Array> {
  const from = 8 * offset;
  const to = from + 8 * length;
  let value = 0n;
  let at = 0;
  for (const { storage, bits, bitOffset } of pieces) {
    const first = Math.max(at, from);
    const last = Math.min(at + bits, to);
    if (first < last) {
      const start = bitOffset + first - at;
      const byte = Math.floor(start / 8);
      const end = Math.ceil((bitOffset + last - at) / 8);
      const whole = littleEndian(await readStorage(storage, byte, end - byte, read));
      const part = BigInt.asUintN(last - first, whole >> BigInt(start - 8 * byte));
      value |= part << BigInt(first - from);
    }
    at += bits;
  }
  if (at < to) throw new Missing('optimised out');
  return littleEndianBytes(value, length);
}

/** The number of a scalar of this size, as an unsigned one. */
export async function readUnsigned(value: TypedValue, size: number, read: ReadMemory): Promise<bigint> {
  if (!value.bits) return littleEndian(await readBytes(value, size, read));
  const { offset, size: bits } = value.bits;
  const bytes = await readBytes(value, Math.ceil((offset + bits) / 8), read);
  return BigInt.asUintN(bits, littleEndian(bytes) >> BigInt(offset));
}

/** The storage of a place that DWARF describes. */
export function storageOf(
  place: Place,
  about: {
    readonly space: AddressSpace;
    register(n: number): Promise<Storage>;
    pointee(entry: number, offset: number): Promise<TypedValue>;
  },
): Promise<Storage> {
  switch (place.kind) {
    case 'memory':
      return Promise.resolve({ kind: 'memory', space: about.space, address: place.address });
    case 'register':
      return about.register(place.register);
    case 'value':
      return Promise.resolve({ kind: 'bytes', bytes: place.bytes });
    case 'implicit-pointer':
      return Promise.resolve({
        kind: 'points-to',
        target: () => about.pointee(place.entry, place.offset),
      });
    case 'optimised-out':
      return Promise.resolve({ kind: 'missing', reason: 'optimised out' });
    case 'unavailable':
      return Promise.resolve({ kind: 'missing', reason: place.reason });
    case 'pieces':
      return piecesOf(place.pieces, about);
  }
}

async function piecesOf(
  pieces: Extract<Place, { kind: 'pieces' }>['pieces'],
  about: Parameters<typeof storageOf>[1],
): Promise<Storage> {
  const parts: StoragePiece[] = [];
  for (const { place, bits, bitOffset } of pieces) {
    const storage = await storageOf(place, about);
    if (storage.kind !== 'pieces') parts.push({ storage, bits, bitOffset });
  }
  return { kind: 'pieces', pieces: parts };
}
