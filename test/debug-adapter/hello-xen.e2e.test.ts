// The bundled guest on the real machine, as an editor debugs it.

import { afterEach, expect, test } from 'vitest';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { readSnapshot } from '../../debug-adapter/machine/snapshot-file.ts';
import { createInspector, loadMachine, runToSnapshot } from '../../emulator/index.ts';
import type { TestSession } from './support/drive.ts';
import { helloXen, lineOf as lineIn, source, THREAD } from './support/hello-xen.ts';

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

const lineOf = (text: string, path = MAIN): number => lineIn(text, path);

async function where(session: TestSession): Promise<string[]> {
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
  return stackFrames.map(({ name, line }) => `${name.split('+')[0]}:${line}`);
}

test('a source breakpoint stops in the C code, with callers, registers and stage-2 map', async () => {
  const session = await launched();
  const line = lineOf('print("hello %u:');
  const { breakpoints } = await session.send('setBreakpoints', {
    source: { path: MAIN },
    breakpoints: [{ line }],
  });
  expect(breakpoints).toMatchObject([{ verified: true, line }]);
  await session.send('configurationDone', {});
  const stack = await where(session);
  expect(stack[0]).toBe(`say_hello:${line}`);
  expect(stack[1]).toMatch(/^greet:/);
  expect(stack[2]).toMatch(/^kernel_main:/);
  const { ranges } = await session.send('xen/stage2Map', {});
  expect(ranges.some(({ ipa, memory }) => ipa === '0x40000000' && memory === 'ram')).toBe(true);
});

test('steps: over, in and out, and the console says what the guest printed', async () => {
  const session = await launched();
  const line = lineOf('print("hello %u:');
  await session.send('setBreakpoints', { source: { path: MAIN }, breakpoints: [{ line }] });
  await session.send('configurationDone', {});
  expect((await where(session))[0]).toBe(`say_hello:${line}`);
  await session.send('setBreakpoints', { source: { path: MAIN }, breakpoints: [] });
  await session.send('stepIn', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^print:/);
  await session.send('stepOut', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^say_hello:/);
  await session.send('next', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^say_hello:/);
  await session.send('stepOut', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^greet:/);
  const printed = session.events
    .filter(({ event }) => event === 'xen/consoleData')
    .map(({ body }) => (body as { text: string }).text)
    .join('');
  expect(printed).toContain('hello 1:');
});

test('a breakpoint in the EL0 program stops there, and a system call can be stepped over and into', async () => {
  const session = await launched();
  const program = source('task-program.c');
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'count_primes' }] });
  await session.send('configurationDone', {});
  expect((await where(session))[0]).toMatch(/^count_primes:/);
  const { result } = await session.send('evaluate', { expression: '$el' });
  expect(result).toBe('0x0');
  const line = lineOf('svc #0', program);
  await session.send('setBreakpoints', { source: { path: program }, breakpoints: [{ line }] });
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  await session.send('continue', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^(system_call|say|say_number|count_primes|main)/);
  await session.send('setBreakpoints', { source: { path: program }, breakpoints: [] });

  // The system call itself is somewhere in this line.
  const instruction = async (): Promise<string> => {
    const { result } = await session.send('evaluate', { expression: '$pc' });
    const memoryReference = result.split(' ')[0] ?? '';
    const answer = await session.send('disassemble', { memoryReference, instructionCount: 1 });
    return answer?.instructions[0]?.instruction ?? '';
  };
  for (let i = 0; i < 8 && !(await instruction()).startsWith('svc'); i++) {
    await session.send('next', { threadId: THREAD, granularity: 'instruction' });
    await session.until('stopped');
  }
  expect(await instruction()).toMatch(/^svc/);
  await session.send('next', { threadId: THREAD, granularity: 'instruction' });
  await session.until('stopped');
  expect((await session.send('evaluate', { expression: '$el' })).result).toBe('0x0');

  await session.send('setBreakpoints', { source: { path: program }, breakpoints: [{ line }] });
  await session.send('continue', { threadId: THREAD });
  await session.until('stopped');
  for (let i = 0; i < 8 && !(await instruction()).startsWith('svc'); i++) {
    await session.send('next', { threadId: THREAD, granularity: 'instruction' });
    await session.until('stopped');
  }
  await session.send('stepIn', { threadId: THREAD, granularity: 'instruction' });
  await session.until('stopped');
  expect((await session.send('evaluate', { expression: '$el' })).result).toBe('0x1');
  expect((await session.send('evaluate', { expression: '$pc - $VBAR_EL1' })).result).toBe('0x400');
});

test('the timer tick is a stack over an interrupt; restart begins anew with the same breakpoints', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'handle_timer_tick' }] });
  await session.send('configurationDone', {});
  expect((await where(session))[0]).toMatch(/^handle_timer_tick:/);
  await session.send('restart', {});
  expect((await where(session))[0]).toMatch(/^handle_timer_tick:/);
});

