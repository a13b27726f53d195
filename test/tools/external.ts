// Inputs of tests that come from outside of the repository. A test that lacks one is skipped and says
// what is missing; continuous integration counts that as a failure.

import { test } from 'vitest';

export type External<T> = { readonly value: T } | { readonly missing: string };

/** `name` as a person would ask for it: "Debian's arm64 kernel". */
export async function external<T>(
  name: string,
  get: () => T | undefined | Promise<T | undefined>,
): Promise<External<T>> {
  try {
    const value = await get();
    return value === undefined ? { missing: name } : { value };
  } catch (error) {
    return { missing: `${name} (${error instanceof Error ? error.message : String(error)})` };
  }
}

type ValueOf<Input> = Input extends { readonly value: infer Value } ? Value : never;

/** A test over external inputs, all of which must be there. */
export function testWith<const Inputs extends readonly External<unknown>[]>(
  inputs: Inputs,
  title: string,
  body: (...values: { -readonly [K in keyof Inputs]: ValueOf<Inputs[K]> }) => Promise<void> | void,
): void {
  const missing = inputs.flatMap((input) => ('missing' in input ? [input.missing] : []));
  if (missing.length > 0) {
    test.skip(`${title} [missing: ${missing.join('; ')}]`, () => {});
    return;
  }
  const values = inputs.map((input) => ('value' in input ? input.value : undefined));
  test(title, async () => body(...(values as Parameters<typeof body>)));
}
