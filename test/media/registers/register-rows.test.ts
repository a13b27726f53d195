import { expect, test } from 'vitest';
import {
  addressesOf,
  bitsOf,
  nameOf,
  type RegistersView,
  type Row,
  rowsOf,
  valueOf,
  wordsOf,
} from '../../../media/registers/register-rows.ts';

const field = (name: string, bits: string, value: string, words?: string, within?: string) => ({
  name,
  bits,
  value,
  doc: name,
  ...(words !== undefined && { words }),
  ...(within !== undefined && { within }),
});

const view = (esr = '0x0000000092000047'): RegistersView => ({
  domain: 1,
  vcpu: 0,
  available: ['general', 'translation'],
  groups: [
    {
      id: 'general',
      title: 'General-purpose registers',
      registers: [
        { name: 'x0', value: '0xffff800080000000', doc: '', writable: true, fields: [] },
        { name: 'x1', value: '0x0000000000000005', doc: '', writable: true, fields: [] },
        {
          name: 'pstate',
          value: '0x000003c5',
          doc: '',
          writable: true,
          fields: [field('N', '31', '0x0', 'no')],
        },
      ],
    },
    {
      id: 'translation-el1',
      title: 'Translation',
      el: 1,
      registers: [
        {
          name: 'ESR_EL1',
          value: esr,
          words: 'Data Abort',
          doc: '',
          writable: true,
          fields: [
            field('EC', '31:26', '0x24', 'Data Abort'),
            field('ISS', '24:0', '0x47'),
            field('DFSC', '5:0', '0x7', 'Translation fault, level 3', 'ISS'),
          ],
        },
        { name: 'ICC_DIR_EL1', unreadable: 'write-only', doc: '', writable: true, fields: [] },
      ],
    },
  ],
});

const none = new Map<string, string>();

/** `name value words`, indented by depth. */
const lines = (rows: readonly Row[], depth = 0): string[] =>
  rows.flatMap((row) => [
    `${' '.repeat(depth)}${[nameOf(row), bitsOf(row), valueOf(row), wordsOf(row)].filter(Boolean).join(' ')}`,
    ...lines(row.below ?? [], depth + 1),
  ]);

test('groups hold registers, those their fields, those their parts', () => {
  expect(lines(rowsOf(view(), { level: '1', symbols: none }))).toEqual([
    'Translation, EL1',
    ' ESR_EL1 0x0000000092000047 Data Abort',
    '  EC 31:26 0x24 Data Abort',
    '  ISS 24:0 0x47',
    '   DFSC 5:0 0x7 Translation fault, level 3',
    ' ICC_DIR_EL1 write-only',
  ]);
});

test('a level shows its registers, the core those of none', () => {
  const groups = (level: 'all' | 'core' | '0' | '1'): string[] =>
    rowsOf(view(), { level, symbols: none }).map((row) => row.key);
  expect(groups('all')).toEqual(['general', 'translation-el1']);
  expect(groups('core')).toEqual(['general']);
  expect(groups('1')).toEqual(['translation-el1']);
  expect(groups('0')).toEqual([]);
});

test('only what changed is shown on request, and nothing when nothing did', () => {
  const changed = rowsOf(view(), { level: 'all', symbols: none, changedSince: view('0x0000000000000000') });
  expect(changed.flatMap((row) => row.below ?? []).map(nameOf)).toEqual(['ESR_EL1']);
  expect(rowsOf(view(), { level: 'all', symbols: none, changedSince: view() })).toEqual([]);
});

test('keys tell every row from every other', () => {
  const keys = (rows: readonly Row[]): string[] => rows.flatMap((row) => [row.key, ...keys(row.below ?? [])]);
  const all = keys(rowsOf(view(), { level: 'all', symbols: none }));
  expect(new Set(all).size).toBe(all.length);
});

test('symbols are asked for what may be an address, and stand beside the words', () => {
  expect(addressesOf(view())).toEqual(['0xffff800080000000']);
  const symbols = new Map([['0xffff800080000000', '_text']]);
  const [general] = rowsOf(view(), { level: 'core', symbols });
  expect(general?.below?.map(wordsOf)).toEqual(['_text', '', '']);
});
