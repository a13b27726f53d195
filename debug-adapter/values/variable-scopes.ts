// The groups of variables of a frame: arguments, locals of its blocks, statics of its file.

import type { LexicalScope, Variable } from '../../emulator/formats/dwarf/model.ts';
import type { Child } from './children.ts';
import type { VariableScope } from './handles.ts';
import { defined } from './names.ts';
import type { Scope } from './scope.ts';

export interface Declared {
  readonly child: Child;
  readonly declared: Variable['declared'];
}

export async function variablesIn(
  scope: Scope,
  group: Exclude<VariableScope, 'return'>,
): Promise<readonly Variable[]> {
  if (group === 'statics') {
    const { link, program } = scope;
    const statics = link === undefined || !program ? [] : await program.staticsAt(link);
    return defined(statics);
  }
  const scopes = await scope.lexicalScopes();
  return scopes.flatMap((one) => one.variables.filter((variable) => isIn(group, variable, one)));
}

/** Parameters of a function inlined into a block of another are arguments of its own frame. */
const isIn = (group: 'arguments' | 'locals', { kind }: Variable, scope: LexicalScope): boolean =>
  (kind === 'parameter' && scope.kind !== 'block') === (group === 'arguments');

export async function declaredIn(
  scope: Scope,
  group: Exclude<VariableScope, 'return'>,
  start: number,
  end: number,
): Promise<readonly Declared[]> {
  const variables = await variablesIn(scope, group);
  const seen = new Set(await hiddenBy(scope, group));
  const all: Declared[] = [];
  for (const [i, variable] of variables.entries()) {
    const { name, declared } = variable;
    // The name alone means the inner one.
    const isHidden = seen.has(name);
    seen.add(name);
    if (i < start || i >= end) continue;
    const value = await scope.valueOf(variable);
    const shown = isHidden && declared ? `${name} (line ${declared.line})` : name;
    all.push({ child: { name: shown, value, expression: isHidden ? undefined : name }, declared });
  }
  return all;
}

/** Names of the frame hide statics, and those of inner blocks hide arguments. */
async function hiddenBy(scope: Scope, group: VariableScope): Promise<readonly string[]> {
  if (group === 'locals') return [];
  const locals = await scope.locals();
  return locals.filter(({ kind }) => group === 'statics' || kind !== 'parameter').map(({ name }) => name);
}
