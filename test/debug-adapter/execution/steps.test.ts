// Steps to chosen targets, jumps, steps of one vCPU alone, and what steps do when exceptions come, on the fake machine.

import { expect, test } from 'vitest';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { add, b, bl, ERET, NOP, POP_FRAME, PUSH_FRAME, RET, SET_FRAME } from '../support/assemble.ts';
import { launch, launchElf } from '../support/drive.ts';
import type { TestSession } from '../support/drive.ts';

/** Of fixtures/steps.elf. */
const MAIN = 0xffff_8000_0800_000cn;
const PATH = '/src/steps.c';

async function stackOf(session: TestSession): Promise<readonly Dap.StackFrame[]> {
  return (await session.send('stackTrace', { threadId: 1 })).stackFrames;
}

/** The next stop: its reason, and the lines of the stack. */
async function stop(session: TestSession): Promise<string[]> {
  const { body } = (await session.until('stopped')) as Dap.StoppedEvent;
  const places = (await stackOf(session)).map(({ name, line }) => `${name.split('+')[0]}:${line}`);
  return [body.reason, ...places];
}

async function stoppedAt(line: number, requests: string[] = []): Promise<TestSession> {
  const session = await launchElf({ machine: { entry: { 8: MAIN }, requests } });
  await session.send('setBreakpoints', { source: { path: PATH }, breakpoints: [{ line }] });
  await session.send('configurationDone', {});
  await stop(session);
  await session.send('setBreakpoints', { source: { path: PATH }, breakpoints: [] });
  requests.length = 0;
  return session;
}

async function targetsOf(session: TestSession): Promise<readonly Dap.StepInTarget[]> {
  const [top] = await stackOf(session);
  return (await session.send('stepInTargets', { frameId: top?.id ?? 0 })).targets;
}

test('the calls of a line are targets, and one without lines is entered when it is chosen', async () => {
  const session = await stoppedAt(12);
  const targets = await targetsOf(session);
  expect(targets.map(({ label }) => label)).toEqual(['work', 'exception handler']);
  await session.send('stepIn', { threadId: 1, targetId: targets[0]?.id ?? 0 });
  expect(await stop(session)).toEqual(['step', 'work:20', 'main:12']);
  // A target belongs to the stop at which it was told.
  expect(await session.raw('stepIn', { threadId: 1, targetId: targets[0]?.id })).toMatchObject({
    success: false,
    message: 'stale',
  });

  const later = await stoppedAt(14);
  const [nolines] = await targetsOf(later);
  expect(nolines?.label).toBe('nolines');
  await later.send('stepIn', { threadId: 1, targetId: nolines?.id ?? 0 });
  expect((await stop(later))[1]).toMatch(/^nolines:/);
});

test('callers have no targets, and neither has what is no frame', async () => {
  const session = await stoppedAt(21);
  const [, caller] = await stackOf(session);
  expect(await session.send('stepInTargets', { frameId: caller?.id ?? 0 })).toEqual({ targets: [] });
  expect(await session.raw('stepInTargets', { frameId: 'x' })).toMatchObject({ success: false });
});

test('goto moves the PC to another statement of the function, and executes nothing', async () => {
  const requests: string[] = [];
  const session = await stoppedAt(11, requests);
  const { targets } = await session.send('gotoTargets', { source: { path: PATH }, line: 16 });
  expect(targets).toMatchObject([{ line: 16, label: expect.stringMatching(/^main\+0x/) }]);
  await session.send('goto', { threadId: 1, targetId: targets[0]?.id ?? 0 });
  expect(await stop(session)).toEqual(['goto', 'main:16']);
  expect(requests.filter((name) => /^(?:run|step)/.test(name))).toEqual([]);
  // Not into another function, whose frame is another one.
  expect(await session.send('gotoTargets', { source: { path: PATH }, line: 21 })).toEqual({ targets: [] });
  expect(await session.send('gotoTargets', { source: { path: '/src/none.c' }, line: 1 })).toEqual({
    targets: [],
  });
  expect(await session.raw('goto', { threadId: 1, targetId: 12345 })).toMatchObject({ success: false });
});

test('a stack is given in parts: its top first, and its length once that is known', async () => {
  const session = await stoppedAt(21);
  const top = await session.send('stackTrace', { threadId: 1, startFrame: 0, levels: 1 });
  expect(top.stackFrames.map(({ name }) => name)).toEqual(['work+0x8']);
  expect(top.totalFrames).toBeUndefined();
  const rest = await session.send('stackTrace', { threadId: 1, startFrame: 1, levels: 20 });
  expect(rest.stackFrames.map(({ name }) => name)).toEqual(['main+0x10']);
  expect(rest.totalFrames).toBe(2);
  const beyond = await session.send('stackTrace', { threadId: 1, startFrame: 7, levels: 20 });
  expect(beyond).toEqual({ stackFrames: [], totalFrames: 2 });
});

