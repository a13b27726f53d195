// Several domains, several sessions, one run state: two bundled guests on one machine, seen by clients of all kinds.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { Machines } from '../../../debug-adapter/machine/machines.ts';
import type { TestSession } from '../support/drive.ts';
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
  guest,
  threadsOf,
  TWO,
} from '../support/two-domains.ts';

afterEach(disconnectAll);

test('a breakpoint for every domain stops in each of them', async () => {
  const all = await family();
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  const named = await d2.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await d2.send('setFunctionBreakpoints', { breakpoints: [] });
  const instructionReference = named.breakpoints[0]?.instructionReference ?? '';
  const { breakpoints } = await d2.send('setInstructionBreakpoints', {
    breakpoints: [{ instructionReference, mode: 'anydomain' }],
  });
  expect(breakpoints).toMatchObject([{ verified: true, message: 'Set at 2 places' }]);
  await configured(all);
  const reasons: string[][] = [];
  for (let stop = 0; stop < 2; stop++) {
    const both = await Promise.all([d1, d2].map((session) => bodyOf(session, 'stopped')));
    reasons.push(both.map((body) => (body as Dap.StoppedEvent['body']).reason));
    if (stop === 0) await d1.send('continue', { threadId: D1 });
  }
  expect(reasons.toSorted()).toEqual([
    ['instruction breakpoint', 'pause'],
    ['pause', 'instruction breakpoint'],
  ]);
});

test('each domain has a session, and a breakpoint stops in the one that set it', async () => {
  const all = await family();
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  const set = await d2.send('setFunctionBreakpoints', { breakpoints: [{ name: 'print' }] });
  expect(set.breakpoints).toMatchObject([{ verified: true, id: 1 }]);
  await configured(all);
  for (let stop = 0; stop < 3; stop++) {
    expect(await bodyOf(d2, 'stopped')).toMatchObject({
      reason: 'function breakpoint',
      threadId: D2,
      hitBreakpointIds: [1],
      allThreadsStopped: true,
    });
    for (const other of [d1, all.parent]) {
      expect(await bodyOf(other, 'stopped')).toMatchObject({
        reason: 'pause',
        description: 'Paused with d2',
        preserveFocusHint: true,
        allThreadsStopped: true,
      });
    }
    // Whoever lets it run: the others are told.
    await d1.send('continue', { threadId: D1 });
    for (const other of [d2, all.parent]) {
      expect(await bodyOf(other, 'continued')).toMatchObject({ allThreadsContinued: true });
    }
  }
  expect(d1.events.some(({ event }) => event === 'continued')).toBe(false);
});

test('a session lists the vCPUs of its domain, and reaches every address of the others', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  expect(await bodyOf(d1, 'stopped')).toMatchObject({ reason: 'entry', threadId: D1 });
  expect(await bodyOf(d2, 'stopped')).toMatchObject({ description: 'Paused with d1', threadId: D2 });
  expect(await bodyOf(all.parent, 'stopped')).not.toHaveProperty('threadId');
  expect(await threadsOf(d1)).toEqual([`${D1} d1 v0`]);
  expect(await threadsOf(d2)).toEqual([`${D2} d2 v0`]);
  expect(await threadsOf(all.parent)).toEqual([]);
  expect((await d2.raw('stackTrace', { threadId: D1 })).success).toBe(false);

  await d1.send('writeMemory', { memoryReference: 'd2/ipa:0x40f00000', data: 'AQID' });
  const own = await d2.send('readMemory', { memoryReference: '0x40f00000', count: 3 });
  expect(own).toMatchObject({ data: 'AQID' });
  const first = await d2.send('readMemory', { memoryReference: 'd1/va@v0:0x40f00000', count: 3 });
  expect(first).toMatchObject({ data: 'AAAA' });
});

test('what was shown of a stop is stale in every session once the machine ran', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  const { stackFrames } = await d1.send('stackTrace', { threadId: D1 });
  await d2.send('stepIn', { threadId: D2, granularity: 'instruction' });
  expect(await bodyOf(d1, 'continued')).toMatchObject({ allThreadsContinued: true });
  expect(await bodyOf(d1, 'stopped')).toMatchObject({ description: 'Paused with d2' });
  const scopes = await d1.raw('scopes', { frameId: stackFrames[0]?.id });
  expect(scopes).toMatchObject({ success: false });
});

