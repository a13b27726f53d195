import { expect, test } from 'vitest';
import { annotated } from '../../../debug-adapter/instructions/annotate.ts';
import type { DisassembledLine } from '../../../debug-adapter/instructions/disassembler.ts';
import { bl, hvc, mov, NOP, RET } from '../support/assemble.ts';

const HYPERCALL: DisassembledLine = {
  address: 0x1000n,
  word: hvc(0xea1),
  text: 'hvc #0xea1',
  target: undefined,
};
const after = (...words: (number | undefined)[]): string => annotated(HYPERCALL, words, undefined);

test('a hypercall is named by the number that has just been put into X16', () => {
  expect(after(mov(16, 32))).toBe('hvc #0xea1 // event_channel_op');
  // mov w16, #29
  expect(after(NOP, 0x528003b0, NOP)).toBe('hvc #0xea1 // sched_op');
  expect(after(mov(16, 999))).toBe('hvc #0xea1 // hypercall 999');
});

test('where the number comes from elsewhere, a hypercall is only that', () => {
  const call = bl('x').encode(8);
  // mov x16, x0
  for (const words of [[], [NOP], [mov(16, 32), RET], [mov(16, 32), call], [mov(16, 32), 0xaa0003f0]])
    expect(after(...words)).toBe('hvc #0xea1 // hypercall');
  expect(after(mov(16, 32), undefined)).toBe('hvc #0xea1 // hypercall');
});

test('other calls of a hypervisor are none of Xen', () => {
  const line = { ...HYPERCALL, word: hvc(0), text: 'hvc #0' };
  expect(annotated(line, [mov(16, 32)], undefined)).toBe('hvc #0');
});
