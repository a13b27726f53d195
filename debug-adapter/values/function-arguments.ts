// What the functions of expressions are given: values, addresses, types and members, which C's grammar does not take
// as arguments of one.

import * as errors from '../errors.ts';
import type { Evaluator } from './evaluate.ts';
import { findMember } from './members.ts';
import { addressNeeded, integerOf, scalarOf } from './scalars.ts';
import type { Node, TypeSyntax } from './syntax.ts';
import { bare, spell, WORD } from './types.ts';
import type { Type } from './types.ts';
import { ofInteger } from './value.ts';
import type { TypedValue } from './value.ts';

export type Argument = Node | TypeSyntax;

export function argument(args: readonly Argument[], index: number, form: string): Node {
  const found = args[index];
  if (!found || found.kind === 'type') throw errors.notComputable(`It is called like this: ${form}`);
  return found;
}

export async function address(
  evaluator: Evaluator,
  args: readonly Argument[],
  form: string,
): Promise<TypedValue> {
  const value = await evaluator.typed(argument(args, 0, form));
  // The address of what is no number is meant by naming it.
  const type = await bare(value.type);
  if (type.kind === 'structure') return ofInteger(WORD, 8, addressNeeded(value), value.space);
  const scalar = await scalarOf(value, evaluator.scope.memory);
  if (scalar.kind === 'float') throw errors.notComputable(`It is called like this: ${form}`);
  return ofInteger(WORD, 8, scalar.value, value.space);
}

export const numberOf = (evaluator: Evaluator, value: TypedValue): Promise<bigint> =>
  integerOf(value, evaluator.scope.memory);

/** A type as an argument, which looks like a name when it is one word. */
export async function typeArgument(
  evaluator: Evaluator,
  given: Argument | undefined,
  form: string,
): Promise<Type> {
  if (given?.kind === 'type') return evaluator.type(given);
  if (given?.kind !== 'name') throw errors.notComputable(`It is called like this: ${form}`);
  const { from, to, name } = given;
  return evaluator.type({ kind: 'type', from, to, name, pointers: 0, toFunction: 0, dimensions: [] });
}

/** The name of a member; a structure may have the same tag, as `rb_node` has, and is not meant. */
export function memberArgument(args: readonly Argument[], index: number, form: string): Node {
  const given = args[index];
  if (given?.kind !== 'type' || given.pointers + given.toFunction + given.dimensions.length > 0) {
    return argument(args, index, form);
  }
  const { from, to, name } = given;
  return { kind: 'name', from, to, name, within: undefined };
}

/** `a.b` within a structure, in bytes. */
export async function offsetIn(type: Type, path: Node, form: string): Promise<number> {
  const { member } = await memberAt(type, path, form);
  return Math.floor(member / 8);
}

async function memberAt(
  type: Type,
  path: Node,
  form: string,
): Promise<{ readonly member: number; readonly type: Type }> {
  if (path.kind !== 'name' && path.kind !== 'member')
    throw errors.notComputable(`It is called like this: ${form}`);
  const outer = path.kind === 'member' ? await memberAt(type, path.of, form) : { member: 0, type };
  const structure = await bare(outer.type);
  const found = structure.kind === 'structure' ? await findMember(structure, path.name, 0) : undefined;
  if (!found) throw errors.notComputable(`'${await spell(outer.type)}' has no member '${path.name}'`);
  return { member: outer.member + found.bitOffset, type: await found.member.type.resolve() };
}
