// Requests beyond the protocol, on two bundled guests.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { Machines } from '../../debug-adapter/machine/machines.ts';
import type { TestSession } from './support/drive.ts';
import { bodyOf, client, D1, disconnectAll, TWO } from './support/two-domains.ts';

afterEach(disconnectAll);

/** The first domain stands at the beginning of the function; its MMU is on then. */
async function at(name: string): Promise<TestSession> {
  const session = await client(new Machines());
  await session.send('launch', TWO as Dap.LaunchRequestArguments);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: `d1!${name}` }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  return session;
}

test('an address is translated from every space to the others', async () => {
  const session = await at('say_hello');
  const { stackFrames } = await session.send('stackTrace', { threadId: D1 });
  const va = stackFrames[0]?.instructionPointerReference ?? '';
  const translated = await session.send('xen/translate', { memoryReference: va });
  const { ipa, pa } = translated;
  const inSpace = ({ aliases }: typeof translated, space: string): string[] =>
    aliases.filter((alias) => alias.space === space).map(({ address }) => address);
  expect(inSpace(translated, 'ipa')).toContain(ipa);
  expect(inSpace(translated, 'va').map(BigInt)).toContain(BigInt(va.split(':')[1] ?? ''));
  for (const memoryReference of [`d1/ipa:${ipa}`, `host/pa:${pa}`]) {
    const back = await session.send('xen/translate', { memoryReference });
    expect(back.pa).toBe(pa);
    expect(back.aliases).toEqual(translated.aliases);
  }
  const nowhere = await session.send('xen/translate', { memoryReference: 'd1/ipa:0xf00000000' });
  expect(nowhere).toMatchObject({ fault: expect.any(String), aliases: [] });
});

test('the residents of memory are its symbols, in the space that was asked for', async () => {
  const session = await at('say_hello');
  const { stackFrames } = await session.send('stackTrace', { threadId: D1 });
  const memoryReference = stackFrames[0]?.instructionPointerReference ?? '';
  const { residents, truncated } = await session.send('xen/residents', { memoryReference, count: 0x200 });
  expect(truncated).toBe(false);
  expect(residents[0]).toMatchObject({ name: 'say_hello', memoryReference });
  expect(residents.length).toBeGreaterThan(1);
  let last = -1n;
  for (const { memoryReference: one, size } of residents) {
    const start = BigInt(one.split(':')[1] ?? '');
    expect(start).toBeGreaterThan(last);
    expect(size).toBeGreaterThan(0);
    last = start;
  }
  // The middle of a function has that function in it.
  const inside = await session.send('xen/residents', { memoryReference, offset: 4, count: 4 });
  expect(inside.residents.map(({ name }) => name)).toEqual(['say_hello']);

  const { ipa } = await session.send('xen/translate', { memoryReference });
  const physical = await session.send('xen/residents', { memoryReference: `d1/ipa:${ipa}`, count: 4 });
  expect(physical.residents).toMatchObject([{ name: 'say_hello', memoryReference: `d1/ipa:${ipa}` }]);
  expect(await session.send('xen/residents', { memoryReference: 'd1/va:0x10', count: 16 })).toMatchObject({
    residents: [],
  });
});

test('the vCPUs of all domains are listed, in whichever session', async () => {
  const session = await at('say_hello');
  const { vcpus } = await session.send('xen/vcpus', {});
  expect(vcpus).toMatchObject([
    { domain: 1, vcpu: 0, threadId: D1, state: 'running', el: 1, symbol: 'say_hello' },
    { domain: 2, vcpu: 0, threadId: 513 },
  ]);
});

test('a stop is explained: why, where, by which breakpoint', async () => {
  const session = await at('say_hello');
  const explained = await session.send('xen/explainStop', {});
  expect(explained).toMatchObject({
    reason: 'function breakpoint',
    threadId: D1,
    at: { symbol: 'say_hello', path: expect.stringMatching(/\.c$/), line: expect.any(Number) },
    breakpoints: [{ id: 1, kind: 'function', request: 'd1!say_hello' }],
    related: [],
  });
  expect(explained.instructions).toBeGreaterThan(0);

  const prompt = ({ event, body }: Dap.Event): boolean =>
    event === 'xen/consoleData' && (body as { text: string }).text.includes('hello> ');
  await session.send('setFunctionBreakpoints', { breakpoints: [] });
  await session.send('continue', { threadId: D1 });
  await session.untilOne(prompt);
  await session.untilOne(prompt);
  await session.send('xen/console', { domain: 1, text: 'crash\n' });
  expect(await bodyOf(session, 'stopped')).toMatchObject({ reason: 'exception' });
  const crash = await session.send('xen/explainStop', {});
  expect(crash).toMatchObject({ reason: 'exception', event: { event: expect.any(String) } });
  expect(crash.description).toContain(String(crash.event?.['message']));
  expect(crash.details).toMatch(/^message +\w/m);
});

test('xenstore is written as the toolstack writes it', async () => {
  const session = await at('say_hello');
  await session.send('xen/xenstoreWrite', { path: '/local/domain/1/note', value: 'hello' });
  const { view } = await session.send('xen/xenstore', { path: '/local/domain/1/note' });
  expect(view.nodes).toMatchObject([{ value: 'hello' }]);
  expect((await session.raw('xen/xenstoreWrite', { path: 'no path', value: '' })).success).toBe(false);
});

test('what a machine was made of, and what its guests were told of it, are sources', async () => {
  const session = await at('say_hello');
  const { sources } = await session.send('loadedSources', {});
  const generated = sources.filter(({ sourceReference }) => sourceReference);
  expect(generated.map(({ name }) => name)).toEqual(['machine.json', 'one.dts', 'two.dts']);
  const textOf = async (index: number): Promise<string> => {
    const sourceReference = generated[index]?.sourceReference ?? 0;
    return (await session.send('source', { sourceReference })).content;
  };
  const machine = JSON.parse(await textOf(0)) as { cpu: string; domains: { name: string; vcpus: number }[] };
  expect(machine).toMatchObject({
    cpu: 'a53',
    domains: [
      { name: 'one', vcpus: 1, kernel: expect.stringMatching(/hello-xen\.elf$/) },
      { name: 'two', vcpus: 1, gicVersion: 3 },
    ],
  });
  expect(await textOf(1)).toMatch(/^\/dts-v1\/;[^]*hypervisor/);
});

test('modules have the build-id of their file, page by page', async () => {
  const session = await at('say_hello');
  const { modules, totalModules } = await session.send('modules', { startModule: 1, moduleCount: 1 });
  expect(totalModules).toBe(2);
  const buildId = (modules[0] as { buildId?: string } | undefined)?.buildId;
  expect(buildId).toMatch(/^[0-9a-f]{40}$/);
  expect(modules).toMatchObject([{ id: `d2:${buildId}`, domain: 'two' }]);
});

test('requests of time travel are refused by name', async () => {
  const session = await at('say_hello');
  for (const command of ['xen/timeline', 'xen/goToMoment', 'xen/lastWrite', 'xen/diff']) {
    const { success, message } = await session.raw(command, {});
    expect([success, message]).toEqual([false, expect.stringContaining(command.slice('xen/'.length))]);
  }
});
