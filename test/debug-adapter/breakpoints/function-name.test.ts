import { expect, test } from 'vitest';
import { parseFunctionName } from '../../../debug-adapter/breakpoints/function-name.ts';
import { parseHitCondition } from '../../../debug-adapter/breakpoints/hit-condition.ts';

const plain = { qualifiers: [], file: undefined, el: undefined, offset: 0n, atReturn: false };

test('a function is named with its domain, program and file', () => {
  expect(parseFunctionName('start_kernel')).toEqual({ ...plain, symbol: 'start_kernel' });
  expect(parseFunctionName(' d1!vfs_read ')).toEqual({ ...plain, qualifiers: ['d1'], symbol: 'vfs_read' });
  expect(parseFunctionName('d2!vmlinux!init')).toMatchObject({
    qualifiers: ['d2', 'vmlinux'],
    symbol: 'init',
  });
  expect(parseFunctionName("drivers/tty/hvc.c'init")).toMatchObject({
    file: 'drivers/tty/hvc.c',
    symbol: 'init',
  });
});

test('what stands behind it says where in it, and for whom', () => {
  expect(parseFunctionName('do_exit+0x10')).toMatchObject({ symbol: 'do_exit', offset: 16n });
  expect(parseFunctionName('do_exit+8@el0')).toMatchObject({ symbol: 'do_exit', offset: 8n, el: 0 });
  expect(parseFunctionName('kmalloc:return')).toMatchObject({ symbol: 'kmalloc', atReturn: true });
  expect(parseFunctionName('main@el1:return')).toMatchObject({ symbol: 'main', el: 1, atReturn: true });
});

test('patterns are globs or regular expressions', () => {
  const { symbol } = parseFunctionName('d1!vfs_*');
  expect(symbol).toEqual(/^vfs_.*$/);
  expect((symbol as RegExp).test('vfs_read')).toBe(true);
  expect((parseFunctionName('a.b?').symbol as RegExp).test('axbc')).toBe(false);
  expect(parseFunctionName('/^xen_.*!?(irq|evt)$/:return')).toMatchObject({
    symbol: /^xen_.*!?(irq|evt)$/,
    atReturn: true,
  });
  expect(parseFunctionName('d1!/a!b/')).toMatchObject({ qualifiers: ['d1'], symbol: /a!b/ });
});

test('functions of C++ and Rust are named by their paths', () => {
  expect(parseFunctionName('d1!app!ns::Class::method')).toMatchObject({
    qualifiers: ['d1', 'app'],
    symbol: 'ns::Class::method',
  });
  expect(parseFunctionName('ns::f(char const *, int) const+8@el0')).toMatchObject({
    symbol: 'ns::f(char const *, int) const',
    offset: 8n,
    el: 0,
  });
  expect(parseFunctionName('app::shapes::area:return')).toMatchObject({
    symbol: 'app::shapes::area',
    atReturn: true,
  });
  expect(parseFunctionName('<app::Type as core::fmt::Debug>::fmt')).toMatchObject({
    symbol: '<app::Type as core::fmt::Debug>::fmt',
  });
  expect(parseFunctionName('ns::Class::operator*')).toMatchObject({ symbol: 'ns::Class::operator*' });
  expect(parseFunctionName('ns::Class::*')).toMatchObject({ symbol: /^ns::Class::.*$/ });
  expect(parseFunctionName("main.cc'ns::f(int)")).toMatchObject({ file: 'main.cc', symbol: 'ns::f(int)' });
});

test.each(['', '!', 'd1!', '!name', 'two names', "x.c'", '/(/', '+0x10'])('%j names nothing', (text) => {
  expect(() => parseFunctionName(text)).toThrow();
});

test('hit conditions are numbers with a comparison before them', () => {
  expect(parseHitCondition('5')).toEqual({ operator: '==', count: 5 });
  expect(parseHitCondition('== 5')).toEqual({ operator: '==', count: 5 });
  expect(parseHitCondition('>5')).toEqual({ operator: '>', count: 5 });
  expect(parseHitCondition('>=5')).toEqual({ operator: '>=', count: 5 });
  expect(parseHitCondition('<5')).toEqual({ operator: '<', count: 5 });
  expect(parseHitCondition(' % 100')).toEqual({ operator: '%', count: 100 });
  for (const text of ['', 'x', '!=5', '-1', '5x', '%0', '1e3', '> ']) {
    expect(() => parseHitCondition(text)).toThrow('hit condition');
  }
});