test('two sessions that let the machine run at once do so once', async () => {
  const all = await family();
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d2.send('setFunctionBreakpoints', { breakpoints: [{ name: 'print' }] });
  await configured(all);
  for (let stop = 0; stop < 4; stop++) {
    await d2.until('stopped');
    await Promise.all([d1.raw('continue', { threadId: D1 }), d2.raw('continue', { threadId: D2 })]);
  }
  await d2.until('stopped');
  expect(statesOf(d1)).toEqual(statesOf(d2));
  expect(statesOf(d1)).toHaveLength(10);
});

test('steps stay in their domain, though another is busy', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  await d2.until('stopped');
  for (let step = 0; step < 60; step++) {
    // Line by line now and then, which lets the other one run as well.
    const isLine = step % 10 === 9;
    await d1.send('stepIn', { threadId: D1, ...(!isLine && { granularity: 'instruction' as const }) });
    expect(await bodyOf(d1, 'stopped')).toMatchObject({ reason: 'step', threadId: D1 });
    expect(await bodyOf(d2, 'stopped')).toMatchObject({ reason: 'pause', description: 'Paused with d1' });
  }
});

test('what is changed in one session is out of date in all', async () => {
  const all = await family({ ...TWO, stopOnEntry: true }, { supportsInvalidatedEvent: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  await d2.send('xen/act', { action: { kind: 'pause', domain: 1 } });
  expect(await bodyOf(d1, 'invalidated')).toMatchObject({ areas: ['threads', 'stacks', 'variables'] });
  const { threads } = (await d1.send('threads', undefined as never)) as Dap.ThreadsResponse['body'];
  expect(threads[0]?.name).toContain('(paused)');
});

test('a client that cannot start sessions sees all domains in one', async () => {
  const session = await client(new Machines());
  await session.send('launch', TWO as Dap.LaunchRequestArguments);
  await session.until('initialized');
  const set = await session.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'd2!print' }, { name: 'print' }],
  });
  expect(set.breakpoints).toMatchObject([
    { verified: true },
    { verified: true, message: expect.stringContaining('2 places') },
  ]);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'd2!print' }] });
  await session.send('configurationDone', {});
  for (let stop = 0; stop < 3; stop++) {
    expect(await bodyOf(session, 'stopped')).toMatchObject({ threadId: D2, allThreadsStopped: true });
    expect(await threadsOf(session)).toEqual([`${D1} d1 v0`, `${D2} d2 v0`]);
    await session.send('continue', { threadId: D1 });
  }
});

test('a client that refuses a session sees that domain with the machine', async () => {
  const parent = await client(new Machines(), { supportsStartDebuggingRequest: true });
  await parent.send('launch', { ...TWO, stopOnEntry: true } as Dap.LaunchRequestArguments);
  await parent.until('initialized');
  await parent.send('configurationDone', {});
  expect(await bodyOf(parent, 'stopped')).toMatchObject({ reason: 'entry', threadId: D1 });
  expect(await threadsOf(parent)).toEqual([`${D1} d1 v0`, `${D2} d2 v0`]);
});

test('the configuration says how domains are shown', async () => {
  const single = await client(new Machines(), { supportsStartDebuggingRequest: true });
  single.onAsked = () => Promise.reject(new Error('no session was wanted'));
  await single.send('launch', {
    ...TWO,
    sessions: 'single',
    stopOnEntry: true,
  } as Dap.LaunchRequestArguments);
  await single.send('configurationDone', {});
  await single.until('stopped');
  expect(await threadsOf(single)).toHaveLength(2);

  // A session for the only domain.
  const asked: unknown[] = [];
  const parent = await client(new Machines(), { supportsStartDebuggingRequest: true });
  parent.onAsked = async (_command, args) => {
    asked.push(args);
    return false;
  };
  const one = { domains: [guest('one')], sessions: 'perDomain', stopOnEntry: true };
  await parent.send('launch', one as Dap.LaunchRequestArguments);
  await parent.send('configurationDone', {});
  await parent.until('stopped');
  expect(asked).toMatchObject([{ configuration: { name: 'd1 one', domain: 1 } }]);
});

