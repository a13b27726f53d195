import { expect, test } from 'vitest';
import { childrenOf } from '../../../debug-adapter/values/children.ts';
import { standing } from './standing.ts';

const program = await standing('containers.elf', { pc: 0x400000n });
const value = async (text: string): Promise<string> => (await program.print(text)).value;

test('a list is an array of what its links belong to', async () => {
  const things = await program.print('$list(&things, struct thing, link)');
  expect(things.type).toBe('struct thing [3]');
  expect(await value('$list(&things, struct thing, link).number')).toBe('{[0] = 1, [1] = 2, [2] = 3}');
  // The head may be named itself, and be reached by an address.
  expect(await value('$list(things, struct thing, link)[1].number')).toBe('2');
  expect(await value('$list((unsigned long)&things, struct thing, link)[2].number')).toBe('3');
  expect(await value('$list(bucket, struct thing, hashed.node)[2].number')).toBe('3');
  expect(await value('$list(&empty, struct thing, link)')).toBe('{}');
  expect(await value('&$list(things, struct thing, link)[0] == &a')).toBe('1');
  expect((await program.print('$list(things)')).type).toBe('struct list_head [3]');
  await expect(value('$list(things, struct thing, link)[3]')).rejects.toThrow('no element 3');
});

test('a tree is walked in order', async () => {
  expect(await value('$rbtree(&root, struct thing, sorted).number')).toBe('{[0] = 1, [1] = 2, [2] = 3}');
  expect(await value('$rbtree(cached, struct thing, sorted)[0].number')).toBe('1');
});

test('an xarray has the indices that it has', async () => {
  expect(await value('$xarray(nothing, struct thing)')).toBe('{}');
  expect(await value('$xarray(single, struct thing)[0]->number')).toBe('1');
  const text = await value('$xarray(&array, struct thing)');
  expect(text.replaceAll(/0x\w+ /g, '')).toBe('{<a>, [3] = <b>, [4] = 42, [5] = <c>, [70] = <a>}');
  expect(await value('$xarray(array, struct thing)[5]->number')).toBe('3');
});

test('a member may be called like a structure', async () => {
  expect(await value('$offsetof(struct rb_root_cached, rb_root)')).toBe('0');
  expect(await value('$container_of(&cached.rb_root, struct rb_root_cached, rb_root) == &cached')).toBe('1');
  expect(await value('$list(cached.rb_root, struct rb_root, rb_node)').catch(String)).toContain(
    "no member 'next'",
  );
});

test('what has gone wild ends where it does, and says so', async () => {
  expect(await value('$list(damaged, struct thing, link)')).toMatch(
    /^\{.*number = 7,.*\} <leads back to 0x\w+>$/,
  );
  expect(await value('$list(broken, struct thing, link)')).toMatch(/<unreadable 0x10>$/);
  expect(await value('$rbtree(wild, struct thing, sorted)')).toMatch(/<leads back to 0x\w+>$/);
  expect(await value('$xarray(endless, struct thing)')).toMatch(/as large as the one above it>$/);
  expect(await value('$list(*(struct list_head *)0x10)')).toBe('{} <unreadable 0x10>');
});

test.each([
  ['$list(things, struct thing)', 'It is called like this: $list(head, type, member)'],
  ['$list()', 'It is called like this'],
  ['$list(things, struct thing, nothing)', "has no member 'nothing'"],
  ['$rbtree(things, struct thing, sorted)', "has no member 'rb_node'"],
  ['$list(a.number, struct nothing, link)', "no type 'struct nothing'"],
])('%s: %s', async (text, message) => {
  await expect(value(text)).rejects.toThrow(message);
});

test('a head shows its entries when they are asked for', async () => {
  const { scope } = program;
  const head = await program.evaluate('things');
  const children = await childrenOf(head, 'things', scope, 0, 10);
  expect(children.map(({ name }) => name)).toEqual(['next', 'prev', '<entries>']);
  const entries = children[2];
  expect(entries?.expression).toBe('$list(things)');
  const [all] = await childrenOf(entries?.value ?? head, entries?.expression, scope, 0, 1);
  expect(all?.value).toMatchObject({ kind: 'list', isArray: true, type: 'struct list_head [3]' });
  const [second] = await childrenOf(all?.value ?? head, all?.expression, scope, 1, 2);
  expect(second).toMatchObject({ name: '[1]', expression: '($list(things))[1]' });
});
