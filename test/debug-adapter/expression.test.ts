import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../emulator/base/errors.ts';
import { parseExpression } from '../../debug-adapter/expression.ts';
import { parseRegisterValue, pstateText } from '../../debug-adapter/registers.ts';

test('expressions have registers, symbols, references, sums and loads', () => {
  expect(parseExpression('$x0')).toMatchObject({ expression: { kind: 'register', name: 'x0' } });
  expect(parseExpression('d1!jiffies').expression).toEqual({ kind: 'symbol', domain: 'd1', name: 'jiffies' });
  expect(parseExpression('*d1/ipa:0x40000000,x')).toMatchObject({
    expression: { kind: 'load', address: { kind: 'reference', text: 'd1/ipa:0x40000000' } },
    format: 'x',
  });
  expect(parseExpression('$x1 = $sp - 0x10')).toMatchObject({
    assign: 'x1',
    expression: { kind: 'sum', sign: -1 },
  });
});

test('whatever is typed, the answer is a tree or a sentence', () => {
  const piece = fc.constantFrom(
    '$x0',
    '*',
    '&',
    '+',
    '-',
    '(',
    ')',
    ',',
    '=',
    '0x10',
    'd1!',
    'main',
    ':',
    ' ',
    'pa:',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      try {
        parseExpression(pieces.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
  );
});

test('register values are checked against the width', () => {
  expect(parseRegisterValue('0xffff', 64)).toBe(0xffffn);
  expect(parseRegisterValue('-1', 32)).toBe(0xffff_ffffn);
  expect(parseRegisterValue('0x0000000000000005 <main>', 64)).toBe(5n);
  for (const text of ['', 'x', '0x1ffffffff', '1.5'])
    expect(() => parseRegisterValue(text, 32)).toThrow('32 bits');
});

test('PSTATE reads as flags, masks and mode', () => {
  expect(pstateText(0x600003c5)).toBe('nZCv DAIF EL1h');
  expect(pstateText(0)).toBe('nzcv daif EL0t');
});