test('memory of every domain is read while they run', async () => {
  const all = await family();
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await configured(all);
  const own = await d2.send('readMemory', { memoryReference: 'd2/ipa:0x40000000', count: 16 });
  const other = await d2.send('readMemory', { memoryReference: 'd1/ipa:0x40000000', count: 16 });
  // Both run the same kernel.
  expect(other?.data).toBe(own?.data);
  expect(own?.data).toHaveLength(24);
  await d1.send('writeMemory', { memoryReference: 'd1/ipa:0x40f00000', data: 'AQID' });
  const untouched = await d1.send('readMemory', { memoryReference: 'd2/ipa:0x40f00000', count: 3 });
  expect(untouched).toMatchObject({ data: 'AAAA' });
  expect(d2.events.some(({ event }) => event === 'stopped')).toBe(false);
});

test('who attaches sees the domains, and leaves the machine as it is', async () => {
  const machines = new Machines();
  const first = await client(machines);
  await first.send('launch', TWO as Dap.LaunchRequestArguments);
  await first.until('initialized');
  await first.send('configurationDone', {});

  const second = await client(machines);
  const wrong = await second.raw('attach', { machine: 'm7' });
  expect(wrong.message).toContain("There is no machine 'm7'");
  expect(wrong.message).toContain('m1 (one, two)');
  expect((await second.raw('attach', { domain: 5 })).message).toContain('1 (one), 2 (two)');
  await second.send('attach', {} as Dap.AttachRequestArguments);
  await second.until('initialized');
  await second.send('configurationDone', {});
  expect(await bodyOf(second, 'stopped')).toMatchObject({ reason: 'pause', threadId: D1 });
  expect(await threadsOf(second)).toEqual([`${D1} d1 v0`, `${D2} d2 v0`]);
  const { view } = await second.send('xen/domains', {});
  expect(view.domains.map(({ name }) => name)).toEqual(['Domain-0', 'one', 'two']);
  await first.until('stopped');
  await disconnect(second);
  expect(await threadsOf(first)).toHaveLength(2);

  const third = await client(machines);
  await third.send('attach', { domain: 2 } as Dap.AttachRequestArguments);
  await third.send('configurationDone', {});
  expect(await bodyOf(third, 'stopped')).toMatchObject({ threadId: D2 });
  expect(await threadsOf(third)).toEqual([`${D2} d2 v0`]);
  await disconnect(first);
  await third.until('terminated');
  expect((await (await client(machines)).raw('attach', {})).message).toContain(
    'There is no machine to attach to',
  );
});

test('a session that leaves may leave the machine standing', async () => {
  const machines = new Machines();
  const first = await client(machines);
  await first.send('launch', TWO as unknown as Dap.LaunchRequestArguments);
  await first.send('configurationDone', {});
  const second = await client(machines);
  await second.send('attach', { suspend: false } as unknown as Dap.AttachRequestArguments);
  await second.send('configurationDone', {});
  await disconnect(second, { suspendDebuggee: true });
  expect(await bodyOf(first, 'stopped')).toMatchObject({ reason: 'pause' });
  const { stackFrames } = await first.send('stackTrace', { threadId: D1 });
  expect(stackFrames.length).toBeGreaterThan(0);
});

test('a domain that powers off ends its session, and the last one the machine', async () => {
  const all = await family();
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  const prompts = new Set<number>();
  while (prompts.size < 2) {
    const { domain, text } = (await bodyOf(all.parent, 'xen/consoleData')) as {
      domain: number;
      text: string;
    };
    if (text.includes('hello> ')) prompts.add(domain);
  }
  await d1.send('xen/console', { text: 'poweroff\n' });
  expect(await bodyOf(d1, 'thread')).toEqual({ reason: 'exited', threadId: D1 });
  await d1.until('exited');
  await d1.until('terminated');
  expect(await threadsOf(d2)).toEqual([`${D2} d2 v0`]);
  expect(d2.events.some(({ event }) => event === 'terminated')).toBe(false);
  await d2.send('xen/console', { text: 'poweroff\n' });
  await d2.until('terminated');
  await all.parent.until('terminated');
  expect(d1.events.filter(({ event }) => event === 'terminated')).toHaveLength(1);
});

