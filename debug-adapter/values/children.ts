// What a value shows when it is expanded: members, elements, what a pointer points to, fields of a register.

import { littleEndian } from '../../emulator/formats/dwarf/operations.ts';
import { fieldName, fieldsOf } from '../register-fields.ts';
import { containerOfType, entriesOf } from './containers.ts';
import { dereferenced, elementOf, referent } from './members.ts';
import { rustView } from './rust-values.ts';
import { scalarOf } from './scalars.ts';
import type { Scope } from './scope.ts';
import { bare, WORD } from './types.ts';
import type { StructureType, Type } from './types.ts';
import { Missing, partOf } from './value.ts';
import type { TypedValue, Value } from './value.ts';
import { narrowed } from './variants.ts';

export interface Child {
  readonly name: string;
  readonly value: Value;
  /** What the user would type for it. */
  readonly expression: string | undefined;
  /** Without a name of its own: the expression is that of what is around it, to which its members belong too. */
  readonly isAnonymous?: boolean;
}

export interface ChildCounts {
  readonly named: number;
  readonly indexed: number;
}

const NONE: ChildCounts = { named: 0, indexed: 0 };
/** Of arrays whose length is not known. */
const MOST_ELEMENTS = 2 ** 31 - 1;

export async function childCounts(value: Value, scope: Scope): Promise<ChildCounts> {
  switch (value.kind) {
    case 'text':
      return NONE;
    case 'list': {
      const { length } = value.items;
      return value.isArray === true ? { named: 0, indexed: length } : { named: length, indexed: 0 };
    }
    case 'deferred':
      return { named: 1, indexed: 0 };
    case 'tree': {
      const { data } = value;
      if (Array.isArray(data)) return { named: 0, indexed: data.length };
      return { named: typeof data === 'object' && data !== null ? Object.keys(data).length : 0, indexed: 0 };
    }
    case 'typed':
      return unlessMissing(NONE, async () => typedCounts(await referent(value, scope.memory), scope));
  }
}

async function typedCounts(value: TypedValue, scope: Scope): Promise<ChildCounts> {
  if (value.storage.kind === 'missing') return NONE;
  const type = await bare(value.type);
  switch (type.kind) {
    case 'structure':
      return structureCounts(value, type, scope);
    case 'array':
      return { named: 0, indexed: Math.min(type.count ?? 0, MOST_ELEMENTS) };
    case 'pointer': {
      const target = await type.target.resolve();
      const pointee = await bare(target);
      if (!(await leadsSomewhere(value, pointee, scope))) return NONE;
      if (pointee.kind === 'structure')
        return structureCounts(await dereferenced(value, scope.memory), pointee, scope);
      return { named: 1, indexed: 0 };
    }
    case 'integer':
      return { named: fieldsOfRegister(value).length, indexed: 0 };
    default:
      return NONE;
  }
}

async function structureCounts(value: TypedValue, type: StructureType, scope: Scope): Promise<ChildCounts> {
  const view = await rustView(value, scope.memory);
  if (view) return view.kind === 'text' ? NONE : typedCounts(view.elements, scope);
  const whole = await bare((await narrowed(value, scope.memory)).type);
  const members = whole.kind === 'structure' ? whole.members : [];
  return { named: members.length + (containerOfType(type) ? 1 : 0), indexed: 0 };
}

async function leadsSomewhere(value: TypedValue, pointee: Type, scope: Scope): Promise<boolean> {
  if (pointee.kind === 'void' || pointee.kind === 'function') return false;
  if (pointee.kind === 'structure' && pointee.isDeclaration) return false;
  if (value.storage.kind === 'points-to') return true;
  const { value: address } = await scalarOf({ ...value, type: WORD }, scope.memory);
  return address !== 0n;
}

export async function childrenOf(
  value: Value,
  expression: string | undefined,
  scope: Scope,
  start: number,
  end: number,
): Promise<readonly Child[]> {
  switch (value.kind) {
    case 'text':
      return [];
    case 'list':
      return value.items.slice(start, end).map((item) => ({
        name: item.name,
        value: item.value,
        expression: joined(expression, item.name),
      }));
    case 'deferred': {
      const resolved = await value.resolve();
      return start > 0 ? [] : [{ name: '', value: resolved, expression }];
    }
    case 'tree': {
      const { data } = value;
      if (typeof data !== 'object' || data === null) return [];
      return Object.entries(data)
        .slice(start, end)
        .map(([key, part]: [string, unknown]) => {
          const name = Array.isArray(data) ? `[${key}]` : key;
          return { name, value: { ...value, data: part }, expression: treeExpression(expression, key) };
        });
    }
    case 'typed':
      return unlessMissing([], async () =>
        typedChildren(await referent(value, scope.memory), expression, scope, start, end),
      );
  }
}

/** What cannot be read cannot be expanded; that it cannot be read its own line says. */
async function unlessMissing<T>(otherwise: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Missing) return otherwise;
    throw error;
  }
}

/** Of an object of the hypervisor; a node of xenstore by its path, which may have any name. */
function treeExpression(expression: string | undefined, key: string): string | undefined {
  const path = expression === '$xs' ? '' : /^\$xs\("([^"]*)"\)$/.exec(expression ?? '')?.[1];
  if (path !== undefined) return `$xs("${path === '/' ? '' : path}/${key}")`;
  if (/^\d+$/.test(key)) return joined(expression, `[${key}]`);
  const isName = /^[A-Za-z_]\w*$/.test(key) && expression !== '$ring';
  return joined(expression, isName ? `.${key}` : `["${key}"]`);
}

