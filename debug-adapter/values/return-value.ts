// What a function returned, after it has been stepped out of: in registers, as the procedure call standard
// has it (AAPCS64, section 6.9).

import type { LexicalScope } from '../../emulator/formats/dwarf/model.ts';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import type { Scope } from './scope.ts';
import { bare, sizeOf } from './types.ts';
import type { FloatType, Type } from './types.ts';
import { missing } from './value.ts';
import type { Storage, StoragePiece, TypedValue } from './value.ts';

/** A function that somebody steps out of. */
export interface Leaving {
  readonly vcpu: VcpuId;
  readonly name: string;
  /** Type of its value. */
  readonly returns: NonNullable<LexicalScope['returns']>;
  /** Where it returns to. */
  readonly to: bigint;
  /** Of the stop behind it: see Handles. */
  readonly generation: number;
}

/** Undefined: nothing is known of it, or it returns nothing. */
export async function leaving(
  debuggee: Debuggee,
  vcpu: VcpuId,
  generation: number,
): Promise<Leaving | undefined> {
  const [frame, caller] = await debuggee.walk(vcpu, 2);
  if (!frame) return undefined;
  const { map, program } = debuggee.targetFor(vcpu).imageAt(frame.lookupPc);
  const link = map.toLink(frame.lookupPc);
  if (!caller || link === undefined || !program) return undefined;
  const scopes = await program.scopesAt(link);
  const left = scopes.find(({ kind }) => kind === 'function');
  if (left?.returns === undefined) return undefined;
  return { vcpu, name: left.name ?? 'function', returns: left.returns, to: caller.pc, generation };
}

export async function returnValue(scope: Scope, { returns }: Leaving): Promise<TypedValue> {
  const type = await (scope.target.types?.get(returns) ?? Promise.reject(new Error('no types')));
  const size = (await sizeOf(type)) ?? 0;
  const float = await uniformFloat(type);
  const storage = await storageFor(scope, size, float);
  return storage
    ? { kind: 'typed', type, storage, offset: 0, space: scope.space }
    : missing(type, 'returned in memory that the caller chose', scope.space);
}

async function storageFor(
  scope: Scope,
  size: number,
  float: FloatType | undefined,
): Promise<Storage | undefined> {
  const each = float?.size ?? 8;
  const count = Math.ceil(size / each);
  if (count > (float ? 4 : 2) || count === 0) return undefined;
  const pieces: StoragePiece[] = [];
  for (let i = 0; i < count; i++) {
    const storage = await scope.register(float ? 64 + i : i);
    if (storage.kind === 'pieces') return undefined;
    pieces.push({ storage, bits: 8 * each, bitOffset: 0 });
  }
  const [only] = pieces;
  return pieces.length === 1 && only ? only.storage : { kind: 'pieces', pieces };
}

/** The member type of a homogeneous floating-point aggregate, or the type itself. */
async function uniformFloat(type: Type, depth = 0): Promise<FloatType | undefined> {
  const core = await bare(type);
  if (core.kind === 'float') return core;
  if (core.kind === 'array') return uniformFloat(await core.element.resolve(), depth + 1);
  if (core.kind !== 'structure' || depth > 8 || core.members.length === 0) return undefined;
  let found: FloatType | undefined;
  for (const member of core.members) {
    const float = await uniformFloat(await member.type.resolve(), depth + 1);
    if (!float || (found && found.size !== float.size)) return undefined;
    found = float;
  }
  return found;
}
