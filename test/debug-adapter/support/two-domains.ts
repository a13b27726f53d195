// Two bundled guests on one machine, and clients of it.

import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { expect } from 'vitest';
import type { Host } from '../../../debug-adapter/host.ts';
import { LocalMachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import { Machines } from '../../../debug-adapter/machine/machines.ts';
import { createMachineServer } from '../../../debug-adapter/node/machine-server.ts';
import { nodeHost } from '../../../debug-adapter/node/node-host.ts';
import { TestSession } from './drive.ts';

const SAMPLE = join(import.meta.dirname, '../../../media/samples/hello-xen');
export const D1 = 257;
export const D2 = 513;

export const host: Host = {
  ...nodeHost(() => {}),
  startMachine: async () => new LocalMachineClient(createMachineServer),
};
export const guest = (name: string, vcpus = 1) => ({
  name,
  kernel: join(SAMPLE, 'hello-xen.elf'),
  memory: 16,
  vcpus,
  sourceMap: { '/hello-xen': SAMPLE },
});
export const TWO = { domains: [guest('one'), guest('two')] };

const open = new Set<TestSession>();
export async function disconnectAll(): Promise<void> {
  for (const session of [...open].reverse()) await disconnect(session);
}

export async function disconnect(session: TestSession, more: Record<string, unknown> = {}): Promise<void> {
  open.delete(session);
  await session.send('disconnect', more);
}

export async function client(
  machines: Machines,
  more: Record<string, unknown> = {},
  on: Host = host,
): Promise<TestSession> {
  const session = new TestSession(on, machines);
  open.add(session);
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path', ...more });
  return session;
}

export interface Family {
  readonly machines: Machines;
  readonly parent: TestSession;
  readonly children: Map<number, TestSession>;
}

/** A client that makes a session for each domain, and has configured none of them. */
export async function family(
  launch: Record<string, unknown> = TWO,
  abilities: Record<string, unknown> = {},
  on: Host = host,
): Promise<Family> {
  const machines = new Machines();
  const children = new Map<number, TestSession>();
  const parent = await client(machines, { supportsStartDebuggingRequest: true, ...abilities }, on);
  const all = new Promise<void>((resolve) => {
    parent.onAsked = async (command, args) => {
      const { request, configuration } = args as Dap.StartDebuggingRequestArguments;
      expect([command, request]).toEqual(['startDebugging', 'attach']);
      const { domain } = configuration as { domain: number };
      const child = await client(machines, abilities, on);
      await child.send('attach', configuration as Dap.AttachRequestArguments);
      await child.until('initialized');
      children.set(domain, child);
      if (children.size === 2) resolve();
      return true;
    };
  });
  await parent.send('launch', launch as Dap.LaunchRequestArguments);
  await parent.until('initialized');
  await all;
  return { machines, parent, children };
}

export const childOf = ({ children }: Family, domain: number): TestSession => {
  const child = children.get(domain);
  if (!child) throw new Error(`there is no session of domain ${domain}`);
  return child;
};

export async function configured({ parent, children }: Family): Promise<void> {
  await parent.send('configurationDone', {});
  for (const child of children.values()) await child.send('configurationDone', {});
}

export const bodyOf = async (session: TestSession, event: string): Promise<unknown> =>
  (await session.until(event)).body as unknown;

export const threadsOf = async (session: TestSession): Promise<string[]> =>
  ((await session.send('threads', undefined as never)) as Dap.ThreadsResponse['body']).threads.map(
    ({ id, name }) => `${id} ${name.split(' · ')[0]}`,
  );
