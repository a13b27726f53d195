// One vCPU that runs alone, and one that is turned off: both come from outside, so a log replays them.

import { expect, test } from 'vitest';
import { replay } from '../../../emulator/machine/input-log.ts';
import type { Moment, VcpuId } from '../../../emulator/machine/messages.ts';
import { MachineServerImplementation } from '../../../emulator/machine/server.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { configured, fresh, helloGuest, modules } from './guests.ts';

const twoGuests = () =>
  configured({
    domains: [1, 2].map((n) => ({ name: `hello${n}`, kernel: 'hello-xen.elf', memory: 16, gicVersion: 3 })),
  });

/** A server whose turns are taken by hand. */
async function served(config: Parameters<typeof fresh>[0]) {
  const queue: (() => void)[] = [];
  let running = false;
  let clock = 0;
  const server = new MachineServerImplementation(modules, {
    now: () => (clock += 7),
    defer: (action) => queue.push(action),
    sleep: (_milliseconds, action) => {
      queue.push(action);
      return () => {};
    },
    emit: (name) => {
      if (name === 'stopped' || name === 'terminated') running = false;
    },
  });
  const { requests } = server;
  await requests.create(config);
  return {
    server,
    requests,
    /** Some turns, then a pause. */
    async run(turns: number, only?: VcpuId): Promise<Moment> {
      running = true;
      await requests.run(only ? { only } : {});
      for (let i = 0; i < turns; i++) queue.shift()?.();
      await requests.pause({});
      while (running) queue.shift()?.();
      return requests.statistics({});
    },
    pcOf: async ({ domain, vcpu }: VcpuId): Promise<bigint | undefined> =>
      (await requests.vcpus({})).find((one) => one.domain === domain && one.vcpu === vcpu)?.pc,
  };
}

const [first, second] = [
  { domain: 1, vcpu: 0 },
  { domain: 2, vcpu: 0 },
] as const;

test('while one vCPU runs alone the others execute nothing', async () => {
  const machine = await served(await twoGuests());
  await machine.run(1);
  for (const [alone, frozen] of [
    [first, second],
    [second, first],
  ] as const) {
    const pc = await machine.pcOf(frozen);
    const { general: before } = await machine.requests.readRegisters({ vcpu: frozen, groups: ['general'] });
    const start = (await machine.requests.statistics({})).instructions;
    const end = (await machine.run(3, alone)).instructions;
    expect(end).toBeGreaterThan(start);
    expect(await machine.pcOf(frozen)).toBe(pc);
    const { general: after } = await machine.requests.readRegisters({ vcpu: frozen, groups: ['general'] });
    expect(after).toEqual(before);
  }
});

test('a run with vCPUs alone and one turned off is replayed from its inputs', async () => {
  const config = await twoGuests();
  const machine = await served(config);
  await machine.run(1);
  await machine.run(2, second);
  await machine.run(1);
  await machine.run(1, first);
  await machine.requests.act({ action: { kind: 'vcpu-off', ...second } });
  const end = await machine.run(2);
  const kinds = machine.server.inputs.map(({ input }) => input.kind);
  expect(kinds).toEqual(['only', 'only', 'only', 'action', 'only']);
  const { loaded } = fresh(config);
  replay(loaded, machine.server.inputs, end);
  expect(stateHash(loaded)).toBe(await machine.requests.stateHash({}));
});

test('a vCPU that is turned off is off, once, and its domain can be looked at', async () => {
  const machine = await served(await helloGuest(3, 2));
  await machine.run(1);
  const off = { action: { kind: 'vcpu-off', domain: 1, vcpu: 0 } } as const;
  await machine.requests.act(off);
  expect(await machine.requests.vcpus({})).toMatchObject([
    { vcpu: 0, state: expect.stringMatching(/off|blocked/) },
    {},
  ]);
  expect(() => machine.requests.act(off)).toThrow('is off');
  expect(() => machine.requests.act({ action: { ...off.action, vcpu: 9 } })).toThrow('no vCPU 9');
  const before = await machine.requests.statistics({});
  expect((await machine.run(3)).instructions).toBe(before.instructions);
});

test('a bare machine turns CPUs off too', async () => {
  const config = await configured({ bare: { kernel: 'hello-xen.elf', memory: 64, cpus: 1 } });
  const machine = await served(config);
  await machine.run(1);
  await machine.requests.act({ action: { kind: 'vcpu-off', domain: -1, vcpu: 0 } });
  expect(await machine.requests.vcpus({})).toMatchObject([{ state: 'off' }]);
  expect(() => machine.requests.act({ action: { kind: 'vcpu-off', domain: -1, vcpu: 0 } })).toThrow('is off');
});
