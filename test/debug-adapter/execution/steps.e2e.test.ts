// Steps of the bundled guest on the real machine, where interrupts, system calls and another domain come in between.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { DirectClient } from '../../../debug-adapter/node/direct-client.ts';
import { guestFolder } from '../../tools/build-guest.ts';
import { stepThrough } from '../support/instruction-steps.ts';

const THREAD = 257;
const KERNEL = join(guestFolder, 'hello-xen.elf');

const open: DirectClient[] = [];
afterEach(async () => {
  for (const client of open.splice(0)) await client.send('disconnect', {});
});

async function stoppedAt(name: string, more: Record<string, unknown> = {}): Promise<DirectClient> {
  const client = new DirectClient();
  open.push(client);
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    domains: [{ name: 'hello', kernel: KERNEL, memory: 16, gicVersion: 3, ...more }],
    sourceMap: { '/hello-xen': guestFolder },
  } as Dap.LaunchRequestArguments);
  await client.send('setFunctionBreakpoints', { breakpoints: [{ name }] });
  const stopped = client.next(({ event }) => event === 'stopped');
  await client.send('configurationDone', {});
  await stopped;
  await client.send('setFunctionBreakpoints', { breakpoints: [] });
  return client;
}

async function step(
  client: DirectClient,
  command: 'next' | 'stepIn' | 'stepOut' | 'continue',
  more: Partial<Dap.StepInArguments> = {},
): Promise<string[]> {
  const stopped = client.next(({ event }) => event === 'stopped');
  await client.send(command, { threadId: THREAD, ...more });
  await stopped;
  return names(client);
}

async function names(client: DirectClient): Promise<string[]> {
  const stack = await client.send('stackTrace', { threadId: THREAD });
  return (stack?.stackFrames ?? []).map(({ name }) => name.split('+')[0] ?? '');
}

const programBelow = ['save_and_handle', '— exception from EL0 —', 'system_call'];

test('a stack in a system call goes on with the program at EL0, nested exceptions too', async () => {
  const client = await stoppedAt('write_for_task');
  const stack = await names(client);
  expect(stack.slice(0, 2)).toEqual(['write_for_task', 'handle_system_call']);
  expect(stack.slice(stack.indexOf('save_and_handle'), -2)).toEqual(programBelow);
  expect(stack.slice(-2)).toEqual(['say', 'task_main']);

  // The program sleeps: the timer interrupts the kernel that waits for it.
  await client.send('setFunctionBreakpoints', { breakpoints: [{ name: 'timer_interrupt' }] });
  let nested = await step(client, 'continue');
  while (!nested.includes('handle_system_call')) nested = await step(client, 'continue');
  expect(nested[0]).toBe('timer_interrupt');
  const first = nested.indexOf('— exception —');
  expect(nested[first - 1]).toBe('save_and_handle');
  expect(nested[first + 1]).toMatch(/^wait_for/);
  const second = nested.indexOf('— exception from EL0 —');
  expect(second).toBeGreaterThan(first);
  expect(nested.slice(second + 1)).toEqual(['system_call', 'task_main']);
});

test('stepping out of an exception handler leads to the program, behind its system call', async () => {
  const client = await stoppedAt('handle_exception');
  let stack = await names(client);
  while (!stack.includes('— exception from EL0 —')) {
    await client.send('setFunctionBreakpoints', { breakpoints: [{ name: 'handle_exception' }] });
    stack = await step(client, 'continue');
    await client.send('setFunctionBreakpoints', { breakpoints: [] });
  }
  expect((await step(client, 'stepOut'))[0]).toMatch(/^(?:save_and_handle|restore_and_return)$/);
  expect((await step(client, 'stepOut')).slice(0, 2)).toEqual(['system_call', 'say']);
});

