// More vCPUs than physical CPUs on a whole machine: guests that spin share what there is, in virtual time.

import { expect, test } from 'vitest';
import type { Kernel } from '../../../emulator/formats/kernel.ts';
import type { DomainConfig, MachineConfig } from '../../../emulator/machine/messages.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { configured, fresh, runUntil } from './guests.ts';
import { served } from './served.ts';

const ENTRY = 0x4008_0000;

/** add x1, x1, #1; b .-4 */
const spinning: Kernel = {
  kind: 'elf',
  entry: ENTRY,
  segments: [
    { address: ENTRY, data: Uint8Array.of(0x21, 4, 0, 0x91, 0xff, 0xff, 0xff, 0x17), memorySize: 8 },
  ],
};

const spinner = (name: string, scheduling: DomainConfig['scheduling'] = {}, vcpus = 1): DomainConfig => ({
  name,
  kernel: { name: 'spin', kernel: spinning },
  cmdline: '',
  memory: 16 << 20,
  vcpus,
  gicVersion: 3,
  scheduling,
});

const machineOf = (domains: DomainConfig[], more: Partial<MachineConfig> = {}): MachineConfig => ({
  cpu: 'a53',
  seed: 0,
  scheduling: { cpus: 1 },
  domains,
  ...more,
});

/** Runs for so many virtual nanoseconds. */
function run(test: ReturnType<typeof fresh>, nanoseconds: number): void {
  const { machine } = test.loaded;
  const end = machine.clock.nanoseconds() + nanoseconds;
  while (machine.clock.nanoseconds() < end) {
    const slice = machine.runSlice(end - machine.clock.nanoseconds());
    if (slice.kind === 'idle') machine.skipTo(Math.min(slice.deadline, end));
  }
}

/** Of each domain: its part of the time, and X1, which counts how often it went round. */
function shares(test: ReturnType<typeof fresh>): { time: number; work: number }[] {
  const now = test.loaded.machine.clock.nanoseconds();
  const domains = test.loaded.view!.domains().filter(({ id }) => id > 0);
  const counts = domains.map(({ vcpus }) =>
    vcpus.map(({ cpu }) => Number(test.loaded.machine.cpus[cpu]!.x(1))),
  );
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  return domains.map(({ vcpus }, index) => ({
    time: vcpus.reduce((sum, { runstateTimes }) => sum + runstateTimes.running, 0) / now,
    work: counts[index]!.reduce((sum, count) => sum + count, 0) / total,
  }));
}

test('weights 256 and 512 on one CPU: one third and two thirds, of the time and of the work', () => {
  const machine = fresh(
    machineOf([
      spinner('light', { parameters: { weight: 256 } }),
      spinner('heavy', { parameters: { weight: 512 } }),
    ]),
  );
  run(machine, 300_000_000);
  const [light, heavy] = shares(machine);
  for (const [share, expected] of [
    [light!, 1 / 3],
    [heavy!, 2 / 3],
  ] as const) {
    expect(Math.abs(share.time - expected)).toBeLessThan(0.02);
    expect(Math.abs(share.work - expected)).toBeLessThan(0.02);
  }
  // Who does not run waits for the CPU: a guest calls that steal.
  const [, first] = machine.loaded.view!.domains();
  expect(first!.vcpus[0]!.runstateTimes.runnable).toBeGreaterThan(190_000_000);
});

test('a cap of 25 % holds while nobody else wants the CPU', () => {
  const machine = fresh(machineOf([spinner('capped', { parameters: { cap: 25 } })]));
  run(machine, 300_000_000);
  expect(Math.abs(shares(machine)[0]!.time - 0.25)).toBeLessThan(0.02);
  expect(machine.loaded.machine.engine.instructions / 300_000_000).toBeCloseTo(0.25, 1);
});

test('ten vCPUs on two CPUs of a GICv2 machine all get on', () => {
  const guests = Array.from({ length: 10 }, (_, n) => ({ ...spinner(`g${n}`), gicVersion: 2 as const }));
  const machine = fresh(machineOf(guests, { scheduling: { cpus: 2 } }));
  run(machine, 200_000_000);
  for (const { time } of shares(machine)) expect(Math.abs(time - 0.2)).toBeLessThan(0.03);
});

test('guests that share a CPU boot, whatever is translated, to the same state', async () => {
  const config = await configured({
    domains: [1, 2, 3].map((n) => ({ name: `hello-${n}`, kernel: 'hello-xen.elf', memory: 16, vcpus: 2 })),
  });
  const ends = [undefined, false, { threshold: 2 }].map((translate) => {
    const machine = fresh({ ...config, scheduling: { cpus: 1 }, translate } as MachineConfig);
    runUntil(machine, 'hello> ');
    run(machine, 20_000_000);
    for (const n of [1, 2, 3]) expect(machine.console).toContain(`'hello-${n}'`);
    return stateHash(machine.loaded);
  });
  expect(new Set(ends).size).toBe(1);
});

test('one vCPU alone executes, also when another has the CPU', () => {
  const machine = fresh(machineOf([spinner('a'), spinner('b')]));
  const { machine: whole } = machine.loaded;
  run(machine, 3_000_000);
  for (const alone of [0, 1]) {
    const before = [0, 1].map((cpu) => whole.cpus[cpu]!.x(1));
    whole.runOnly(alone);
    run(machine, 30_000_000);
    expect(whole.cpus[alone]!.x(1)).toBe((before[alone] ?? 0n) + 15_000_000n);
    expect(whole.cpus[1 - alone]!.x(1)).toBe(before[1 - alone]);
    whole.runOnly(undefined);
  }
  const before = [0, 1].map((cpu) => whole.cpus[cpu]!.x(1));
  run(machine, 100_000_000);
  for (const cpu of [0, 1]) expect(whole.cpus[cpu]!.x(1)).toBeGreaterThan((before[cpu] ?? 0n) + 20_000_000n);
});

test('CPUs and pools that are not there are refused by name', () => {
  const refused = (scheduling: DomainConfig['scheduling'], machine: MachineConfig['scheduling']) => () =>
    fresh(machineOf([spinner('a', scheduling)], { scheduling: machine ?? {} }));
  expect(refused({ hardAffinity: [0] }, {})).toThrow("vCPU 0 of domain 'a' may run on none of the CPUs");
  expect(refused({ pool: 'fast' }, {})).toThrow("there is no pool 'fast'");
  expect(refused({}, { cpus: 9 })).toThrow('9 physical CPUs');
  expect(refused({}, { cpus: 1, pools: [{ name: 'fast', cpus: [3] }] })).toThrow("pool 'fast' has CPU 3");
});

test('a step of a vCPU that waits for the CPU ends when it has executed its instructions', async () => {
  const { requests, events, turnsUntil } = served(machineOf([spinner('a'), spinner('b')]));
  const steps: bigint[] = [];
  for (const domain of [1, 2, 1, 2]) {
    const vcpu = { domain, vcpu: 0 };
    const x1 = async (): Promise<bigint> =>
      (await requests.readRegisters({ vcpu, groups: ['general'] })).general?.x[1] ?? -1n;
    const before = await x1();
    const stops = events('stopped').length;
    await requests.step({ vcpu, count: 10 });
    turnsUntil(() => events('stopped').length > stops);
    expect(events('stopped').at(-1)).toMatchObject({ reason: 'step', vcpu });
    steps.push((await x1()) - before);
  }
  expect(steps).toEqual([5n, 5n, 5n, 5n]);
});
