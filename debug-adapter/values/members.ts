// Parts of values: members of structures, those of anonymous ones included, elements of arrays, what
// pointers point to.

import * as errors from '../errors.ts';
import type { GuestMemory } from './guest-memory.ts';
import { integerOf, scalarOf } from './scalars.ts';
import { arrayOf, bare, sizeOf, spell, WORD } from './types.ts';
import type { StructureMember, StructureType, Type } from './types.ts';
import { addressOf, inMemory, partOf } from './value.ts';
import type { TypedValue, Value } from './value.ts';

/** How deep structures without names lie in one another at most; a damaged type may be a ring. */
const MAX_ANONYMOUS = 32;

export async function memberOf(value: TypedValue, name: string): Promise<TypedValue> {
  const type = await bare(value.type);
  if (type.kind !== 'structure') {
    throw errors.notComputable(`A value of type '${await spell(value.type)}' has no member '${name}'`);
  }
  const found = await findMember(type, name, 0);
  if (!found) {
    const reason = type.isDeclaration
      ? 'is only declared in the debug information'
      : `has no member '${name}'`;
    throw errors.notComputable(`'${await spell(value.type)}' ${reason}`);
  }
  return partOf(value, await found.member.type.resolve(), found.bitOffset, found.member.bitSize);
}

export interface FoundMember {
  readonly member: StructureMember;
  /** From the outermost structure. */
  readonly bitOffset: number;
}

export async function findMember(
  { members }: StructureType,
  name: string,
  depth: number,
): Promise<FoundMember | undefined> {
  // A tuple of Rust: `pair.0`.
  const written = /^\d+$/.test(name) ? `__${name}` : name;
  const direct = members.find((member) => member.name === written);
  if (direct) return { member: direct, bitOffset: direct.bitOffset };
  if (depth === MAX_ANONYMOUS) return undefined;
  for (const member of members) {
    if (member.name !== undefined && !member.isBase) continue;
    const inner = await bare(await member.type.resolve());
    const found = inner.kind === 'structure' ? await findMember(inner, name, depth + 1) : undefined;
    if (found) return { member: found.member, bitOffset: member.bitOffset + found.bitOffset };
  }
  return undefined;
}

/** Where in an object of a class that of one of its base classes begins, in bytes; the same name is the same class. */
export async function baseOffset(
  { members }: StructureType,
  base: StructureType,
  depth = 0,
): Promise<number | undefined> {
  if (depth === MAX_ANONYMOUS) return undefined;
  for (const { isBase, type, bitOffset } of members) {
    const inner = isBase ? await bare(await type.resolve()) : undefined;
    if (inner?.kind !== 'structure') continue;
    if (inner.name === base.name) return bitOffset / 8;
    const further = await baseOffset(inner, base, depth + 1);
    if (further !== undefined) return bitOffset / 8 + further;
  }
  return undefined;
}

/** `*p`; an integer is the address of 64 bits. */
export async function dereferenced(value: TypedValue, memory: GuestMemory): Promise<TypedValue> {
  if (value.storage.kind === 'points-to') return value.storage.target();
  const type = await bare(value.type);
  const scalar = await scalarOf(value, memory);
  if (scalar.kind === 'float') throw errors.notComputable('A floating-point number points nowhere');
  if (scalar.kind === 'integer') return inMemory(WORD, value.space, scalar.value);
  const target = await scalar.type.target.resolve();
  if ((await bare(target)).kind === 'void') {
    throw errors.notComputable(`'${await spell(type)}' does not say what it points to: cast it`);
  }
  return inMemory(target, value.space, scalar.value);
}

/** What a reference of C++ stands for; anything else itself. */
export async function referent(value: TypedValue, memory: GuestMemory): Promise<TypedValue> {
  const type = await bare(value.type);
  if (type.kind !== 'pointer' || !type.isReference || value.storage.kind === 'points-to') return value;
  const address = await integerOf({ ...value, type: WORD }, memory);
  return inMemory(await type.target.resolve(), value.space, address);
}

/** `object.*pointer`: a pointer to a member is how far it is from the beginning of an object. */
export async function memberPointedTo(
  object: TypedValue,
  pointer: TypedValue,
  memory: GuestMemory,
): Promise<TypedValue> {
  const type = await bare(pointer.type);
  if (type.kind !== 'member-pointer' || type.size > 8) {
    throw errors.notComputable(`'${await spell(pointer.type)}' points to no member with a value`);
  }
  const offset = await integerOf({ ...pointer, type: WORD }, memory);
  if (offset === 2n ** 64n - 1n) throw errors.notComputable('The pointer points to no member');
  return partOf(object, await type.target.resolve(), 8 * Number(offset), undefined);
}

/** `a[i]` of an array or a pointer. */
export async function elementOf(value: TypedValue, index: bigint, memory: GuestMemory): Promise<TypedValue> {
  const type = await bare(value.type);
  if (type.kind === 'array') {
    const element = await type.element.resolve();
    const size = await sizeNeeded(element);
    return partOf(value, element, 8 * size * (Number(index) - type.first), undefined);
  }
  const scalar = await scalarOf(value, memory);
  if (scalar.kind !== 'pointer') {
    throw errors.notComputable(`A value of type '${await spell(value.type)}' has no elements`);
  }
  const target = await scalar.type.target.resolve();
  return inMemory(target, value.space, scalar.value + index * BigInt(await sizeNeeded(target)));
}

/** `count` things in a row, of which this is the first; `first` is its index. */
export async function repeated(value: TypedValue, count: number, first = 0): Promise<TypedValue> {
  if (addressOf(value) === undefined)
    throw errors.notComputable("Only what lies in memory can be repeated with '@'");
  await sizeNeeded(value.type);
  return { ...value, type: arrayOf(value.type, count, first) };
}

/** `a[start:end]`, the end not included. */
export async function slice(
  value: TypedValue,
  from: TypedValue | undefined,
  to: TypedValue | undefined,
  memory: GuestMemory,
): Promise<TypedValue> {
  const type = await bare(value.type);
  const known = type.kind === 'array' ? type.count : undefined;
  const start = from ? Number(await integerOf(from, memory)) : type.kind === 'array' ? type.first : 0;
  const end = to ? Number(await integerOf(to, memory)) : known;
  if (end === undefined)
    throw errors.notComputable('The slice needs an end: how long the array is, is not known');
  if (end < start) throw errors.notComputable(`The slice ends at ${end}, before it begins`);
  const element = await elementOf(value, BigInt(start), memory);
  return { ...element, type: arrayOf(element.type, end - start, start) };
}

export async function sizeNeeded(type: Type): Promise<number> {
  const size = await sizeOf(type);
  // As GCC has it: pointers to void and to functions move by bytes.
  const core = await bare(type);
  if (core.kind === 'void' || core.kind === 'function') return 1;
  if (size === undefined) throw errors.notComputable(`How large '${await spell(type)}' is, is not known`);
  return size;
}

/** A member or element of an object of the hypervisor. */
export function treePart(value: Extract<Value, { kind: 'tree' }>, key: string): Value {
  const { data } = value;
  const part: unknown =
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined;
  if (part === undefined) throw errors.notComputable(`It has no '${key}'`);
  return { ...value, data: part };
}
