// What a panel does to a domain, through the adapter, while the bundled guest runs and while it stands.

import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import type { Action } from '../../debug-adapter/protocol.ts';
import { TestSession } from './support/drive.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');
const THREAD = 257;

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

/** The bundled guest at its prompt, running. */
async function running() {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', {
    config: join(SAMPLE, 'hello.cfg'),
  } as unknown as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('configurationDone', {});
  for (let text = ''; !text.endsWith('hello> '); ) {
    const { body } = await session.until('xen/consoleData');
    text += (body as { text: string }).text;
  }
  return {
    session,
    act: (action: Action) => session.send('xen/act', { action }),
    domain: async () => {
      const { view } = await session.send('xen/domains', {});
      return view.domains.find(({ domain }) => domain === 1);
    },
    instructions: async () => (await session.send('xen/machine', {})).instructions,
  };
}

test('a domain is paused while the machine runs, and goes on', async () => {
  const { act, domain, instructions } = await running();
  expect(await domain()).toMatchObject({ state: 'running', actions: ['pause', 'shutdown', 'destroy'] });
  await act({ kind: 'pause', domain: 1 });
  expect(await domain()).toMatchObject({ state: 'paused', actions: ['unpause', 'destroy'] });
  const before = await instructions();
  await expect(act({ kind: 'pause', domain: 1 })).rejects.toThrow('domain 1 is paused already');
  expect(await instructions()).toBe(before);
  await act({ kind: 'unpause', domain: 1 });
  expect(await domain()).toMatchObject({ state: 'running' });
  while ((await instructions()) <= before);
});

test('while the machine stands, an action is there to be seen at once', async () => {
  const { session, act } = await running();
  await session.send('pause', { threadId: THREAD });
  await session.until('stopped');
  await act({ kind: 'write-xenstore', path: '/local/domain/1/data/note', value: 'one' });
  const { view } = await session.send('xen/xenstore', { path: '/local/domain/1/data' });
  expect(view.nodes.map(({ name, value }) => [name, value])).toEqual([
    ['data', ''],
    ['note', 'one'],
  ]);
  const history = await session.send('xen/xenstoreHistory', {});
  expect(history.view.changes[0]).toMatchObject({ path: '/local/domain/1/data/note', by: 0, value: 'one' });
  await act({ kind: 'mask-event', domain: 1, port: 2, masked: true });
  await act({ kind: 'send-event', domain: 1, port: 2 });
  const { ports } = (await session.send('xen/eventChannels', {})).view;
  expect(ports.find(({ port }) => port === 2)).toMatchObject({ pending: true, masked: true });
});

test('a domain that is destroyed ends the session', async () => {
  const { session, act } = await running();
  await act({ kind: 'destroy', domain: 1 });
  const { body } = await session.until('exited');
  expect(body).toEqual({ exitCode: 0 });
  await session.until('terminated');
});

test('what is no action is refused with a sentence', async () => {
  const { session } = await running();
  const refuse = async (action: unknown): Promise<string> => {
    const { success, message = '' } = await session.raw('xen/act', { action });
    expect(success).toBe(false);
    return message;
  };
  expect(await refuse({ kind: 'explode', domain: 1 })).toContain("'explode' is no action");
  expect(await refuse({})).toContain("'undefined' is no action");
  expect(await refuse({ kind: 'toString' })).toContain("'toString' is no action");
  expect(await refuse({ kind: 'write-xenstore', path: 7, value: '' })).toContain("'path' of the action");
  expect(await refuse({ kind: 'mask-event', domain: 'one', port: 1 })).toContain('is not a number');
  expect(await refuse(null)).toContain("'undefined' is no action");
});
