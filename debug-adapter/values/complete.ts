// What may stand where the cursor is: members behind a dot or an arrow, registers and functions behind a
// dollar sign, names of the frame and of the program.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/errors.ts';
import { littleEndian } from '../../emulator/formats/dwarf/operations.ts';
import { fieldName, fieldsOf } from '../register-fields.ts';
import type { EvaluationOptions } from './evaluate.ts';
import { Evaluator, parseIn } from './evaluate.ts';
import { functions } from './functions.ts';
import { OBJECT_NAMES } from './objects.ts';
import { CONTEXT_NAMES } from './registers.ts';
import type { Scope } from './scope.ts';
import { bare, spell } from './types.ts';
import type { StructureType } from './types.ts';
import type { Value } from './value.ts';

type Item = Pick<Dap.CompletionItem, 'label' | 'type' | 'detail'>;

export interface Completions {
  readonly items: readonly Item[];
  /** How many letters before the cursor they replace. */
  readonly length: number;
}

const MOST = 100;
const NOTHING: Completions = { items: [], length: 0 };

/** `text`: what stands before the cursor. */
export async function completionsOf(
  scope: Scope,
  options: EvaluationOptions,
  text: string,
): Promise<Completions> {
  // Not within a string.
  if ((text.match(/"/g)?.length ?? 0) % 2 === 1) return NOTHING;
  const member = /^(.*?)(\.|->)\s*(\w*)$/s.exec(text);
  if (member) {
    const [, before = '', , prefix = ''] = member;
    const operand = operandAtEnd(before);
    if (operand !== '') return membersBehind(scope, options, operand, prefix);
  }
  const dollar = /\$(\w*)$/.exec(text);
  if (dollar) return { items: await dollarNames(scope, dollar[1] ?? ''), length: dollar[1]?.length ?? 0 };
  const word = /(?:^|[^\w'"$])([A-Za-z_]\w*)?$/.exec(text);
  if (!word) return NOTHING;
  const prefix = word[1] ?? '';
  return { items: await names(scope, prefix), length: prefix.length };
}

/** The postfix expression that ends here: `b->c[1]` of `a + b->c[1]`. */
export function operandAtEnd(text: string): string {
  let at = text.length;
  while (at > 0) {
    const rest = text.slice(0, at);
    const last = rest.at(-1) ?? '';
    if (last === ']' || last === ')') {
      const open = openingOf(rest);
      if (open === undefined) break;
      at = open;
      // Nothing but a call or an index has something in front of it.
      if (last === ')' && !/[\w$]$/.test(text.slice(0, at))) break;
      continue;
    }
    const part = /(?:\$?[\w$]+|->|\.|::|!|')$/.exec(rest)?.[0];
    if (part === undefined) break;
    // `!` belongs to a name only between two of them.
    if (part === '!' && !/\w!$/.test(rest)) break;
    at -= part.length;
  }
  return text.slice(at);
}

function openingOf(text: string): number | undefined {
  let depth = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    if (text[i] === ']' || text[i] === ')') depth++;
    else if ((text[i] === '[' || text[i] === '(') && --depth === 0) return i;
  }
  return undefined;
}

async function membersBehind(
  scope: Scope,
  options: EvaluationOptions,
  operand: string,
  prefix: string,
): Promise<Completions> {
  try {
    const watch = await parseIn(scope, operand);
    const value = await new Evaluator(scope, options).evaluate(watch.expression);
    const items = (await membersOf(value)).filter(({ label }) => startsWith(label, prefix));
    return { items: items.slice(0, 4 * MOST), length: prefix.length };
  } catch (error) {
    if (error instanceof UserError) return NOTHING;
    throw error;
  }
}

async function membersOf(value: Value): Promise<readonly Item[]> {
  if (value.kind === 'tree') {
    const { data } = value;
    const keys = typeof data === 'object' && data !== null ? Object.keys(data) : [];
    return keys.map((label) => ({ label, type: 'property' }));
  }
  if (value.kind !== 'typed') return [];
  const type = await bare(value.type);
  if (type.kind === 'integer' && value.storage.kind === 'register' && !value.bits) {
    const fields = fieldsOf(value.storage.name, littleEndian(value.storage.bytes));
    return fields
      .filter(({ reserved }) => !reserved)
      .map((field) => ({ label: fieldName(field), type: 'field', detail: field.doc }));
  }
  const outer = type.kind === 'pointer' ? await bare(await type.target.resolve()) : type;
  return outer.kind === 'structure' ? structureMembers(outer, 0) : [];
}

async function structureMembers({ members }: StructureType, depth: number): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (const { name, type } of members) {
    const memberType = await type.resolve();
    if (name !== undefined) {
      items.push({ label: name, type: 'field', detail: await spell(memberType) });
      continue;
    }
    const inner = await bare(memberType);
    if (inner.kind === 'structure' && depth < 8) items.push(...(await structureMembers(inner, depth + 1)));
  }
  return items;
}

async function dollarNames(scope: Scope, prefix: string): Promise<readonly Item[]> {
  const general = [
    ...Array.from({ length: 31 }, (_, n) => `x${n}`),
    'sp',
    'pc',
    'lr',
    'fp',
    'nzcv',
    'pstate',
  ];
  const vectors = Array.from({ length: 32 }, (_, n) => `v${n}`);
  const system = (await scope.debuggee.system(scope.at.vcpu)).map(({ name }) => name);
  const registers = [...general, ...vectors, ...system].map((label): Item => ({ label, type: 'variable' }));
  const calls = Object.entries(functions)
    .filter(([, { isAbsent }]) => !isAbsent)
    .map(([name, { form }]): Item => ({ label: name.slice(1), type: 'function', detail: form }));
  const objects = OBJECT_NAMES.map((label): Item => ({ label, type: 'module', detail: `$${label}[…]` }));
  const context = CONTEXT_NAMES.map((label): Item => ({ label, type: 'value' }));
  const current: Item = { label: 'current', type: 'value', detail: 'task of the guest' };
  const threads: Item = { label: 'threads', type: 'value', detail: 'tasks of the guest' };
  const all = [current, threads, ...context, ...calls, ...objects, ...registers];
  return all.filter(({ label }) => startsWith(label, prefix)).slice(0, 4 * MOST);
}

const KINDS = {
  function: 'function',
  variable: 'variable',
  type: 'class',
  enumerator: 'enum',
} as const;

async function names(scope: Scope, prefix: string): Promise<readonly Item[]> {
  const items = new Map<string, Item>();
  for (const { name } of await scope.locals()) {
    if (startsWith(name, prefix)) items.set(name, { label: name, type: 'variable' });
  }
  if (prefix !== '') {
    for (const { name, kind } of (await scope.program?.names(prefix, MOST)) ?? []) {
      if (!items.has(name)) items.set(name, { label: name, type: KINDS[kind] });
    }
  }
  return [...items.values()].slice(0, MOST);
}

const startsWith = (label: string, prefix: string): boolean =>
  label.toLowerCase().startsWith(prefix.toLowerCase());
