// Where a region begins, when some place was seen running.

import { expect, test } from 'vitest';
import type { InstructionFlow } from '../../../../emulator/engine/translator/blocks.ts';
import { entriesAround } from '../../../../emulator/engine/translator/entries.ts';

const NEXT: InstructionFlow = { kind: 'next' };
const RETURN: InstructionFlow = { kind: 'return' };
const INTERPRET: InstructionFlow = { kind: 'interpret' };
const branch = (offset: number): InstructionFlow => ({ kind: 'branch', offset });
const jump = (offset: number, isCall = false): InstructionFlow => ({ kind: 'jump', offset, isCall });

/** Code from offset 0x100 up to 0x200, all of it executed before. */
const page = (flows: Readonly<Record<number, InstructionFlow>>) => ({
  isKnown: (offset: number) => offset >= 0x100 && offset < 0x200,
  flowAt: (offset: number) => flows[offset] ?? NEXT,
});

test('without loops: where the procedure begins, then the place itself', () => {
  expect(entriesAround(page({ 0x11c: RETURN }), 0x140)).toEqual([0x120, 0x140]);
  expect(entriesAround(page({ 0x11c: jump(0x40) }), 0x140)).toEqual([0x120, 0x140]);
});

test('code falls through calls and branches, and callees return', () => {
  expect(entriesAround(page({ 0x11c: jump(0x400, true), 0x124: branch(0x60) }), 0x140)).toEqual([
    0x100, 0x120, 0x140,
  ]);
  expect(entriesAround(page({ 0x12c: { kind: 'indirect' } }), 0x140)).toEqual([0x100, 0x130, 0x140]);
});

test('the innermost loop comes first', () => {
  const loops = page({ 0x11c: RETURN, 0x150: branch(-0x20), 0x160: branch(-0x38) });
  expect(entriesAround(loops, 0x140)).toEqual([0x130, 0x128, 0x120, 0x140]);
});

test('a loop that begins before the procedure is none', () => {
  expect(entriesAround(page({ 0x11c: RETURN, 0x150: branch(-0x40) }), 0x140)).toEqual([0x120, 0x140]);
});

test('what follows an instruction of the interpreter', () => {
  const code = page({ 0x11c: RETURN, 0x128: INTERPRET, 0x134: INTERPRET });
  expect(entriesAround(code, 0x140)).toEqual([0x120, 0x138, 0x140]);
});

test('nothing is looked at that was never executed, and no other page', () => {
  const asked: number[] = [];
  const edge = {
    isKnown: (offset: number) => offset >= 0 && offset < 4096 && offset % 64 !== 0,
    flowAt: (offset: number) => {
      asked.push(offset);
      return NEXT;
    },
  };
  expect(entriesAround(edge, 4092)).toEqual([4036, 4092]);
  expect(entriesAround(edge, 8)).toEqual([4, 8]);
  expect(asked.every(edge.isKnown)).toBe(true);
});
