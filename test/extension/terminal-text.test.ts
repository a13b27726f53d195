import { expect, test } from 'vitest';
import { findAddresses } from '../../extension/terminal-text.ts';

const found = (line: string) =>
  findAddresses(line).map(({ start, length, expression }) => [line.slice(start, start + length), expression]);

test('a backtrace of Linux', () => {
  expect(found('[    0.123456]  do_one_initcall+0x4c/0x210')).toEqual([
    ['do_one_initcall+0x4c/0x210', 'do_one_initcall+0x4c'],
  ]);
  expect(found(' xen_blkfront.cold+0x1c/0x40 [xen_blkfront]')).toEqual([
    ['xen_blkfront.cold+0x1c/0x40', 'xen_blkfront.cold+0x1c'],
  ]);
});

test('registers and addresses in a message', () => {
  expect(found('Unable to handle kernel paging request at virtual address ffff800080010000')).toEqual([
    ['ffff800080010000', '0xffff800080010000'],
  ]);
  expect(found('pc : 0x0000000040081234, x0 = 0x1')).toEqual([['0x0000000040081234', '0x0000000040081234']]);
  expect(found('pc=0xffff800080010000 lr=0xFFFF800080010004').map(([, expression]) => expression)).toEqual([
    '0xffff800080010000',
    '0xFFFF800080010004',
  ]);
});

test('what is no address stays text', () => {
  expect(found('Memory: 245760K/262144K available, 1+0 records, 12345678')).toEqual([]);
  expect(found('sha256 0123456789abcdef0123456789abcdef')).toEqual([]);
});

test('a long line of a guest is looked through once', () => {
  // Work that grows with the square of a line would take minutes for each of these.
  for (const part of [
    'a+0x',
    'a.',
    '$',
    '.+0x1',
    '_a$.',
    '0x',
    'a+0xf',
    'f',
    '0x12345',
    '1.a',
    ' a+0x1c/0x40',
  ]) {
    const line = part.repeat(1e6 / part.length);
    expect(findAddresses(line).length, part).toBeLessThanOrEqual(100);
  }
});

test('what a guest prints around an address changes nothing', () => {
  expect(found('\u001b]8;;http://example.com\u0007f+0x10\u001b]8;;\u0007')).toEqual([['f+0x10', 'f+0x10']]);
  expect(found('\u202ef+0x10\u202c <img src=x> g+0x4/0x8')).toEqual([
    ['f+0x10', 'f+0x10'],
    ['g+0x4/0x8', 'g+0x4'],
  ]);
  expect(found(`f+0x${'1'.repeat(17)}`)).toEqual([]);
});
