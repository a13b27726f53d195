// Breakpoints of all kinds on the bundled guest.

import { afterEach, expect, test } from 'vitest';
import type { TestSession } from '../support/drive.ts';
import { goOn, helloXen, lineOf, printedUntil, source, stackOf, stopOf } from '../support/hello-xen.ts';

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

test('a condition in C over a local variable stops for the turn that is meant', async () => {
  const session = await launched();
  const { breakpoints } = await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [{ line: lineOf('print("hello %u:', MAIN), condition: 'i == 2 && greeting->domid == 1' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true }]);
  await session.send('configurationDone', {});
  expect(await stopOf(session)).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [1] });
  expect((await session.send('evaluate', { expression: 'i', context: 'watch' })).result).toBe('2');
});

test('a log point prints variables, strings among them, at its line', async () => {
  const session = await launched();
  const line = lineOf('print("hello %u:', MAIN);
  await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [{ line, logMessage: 'turn {i} of {greeting->times} for {greeting->name}' }],
  });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'run_task' }] });
  await session.send('configurationDone', {});
  expect((await stopOf(session)).reason).toBe('function breakpoint');
  const outputs = session.events.filter(
    ({ event, body }) => event === 'output' && body.output.startsWith('turn'),
  );
  expect(outputs.map(({ body }) => body.output).join('')).toBe(
    [1, 2, 3].map((i) => `turn ${i} of 3 for hello-xen\n`).join(''),
  );
  expect(outputs[0]?.body).toMatchObject({ source: { path: MAIN }, line });
});

test('a variable that is shown can be watched: a member of a structure, a local on the stack', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'wait_for_ticks' }] });
  await session.send('configurationDone', {});
  await stopOf(session);
  const dataId = await data(session, 'timer.ticks');
  expect(dataId).toMatch(/,8;default;timer\.ticks$/);
  const whole = await session.send('evaluate', { expression: 'timer', context: 'watch' });
  const info = await session.send('dataBreakpointInfo', {
    variablesReference: whole.variablesReference,
    name: 'ticks',
  });
  expect(info).toMatchObject({ dataId, accessTypes: ['read', 'write', 'readWrite'] });
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  await session.send('setDataBreakpoints', {
    breakpoints: [{ dataId, accessType: 'write', condition: '$new == 2' }],
  });
  expect((await goOn(session)).description).toMatch(/^timer\.ticks was written: 1 → 2, by .*timer\.c:\d+$/);
  const register = await session.send('dataBreakpointInfo', { name: '$x0' });
  expect(register).toMatchObject({ dataId: null, description: expect.stringContaining('x0') });
});

test('statements of a file are where breakpoints can be set', async () => {
  const session = await launched();
  const line = lineOf('for (unsigned i = 1; i <= greeting->times', MAIN);
  const { breakpoints } = await session.send('breakpointLocations', {
    source: { path: MAIN },
    line,
    endLine: line + 1,
  });
  const onLine = breakpoints.filter((place) => place.line === line);
  expect(onLine.length).toBeGreaterThan(1);
  const last = onLine.at(-1)?.column ?? 0;
  expect(last).toBeGreaterThan(onLine[0]?.column ?? 0);
  const answer = await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [{ line, column: last }],
  });
  expect(answer.breakpoints).toMatchObject([{ verified: true, line, column: last }]);
  await session.send('configurationDone', {});
  await stopOf(session);
  const { stackFrames } = await session.send('stackTrace', { threadId: 257 });
  expect(stackFrames[0]).toMatchObject({ line, column: last });
});

test('a log point that single steps come to speaks once, when the guest goes on', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  await stopOf(session);
  const { stackFrames } = await session.send('stackTrace', { threadId: 257 });
  const here = stackFrames[0]?.instructionPointerReference ?? '';
  const logged = { instructionReference: here, offset: 4, logMessage: 'domain {greeting->domid}' };
  // Beyond the protocol: any breakpoint may log.
  await session.send('setInstructionBreakpoints', { breakpoints: [logged as never] });
  await session.send('stepIn', { threadId: 257, granularity: 'instruction' });
  expect((await stopOf(session)).reason).toBe('step');
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'run_task' }] });
  expect((await goOn(session)).reason).toBe('function breakpoint');
  const lines = session.events.filter(
    ({ event, body }) => event === 'output' && body.output === 'domain 1\n',
  );
  expect(lines).toHaveLength(1);
});
