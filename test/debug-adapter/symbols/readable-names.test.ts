import { expect, test } from 'vitest';
import { ReadableNames } from '../../../debug-adapter/symbols/readable-names.ts';

/** Mangled names, as nm has them; their readable forms are those of c++filt. */
const SYMBOLS = {
  _ZN2ns5Class6methodEi: 'ns::Class::method(int)',
  _ZNK2ns5Class6methodEi: 'ns::Class::method(int) const',
  _ZN2ns5Class6methodEPKcl: 'ns::Class::method(char const*, long)',
  _ZN2ns5Other6methodEv: 'ns::Other::method()',
  _ZN2ns5ClassC1Ev: 'ns::Class::Class()',
  _ZN2ns5ClassC2Ev: 'ns::Class::Class()',
  _ZN2ns5ClassclEi: 'ns::Class::operator()(int)',
  _ZN12_GLOBAL__N_16hiddenEv: '(anonymous namespace)::hidden()',
  _ZN2ns3maxIiEET_S1_S1_: 'int ns::max<int>(int, int)',
  _Z4freev: 'free()',
  _RNvNtCsfAvNO0Yy7Yw_8variants6shapes4area: 'variants::shapes::area',
  _ZN4core3fmt5write17h0123456789abcdefE: 'core::fmt::write',
  plain_c: 'plain_c',
};
const names = Object.keys(SYMBOLS);
const readable = new ReadableNames(names.map((name, i) => ({ name, address: BigInt(i) })));

test.each([
  ['ns::Class::method', ['_ZN2ns5Class6methodEi', '_ZNK2ns5Class6methodEi', '_ZN2ns5Class6methodEPKcl']],
  ['::ns::Class::method', ['_ZN2ns5Class6methodEi', '_ZNK2ns5Class6methodEi', '_ZN2ns5Class6methodEPKcl']],
  ['Other::method', ['_ZN2ns5Other6methodEv']],
  [
    'method',
    ['_ZN2ns5Class6methodEi', '_ZNK2ns5Class6methodEi', '_ZN2ns5Class6methodEPKcl', '_ZN2ns5Other6methodEv'],
  ],
  ['ns::Class::method(int)', ['_ZN2ns5Class6methodEi']],
  ['Class::method( int ) const', ['_ZNK2ns5Class6methodEi']],
  ['ns::Class::method(char const *,long)', ['_ZN2ns5Class6methodEPKcl']],
  ['ns::Other::method()', ['_ZN2ns5Other6methodEv']],
  ['ns::Class::Class', ['_ZN2ns5ClassC1Ev', '_ZN2ns5ClassC2Ev']],
  ['ns::Class::operator()', ['_ZN2ns5ClassclEi']],
  ['(anonymous namespace)::hidden', ['_ZN12_GLOBAL__N_16hiddenEv']],
  ['hidden()', ['_ZN12_GLOBAL__N_16hiddenEv']],
  ['ns::max<int>', ['_ZN2ns3maxIiEET_S1_S1_']],
  ['ns::max<int>(int, int)', ['_ZN2ns3maxIiEET_S1_S1_']],
  ['free', ['_Z4freev']],
  ['variants::shapes::area', ['_RNvNtCsfAvNO0Yy7Yw_8variants6shapes4area']],
  ['crate::shapes::area', ['_RNvNtCsfAvNO0Yy7Yw_8variants6shapes4area']],
  ['core::fmt::write', ['_ZN4core3fmt5write17h0123456789abcdefE']],
  ['lass::method', []],
  ['plain_c', []],
  ['ns::Class::method(', []],
])('%s', (written, expected) => {
  expect(readable.addressesOf(written, false).map((address) => names[Number(address)])).toEqual(expected);
});

test('an expression means a whole path, so that a name of a variable finds no method', () => {
  expect(readable.addressesOf('ns::Other::method', true)).toHaveLength(1);
  expect(readable.addressesOf('Other::method', true)).toEqual([]);
  expect(readable.addressesOf('method', true)).toEqual([]);
});

test('patterns meet the path', () => {
  expect(readable.matching(/^ns::Class::.*$/, 100)).toHaveLength(6);
  expect(readable.matching(/^ns::Class::.*$/, 2)).toHaveLength(2);
});
