// Jumps on the bundled guest, whose call frame information tells what a frame is like.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { Machines } from '../../../debug-adapter/machine/machines.ts';
import type { TestSession } from '../support/drive.ts';
import { client, D1, disconnectAll, guest } from '../support/two-domains.ts';

afterEach(disconnectAll);

/** The guest at the first instruction of `say_hello`, for a client that counts lines from 0. */
async function atBeginning(): Promise<{ session: TestSession; path: string }> {
  const session = await client(new Machines(), { linesStartAt1: false, pathFormat: 'uri' });
  await session.send('launch', { domains: [guest('one')] } as Dap.LaunchRequestArguments);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: D1 });
  return { session, path: stackFrames[0]?.source?.path ?? '' };
}

/** Jumps to a line, from 0, and answers what was said meanwhile. */
async function jump(session: TestSession, path: string, line: number): Promise<string> {
  const { targets } = await session.send('gotoTargets', { source: { path }, line });
  expect(targets[0]).toMatchObject({ line, label: expect.stringContaining('say_hello') });
  const from = session.events.length;
  await session.send('goto', { threadId: D1, targetId: targets[0]?.id ?? 0 });
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: D1 });
  expect(stackFrames[0]).toMatchObject({ line });
  const outputs = session.events.slice(from).filter(({ event }) => event === 'output');
  return outputs.map(({ body }) => (body as Dap.OutputEvent['body']).output).join('');
}

test('a jump into a frame that does not stand yet is warned of, one inside of it is not', async () => {
  const { session, path } = await atBeginning();
  expect(path).toMatch(/^file:\/\/.*\/main\.c$/);
  const text = readFileSync(new URL(path), 'utf8').split('\n');
  const call = text.findIndex((line) => line.includes('print("hello %u'));
  const loop = text.findIndex((line) => line.includes('i <= greeting->times'));
  expect(await jump(session, path, call)).toMatch(
    /the frame has \d+ bytes, and here 0: SP was left as it is/,
  );
  expect(await jump(session, path, loop)).not.toContain('SP');
});