test('a busy machine answers a pause, and typing reaches the guest', async () => {
  const session = await launched();
  await session.send('configurationDone', {});
  const text = await printedUntil(session, 'hello> ');
  expect(text).toContain('hello 1:');
  await session.send('xen/console', { text: 'help\n' });
  expect(await printedUntil(session, 'hello> ')).toContain('crash');
  await session.send('pause', { threadId: THREAD });
  expect((await session.until('stopped')).body).toMatchObject({ reason: 'pause' });
});

test('a breakpoint set while the guest runs is hit, and none is hit once it is removed', async () => {
  const session = await launched();
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  const tick = { breakpoints: [{ name: 'handle_timer_tick' }] };
  expect((await session.send('setFunctionBreakpoints', tick)).breakpoints).toMatchObject([
    { verified: true },
  ]);
  expect((await where(session))[0]).toMatch(/^handle_timer_tick:/);
  await session.send('continue', { threadId: THREAD });
  expect((await where(session))[0]).toMatch(/^handle_timer_tick:/);
  await session.send('continue', { threadId: THREAD });
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  await session.send('xen/console', { text: 'help\n' });
  await printedUntil(session, 'hello> ');
});

test('a guest that crashes itself stays to be looked at, and its end comes with continue', async () => {
  const session = await launched();
  await session.send('configurationDone', {});
  await printedUntil(session, 'hello> ');
  await session.send('xen/console', { text: 'crash\n' });
  // It panics first, which stops by default, and then tells Xen that it has crashed.
  for (const exceptionId of ['panic', 'crash']) {
    expect((await session.until('stopped')).body).toMatchObject({ reason: 'exception', threadId: THREAD });
    expect(await session.send('exceptionInfo', { threadId: THREAD })).toMatchObject({ exceptionId });
    const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
    expect(stackFrames.map(({ name }) => name.split('+')[0])).toContain('crash');
    if (exceptionId === 'panic') await session.send('continue', { threadId: THREAD });
  }
  await session.send('continue', { threadId: THREAD });
  expect((await session.until('exited')).body).toEqual({ exitCode: 1 });
  await session.until('terminated');
});

async function printedUntil(session: TestSession, prompt: string): Promise<string> {
  let text = '';
  while (!text.endsWith(prompt)) {
    const { body } = await session.until('xen/consoleData');
    text += (body as { text: string }).text.replaceAll('\r', '');
  }
  return text;
}

test('the debug console shows views, also while the guest runs; views name addresses that are symbols', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  expect((await where(session))[0]).toMatch(/^say_hello:/);
  const show = async (expression: string): Promise<string> =>
    (await session.send('evaluate', { expression, context: 'repl' })).result;
  expect(await show(':machine')).toMatch(/^what +value\ninstructions +\d+\n/);
  expect(await show(':help')).toContain(':machine\n');
  expect(await show(':views')).toBe(await show(':help'));
  await expect(show(':nonsense')).rejects.toThrow("there is no inspection 'nonsense'");
  await expect(show(':machine 5')).rejects.toThrow("'machine' does not take '5'");

  const { address, memoryReference } = await session.send('xen/resolve', { text: 'say_hello+4' });
  expect(memoryReference).toMatch(/^d1\/va@v0:0x/);
  const { symbols } = await session.send('xen/symbols', { addresses: [address, '0x10'] });
  expect(symbols).toMatchObject([{ name: 'say_hello+0x4', path: MAIN }, null]);
  const pc = (await session.send('xen/machine', {})).instructions;
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  await session.send('continue', { threadId: THREAD });
  expect(await show(':machine')).toMatch(/^what +value\n/);
  // Answered before or between the first slices.
  while ((await session.send('xen/machine', {})).instructions <= pc);
});

test('a snapshot of a stop leads a fresh machine to the same state', async () => {
  const session = await launched();
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'handle_timer_tick' }] });
  await session.send('configurationDone', {});
  expect((await where(session))[0]).toMatch(/^handle_timer_tick:/);
  await session.send('evaluate', { expression: '$x9 = 0xffffffffffffffff', context: 'repl' });
  await session.send('next', { threadId: THREAD });
  await session.until('stopped');
  await session.send('xen/console', { text: 'help\n' });
  const { stateHash } = (await session.send('xen/machine', {})).view;

  const { launch, folder, snapshot } = readSnapshot(
    (await session.send('xen/snapshot', {})).text,
    'a snapshot',
  );
  expect(snapshot.inputs.map(({ input }) => input.kind)).toEqual(
    expect.arrayContaining(['register', 'console']),
  );
  expect(snapshot.stateHash).toBe(stateHash);
  const { machine } = await prepareLaunch(
    nodeHost(() => {}),
    launch,
    folder,
  );
  const events = { console: () => {}, ended: () => {} };
  const fresh = loadMachine(loadEngineModules(), machine, events, { log: () => {} });
  runToSnapshot(fresh, snapshot);
  expect(createInspector(fresh).inspect('machine', {})).toMatchObject({ stateHash });
});