async function typedChildren(
  value: TypedValue,
  expression: string | undefined,
  scope: Scope,
  start: number,
  end: number,
): Promise<readonly Child[]> {
  const type = await bare(value.type);
  if (type.kind === 'structure')
    return structureChildren(value, type, scope, { expression, arrow: '.', start, end });
  if (type.kind === 'array') {
    const children: Child[] = [];
    for (let i = start; i < Math.min(end, type.count ?? 0); i++) {
      const name = `[${type.first + i}]`;
      const element = await elementOf(value, BigInt(type.first + i), scope.memory);
      children.push({ name, value: element, expression: elementExpression(expression, type.first + i) });
    }
    return children;
  }
  if (type.kind === 'pointer') {
    if (!(await leadsSomewhere(value, await bare(await type.target.resolve()), scope))) return [];
    const pointee = await dereferenced(value, scope.memory);
    const core = await bare(pointee.type);
    if (core.kind === 'structure')
      return structureChildren(pointee, core, scope, { expression, arrow: '->', start, end });
    if (start > 0) return [];
    const name = `*${expression === undefined ? '' : grouped(expression)}`;
    return [{ name, value: pointee, expression: expression === undefined ? undefined : name }];
  }
  return fieldsOfRegister(value)
    .slice(start, end)
    .map((field) => ({
      name: fieldName(field),
      value: partOf(value, WORD, field.low, field.high - field.low + 1),
      expression: field.reserved ? undefined : joined(expression, `.${fieldName(field)}`),
    }));
}

/** Which members are wanted, and how they are reached. */
interface Wanted {
  readonly expression: string | undefined;
  readonly arrow: '.' | '->';
  readonly start: number;
  readonly end: number;
}

async function structureChildren(
  value: TypedValue,
  type: StructureType,
  scope: Scope,
  wanted: Wanted,
): Promise<readonly Child[]> {
  const { expression, arrow, start, end } = wanted;
  const view = await rustView(value, scope.memory);
  if (view) {
    const itself = arrow === '->' ? starred(expression) : expression;
    return view.kind === 'text' ? [] : typedChildren(view.elements, itself, scope, start, end);
  }
  const whole = await narrowed(value, scope.memory);
  const core = await bare(whole.type);
  return members(whole, core.kind === 'structure' ? core : type, scope, wanted);
}

async function members(
  value: TypedValue,
  type: StructureType,
  scope: Scope,
  { expression, arrow, start, end }: Wanted,
): Promise<readonly Child[]> {
  const children: Child[] = [];
  for (const member of type.members.slice(start, end)) {
    const memberType = await member.type.resolve();
    const part = partOf(value, memberType, member.bitOffset, member.bitSize);
    if (member.name !== undefined) {
      const name = type.language === 'rust' ? member.name.replace(/^__(?=\d+$)/, '') : member.name;
      children.push({ name, value: part, expression: joined(expression, `${arrow}${name}`) });
      continue;
    }
    const core = await bare(memberType);
    const form = core.kind === 'structure' ? core.form : 'member';
    // Its members are members of the structure around it.
    const name = member.isBase && core.kind === 'structure' ? `${core.name ?? form}` : `<anonymous ${form}>`;
    const around = arrow === '->' ? starred(expression) : expression;
    if (member.isBase && around !== undefined && /^[\w:]+$/.test(name)) {
      // Members of the class itself may hide those of its bases.
      children.push({ name, value: part, expression: `(${name})${grouped(around)}` });
      continue;
    }
    children.push({ name, value: part, expression: around, isAnonymous: true });
  }
  const container = containerOfType(type);
  if (container && start <= type.members.length && end > type.members.length) {
    const call = expression === undefined ? undefined : `$${container}(${expression})`;
    const resolve = (): Promise<Value> => entriesOf(container, scope, value);
    children.push({
      name: '<entries>',
      value: { kind: 'deferred', type: container, resolve },
      expression: call,
    });
  }
  return children;
}

const starred = (expression: string | undefined): string | undefined =>
  expression === undefined ? undefined : `*${grouped(expression)}`;

function elementExpression(expression: string | undefined, index: number): string | undefined {
  if (expression === undefined) return undefined;
  // A slice is indexed as what it was taken of.
  const sliced = /^(.*)\[[^[\]]*:[^[\]]*\]$/.exec(expression);
  return `${grouped(sliced?.[1] ?? expression)}[${index}]`;
}

function joined(expression: string | undefined, suffix: string): string | undefined {
  return expression === undefined ? undefined : `${grouped(expression)}${suffix}`;
}

/** In parentheses where a suffix would belong to a part of it only. */
export function grouped(expression: string): string {
  return /^(?:d\d+!|host!|[\w./-]+')?\$?[\w:$]+(?:(?:\.|->)\w+|\[[^[\]]*\])*$/.test(expression)
    ? expression
    : `(${expression})`;
}

function fieldsOfRegister({ storage, bits, offset }: TypedValue) {
  if (storage.kind !== 'register' || bits || offset !== 0) return [];
  return fieldsOf(storage.name, littleEndian(storage.bytes));
}
