// What a name means where an expression is evaluated: a variable of the frame, a static one of its file, a
// global one, a function, an enumerator, or a symbol of which nothing but its address is known.

import type { Variable } from '../../emulator/formats/dwarf/model.ts';
import { DW_OP_addr } from '../../emulator/formats/dwarf/operations.ts';
import * as errors from '../errors.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { Scope } from './scope.ts';
import { LONG, WORD } from './types.ts';
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
  const own =
    (await functionValue(scope, name)) ??
    (await enumeratorValue(scope, name)) ??
    (await symbolValue(scope, name));
  return own ?? (scope.below && globalValue(scope.below, name));
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
  const [address] = scope.target.addressesOf(name);
  const type = address === undefined ? undefined : await scope.program?.functionType(name, scope.link);
  return address === undefined || !type ? undefined : functionAt(scope, name, address);
}

/** Of one name there may be several, one for each file. */
async function functionAt(scope: Scope, name: string, address: bigint): Promise<TypedValue> {
  const { program, target } = scope;
  const type = await program?.functionType(name, address);
  const toRuntime = await scope.toRuntime();
  if (!type || !target.types) return ofInteger(WORD, 8, toRuntime(address), scope.space);
  return inMemory(target.types.functionType(type), scope.space, toRuntime(address));
}

async function enumeratorValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const found = await scope.program?.enumerator(name, scope.link);
  const type = found && (await scope.target.types?.get(found.type));
  // Without a type that holds it there is a number still.
  if (type?.kind === 'enumeration') return ofInteger(type, type.size, found?.value ?? 0n, scope.space);
  return found && ofInteger(LONG, LONG.size, found.value, scope.space);
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
  if (found) return scope.valueOf(found);
  const { target } = scope;
  for (const address of target.addressesOf(name)) {
    const line = await target.lineAt(target.map.toRuntime(address));
    if (line && `/${line.path}`.endsWith(`/${file}`)) return functionAt(scope, name, address);
  }
  throw errors.unknownName(`${file}'${name}`);
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
  const called = await functionValue(scope, `${within}::${name}`);
  if (called) return called;
  // Names of enumerations stand beside them in the index: `ns::Color::RED` is `ns::RED` there.
  const around = within.replace(/(?:^|::)[^:]*$/, '');
  for (const path of [`${within}::${name}`, around === '' ? name : `${around}::${name}`, name]) {
    const enumerator = await enumeratorValue(scope, path);
    if (enumerator) return enumerator;
  }
  throw errors.unknownName(`${within}::${name}`);
}

/** `d1!jiffies`, or the image's name before the `!`: of the kernel, a module, the program that the vCPU runs. */
export async function foreignValue(scope: Scope, program: string, name: string): Promise<TypedValue> {
  const wanted = program.toLowerCase();
  const { debuggee } = scope;
  for (const target of debuggee.targets) {
    if (nameOfDomain(target.domain) !== wanted) continue;
    const value = await globalValue(await scopeOfDomain(scope, target.domain), name);
    if (value) return value;
  }
  const here = debuggee.targetFor(scope.at.vcpu);
  for (const image of [here, ...here.loaded]) {
    const isMeant = stem(image.image.name) === wanted || asName(image.image.name) === wanted;
    const value = isMeant ? await globalValue(scope.within(image), name) : undefined;
    if (value) return value;
  }
  throw errors.unknownName(`${program}!${name}`);
}

/** As an expression can name it: `my-program` is `my_program`. */
const asName = (file: string): string => stem(file).replaceAll(/\W/g, '_');

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
  const type = await scope.typeNamed(name);
  if (type?.kind !== 'structure' && type?.kind !== 'enumeration') return type !== undefined;
  // The tag alone names the type in C++ only; in C a variable often has the same name.
  return (await scope.program?.variables(name, scope.link))?.length === 0;
}
