import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { demangle } from '../../../../emulator/formats/demangle/demangle.ts';

/** Symbols of libstdc++ and of a program of Rust, and what `c++filt -i` of binutils 2.40 makes of them. */
const pairs = readFileSync(join(import.meta.dirname, 'pairs.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t') as [symbol: string, name: string]);

test('symbols of C++ and Rust have the names that c++filt gives them', () => {
  expect(pairs.map(([symbol]) => [symbol, demangle(symbol)])).toEqual(pairs);
});

test('templates, packs, lambdas and pointers to functions are written as in C++', () => {
  const names: Readonly<Record<string, string>> = {
    _Z3foov: 'foo()',
    _Z3fooIJidEEvDpT_: 'void foo<int, double>(int, double)',
    _Z1fPFivE: 'f(int (*)())',
    _Z1fRA3_Kc: 'f(char const (&) [3])',
    _ZN1A1BC2Ev: 'A::B::B()',
    _ZNK1AcvbEv: 'A::operator bool() const',
    _ZZ4mainENKUliE_clEi: 'main::{lambda(int)#1}::operator()(int) const',
    _ZTV1A: 'vtable for A',
    '_Z3fooi.constprop.0': 'foo(int) [clone .constprop.0]',
  };
  for (const [symbol, name] of Object.entries(names))
    expect([symbol, demangle(symbol)]).toEqual([symbol, name]);
});

test('names of Rust may be in any script', () => {
  expect(demangle('_ZN1r13gr$uf6$$udf$e10stra$udf$e17h30385c16fb4cc046E')).toBe('r::größe::straße');
  expect(demangle('_RNvCs1234_7mycrateu8gdel_5qa')).toBe('mycrate::gödel');
});

test('names of C stay as they are', () => {
  for (const name of ['main', '', '_', '_Z', '_R', '_start', '_Rust', 'do_sys_openat2', '_ZN']) {
    expect(demangle(name)).toBeUndefined();
  }
});

test('any text is a name or none, soon', () => {
  const symbol = fc.constantFrom(...pairs).map(([name]) => name);
  const edits = fc.array(fc.tuple(fc.nat(120), fc.constantFrom(...'SITEJKPRLZNB_0139Dpv')), { maxLength: 5 });
  fc.assert(
    fc.property(symbol, edits, (name, changes) => {
      let text = name;
      for (const [at, letter] of changes) text = text.slice(0, at) + letter + text.slice(at + 1);
      const result = demangle(text);
      if (result !== undefined) expect(result.length).toBeLessThan(1_000_000);
    }),
    { numRuns: 2000 },
  );
});
