// Requests that take long are shown by clients that can, and may be given up there.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test, vi } from 'vitest';
import type { Host } from '../../debug-adapter/host.ts';
import { Machines } from '../../debug-adapter/machine/machines.ts';
import type { TestSession } from './support/drive.ts';
import { client, disconnectAll, host, TWO } from './support/two-domains.ts';

afterEach(async () => {
  vi.useRealTimers();
  await disconnectAll();
});

/** A host that has no machine before it is told to. */
function slowHost(): { host: Host; isAsked: Promise<void>; release: () => void } {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let ask = (): void => {};
  const isAsked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const startMachine: Host['startMachine'] = async () => {
    ask();
    await released;
    return host.startMachine();
  };
  return { host: { ...host, startMachine }, isAsked, release };
}

const progressOf = ({ events }: TestSession): unknown[] =>
  events.filter(({ event }) => event.startsWith('progress')).map(({ event, body }) => [event, body]);

const launching = TWO as Dap.LaunchRequestArguments;

test('a launch that takes half a second is shown, with what it does', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const slow = slowHost();
  const session = await client(new Machines(), { supportsProgressReporting: true }, slow.host);
  const launch = session.raw('launch', launching);
  await slow.isAsked;
  vi.advanceTimersByTime(499);
  expect(progressOf(session)).toEqual([]);
  vi.advanceTimersByTime(1);
  const id = { progressId: 'p1' };
  expect(progressOf(session)).toEqual([
    [
      'progressStart',
      {
        ...id,
        title: 'Starting the machine',
        message: 'Starting the machine',
        requestId: session.lastSeq,
        cancellable: true,
      },
    ],
  ]);
  slow.release();
  expect(await launch).toMatchObject({ success: true });
  expect(progressOf(session).slice(1)).toEqual([
    ['progressUpdate', { ...id, message: 'Reading the symbols of one' }],
    ['progressUpdate', { ...id, message: 'Reading the symbols of two' }],
    ['progressEnd', id],
  ]);
});

test('what is shown may be given up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const slow = slowHost();
  const session = await client(new Machines(), { supportsProgressReporting: true }, slow.host);
  const launch = session.raw('launch', launching);
  await slow.isAsked;
  vi.advanceTimersByTime(500);
  await session.send('cancel', { progressId: 'p1' });
  slow.release();
  expect(await launch).toMatchObject({ success: false, message: 'cancelled' });
  expect(progressOf(session).at(-1)).toEqual(['progressEnd', { progressId: 'p1' }]);
});

test('a launch that is terminated before it is done ends there', async () => {
  const slow = slowHost();
  const machines = new Machines();
  const session = await client(machines, {}, slow.host);
  const launch = session.raw('launch', launching);
  await slow.isAsked;
  await session.send('terminate', {});
  slow.release();
  expect(await launch).toMatchObject({ success: false, message: 'cancelled' });
  await session.until('terminated');
  expect((await (await client(machines)).raw('attach', {})).message).toContain('no machine to attach to');
});

test('clients that show no progress, and requests that are quick, hear nothing of it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  for (const abilities of [{}, { supportsProgressReporting: true }]) {
    const slow = slowHost();
    const session = await client(new Machines(), abilities, slow.host);
    const launch = session.raw('launch', launching);
    await slow.isAsked;
    if (!('supportsProgressReporting' in abilities)) vi.advanceTimersByTime(5000);
    slow.release();
    expect(await launch).toMatchObject({ success: true });
    vi.advanceTimersByTime(5000);
    expect(progressOf(session)).toEqual([]);
  }
});
