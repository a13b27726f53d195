import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { PortMachineClient, serveMachine } from '../../../debug-adapter/machine/machine-client.ts';
import type { Port } from '../../../debug-adapter/machine/machine-client.ts';
import { UserError } from '../../../emulator/base/errors.ts';
import type { MachineEvent, MachineServer } from '../../../emulator/machine/messages.ts';
import { FakeMachine } from '../support/fake-machine.ts';

const open: MessagePort[] = [];
afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

const portOf = (port: MessagePort): Port => {
  open.push(port);
  return { post: (message) => port.postMessage(message), listen: (listener) => port.on('message', listener) };
};

function connected(change: (server: FakeMachine) => Partial<MachineServer> = () => ({})): PortMachineClient {
  const { port1, port2 } = new MessageChannel();
  serveMachine(portOf(port2), (tell) => {
    const fake = new FakeMachine(tell, { link: 0n });
    return Object.assign(fake, change(fake));
  });
  return new PortMachineClient(portOf(port1), () => port1.close());
}

test('requests, answers and events cross a message port', async () => {
  const client = connected();
  const events: MachineEvent[] = [];
  client.onEvent = (event) => events.push(event);
  const kernel = { kind: 'elf' as const, entry: 0, segments: [] };
  const bare = {
    kernel: { name: 'k', kernel },
    cmdline: '',
    memory: 1,
    cpus: 1,
    gicVersion: 3 as const,
    el: 1 as const,
  };
  const info = await client.request('create', { cpu: 'a53', seed: 0, bare });
  expect(info.domains).toHaveLength(1);
  const { general } = await client.request('readRegisters', {
    vcpu: { domain: -1, vcpu: 0 },
    groups: ['general'],
  });
  expect(general?.sp).toBe(0x4010_0000n);
  await client.request('consoleInput', { domain: -1, bytes: Uint8Array.of(1, 2) });
  await client.request('statistics', {});
  expect(events).toEqual([{ event: 'console', body: { domain: -1, bytes: Uint8Array.of(1, 2) } }]);
});

test("a user's mistake arrives with its hint and place, ours as an error", async () => {
  const place = { file: 'a.cfg', line: 3 };
  const client = connected(() => ({
    stateHash: () => {
      throw new UserError('bad input', 'Mend it', place);
    },
    statistics: () => {
      throw new Error('ours');
    },
  }));
  const error = await client.request('stateHash', {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ message: 'bad input', hint: 'Mend it', place });
  await expect(client.request('statistics', {})).rejects.toThrow('ours');
});

test('when the worker is gone, requests under way fail and the session is told once', async () => {
  const client = connected(() => ({ stateHash: () => new Promise<string>(() => {}) }));
  const events: MachineEvent[] = [];
  client.onEvent = (event) => events.push(event);
  const waiting = client.request('stateHash', {});
  client.fail('out of memory');
  client.fail('again');
  await expect(waiting).rejects.toThrow('out of memory');
  await expect(client.request('statistics', {})).rejects.toThrow('out of memory');
  expect(events).toEqual([{ event: 'failed', body: { message: 'out of memory' } }]);
});