test('a restart in one session is a restart in all, with all breakpoints', async () => {
  const all = await family();
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d2.send('setFunctionBreakpoints', { breakpoints: [{ name: 'print' }] });
  await configured(all);
  expect(await bodyOf(d2, 'stopped')).toMatchObject({ hitBreakpointIds: [1] });
  const hash = async (): Promise<string> => (await d1.send('xen/machine', {})).view.stateHash;
  const before = await hash();
  await d1.send('restart', {});
  expect(await bodyOf(d2, 'stopped')).toMatchObject({ hitBreakpointIds: [1], threadId: D2 });
  // The same run, to the same state.
  expect(await hash()).toBe(before);
});

test('a machine whose session leaves while it is built anew is gone for all', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const d1 = childOf(all, 1);
  await d1.until('stopped');
  const restart = d1.raw('restart', {});
  await disconnect(all.parent);
  expect(await restart).toMatchObject({ success: false });
  await d1.until('terminated');
  expect((await d1.raw('threads', {})).success).toBe(false);
});

test('a configuration that cannot be built anew ends the other sessions', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  const nowhere = { domains: [{ ...guest('one'), kernel: '/nowhere' }] };
  const { success, message } = await d1.raw('restart', { arguments: nowhere });
  expect([success, message]).toEqual([false, expect.stringContaining('/nowhere')]);
  await d2.until('terminated');
  await all.parent.until('terminated');
});

test('a session that is ended for good takes its domain along', async () => {
  const all = await family({ ...TWO, stopOnEntry: true });
  await configured(all);
  const [d1, d2] = [childOf(all, 1), childOf(all, 2)];
  await d1.until('stopped');
  await disconnect(d1, { terminateDebuggee: true });
  const { view } = await d2.send('xen/domains', {});
  expect(view.domains.map(({ name }) => name)).toEqual(['Domain-0', 'two']);
});

test.each([1, 2, 3])(
  'whatever is asked of whichever session, all tell of one run state (seed %i)',
  async (seed) => {
    const all = await family();
    await configured(all);
    const sessions = [childOf(all, 1), childOf(all, 2), all.parent];
    const below = random(seed);
    const threads = [D1, D2, D1];
    for (let i = 0; i < 40; i++) {
      const which = below(sessions.length);
      const session = sessions[which] as TestSession;
      const threadId = threads[below(20) === 0 ? below(3) : which];
      const asks: readonly (readonly [string, unknown])[] = [
        ['continue', { threadId }],
        ['pause', { threadId }],
        ['next', { threadId, granularity: 'instruction' }],
        ['stepIn', { threadId }],
        ['stepOut', { threadId }],
        ['stackTrace', { threadId }],
        ['evaluate', { expression: '$pc' }],
        ['threads', {}],
        ['setFunctionBreakpoints', { breakpoints: [{ name: 'print' }].slice(below(2)) }],
        ['configurationDone', {}],
        ...(below(4) === 0 ? [['restart', {}] as const] : []),
      ];
      const [command, args] = asks[below(asks.length)] ?? ['threads', {}];
      // Answered in any case, now and then before the answer to the one before.
      const answer = session.raw(command, args);
      if (below(3) > 0) await answer;
    }
    for (const session of sessions) await session.send('setFunctionBreakpoints', { breakpoints: [] });
    await settled(sessions);
    const [first, ...others] = sessions.map(statesOf);
    expect(first?.length).toBeGreaterThan(1);
    for (const other of others) expect(other).toEqual(first);
  },
);

/** What a session told of the run state, one after the other. */
const statesOf = ({ events }: TestSession): boolean[] =>
  events
    .filter(({ event }) => event === 'xen/state')
    .map(({ body }) => (body as { running: boolean }).running);

/** Until the machine stands, which a step in a guest that waits does not bring about. */
async function settled(sessions: readonly TestSession[]): Promise<void> {
  while (sessions.some((session) => statesOf(session).at(-1) !== false)) {
    await sessions[0]?.raw('pause', { threadId: D1 });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whole numbers from 0, below what is asked for. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % limit;
  };
}
