// Values of C++ and Rust, and numbers that are rare in kernels, as gdb has them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childCounts, childrenOf } from '../../../debug-adapter/values/children.ts';
import { standing } from './standing.ts';

const kinds = await standing('kinds.elf', { pc: 0x40001cn });
const rust = await standing('rust.elf', { pc: 0x400000n });

const rowsOf = (file: string): readonly (readonly string[])[] =>
  readFileSync(join(import.meta.dirname, 'fixtures', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));

/** Where gdb and we mean the same and write it differently. */
const normal = (value: string): string =>
  value
    // The type stands beside the value, and static members are elsewhere.
    .replace(/^(?:\([^()]*\(.*\)\)|\{.*\)\}) (?=0x)/, '')
    .replaceAll(', static count = 3', '')
    .replaceAll('alloc[72fe63b26831332d]', 'alloc')
    .replaceAll(/[uUL](?=["'])/g, '')
    .replaceAll(/<(\w+)\+(\d+)>/g, (_, name: string, by: string) => `<${name}+0x${Number(by).toString(16)}>`);

const normalType = (type: string): string =>
  type.replaceAll(/\b(short|long) int\b/g, '$1').replaceAll('__int128 unsigned', 'unsigned __int128');

/** References show what they refer to, numbers the shortest text, and Rust's own types what they stand for. */
const OWN_VALUE: Readonly<Record<string, string>> = {
  derived:
    '{<shapes::Base> = {id = 1, common = 2}, <shapes::Other> = {other = 3}, id = 9, ' +
    'corner = shapes::Derived::Corner::Right, reference = {x = 3, y = 4}, pointer = 0x401ff8 <point>}',
  'derived.reference': '{x = 3, y = 4}',
  global_reference: '{x = 3, y = 4}',
  quad: '0.1',
  quads: '{1, -2.5, 1e+4000}',
  tiny: '3.6e-4951',
  'alloc::EVERYTHING.tuple': "(5, 233 'é')",
  'alloc::STRING': '"hello"',
  'alloc::NUMBERS': 'alloc::vec::Vec<u32> [10, 20, 30]',
};
/** sizeof is unsigned; gdb tells of a method its hidden argument too. */
const OWN_TYPE = /^(?:sizeof.*|method)$/;

test.each(rowsOf('kinds.txt'))('C++: %s is %s', async (expression = '', value = '', type = '') => {
  const printed = await kinds.print(expression);
  expect(normal(printed.value)).toBe(OWN_VALUE[expression] ?? normal(value));
  if (!OWN_TYPE.test(expression)) expect(normalType(printed.type ?? '')).toBe(normalType(type));
});

test.each(rowsOf('rust.txt'))('Rust: %s is %s', async (expression = '', value = '', type = '') => {
  const printed = await rust.print(expression);
  expect(normal(printed.value)).toBe(OWN_VALUE[expression] ?? normal(value));
  expect(printed.type).toBe(type);
});

test('parts of an enumeration are those of the variant that it is', async () => {
  const value = async (text: string): Promise<string> =>
    (await rust.print(`alloc::EVERYTHING.${text}`)).value;
  expect(await value('rectangle.height')).toBe('-5');
  expect(await value('circle.0 + 1')).toBe('4');
  expect(await value('letter.0')).toBe("120 'x'");
  expect(await value('inner.0')).toBe('alloc::Color::Green');
  await expect(value('circle.width')).rejects.toThrow("has no member 'width'");
  await expect(value('nothing.0')).rejects.toThrow("has no member '0'");
  expect(await value('slice[1]')).toBe('2');
  expect(await value('slice,raw')).toMatch(/^&\[u32\] \{data_ptr: 0x\w+, length: 3\}$/);
  expect((await rust.print('alloc::NUMBERS[2]')).value).toBe('30');
});

test.each([
  ['alloc::EVERYTHING.rectangle', { width: '4', height: '-5' }],
  ['alloc::EVERYTHING.circle', { 0: '3' }],
  ['alloc::EVERYTHING.nothing', {}],
  ['alloc::EVERYTHING.none', {}],
  ['alloc::EVERYTHING.pair', { 0: '1', 1: '"two"' }],
  ['alloc::EVERYTHING.slice', { '[0]': '1', '[1]': '2', '[2]': '3' }],
  ['alloc::NUMBERS', { '[0]': '10', '[1]': '20', '[2]': '30' }],
  ['alloc::STRING', {}],
  ['alloc::EVERYTHING.text', {}],
])('%s expands to %j, and each is reached by its own expression', async (text, expected) => {
  const { scope } = rust;
  const value = await rust.evaluate(text);
  const { named, indexed } = await childCounts(value, scope);
  expect(named + indexed).toBe(Object.keys(expected).length);
  const children = await childrenOf(value, text, scope, 0, 100);
  const shown: Record<string, string> = {};
  for (const { name, expression } of children) shown[name] = (await rust.print(expression ?? '')).value;
  expect(shown).toEqual(expected);
});

test('a base class is expanded by name, and its members are those of the object', async () => {
  const children = await childrenOf(await kinds.evaluate('derived'), 'derived', kinds.scope, 0, 100);
  expect(children.map(({ name }) => name)).toEqual([
    'shapes::Base',
    'shapes::Other',
    'id',
    'corner',
    'reference',
    'pointer',
  ]);
});

test('casts to a base class find its part of the object', async () => {
  const value = async (text: string): Promise<string> => (await kinds.print(text)).value;
  expect(await value('(shapes::Other)derived')).toBe('{other = 3}');
  expect(await value('((shapes::Other *)&derived)->other')).toBe('3');
  expect(await value('((shapes::Base)derived).id')).toBe('1');
  expect(await value('(shapes::Other *)0')).toBe('0x0');
});

test('long double is exact, and what is written is read back', async () => {
  const program = await standing('kinds.elf', { pc: 0x400000n });
  expect(await program.change('quads[0] = 0.1')).toBe('0.1000000000000000055511151231257827');
  expect(await program.change('quads[0] = -5e-324')).toBe('-4.940656458412465441765687928682214e-324');
  expect(await program.change('quads[0] = 123456789')).toBe('123456789');
  expect((await program.print('(double)quads[1]')).value).toBe('-2.5');
  expect((await program.print('quads[1] * 2')).value).toBe('-5');
});

test("the marks of Linux's pointers belong to their types", async () => {
  const program = await standing('marks.elf', { pc: 0x400000n });
  const type = async (text: string): Promise<string | undefined> => (await program.print(text)).type;
  expect(await type('number')).toBe('int __user *');
  expect(await type('request.buffer')).toBe('const char __user *');
  expect(await type('request.counters')).toBe('int __percpu *__rcu *');
  expect(await type('request.plain')).toBe('void *');
});

test('breakpoints find functions by a part of their path, expressions by all of it', async () => {
  const [area] = kinds.target.functionsNamed('shapes::area(shapes::Point const&)');
  expect(kinds.target.functionsNamed('area')).toEqual([area]);
  expect(kinds.target.functionsNamed('Point::sum() const')).toHaveLength(1);
  expect(kinds.target.addressesOf('shapes::area')).toEqual([area]);
  expect(kinds.target.addressesOf('area')).toEqual([]);
  expect(rust.target.functionsNamed('crate::choose')).toHaveLength(1);
  expect(rust.target.functionsNamed('alloc::choose')).toHaveLength(1);
  await expect(kinds.print('area')).rejects.toThrow("No symbol 'area'");
});
