// How sessions of one machine begin and end: clients that do less than they say, guests that power off or do not, a
// machine that stays, one that begins anew.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import type { Host } from '../../../debug-adapter/host.ts';
import { LocalMachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import { Machines } from '../../../debug-adapter/machine/machines.ts';
import { createMachineServer } from '../../../debug-adapter/node/machine-server.ts';
import type { Action, MachineServer } from '../../../emulator/machine/messages.ts';
import {
  bodyOf,
  childOf,
  client,
  configured,
  D1,
  D2,
  disconnect,
  disconnectAll,
  family,
  host,
  threadsOf,
  TWO,
} from '../support/two-domains.ts';

afterEach(disconnectAll);

const launching = (more: Record<string, unknown> = {}): Dap.LaunchRequestArguments =>
  ({ ...TWO, ...more }) as Dap.LaunchRequestArguments;

test('a client that agrees to start a session and does not sees the domain with the machine', async () => {
  const machines = new Machines(1);
  const parent = await client(machines, { supportsStartDebuggingRequest: true });
  const asked: Dap.AttachRequestArguments[] = [];
  parent.onAsked = async (_command, args) => {
    asked.push((args as Dap.StartDebuggingRequestArguments).configuration as Dap.AttachRequestArguments);
    return true;
  };
  await parent.send('launch', launching({ stopOnEntry: true }));
  await parent.send('configurationDone', {});
  expect(await bodyOf(parent, 'stopped')).toMatchObject({ reason: 'entry', threadId: D1 });
  expect(await threadsOf(parent)).toEqual([`${D1} d1 v0`, `${D2} d2 v0`]);

  // It may come yet.
  const late = await client(machines);
  await late.send('attach', asked[1] as Dap.AttachRequestArguments);
  await late.send('configurationDone', {});
  expect(await bodyOf(late, 'stopped')).toMatchObject({ reason: 'pause', threadId: D2 });
  expect(await threadsOf(late)).toEqual([`${D2} d2 v0`]);
  expect(await threadsOf(parent)).toEqual([`${D1} d1 v0`]);
});

test('a restart asks for a session again where one ended with its domain', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  await d2.send('xen/act', { action: { kind: 'destroy', domain: 1 } });
  await d1.until('terminated');
  await disconnect(d1);
  await all.parent.until('stopped');

  const again = d2.raw('restart', {});
  while (childOf(all, 1) === d1) await new Promise((resolve) => setImmediate(resolve));
  const anew = childOf(all, 1);
  expect(await again).toMatchObject({ success: true });
  // Nothing runs before its breakpoints are set.
  const set = await anew.send('setFunctionBreakpoints', { breakpoints: [{ name: 'print' }] });
  await anew.send('configurationDone', {});
  expect(await bodyOf(anew, 'stopped')).toMatchObject({ reason: 'entry', threadId: D1 });
  await anew.send('continue', { threadId: D1 });
  expect(await bodyOf(anew, 'stopped')).toMatchObject({ hitBreakpointIds: [set.breakpoints[0]?.id] });
});

test('what a session asks while another one restarts the machine is refused without troubling the user', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d2.until('stopped');
  const { stackFrames } = await d2.send('stackTrace', { threadId: D2 });
  const answers = [
    d2.raw('stackTrace', { threadId: D2 }),
    d2.raw('readMemory', { memoryReference: 'd2/ipa:0x40000000', count: 4096 }),
    d2.raw('threads', {}),
  ];
  const again = d1.raw('restart', {});
  for (const answer of [...answers, d2.raw('xen/domains', {}), d1.raw('pause', { threadId: D1 })]) {
    const { success, body } = await answer;
    if (!success) expect((body as Dap.ErrorResponse['body']).error).toMatchObject({ showUser: false });
  }
  expect(await again).toMatchObject({ success: true });
  expect(await d2.raw('scopes', { frameId: stackFrames[0]?.id })).toMatchObject({ message: 'stale' });
});

test('a machine that is to stay goes on for those who attached', async () => {
  const machines = new Machines();
  const first = await client(machines);
  await first.send('launch', launching({ stopOnEntry: true }));
  await first.send('configurationDone', {});
  await first.until('stopped');
  const second = await client(machines);
  await second.send('attach', {} as Dap.AttachRequestArguments);
  await second.send('configurationDone', {});
  await second.until('stopped');
  await disconnect(first, { terminateDebuggee: false });
  expect(await threadsOf(second)).toHaveLength(2);
  await second.send('stepIn', { threadId: D1, granularity: 'instruction' });
  expect(await bodyOf(second, 'stopped')).toMatchObject({ reason: 'step' });

  // Left alone it runs, and is there for the next one.
  await disconnect(second);
  const third = await client(machines);
  await third.send('attach', {} as Dap.AttachRequestArguments);
  await third.send('configurationDone', {});
  expect(await bodyOf(third, 'stopped')).toMatchObject({ reason: 'pause' });
  await third.send('terminate', {});
  await third.until('terminated');
  expect((await (await client(machines)).raw('attach', {})).success).toBe(false);
});

test('a session that ends its domain for good has ended itself', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const d1 = childOf(all, 1);
  await d1.until('stopped');
  await disconnect(d1, { terminateDebuggee: true });
  expect(d1.hasEnded).toBe(true);
});

