import { expect, test } from 'vitest';
import { DomainConsoles } from '../../../debug-adapter/node/domain-consoles.ts';

function consolesOf(domains: number) {
  let text = '';
  const consoles = new DomainConsoles(domains, (bytes) => {
    text += new TextDecoder().decode(bytes);
  });
  return {
    consoles,
    print: (domain: number, printed: string) => consoles.write(domain, new TextEncoder().encode(printed)),
    shown: () => text,
  };
}

test('a single domain prints as it does', () => {
  const { print, consoles, shown } = consolesOf(1);
  print(1, 'hel');
  print(1, 'lo\r\n# ');
  consoles.close();
  expect(shown()).toBe('hello\r\n# ');
});

test('lines of several domains say whose they are, and are not torn apart', () => {
  const { print, consoles, shown } = consolesOf(2);
  print(1, 'hel');
  print(2, 'good ');
  print(1, 'lo\nI am');
  print(2, 'day\n');
  expect(shown()).toBe('(d1) hello\n(d2) good day\n');
  consoles.close();
  expect(shown()).toBe('(d1) hello\n(d2) good day\n(d1) I am\n');
});

test('a prompt is shown when nobody prints, and what is typed behind it goes on there', () => {
  const { print, consoles, shown } = consolesOf(2);
  print(1, '# ');
  print(2, '> ');
  consoles.settle();
  expect(shown()).toBe('(d1) # \n(d2) > ');
  print(2, 'x\n');
  print(1, 'ls\n');
  expect(shown()).toBe('(d1) # \n(d2) > x\n(d1) ls\n');
});
