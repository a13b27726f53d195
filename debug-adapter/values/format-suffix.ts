// What stands behind the commas of an expression: `,x`, `,flags(enum foo)`, `,[20]`.

import * as errors from '../errors.ts';
import type { Evaluator } from './evaluate.ts';
import type { Format } from './format.ts';
import { dereferenced, elementOf } from './members.ts';
import type { Watch } from './syntax.ts';
import { arrayOf, bare, spell } from './types.ts';
import type { Value } from './value.ts';

const RADIXES: Readonly<Record<string, NonNullable<Format['radix']>>> = {
  x: 'x',
  h: 'x',
  d: 'd',
  o: 'o',
  b: 'b',
  c: 'c',
  t: 't',
};

export async function formatOf(evaluator: Evaluator, { text, formats }: Watch): Promise<Format> {
  let format: Format = {};
  for (const { name, type, count } of formats) {
    if (count) continue;
    const radix = RADIXES[name ?? ''];
    if (name === 'flags' && type) {
      const flags = await bare(
        await evaluator.type(type).catch(() => evaluator.type({ ...type, name: `enum ${type.name}` })),
      );
      if (flags.kind !== 'enumeration')
        throw errors.notComputable(`'${await spell(flags)}' is no enumeration`);
      format = { ...format, flags };
    } else if (radix !== undefined) format = { ...format, radix };
    else if (name === 's' || name === 'su') format = { ...format, text: name };
    else if (name === 'raw') format = { ...format, raw: true };
    else
      throw errors.notAnExpression(
        text,
        text.indexOf(','),
        'one of x, d, o, b, c, s, su, t, flags(type), raw',
      );
  }
  return format;
}

/** `p, [20]`: so many elements of an array, or things behind a pointer. */
export async function shaped(evaluator: Evaluator, value: Value, { formats }: Watch): Promise<Value> {
  const wanted = formats.find(({ count }) => count)?.count;
  if (!wanted) return value;
  const count = await evaluator.count(wanted);
  if (value.kind !== 'typed') throw errors.notComputable('It has no elements to count');
  const type = await bare(value.type);
  if (type.kind === 'array') {
    const first = await elementOf(value, BigInt(type.first), evaluator.scope.memory);
    return { ...first, type: arrayOf(first.type, count, type.first) };
  }
  const first = type.kind === 'pointer' ? await dereferenced(value, evaluator.scope.memory) : value;
  return { ...first, type: arrayOf(first.type, count) };
}
