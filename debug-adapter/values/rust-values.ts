// What values of Rust's own types stand for: text, or elements in a row. Slices have a pointer and a length in the
// debug information of every compiler; of String and Vec the members are those of Rust's `alloc`, looked for by
// what they must have rather than by the names that versions give them.

import type { GuestMemory } from './guest-memory.ts';
import { integerOf } from './scalars.ts';
import { arrayOf, bare, sizeOf } from './types.ts';
import type { StructureType, Type, TypeReference } from './types.ts';
import { inMemory, partOf } from './value.ts';
import type { TypedValue } from './value.ts';

/** An array of bytes or of other elements, in memory. */
export interface RustView {
  readonly kind: 'text' | 'elements';
  readonly elements: TypedValue;
}

const TEXT = /^&(?:mut )?str$|^(?:\w+::)*boxed::Box<str(?:, .*)?>$/;
const SLICE = /^&(?:mut )?\[.*\]$|^(?:\w+::)*boxed::Box<\[.*\](?:, .*)?>$/;
const STRING = /^alloc::string::String$/;
const VECTOR = /^alloc::vec::Vec<.*>$/;
/** Structures around a pointer that mean nothing but what it points to. */
const MAX_WRAPPERS = 8;
/** More is a sign of something that is no vector yet. */
const MOST_ELEMENTS = 2n ** 31n;

/** Undefined: it is shown by its members. */
export async function rustView(value: TypedValue, memory: GuestMemory): Promise<RustView | undefined> {
  const type = await bare(value.type);
  if (type.kind !== 'structure' || type.language !== 'rust') return undefined;
  const name = type.name ?? '';
  if (TEXT.test(name) || SLICE.test(name)) {
    const elements = await slice(value, type, memory);
    return elements && { kind: TEXT.test(name) ? 'text' : 'elements', elements };
  }
  if (STRING.test(name)) {
    const vector = await part(value, type, 'vec');
    const inner = vector && (await bare(vector.type));
    if (!vector || inner?.kind !== 'structure') return undefined;
    const elements = await vectorElements(vector, inner, memory);
    return elements && { kind: 'text', elements };
  }
  if (!VECTOR.test(name)) return undefined;
  const elements = await vectorElements(value, type, memory);
  return elements && { kind: 'elements', elements };
}

async function slice(
  value: TypedValue,
  type: StructureType,
  memory: GuestMemory,
): Promise<TypedValue | undefined> {
  const pointer = await part(value, type, 'data_ptr');
  const length = await part(value, type, 'length');
  const core = pointer && (await bare(pointer.type));
  if (!pointer || !length || core?.kind !== 'pointer') return undefined;
  return row(pointer, core.target, length, memory);
}

async function vectorElements(
  value: TypedValue,
  type: StructureType,
  memory: GuestMemory,
): Promise<TypedValue | undefined> {
  const [element] = type.typeArguments ?? [];
  const buffer = await part(value, type, 'buf');
  const length = await part(value, type, 'len');
  const pointer = buffer && (await pointerWithin(buffer, MAX_WRAPPERS));
  if (!element || !length || !pointer) return undefined;
  return row(pointer, element, length, memory);
}

async function row(
  pointer: TypedValue,
  element: TypeReference,
  length: TypedValue,
  memory: GuestMemory,
): Promise<TypedValue | undefined> {
  const count = await integerOf(length, memory);
  const address = await integerOf(pointer, memory);
  const type = await element.resolve();
  const size = await sizeOf(type);
  if (count < 0n || count > MOST_ELEMENTS || size === undefined) return undefined;
  return inMemory({ ...arrayOf(type, Number(count)), isRust: true }, pointer.space, address);
}

async function part(
  of: TypedValue,
  { members }: StructureType,
  name: string,
): Promise<TypedValue | undefined> {
  const found = members.find((member) => member.name === name);
  return found && partOf(of, await found.type.resolve(), found.bitOffset, found.bitSize);
}

/** The first pointer in a structure, or in what it is made of. */
async function pointerWithin(of: TypedValue, depth: number): Promise<TypedValue | undefined> {
  const type: Type = await bare(of.type);
  if (type.kind === 'pointer') return of;
  if (type.kind !== 'structure' || depth === 0) return undefined;
  for (const member of type.members) {
    const inner = partOf(of, await member.type.resolve(), member.bitOffset, member.bitSize);
    const found = await pointerWithin(inner, depth - 1);
    if (found) return found;
  }
  return undefined;
}
