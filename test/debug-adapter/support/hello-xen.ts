// A debug session on the bundled guest and the real machine.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { nodeHost } from '../../../debug-adapter/node/node-host.ts';
import { TestSession } from './drive.ts';

export const SAMPLE = join(import.meta.dirname, '../../../media/samples/hello-xen');
export const source = (name: string): string => join(SAMPLE, 'src', name);
/** Of domain 1, vCPU 0. */
export const THREAD = 257;

/** Launched, and ready to take breakpoints. */
export async function helloXen(more: Record<string, unknown> = {}): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', {
    config: join(SAMPLE, 'hello.cfg'),
    symbols: join(SAMPLE, 'hello-xen.elf'),
    sourceMap: { '/hello-xen': SAMPLE },
    ...more,
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  return session;
}

export const lineOf = (text: string, path: string): number =>
  1 +
  readFileSync(path, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));

export interface Stopped {
  readonly reason: string;
  readonly description: string;
  readonly hitBreakpointIds?: readonly number[];
}

export async function stopOf(session: TestSession): Promise<Stopped> {
  return (await session.until('stopped')).body as Stopped;
}

export async function goOn(session: TestSession): Promise<Stopped> {
  await session.send('continue', { threadId: THREAD });
  return stopOf(session);
}

/** `function:line` of each frame. */
export async function stackOf(session: TestSession): Promise<string[]> {
  const { stackFrames } = await session.send('stackTrace', { threadId: THREAD });
  return stackFrames.map(({ name, line }) => `${name.split('+')[0]}:${line}`);
}

export async function printedUntil(session: TestSession, prompt: string): Promise<string> {
  let text = '';
  while (!text.endsWith(prompt)) {
    const { body } = await session.until('xen/consoleData');
    text += (body as { text: string }).text.replaceAll('\r', '');
  }
  return text;
}