test('a step of a domain that has ended says so, and the machine stands as before', async () => {
  const session = await client(new Machines());
  await session.send('launch', launching());
  await session.send('configurationDone', {});
  const isPrompt = ({ event, body }: Dap.Event): boolean =>
    event === 'xen/consoleData' && (body as { text: string }).text.includes('hello> ');
  await session.untilOne(isPrompt);
  await session.untilOne(isPrompt);
  await session.send('xen/console', { domain: 1, text: 'poweroff\n' });
  await session.until('thread');
  await session.send('pause', { threadId: D2 });
  await session.until('stopped');
  await session.send('stepIn', { threadId: D1, granularity: 'instruction' });
  expect(await bodyOf(session, 'stopped')).toMatchObject({
    reason: 'pause',
    threadId: D1,
    description: 'domain 1 has ended',
  });
  await session.send('stepIn', { threadId: D2, granularity: 'instruction' });
  expect(await bodyOf(session, 'stopped')).toMatchObject({ reason: 'step', threadId: D2 });
});

// ---------------------------------------------------------------- power-off

/** Guests that watch `control/shutdown`; what they are asked is noted, and they do nothing. */
function deafHost(hearing: readonly number[], actions: Action[]): Host {
  const start = (): LocalMachineClient =>
    new LocalMachineClient((tell) => {
      const server = createMachineServer(tell);
      const { inspect, act } = server;
      return Object.assign(server, {
        inspect: (async (request) => {
          const answer = await inspect.call(server, request);
          const match = /^\/local\/domain\/(\d+)\/control\/shutdown$/.exec(String(request.args['path']));
          const domain = Number(match?.[1]);
          const watches = hearing.includes(domain) ? [{ domain, token: 't' }] : [];
          return match ? { ...answer, view: { nodes: [{ watches }] } } : answer;
        }) satisfies MachineServer['inspect'],
        act: (({ action }) => {
          actions.push(action);
          return action.kind === 'shutdown' ? undefined : act.call(server, { action });
        }) satisfies MachineServer['act'],
      });
    });
  return { ...host, startMachine: async () => start() };
}

const OFF = (domain: number) => ({ kind: 'shutdown', domain, reason: 'poweroff' });

test('guests that can hear of it are asked to power off, and the second time it ends at once', async () => {
  const actions: Action[] = [];
  const session = await client(new Machines(), {}, deafHost([1, 2], actions));
  await session.send('launch', launching({ shutdownTimeout: 3600 }));
  await session.send('configurationDone', {});
  await session.send('terminate', {});
  while (actions.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(actions).toEqual([OFF(1), OFF(2)]);
  expect(session.events.some(({ event }) => event === 'terminated')).toBe(false);
  expect(await threadsOf(session)).toHaveLength(2);
  await session.send('terminate', {});
  await session.until('terminated');
  expect((await session.raw('threads', {})).success).toBe(false);
});

test('guests that do not power off in time are ended', async () => {
  const actions: Action[] = [];
  const session = await client(new Machines(), {}, deafHost([1], actions));
  await session.send('launch', launching({ shutdownTimeout: 0.001 }));
  await session.send('configurationDone', {});
  await session.send('terminate', {});
  await session.until('terminated');
  const said = session.events.map(({ body }) => (body as { output?: string } | undefined)?.output ?? '');
  expect(said.join('')).toContain("'shutdownTimeout'");
});

test('guests that hear nothing, and guests that stand, are ended at once', async () => {
  for (const [hearing, stopOnEntry] of [
    [[], false],
    [[1, 2], true],
  ] as const) {
    const actions: Action[] = [];
    const session = await client(new Machines(), {}, deafHost(hearing, actions));
    await session.send('launch', launching({ shutdownTimeout: 3600, stopOnEntry }));
    await session.send('configurationDone', {});
    if (stopOnEntry) await session.until('stopped');
    await session.send('terminate', {});
    await session.until('terminated');
    expect(actions).toEqual([]);
  }
});

test('a session of one domain asks that domain, and ends it the second time', async () => {
  const actions: Action[] = [];
  const all = await family({ ...TWO, shutdownTimeout: 3600 }, {}, deafHost([1, 2], actions));
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d2.send('terminate', {});
  while (actions.length < 1) await new Promise((resolve) => setImmediate(resolve));
  await d2.send('terminate', {});
  await d2.until('terminated');
  expect(actions).toEqual([OFF(2), { kind: 'destroy', domain: 2 }]);
  expect(await threadsOf(d1)).toHaveLength(1);
});

test('a session whose domain has crashed ends when it is told to', async () => {
  const all = await family();
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  const prompts = new Set<number>();
  while (prompts.size < 2) {
    const body = (await bodyOf(all.parent, 'xen/consoleData')) as { domain: number; text: string };
    if (body.text.includes('hello> ')) prompts.add(body.domain);
  }
  await d1.send('setExceptionBreakpoints', { filters: ['crash'] });
  await d2.send('setExceptionBreakpoints', { filters: [] });
  await all.parent.send('setExceptionBreakpoints', { filters: [] });
  await d1.send('xen/console', { text: 'crash\n' });
  expect(await bodyOf(d1, 'stopped')).toMatchObject({ reason: 'exception' });
  await d1.send('terminate', {});
  await d1.until('terminated');
  expect(await threadsOf(d2)).toEqual([`${D2} d2 v0`]);
  expect(d2.events.some(({ event }) => event === 'terminated')).toBe(false);
});

// ---------------------------------------------------------------- what clients are told

test('each session says what it debugs', async () => {
  const all = await family();
  const common = { isLocalProcess: true, pointerSize: 64 };
  expect(await bodyOf(childOf(all, 2), 'process')).toEqual({ ...common, name: 'two', startMethod: 'attach' });
  expect(await bodyOf(all.parent, 'process')).toEqual({
    ...common,
    name: expect.stringContaining('(one, two)'),
    startMethod: 'launch',
  });
});
