// Distances within a program's addresses.

import { expect, test } from 'vitest';
import { AddressWindow } from '../../../emulator/formats/address-window.ts';

const KERNEL = 0xffff_ff80_0000_0000n;
const PROGRAM = 0x40_0000n;

test('addresses of one half are as far apart as they are', () => {
  const window = new AddressWindow(KERNEL);
  expect(window.offsetOf(KERNEL + 0x1234n)).toBe(0x1234);
  expect(window.offsetOf(PROGRAM)).toBeNaN();
  expect(window.addressOf(0x1234)).toBe(KERNEL + 0x1234n);
});

test('a window that wraps reaches the other half, there and back', () => {
  const window = new AddressWindow(KERNEL, true);
  const offset = window.offsetOf(PROGRAM);
  expect(offset).toBe(2 ** 39 + 0x40_0000);
  expect(window.offsetOfHalves(0x40_0000, 0)).toBe(offset);
  expect(window.addressOf(offset)).toBe(PROGRAM);
  expect(window.offsetOf(KERNEL - 1n)).toBe(-1);
  expect(window.offsetOfHalves(0x10, 0xffff_ff80)).toBe(0x10);
});