test('names of frames are as the client wants them', async () => {
  const session = await stoppedAt(21);
  const nameWith = async (format: Dap.StackFrameFormat): Promise<string[]> =>
    (await session.send('stackTrace', { threadId: 1, format })).stackFrames.map(({ name }) => name);
  expect(await nameWith({})).toEqual(['work+0x8', 'main+0x10']);
  expect(await nameWith({ line: true })).toEqual(['work+0x8 line 21', 'main+0x10 line 12']);
  expect(await nameWith({ module: true })).toEqual(['steps.elf!work+0x8', 'steps.elf!main+0x10']);
});

test('a listing has targets too', async () => {
  const session = await launchElf({ machine: { entry: { 8: MAIN } }, launch: { sourceMap: {} } });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'main' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const [top] = await stackOf(session);
  const { targets } = await session.send('gotoTargets', {
    source: top?.source ?? {},
    line: (top?.line ?? 0) + 2,
  });
  expect(targets).toMatchObject([{ label: 'main+0x8', line: (top?.line ?? 0) + 2 }]);
});

test('one vCPU alone: the others are frozen, and the client hears that they did not continue', async () => {
  const requests: string[] = [];
  const session = await stoppedAt(11, requests);
  await session.send('next', { threadId: 1, singleThread: true });
  expect(await stop(session)).toEqual(['step', 'main:12']);
  expect(requests).toContain('run only 0');
  requests.length = 0;
  await session.send('next', { threadId: 1 });
  await stop(session);
  expect(requests).toContain('run');
  requests.length = 0;
  await session.send('setBreakpoints', { source: { path: PATH }, breakpoints: [{ line: 15 }] });
  expect(await session.send('continue', { threadId: 1, singleThread: true })).toEqual({
    allThreadsContinued: false,
  });
  await session.until('stopped');
  expect(requests.filter((name) => name.startsWith('run'))).toEqual(['run only 0']);
});

test('threads that are terminated are vCPUs that are turned off', async () => {
  const requests: string[] = [];
  const session = await stoppedAt(11, requests);
  await session.send('terminateThreads', { threadIds: [1] });
  expect(requests).toEqual(['act vcpu-off']);
  expect(await session.raw('terminateThreads', { threadIds: [77] })).toMatchObject({ success: false });
  expect(await session.raw('terminateThreads', { threadIds: 'x' })).toMatchObject({ success: false });
});

// ---------------------------------------------------------------- exceptions

const padding = (count: number): number[] => new Array<number>(count).fill(NOP);

/** Vectors, of which the one for interrupts calls a handler; and a loop that is interrupted. */
const interrupted = [
  'primary_entry',
  b('start_kernel'),
  'start_kernel',
  PUSH_FRAME,
  SET_FRAME,
  'loop',
  add(1, 1),
  add(2, 1),
  add(3, 1),
  b('loop'),
  'vectors',
  ...padding(0x280 / 4),
  b('entry'),
  ...padding(0x580 / 4 - 1),
  'entry',
  PUSH_FRAME,
  SET_FRAME,
  bl('handler'),
  POP_FRAME,
  ERET,
  'handler',
  add(5, 1),
  RET,
];

async function interruptedAt(count: number, breakpoint: string): Promise<TestSession> {
  const session = await launch(interrupted, { machine: { interruptAt: count } });
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: breakpoint }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  return session;
}

async function names(session: TestSession): Promise<string[]> {
  return (await stackOf(session)).map(({ name }) => name);
}

test('the stack of a handler goes on with what was interrupted', async () => {
  const session = await interruptedAt(9, 'handler');
  expect(await names(session)).toEqual(['handler', 'entry+0xc', '— interrupt —', 'loop+0x4']);
});

test('stepping out of a handler leads to the interrupted instruction', async () => {
  const session = await interruptedAt(9, 'handler');
  await session.send('stepOut', { threadId: 1 });
  await session.until('stopped');
  expect((await names(session))[0]).toBe('entry+0xc');
  await session.send('stepOut', { threadId: 1 });
  await session.until('stopped');
  expect((await names(session))[0]).toBe('loop+0x4');
});

test('an interrupt in a step is over before the step ends', async () => {
  const session = await interruptedAt(6, 'loop');
  const places: string[] = [];
  for (let i = 0; i < 6; i++) {
    await session.send('next', { threadId: 1, granularity: 'instruction' });
    await session.until('stopped');
    places.push((await names(session))[0] ?? '');
  }
  expect(places).toEqual(['loop+0x4', 'loop+0x8', 'loop+0xc', 'loop', 'loop+0x4', 'loop+0x8']);
});

test('the handler of an exception is a target of its own', async () => {
  const session = await interruptedAt(4, 'loop');
  const targets = await targetsOf(session);
  expect(targets.map(({ label }) => label)).toEqual(['exception handler']);
  await session.send('stepIn', { threadId: 1, targetId: targets[0]?.id ?? 0 });
  await session.until('stopped');
  const stack = await names(session);
  expect(stack[0]).toMatch(/^vectors\+0x280$/);
  expect(stack[1]).toBe('— interrupt —');
  expect(stack[2]).toMatch(/^loop/);
});

test('ERET leads back to what was interrupted', async () => {
  const session = await interruptedAt(9, 'entry+0x10');
  await session.send('next', { threadId: 1 });
  await session.until('stopped');
  expect((await names(session))[0]).toBe('loop+0x4');
});
