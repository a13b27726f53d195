// A client that shows memory hears when it may be different.

import { afterEach, expect, test, vi } from 'vitest';
import { RecentReads } from '../../debug-adapter/recent-reads.ts';
import type { MemoryChange } from '../../debug-adapter/recent-reads.ts';
import { b, NOP } from './support/assemble.ts';
import { launch } from './support/drive.ts';

afterEach(() => {
  vi.useRealTimers();
});

const kernel = ['primary_entry', NOP, 'start_kernel', NOP, b('start_kernel')];
const MEMORY = 'host/ipa:0x40002000';

test('memory that was read is told of after a step and after a change by hand, until it is not read any more', async () => {
  const session = await launch(kernel, { launch: { stopOnEntry: true } });
  await session.send('initialize', { adapterID: 'xen', supportsMemoryEvent: true });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const told = (): unknown[] =>
    session.events.filter(({ event }) => event === 'memory').map(({ body }) => body as unknown);

  await session.send('readMemory', { memoryReference: MEMORY, count: 16 });
  await session.send('readMemory', { memoryReference: MEMORY, offset: 64, count: 16 });
  expect(told()).toEqual([]);
  await session.send('stepIn', { threadId: 1, granularity: 'instruction' });
  await session.until('memory');
  expect(told()).toEqual([{ memoryReference: MEMORY, offset: 0, count: 80 }]);

  await session.send('stepIn', { threadId: 1, granularity: 'instruction' });
  await session.until('stopped');
  expect(told()).toHaveLength(1);

  await session.send('readMemory', { memoryReference: MEMORY, count: 16 });
  await session.send('writeMemory', { memoryReference: MEMORY, offset: 4, data: 'AQID' });
  await session.until('memory');
  expect(told().at(-1)).toEqual({ memoryReference: MEMORY, offset: 0, count: 16 });
});

test('a client that knows no such event gets none', async () => {
  const session = await launch(kernel, { launch: { stopOnEntry: true } });
  await session.send('configurationDone', {});
  await session.until('stopped');
  await session.send('readMemory', { memoryReference: MEMORY, count: 16 });
  await session.send('stepIn', { threadId: 1, granularity: 'instruction' });
  await session.until('stopped');
  expect(session.events.some(({ event }) => event === 'memory')).toBe(false);
});

test('changes in quick succession are told 20 times a second, the last one too', () => {
  vi.useFakeTimers();
  const told: MemoryChange[] = [];
  const reads = new RecentReads((change) => told.push(change));
  for (let i = 0; i < 10; i++) {
    reads.note('a', 0, 4);
    reads.changed();
  }
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(50);
  expect(told).toHaveLength(2);
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(2);
});

test('the last 64 references are kept', () => {
  const told: string[] = [];
  const reads = new RecentReads(({ memoryReference }) => told.push(memoryReference));
  for (let i = 0; i < 66; i++) reads.note(`${i}`, 0, 4);
  reads.note('3', 0, 4);
  reads.changed();
  expect(told).toHaveLength(64);
  expect([told[0], told.at(-1)]).toEqual(['2', '3']);
  reads.end();
});
