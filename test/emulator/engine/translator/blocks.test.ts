// The shape of regions: which blocks, in which order, and what structured control flow may rely on.

import { expect, test } from 'vitest';
import {
  type Block,
  findBlocks,
  type InstructionFlow,
} from '../../../../emulator/engine/translator/blocks.ts';

/** Everything goes on to the next instruction but what is named, by its offset in the page. */
const code =
  (flows: Readonly<Record<number, InstructionFlow>>) =>
  (offset: number): InstructionFlow =>
    flows[offset] ?? { kind: 'next' };

const jump = (offset: number, isCall = false): InstructionFlow => ({ kind: 'jump', offset, isCall });
const branch = (offset: number): InstructionFlow => ({ kind: 'branch', offset });

test('a loop has one head, and its longest way ends at the back edge', () => {
  const blocks = findBlocks(0, 100, code({ 12: branch(-8), 16: { kind: 'return' } }));
  expect(blocks.map(({ start, length, end }) => [start, length, end])).toEqual([
    [0, 1, 'next'],
    [4, 3, 'branch'],
    [16, 1, 'return'],
  ]);
  expect(blocks.map(({ isLoopHead }) => isLoopHead)).toEqual([false, true, false]);
  expect(blocks.map(({ longest }) => longest)).toEqual([5, 4, 1]);
});

test('a jump into a loop from its side leaves the region', () => {
  // 0 branches to 12, into the loop 8..16.
  const blocks = findBlocks(0, 100, code({ 0: branch(12), 16: branch(-8), 20: { kind: 'stop' } }));
  for (const block of blocks) {
    for (const edge of block.edges) {
      if (!('block' in edge) || edge.block.order > block.order) continue;
      let above = block;
      while (above !== edge.block && above.dominator && above.dominator !== above) above = above.dominator;
      expect(above).toBe(edge.block);
    }
  }
  expect(
    blocks.some(({ edges }) => edges.some((edge) => 'outside' in edge && [8, 12].includes(edge.outside))),
  ).toBe(true);
});

test('a procedure stands once for each call, and returns to where it was called', () => {
  const blocks = findBlocks(
    0,
    100,
    code({ 0: jump(64, true), 4: jump(60, true), 8: { kind: 'stop' }, 68: { kind: 'return' } }),
  );
  const bodies = blocks.filter(({ start }) => start === 64);
  const returns = bodies.map(({ edges }) => edges.map((edge) => 'block' in edge && edge.block.start));
  expect(returns).toEqual([[4], [8]]);
});

test('recursion ends at a bound', () => {
  const blocks = findBlocks(0, 100, code({ 8: jump(-8, true) }));
  expect(blocks.length).toBeLessThan(10);
});

test('code ends where nothing is known', () => {
  const blocks = findBlocks(4088, 100, (place) => (place < 4096 ? { kind: 'next' } : undefined));
  expect(blocks.map(({ length, edges }) => [length, edges])).toEqual([[2, [{ outside: 4096 }]]]);
});

test('a page begins with a block of its own, also the one in front', () => {
  const next = findBlocks(4088, 100, code({ 4100: { kind: 'stop' } }));
  expect(next.map(({ start, length }) => [start, length])).toEqual([
    [4088, 2],
    [4096, 2],
  ]);
  const before = findBlocks(8, 100, code({ 8: jump(-16), [-4]: { kind: 'next' }, 0: { kind: 'stop' } }));
  expect(before.map(({ start, length }) => [start, length])).toEqual([
    [8, 1],
    [-8, 2],
    [0, 1],
  ]);
});

test('a procedure on another page returns to its caller', () => {
  const blocks = findBlocks(
    0,
    100,
    code({ 0: jump(0x5000, true), 0x5004: { kind: 'return' }, 4: { kind: 'stop' } }),
  );
  const returns = blocks.find(({ end }) => end === 'return')?.edges ?? [];
  expect(returns.map((edge) => 'block' in edge && edge.block.start)).toEqual([4]);
});

const leadsTo = (blocks: readonly Block[], end: Block['end']): unknown[] =>
  blocks
    .filter((block) => block.end === end)
    .map(({ edges }) => edges.map((edge) => 'block' in edge && edge.block.start));

test('a procedure that calls itself stands once, and returns to all of its calls', () => {
  const itself = code({ 4: branch(20), 8: jump(-8, true), 16: jump(-16, true), 24: { kind: 'return' } });
  expect(leadsTo(findBlocks(0, 100, itself), 'return')).toEqual([[20, 12]]);
});

test('called from elsewhere it returns there too, and nowhere twice', () => {
  const recursive = { 0x104: branch(16), 0x108: jump(-8, true), 0x114: { kind: 'return' } } as const;
  const called = findBlocks(0, 100, code({ 0: jump(0x100, true), 4: { kind: 'stop' }, ...recursive }));
  expect(leadsTo(called, 'return')).toEqual([[0x10c, 4]]);
  // From where the recursion returns to: the RET of the first frame is in another context.
  expect(leadsTo(findBlocks(0x10c, 100, code({ 0x110: jump(-16, true), ...recursive })), 'return')).toEqual([
    [0x114, 0x10c],
  ]);
});

test('a call through a register goes on at the guess, and comes back', () => {
  const blocks = findBlocks(
    0,
    100,
    code({ 0: { kind: 'indirect', guess: 0x4000 }, 4: { kind: 'stop' }, 0x4004: { kind: 'return' } }),
  );
  expect(leadsTo(blocks, 'indirect')).toEqual([[0x4000]]);
  expect(leadsTo(blocks, 'return')).toEqual([[4]]);
});
