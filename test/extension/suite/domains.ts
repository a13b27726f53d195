import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { breakAt, clearBreakpoints, Driven, start } from './drive.ts';

const guest = (name: string) => ({
  name,
  kernel: '${command:BundledGuest}/hello-xen.elf',
  memory: 64,
  sourceMap: { '/hello-xen': '${command:BundledGuest}' },
});

const TWO: vscode.DebugConfiguration = {
  type: 'xen',
  request: 'launch',
  name: 'two guests',
  domains: [guest('one'), guest('two')],
};

describe('debugging two guests on one machine', () => {
  const alive = new Map<string, vscode.DebugSession>();
  let driven: Driven | undefined;
  const listeners = [
    vscode.debug.onDidStartDebugSession((session) => alive.set(session.id, session)),
    vscode.debug.onDidTerminateDebugSession((session) => alive.delete(session.id)),
  ];

  afterEach(async () => {
    clearBreakpoints();
    await driven?.end();
    driven = undefined;
    await until(() => alive.size === 0);
  });
  after(() => vscode.Disposable.from(...listeners).dispose());

  /** The sessions of the domains, by name. */
  async function children(parent: Driven): Promise<Driven[]> {
    const found = (): vscode.DebugSession[] =>
      [...alive.values()].filter(({ parentSession }) => parentSession?.id === parent.session.id);
    await until(() => found().length === 2);
    return found()
      .sort((a, b) => a.name.localeCompare(b.name))
      .map((session) => new Driven(session));
  }

  it('shows a session for each, which stop and go on together', async () => {
    const line = await breakAt('src/main.c', 'I am domain %u');
    driven = await start(TWO);
    const [one, two] = (await children(driven)) as [Driven, Driven];
    assert.deepEqual([one.session.name, two.session.name], ['d1 one', 'd2 two']);
    const stops = [await one.stopped(), await two.stopped()];
    assert.deepEqual(
      stops.map(({ threadId }) => threadId),
      [257, 513],
    );
    assert.deepEqual(stops.map(({ reason }) => reason).sort(), ['breakpoint', 'pause']);
    const cause = stops.find(({ reason }) => reason === 'breakpoint');
    assert.equal(cause?.frames[0]?.line, line);
    for (const [child, name] of [
      [one, 'd1 v0'],
      [two, 'd2 v0'],
    ] as const) {
      const { threads } = await child.ask<Dap.ThreadsResponse['body']>('threads', {});
      assert.deepEqual(
        threads.map((thread) => thread.name.split(' · ')[0]),
        [name],
      );
    }

    clearBreakpoints();
    await two.ask('continue', { threadId: 513 });
    await driven.console(/hello> [\s\S]*hello> /);
    await until(() =>
      ['one console', 'two console'].every((name) =>
        vscode.window.terminals.some((one) => one.name === name),
      ),
    );
  });

  it('can be attached to by another session, which leaves it as it is', async () => {
    driven = await start({ ...TWO, sessions: 'single' });
    await driven.console(/hello> [\s\S]*hello> /);
    const { session } = driven;
    const attached = await start({ type: 'xen', request: 'attach', name: 'a second look' });
    assert.equal((await attached.stopped()).reason, 'pause');
    const { threads } = await attached.ask<Dap.ThreadsResponse['body']>('threads', {});
    assert.deepEqual(
      threads.map(({ id }) => id),
      [257, 513],
    );
    await attached.end('disconnect');
    assert.ok(alive.has(session.id));
  });

  it('is left by all sessions when that of the machine is stopped', async () => {
    driven = await start({ ...TWO, stopOnEntry: true });
    const [one] = await children(driven);
    assert.equal((await one?.stopped())?.reason, 'entry');
    await driven.end();
    driven = undefined;
    await until(() => alive.size === 0);
  });
});

/** The extension hears of what the editor does a moment later. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
}
