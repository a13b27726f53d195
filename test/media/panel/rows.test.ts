import { expect, test } from 'vitest';
import {
  type Column,
  type Listing,
  listed,
  rowsByKey,
  tabSeparated,
  widthOf,
} from '../../../media/panel/rows.ts';

interface Node {
  readonly name: string;
  readonly value: string;
  readonly below?: readonly Node[];
}

const COLUMNS: readonly Column<Node>[] = [
  { key: 'name', title: 'Name', text: ({ name }) => name },
  { key: 'value', title: 'Value', text: ({ value }) => value },
];

const TREE: readonly Node[] = [
  {
    name: 'device',
    value: '',
    below: [
      { name: 'vif', value: '', below: [{ name: 'mac', value: '00:16:3e:00:00:01' }] },
      { name: 'vbd', value: '51712' },
    ],
  },
  { name: 'memory', value: '65536' },
];

const names = (listing: Partial<Listing<Node>>): string[] =>
  listed({
    rows: TREE,
    columns: COLUMNS,
    rowKey: ({ name }) => name,
    children: ({ below }) => below,
    ...listing,
  }).map(({ row, level }) => `${'  '.repeat(level - 1)}${row.name}`);

test('a tree lists what is unfolded', () => {
  expect(names({})).toEqual(['device', 'memory']);
  expect(names({ isExpanded: (key) => key === 'device' })).toEqual(['device', '  vif', '  vbd', 'memory']);
});

test('a filter keeps the way to its matches, whether unfolded or not, and drops the rest', () => {
  expect(names({ filter: '16:3e' })).toEqual(['device', '  vif', '    mac']);
  expect(names({ filter: 'MEM' })).toEqual(['memory']);
  expect(names({ filter: 'vbd 517' })).toEqual(['device', '  vbd']);
  expect(names({ filter: 'nowhere' })).toEqual([]);
});

test('what lies below a match can be unfolded', () => {
  expect(names({ filter: 'device' })).toEqual(['device']);
  expect(names({ filter: 'device', isExpanded: () => true })).toEqual([
    'device',
    '  vif',
    '    mac',
    '  vbd',
  ]);
});

test('numbers in texts sort by value, hexadecimal ones too, on each level of a tree', () => {
  const rows = ['vcpu 10', 'vcpu 9', '0xffff000000000010', '0x20'].map((name) => ({ name, value: '' }));
  const sorted = (descending: boolean) =>
    names({ rows: rows.slice(0, 2), sort: { column: 'name', descending } });
  expect(sorted(false)).toEqual(['vcpu 9', 'vcpu 10']);
  expect(sorted(true)).toEqual(['vcpu 10', 'vcpu 9']);
  expect(names({ rows: rows.slice(2), sort: { column: 'name', descending: false } })).toEqual([
    '0x20',
    '0xffff000000000010',
  ]);
  expect(
    names({ isExpanded: (key) => key === 'device', sort: { column: 'name', descending: true } }),
  ).toEqual(['memory', 'device', '  vif', '  vbd']);
});

test('rows of all levels are found by key', () => {
  const all = rowsByKey({ rows: TREE, rowKey: ({ name }) => name, children: ({ below }) => below });
  expect([...all.keys()]).toEqual(['device', 'vif', 'mac', 'vbd', 'memory']);
});

test('copied rows are one line each, whatever a guest wrote into a cell', () => {
  expect(tabSeparated([{ name: 'a\tb', value: 'c\r\nd' }], COLUMNS)).toBe('Name\tValue\na b\tc d\n');
});

test('a column is as wide as its texts, within bounds', () => {
  const [name] = COLUMNS;
  const width = (text: string) =>
    name && widthOf(name, listed({ rows: [{ name: text, value: '' }], columns: COLUMNS, rowKey: () => '' }));
  expect(width('x')).toBe(6);
  expect(width('0123456789')).toBe(11);
  expect(width('x'.repeat(5000))).toBe(44);
});
