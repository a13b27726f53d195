// That what a variable says of itself leads back to it: its expression has the value that it shows, and so have the
// expressions of all that it can be expanded to.

import { UserError } from '../../../emulator/base/errors.ts';
import { childCounts, childrenOf } from '../../../debug-adapter/values/children.ts';
import type { Child } from '../../../debug-adapter/values/children.ts';
import { Evaluator, parseIn } from '../../../debug-adapter/values/evaluate.ts';
import { Presenter } from '../../../debug-adapter/values/present.ts';
import type { Scope } from '../../../debug-adapter/values/scope.ts';
import type { Value } from '../../../debug-adapter/values/value.ts';
import { declaredIn } from '../../../debug-adapter/values/variable-scopes.ts';

export interface RoundTrips {
  checked: number;
  readonly broken: string[];
}

/** Of an array or a structure, however many it has. */
const MOST_CHILDREN = 12;

export async function roundTripsOf(scope: Scope, depth: number, into: RoundTrips): Promise<void> {
  for (const group of ['arguments', 'locals'] as const) {
    for (const { child } of await declaredIn(scope, group, 0, 100)) await check(scope, child, depth, into);
  }
}

export async function check(scope: Scope, child: Child, depth: number, into: RoundTrips): Promise<void> {
  const { value, expression, isAnonymous } = child;
  if (value.kind === 'deferred') return;
  if (expression !== undefined && isAnonymous !== true) {
    const text = (found: Value): Promise<string> => new Presenter(scope).text(found, {});
    const shown = await text(value);
    const found = await evaluate(scope, expression).then(text, (error: unknown) => {
      if (error instanceof UserError) return `!${error.message}`;
      throw error;
    });
    into.checked++;
    if (found !== shown) into.broken.push(`${expression} is ${found}, shown as ${shown}`);
  }
  if (depth === 0) return;
  const { named, indexed } = await childCounts(value, scope);
  const children = await childrenOf(value, expression, scope, 0, Math.min(named + indexed, MOST_CHILDREN));
  for (const inner of children) await check(scope, inner, depth - 1, into);
}

async function evaluate(scope: Scope, expression: string): Promise<Value> {
  const { expression: node } = await parseIn(scope, expression);
  const lookup = { disassemble: async () => '', previous: async (_: string, now: Value) => now };
  return new Evaluator(scope, { effects: false, lookup }).evaluate(node);
}