test('ERET: next waits until the program is back in the kernel, stepIn follows it', async () => {
  const vectors = readFileSync(join(guestFolder, 'src/vectors.S'), 'utf8').split('\n');
  const line = 1 + vectors.findIndex((text) => text.trim() === 'eret');
  const client = await stoppedAt('write_for_task');
  await client.send('setBreakpoints', {
    source: { path: join(guestFolder, 'src/vectors.S') },
    breakpoints: [{ line }],
  });
  await step(client, 'continue');
  await client.send('setBreakpoints', {
    source: { path: join(guestFolder, 'src/vectors.S') },
    breakpoints: [],
  });
  const program = await step(client, 'stepIn');
  expect(program.slice(0, 2)).toEqual(['system_call', 'say']);

  const again = await stoppedAt('write_for_task');
  await again.send('setBreakpoints', {
    source: { path: join(guestFolder, 'src/vectors.S') },
    breakpoints: [{ line }],
  });
  await step(again, 'continue');
  await again.send('setBreakpoints', {
    source: { path: join(guestFolder, 'src/vectors.S') },
    breakpoints: [],
  });
  const kernel = await step(again, 'next');
  expect(kernel[0]).toBe('vectors');
  expect(kernel[1]).toBe('— system call from EL0 —');
});

test('a system call is stepped over as a call, and entered when its handler is asked for', async () => {
  const client = await stoppedAt('task_main');
  // The line of the svc in system_call().
  while ((await step(client, 'stepIn'))[0] !== 'system_call');
  const line = async (): Promise<number> =>
    (await client.send('stackTrace', { threadId: THREAD, levels: 1 }))?.stackFrames[0]?.line ?? 0;
  const source = readFileSync(join(guestFolder, 'src/task-program.c'), 'utf8').split('\n');
  const svc = 1 + source.findIndex((text) => text.includes('svc #0'));
  while ((await line()) !== svc) await step(client, 'next');
  const stack = await client.send('stackTrace', { threadId: THREAD, levels: 1 });
  const frameId = stack?.stackFrames[0]?.id ?? 0;
  const targets = (await client.send('stepInTargets', { frameId }))?.targets ?? [];
  const handler = targets.find(({ label }) => label === 'exception handler');
  const entered = await step(client, 'stepIn', { targetId: handler?.id ?? 0 });
  expect(entered[0]).toBe('vectors');
  expect(entered[1]).toBe('— system call from EL0 —');
  expect(entered.slice(2, 4)).toEqual(['system_call', 'say']);

  const back = await step(client, 'stepOut');
  expect(back.slice(0, 2)).toEqual(['system_call', 'say']);
  expect((await step(client, 'next'))[0]).toMatch(/^(?:system_call|say)$/);
});

test('steps by instruction stay where they are, whatever else the machine does', async () => {
  const counts = await stepThrough(KERNEL, 1500);
  expect(counts.steps).toBeGreaterThan(1000);
  expect(counts.interrupts).toBeGreaterThan(20);
  for (const count of [counts.systemCalls, counts.waits, counts.atEl0]) expect(count).toBeGreaterThan(0);
});

test('statements of one line are steps of their own when that is asked for', async () => {
  const columns = async (granularity: Dap.SteppingGranularity): Promise<Map<number, Set<number>>> => {
    const client = await stoppedAt('task_main');
    const found = new Map<number, Set<number>>();
    for (let i = 0; i < 60; i++) {
      await step(client, 'stepIn', { granularity });
      const stack = await client.send('stackTrace', { threadId: THREAD, levels: 1 });
      const { line = 0, column = 0 } = stack?.stackFrames[0] ?? {};
      found.set(line, (found.get(line) ?? new Set()).add(column));
    }
    return found;
  };
  const most = (all: Map<number, Set<number>>): number =>
    Math.max(...[...all.values()].map(({ size }) => size));
  expect(most(await columns('statement'))).toBeGreaterThan(1);
  expect(most(await columns('line'))).toBeLessThanOrEqual(most(await columns('statement')));
});
