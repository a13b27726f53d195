import { expect, test } from 'vitest';
import { standing } from './standing.ts';

test('$prev is the value at the stop before, if it was looked at there', async () => {
  const program = await standing('things.elf', { pc: 0x400000n, x: { 0: 41n } });
  const value = async (text: string): Promise<string> => (await program.print(text)).value;
  expect(await value('$prev(thing.i)')).toBe('<not evaluated at the stop before>');
  await program.change('thing.i = 5');
  // The last look of a stop counts.
  expect(await value('$prev(thing.i)')).toBe('<not evaluated at the stop before>');
  program.nextStop();
  await program.change('thing.i = 7');
  expect(await value('$prev( thing.i )')).toBe('5');
  expect(await value('thing.i - $prev(thing.i)')).toBe('2');
  expect(await value('$prev(thing.points[1].y + 1)')).toBe('<not evaluated at the stop before>');
  program.nextStop();
  expect(await value('$prev(thing.i)')).toBe('7');
  program.nextStop();
  program.nextStop();
  expect(await value('$prev(thing.i)')).toBe('<not evaluated at the stop before>');
});

test('whole structures, bit-fields and registers are kept as they were', async () => {
  const program = await standing('things.elf', { pc: 0x400000n, x: { 0: 41n } });
  const value = async (text: string): Promise<string> => (await program.print(text)).value;
  for (const text of ['$prev(thing.points[0])', '$prev(thing.b1)', '$prev($x0)', '$prev(x)'])
    await value(text);
  program.nextStop();
  for (const change of ['thing.points[0].x = 9', 'thing.b1 = 1', 'x = 3']) await program.change(change);
  expect(await value('$prev(thing.points[0])')).toBe('{x = 1, y = 2}');
  expect(await value('$prev(thing.b1)')).toBe('5');
  expect(await value('$prev($x0)')).toBe('0x29');
  expect(await value('$prev(x)')).toBe('41');
});

test('$at says that there is no history', async () => {
  const program = await standing('things.elf', { pc: 0x400000n });
  await expect(program.print('$at(100, thing.i)')).rejects.toThrow('needs time travel');
});
