// Breakpoints of all kinds on the bundled guest.

import { afterEach, expect, test } from 'vitest';
import type { TestSession } from './support/drive.ts';
import { goOn, helloXen, lineOf, printedUntil, source, stackOf, stopOf } from './support/hello-xen.ts';

const MAIN = source('main.c');

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

async function launched(more: Record<string, unknown> = {}): Promise<TestSession> {
  const session = await helloXen(more);
  open.push(session);
  return session;
}

async function data(session: TestSession, name: string, more: object = {}): Promise<string> {
  const info = await session.send('dataBreakpointInfo', { name, ...more });
  expect(info).toMatchObject({ dataId: expect.any(String) });
  return info?.dataId ?? '';
}

test('a hit condition counts in the machine', async () => {
  const session = await launched();
  await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [{ line: lineOf('print("hello %u:', MAIN), hitCondition: '3' }],
  });
  await session.send('configurationDone', {});
  expect(await stopOf(session)).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [1] });
  const printed = session.events.flatMap(({ event, body }) =>
    event === 'xen/consoleData' ? [(body as { text: string }).text] : [],
  );
  expect(printed.join('')).toContain('hello 2:');
  expect(printed.join('')).not.toContain('hello 3:');
});

test('a function breakpoint at the return stops in the caller, with the value', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'xenstore_read:return' }] });
  await session.send('configurationDone', {});
  const { description } = await stopOf(session);
  expect(description).toMatch(/^xenstore_read returned 0x[0-9a-f]+ \(-?\d+\)$/);
  expect((await stackOf(session))[0]).not.toMatch(/^xenstore_read:/);
});

test('one at EL0 only is passed by the kernel', async () => {
  const session = await launched();
  const { breakpoints } = await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: '/^(print|count_primes)$/@el0' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('configurationDone', {});
  await stopOf(session);
  expect((await stackOf(session))[0]).toMatch(/^count_primes:/);
});

test('a data breakpoint tells what was there before, and who wrote', async () => {
  const session = await launched();
  const dataId = await data(session, 'tables_used', { bytes: 4 });
  await session.send('setDataBreakpoints', {
    breakpoints: [{ dataId, accessType: 'write', condition: '$old != $new', hitCondition: '>1' }],
  });
  await session.send('configurationDone', {});
  const first = await stopOf(session);
  expect(first).toMatchObject({ reason: 'data breakpoint', hitBreakpointIds: [1] });
  expect(first.description).toMatch(/^tables_used was written: \d+ → \d+, by \w+\+0x[0-9a-f]+, mmu\.c:\d+$/);
  expect((await stackOf(session))[0]).toMatch(/^(take_table|new_table|\w+):\d+$/);
});

test('a data breakpoint on physical memory sees what a backend writes', async () => {
  const session = await launched();
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  await session.send('pause', { threadId: 257 });
  await stopOf(session);
  // evtchn_upcall_pending of vCPU 0, where shared_info begins: Xen sets it when somebody types, the guest clears it.
  const dataId = await data(session, 'shared', { bytes: 1, mode: 'phys' });
  expect(dataId).toMatch(/^host\/pa:0x/);
  await session.send('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
  await session.send('continue', { threadId: 257 });
  await session.send('xen/console', { text: 'x' });
  const stopped = await stopOf(session);
  expect(stopped).toMatchObject({ reason: 'data breakpoint' });
  expect(stopped.description).toBe('shared was written: 0 → 1, not by a vCPU');
  expect((await goOn(session)).description).toMatch(/^shared was written: 1 → 0, by .*events\.c:\d+$/);
});
