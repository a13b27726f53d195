// Members that are there at times only: the variants of a Rust enumeration, told apart by a discriminant, which may
// be a niche of one of them.

import type { GuestMemory } from './guest-memory.ts';
import { bare, sizeOf } from './types.ts';
import type { StructureMember, StructureType } from './types.ts';
import { partOf, readUnsigned } from './value.ts';
import type { TypedValue } from './value.ts';

export const hasVariants = ({ members }: StructureType): boolean =>
  members.some(({ when }) => when !== undefined);

/** Those that are there now. */
export async function presentMembers(
  value: TypedValue,
  { members }: StructureType,
  memory: GuestMemory,
): Promise<readonly StructureMember[]> {
  const present: StructureMember[] = [];
  const others: StructureMember[] = [];
  let isChosen = false;
  for (const member of members) {
    const { when } = member;
    if (!when) present.push(member);
    else if (when.values.length === 0) others.push(member);
    else if (await holds(value, when, memory)) {
      present.push(member);
      isChosen = true;
    }
  }
  return isChosen ? present : [...present, ...others];
}

async function holds(
  value: TypedValue,
  { discriminant, values }: NonNullable<StructureMember['when']>,
  memory: GuestMemory,
): Promise<boolean> {
  const type = await discriminant.type.resolve();
  const size = (await sizeOf(type)) ?? 0;
  if (size === 0) return false;
  const part = partOf(value, type, discriminant.bitOffset, discriminant.bitSize);
  const now = await readUnsigned(part, size, memory.read.bind(memory));
  // A compiler may write a value longer or shorter than its type, with its sign or without.
  const bits = (bound: bigint): bigint => BigInt.asUintN(8 * size, bound);
  return values.some(([first, last]) => now >= bits(first) && now <= bits(last));
}

/** Of an enumeration the variant that it is, with its own members; anything else as it is. */
export async function narrowed(value: TypedValue, memory: GuestMemory): Promise<TypedValue> {
  const type = await bare(value.type);
  if (type.kind !== 'structure' || !hasVariants(type)) return value;
  const variant = (await presentMembers(value, type, memory)).find(({ when }) => when !== undefined);
  if (!variant) return value;
  return partOf(value, await variant.type.resolve(), variant.bitOffset, variant.bitSize);
}
