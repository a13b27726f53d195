// The line at an address, as steps take it.

import type { Target } from '../symbols/target.ts';
import type { LineRange } from './step-context.ts';

/** Undefined where no line is known. */
export async function lineRange(target: Target, pc: bigint): Promise<LineRange | undefined> {
  const code = await target.lineAt(pc);
  const scopes = await target.scopesAt(pc, true);
  const [shown] = scopes;
  if (!code || !shown) return undefined;
  return {
    start: code.start,
    end: code.end,
    statement: code.statement,
    code,
    shown,
    scope: scopes.map(({ name }) => name ?? '').reverse(),
  };
}
