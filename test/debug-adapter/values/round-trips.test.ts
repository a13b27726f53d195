import { expect, test } from 'vitest';
import { check, roundTripsOf } from '../support/round-trips.ts';
import type { RoundTrips } from '../support/round-trips.ts';
import { standing } from './standing.ts';

test.each([
  ['things.elf', 0x400000n],
  ['containers.elf', 0x400000n],
  ['kinds.elf', 0x400000n],
  ['rust.elf', 0x400000n],
])('what variables of %s say of themselves leads back to them', async (file, pc) => {
  const program = await standing(file, { pc, x: { 0: 0x401140n } });
  const { scope } = program;
  const result: RoundTrips = { checked: 0, broken: [] };
  await roundTripsOf(scope, 3, result);
  const names = (await scope.program?.names('', 1000)) ?? [];
  for (const { name, kind } of names) {
    const expression = file === 'rust.elf' ? `alloc::${name}` : name;
    if (kind !== 'variable' || /^(?:BYTES|SEVEN|WORDS|count)$/.test(name)) continue;
    const value = await program
      .evaluate(name.includes('::') ? name : expression)
      .catch(() => program.evaluate(name));
    await check(scope, { name, value, expression: name.includes('::') ? name : expression }, 4, result);
  }
  expect(result.broken).toEqual([]);
  expect(result.checked).toBeGreaterThan(20);
});

test('objects of the hypervisor are reached by their keys, nodes of xenstore by their paths', async () => {
  const { childrenOf } = await import('../../../debug-adapter/values/children.ts');
  const { scope } = await standing('things.elf', { pc: 0x400000n });
  const expressions = async (data: unknown, expression: string): Promise<unknown> =>
    (await childrenOf({ kind: 'tree', data, space: scope.space }, expression, scope, 0, 9)).map(
      (c) => c.expression,
    );
  expect(await expressions({ 'vbd-51712': {}, console: {} }, '$ring')).toEqual([
    '$ring["vbd-51712"]',
    '$ring["console"]',
  ]);
  expect(await expressions({ 3: {} }, '$evtchn')).toEqual(['$evtchn[3]']);
  expect(await expressions({ local: {} }, '$xs')).toEqual(['$xs("/local")']);
  expect(await expressions({ '51712': {} }, '$xs("/local/domain/1/device/vbd")')).toEqual([
    '$xs("/local/domain/1/device/vbd/51712")',
  ]);
  expect(await expressions({ port: 3, words: '' }, '$evtchn[3]')).toEqual([
    '$evtchn[3].port',
    '$evtchn[3].words',
  ]);
});
