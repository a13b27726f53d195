// When of many hits one counts: `5` and `==5` the fifth, `>5`, `>=5`, `<5`, `<=5`, `%5` every fifth.

import type { HitCondition } from '../../emulator/machine/stop-programs.ts';
import * as errors from '../errors.ts';

/** Throws for what is no hit condition. */
export function parseHitCondition(text: string): HitCondition {
  const match = /^(==|=|>=|>|<=|<|%)?\s*(\d{1,15})$/.exec(text.trim());
  const [, sign = '==', digits = '0'] = match ?? [];
  const operator = (sign === '=' ? '==' : sign) as HitCondition['operator'];
  const count = Number(digits);
  if (!match || (operator === '%' && count === 0)) throw errors.notAHitCondition(text);
  return { operator, count };
}
