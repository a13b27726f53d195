import { expect, test } from 'vitest';
import { parseRegisterValue, pstateText } from '../../debug-adapter/registers.ts';

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
