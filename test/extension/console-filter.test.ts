import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConsoleFilter } from '../../extension/console-filter.ts';

const passed = (...pieces: string[]): string => {
  const filter = new ConsoleFilter();
  return pieces.map((piece) => filter.pass(piece)).join('');
};

test.each([
  ['a title', 'a\x1b]0;mine\x07b', 'ab'],
  ['the clipboard', 'a\x1b]52;c;aGVsbG8=\x1b\\b', 'ab'],
  ['a link keeps its text', '\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\', 'text'],
  ['device control', '\x1bP+q544e\x1b\\b', 'b'],
  ['application commands', '\x1b_Gf=100;AAAA\x1b\\b', 'b'],
  ['single characters that begin and end a string', 'a\x9d0;x\x9cb', 'ab'],
  ['a string that another sequence ends', '\x1b]0;x\x1b[31mred', '\x1b[31mred'],
  ['a string after a lone escape', '\x1b\x1b]0;x\x07b', '\x1bb'],
])('%s', (_what, text, expected) => {
  expect(passed(text)).toBe(expected);
});

test('colours, the cursor and questions about it pass', () => {
  const text = '\x1b[1;31mred\x1b[0m\x1b[2J\x1b[6n\x1b(B\r\n\ttab\b';
  expect(passed(text)).toBe(text);
});

test('a string that never ends does not swallow the console', () => {
  expect(passed(`\x1b]0;${'x'.repeat(5000)}panic`)).toContain('panic');
});

test('how the text is cut into pieces makes no difference', () => {
  const part = fc.constantFrom('\x1b', ']', 'P', '\\', '\x07', '\x9d', '\x9c', '[', '0', ';', 'm', 'a', '\n');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), fc.nat(40), (characters, cut) => {
      const text = characters.join('');
      expect(passed(text.slice(0, cut), text.slice(cut))).toBe(passed(text));
    }),
  );
});
