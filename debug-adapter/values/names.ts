// What a name means where an expression is evaluated: a variable of the frame, a static one of its file, a
// global one, a function, an enumerator, or a symbol of which nothing but its address is known.

import type { Variable } from '../../emulator/formats/dwarf/model.ts';
import { DW_OP_addr } from '../../emulator/formats/dwarf/operations.ts';
import * as errors from '../errors.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { Scope } from './scope.ts';
import { INT, LONG, WORD } from './types.ts';
import { inMemory, ofInteger } from './value.ts';
import type { TypedValue } from './value.ts';

export async function namedValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const local = (await scope.locals()).find((variable) => variable.name === name);
  return local ? scope.valueOf(local) : globalValue(scope, name);
}

/** Without what only the frame knows. */
export async function globalValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const { program, link } = scope;
  const [variable] = program ? defined(await program.variables(name, link)) : [];
  if (variable) return scope.valueOf(variable);
  return (
    (await functionValue(scope, name)) ?? (await enumeratorValue(scope, name)) ?? symbolValue(scope, name)
  );
}

/** A declaration elsewhere has no place; neither has what the linker discarded, whose address is 0 then. */
export const defined = (variables: readonly Variable[]): readonly Variable[] =>
  variables.filter(({ location }) => location.kind !== 'none' && !isDiscarded(location));

const isDiscarded = (location: Variable['location']): boolean =>
  location.kind === 'expression' &&
  location.expression.bytes[0] === DW_OP_addr &&
  location.expression.bytes.length === 9 &&
  location.expression.bytes.every((byte, i) => i === 0 || byte === 0);

async function functionValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const { program, target, link } = scope;
  const [address] = target.addressesOf(name);
  if (address === undefined || !program || !target.types) return undefined;
  const type = await program.functionType(name, link);
  if (!type) return undefined;
  const toRuntime = await scope.toRuntime();
  return inMemory(target.types.functionType(type), scope.space, toRuntime(address));
}

async function enumeratorValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const value = await scope.program?.enumerator(name, scope.link);
  if (value === undefined) return undefined;
  const type = BigInt.asIntN(32, value) === value ? INT : LONG;
  return ofInteger(type, type.size, value, scope.space);
}

/** Its address. */
export async function symbolValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const [address] = scope.target.addressesOf(name);
  if (address === undefined) return undefined;
  const toRuntime = await scope.toRuntime();
  return ofInteger(WORD, 8, toRuntime(address), scope.space);
}

/** `sched/core.c'runqueues`: of the file whose path ends so. */
export async function staticValue(scope: Scope, file: string, name: string): Promise<TypedValue> {
  const variables = defined((await scope.program?.variables(name, scope.link)) ?? []);
  const found = variables.find(({ declared }) => declared && `/${declared.file}`.endsWith(`/${file}`));
  if (!found) throw errors.unknownName(`${file}'${name}`);
  return scope.valueOf(found);
}

/** `function::static`, or a name of a namespace. */
export async function pathValue(scope: Scope, within: string, name: string): Promise<TypedValue> {
  const { program, target, link } = scope;
  const [spaced] = program ? defined(await program.variables(`${within}::${name}`, link)) : [];
  if (spaced) return scope.valueOf(spaced);
  for (const address of program ? target.addressesOf(within) : []) {
    const scopes = (await program?.scopesAt(address)) ?? [];
    const found = scopes.flatMap(({ variables }) => variables).find((v) => v.name === name);
    if (found?.kind === 'static') return scope.valueOf(found);
  }
  const enumerator = await enumeratorValue(scope, name);
  if (enumerator) return enumerator;
  throw errors.unknownName(`${within}::${name}`);
}

/** `d1!jiffies`, or the image's name before the `!`. */
export async function foreignValue(scope: Scope, program: string, name: string): Promise<TypedValue> {
  const wanted = program.toLowerCase();
  for (const target of scope.debuggee.targets) {
    const isMeant =
      nameOfDomain(target.domain) === wanted ||
      (target.domain === scope.at.vcpu.domain && stem(target.image.name) === wanted);
    if (!isMeant) continue;
    const value = await globalValue(await scopeOfDomain(scope, target.domain), name);
    if (value) return value;
  }
  throw errors.unknownName(`${program}!${name}`);
}

const stem = (file: string): string => file.toLowerCase().replace(/\.(elf|ko|img|debug)$/, '');

/** The scope of the innermost frame of another domain's first vCPU; of one's own domain the same. */
export async function scopeOfDomain(scope: Scope, domain: number, vcpu?: number): Promise<Scope> {
  const { at, debuggee, memory } = scope;
  if (domain === at.vcpu.domain && (vcpu ?? at.vcpu.vcpu) === at.vcpu.vcpu) return scope;
  const other = { domain, vcpu: vcpu ?? 0 };
  const [frame] = await debuggee.walk(other, 1);
  if (!frame) throw errors.unknownSpace(nameOfDomain(domain));
  return new Scope(debuggee, { vcpu: other, index: 0, frame, inlined: 0 }, memory);
}

/** Whether a name stands for a type here: a variable of that name hides it. */
export async function isTypeName(scope: Scope, name: string): Promise<boolean> {
  if ((await scope.locals()).some((variable) => variable.name === name)) return false;
  const type = await scope.target.types?.named(name, scope.link);
  if (type?.kind !== 'structure' && type?.kind !== 'enumeration') return type !== undefined;
  // The tag alone names the type in C++ only; in C a variable often has the same name.
  return (await scope.program?.variables(name, scope.link))?.length === 0;
}
