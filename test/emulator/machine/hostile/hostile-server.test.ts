// The machine server with guests that do their worst: whatever runs, a pause is answered at once, and what
// the guest left can be read.

import { expect, test } from 'vitest';
import { InvariantError } from '../../../../emulator/base/errors.ts';
import {
  type MachineEvents,
  type MachineServer,
  MachineServerImplementation,
  type StopInfo,
} from '../../../../emulator/index.ts';
import type { LoadedMachine } from '../../../../emulator/machine/guest.ts';
import { configurationOf, engineModules, ENTRY, guestNames, type Setting } from './hostile-guests.ts';

/** Real milliseconds within which the server lets others have the thread. Generous: tests share the computer. */
const PATIENCE = 2000;

interface Client {
  readonly server: MachineServerImplementation;
  readonly requests: MachineServer;
  readonly events: { name: keyof MachineEvents; body: unknown }[];
  /** The next `stopped` or `terminated`. */
  stands(): Promise<{ name: string; body: unknown }>;
}

function newClient(): Client {
  const events: Client['events'] = [];
  let wake = (): void => {};
  const server = new MachineServerImplementation(engineModules(), {
    defer: (action) => setImmediate(action),
    sleep: (milliseconds, action) => {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    now: () => performance.now(),
    emit: (name, body) => {
      events.push({ name, body });
      wake();
    },
  });
  const isEnd = ({ name }: { name: string }): boolean => name === 'stopped' || name === 'terminated';
  return {
    server,
    requests: server.requests,
    events,
    stands: () =>
      new Promise((resolve) => {
        wake = () => {
          const end = events.find(isEnd);
          if (end) resolve(end);
        };
        wake();
      }),
  };
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const settings: readonly Setting[] = ['domU', 'bare'];

for (const setting of settings) {
  test.each(guestNames)(`${setting}: %s can be paused and looked at`, async (name) => {
    const { requests, stands } = newClient();
    const { domains } = await requests.create(configurationOf(name, setting));
    const vcpu = { domain: domains[0]?.domain ?? 0, vcpu: 0 };
    await requests.run({});
    await sleep(20);
    const asked = performance.now();
    await requests.pause({});
    const end = await stands();
    expect(performance.now() - asked).toBeLessThan(PATIENCE);
    expect(['stopped', 'terminated']).toContain(end.name);

    const registers = await requests.readRegisters({ vcpu, groups: ['general', 'fp', 'system'] });
    expect(registers.general?.x).toHaveLength(31);
    expect(await requests.vcpus({})).toHaveLength(2);
    const space = { kind: 'ipa', domain: vcpu.domain } as const;
    expect(await requests.readMemory({ space, address: BigInt(ENTRY), length: 16 })).toHaveLength(16);
    const at = { kind: 'va', at: vcpu } as const;
    await requests.readMemory({ space: at, address: registers.general?.pc ?? 0n, length: 16 });
    await requests.translate({ space: at, address: registers.general?.sp ?? 0n });
    expect(await requests.stateHash({})).toMatch(/^[0-9a-f]{32}$/);
  });
}

test('a guest without a reachable vector stops by itself, as a crash, with the reason', async () => {
  const { requests, stands } = newClient();
  await requests.create(configurationOf('tables_nowhere', 'domU'));
  await requests.run({});
  const { name, body } = await stands();
  expect(name).toBe('stopped');
  const { reason, description } = body as StopInfo;
  expect(reason).toBe('crash');
  expect(description).toMatch(/^the exception vector of the guest at 0x200 \(VBAR_EL1\) cannot be fetched/);
});

test('a machine can be replaced while its guest runs or sleeps', async () => {
  const { requests, events, stands } = newClient();
  for (const name of ['masked_loop', 'wfi_for_ever', 'hvc_storm', 'wfi_for_ever', 'masked_loop']) {
    await requests.create(configurationOf(name, 'domU'));
    await requests.run({});
    await sleep(15);
  }
  expect(events.filter(({ name }) => name === 'stopped')).toEqual([]);
  await requests.pause({});
  expect((await stands()).name).toBe('stopped');
});

test('a mistake of ours stops the machine for good, and leaves it to be looked at', async () => {
  const { server, requests, events, stands } = newClient();
  await requests.create(configurationOf('masked_loop', 'domU'));
  const { loaded } = server as unknown as { loaded: LoadedMachine };
  loaded.machine.runSlice = () => {
    throw new InvariantError('two and two are four');
  };
  await requests.run({});
  const { name, body } = await stands();
  const { reason, description } = body as StopInfo;
  expect({ name, reason }).toEqual({ name: 'stopped', reason: 'crash' });
  expect(description).toMatch(
    /^a mistake of Xenscope itself: two and two are four \(at [^\n]*hostile-server\.test\.ts:\d+/,
  );
  expect(events.filter((event) => event.name === 'failed')).toEqual([]);
  const { general } = await requests.readRegisters({ vcpu: { domain: 1, vcpu: 0 }, groups: ['general'] });
  expect(general?.pc).toBe(BigInt(ENTRY));
  expect(() => requests.run({})).toThrow(/a mistake of Xenscope itself/);
});
