// The view of domains, of a Xen and of a bare machine.

import { expect, test } from 'vitest';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import { configured, fresh, helloGuest, runUntil } from '../../../machine/guests.ts';
import { inspectedXen } from './inspected-xen.ts';

test('domains with their vCPUs: state, EL, pc and times', () => {
  const xen = inspectedXen({ vcpus: 2 });
  xen.processors[0]!.pc = 0xffff_8000_0801_0000n;
  xen.wait(1_500_000);
  const { domains } = xen.inspect('domains');
  expect(domains.map(({ domain, name, stateWords }) => [domain, name, stateWords])).toEqual([
    [0, 'Domain-0', 'the embedded toolstack'],
    [1, 'guest', 'running'],
  ]);
  expect(domains[0]).toMatchObject({ control: true, vcpus: [], actions: [], memory: { words: 'none' } });
  expect(domains[1]).toMatchObject({
    uuid: '00000000-0000-0000-0000-000000000000',
    memory: { bytes: 4 << 20, maximumBytes: 8 << 20, words: '4 MiB of 8 MiB at most' },
    gicVersion: 3,
    actions: ['pause', 'shutdown', 'destroy'],
    vcpus: [
      {
        vcpu: 0,
        state: 'running',
        el: 1,
        pc: '0xffff800008010000',
        mpidr: '0x80000000',
        times: { running: 1_500_000, runnable: 0, blocked: 0, offline: 0 },
      },
      { vcpu: 1, state: 'offline', stateWords: 'switched off (PSCI)' },
    ],
  });
});

test('what a vCPU waits for', () => {
  const xen = inspectedXen();
  const words = () => xen.inspect('domains').domains[1]?.vcpus[0]?.stateWords;
  const vcpu = xen.hypervisor.domain(1)!.vcpus[0]!;
  vcpu.blocked = true;
  expect(words()).toBe('waits for an interrupt');
  xen.domain.vcpus[0]!.startPolling([3]);
  vcpu.blockedUntilNs = 2_000_000_000;
  expect(words()).toBe('polls port 3, until 2.00 s of system time');
  xen.domain.vcpus[0]!.startPolling(Array.from({ length: 128 }, (_, port) => port));
  expect(words()).toBe('polls ports 0, 1, 2, 3, 4, 5, 6, 7, …, until 2.00 s of system time');
});

test('how a domain ended', () => {
  const xen = inspectedXen();
  xen.hypervisor.scheduler.pauseDomain(xen.hypervisor.domain(1)!);
  expect(xen.inspect('domains').domains[1]).toMatchObject({
    state: 'paused',
    actions: ['unpause', 'destroy'],
  });
  xen.domain.shutdown(3);
  expect(xen.inspect('domains').domains[1]).toMatchObject({
    stateWords: 'shut down: crash',
    actions: ['destroy'],
  });
});

test('the bundled guest: console and xenstore are connected, and looking changes nothing', async () => {
  const machine = fresh(await helloGuest(3));
  const inspector = createInspector(machine.loaded);
  runUntil(machine, 'hello> ');
  const view = inspector.inspect('domains', {}) as { domains: { consoles: { words: string }[] }[] };
  expect(view.domains[1]?.consoles[0]?.words).toBe('ring served through d1 port 2 and d0 port 2');
  const hash = (inspector.inspect('machine', {}) as { stateHash: string }).stateHash;
  for (const name of ['domains', 'eventChannels', 'grants', 'xenstore', 'xenstoreHistory']) {
    inspector.inspect(name, {});
  }
  expect((inspector.inspect('machine', {}) as { stateHash: string }).stateHash).toBe(hash);
});

test('a bare machine counts as one domain', async () => {
  const machine = fresh(await configured({ bare: { kernel: 'hello-xen.elf', memory: 64 } }));
  const inspector = createInspector(machine.loaded);
  const view = inspector.inspect('domains', {}) as { domains: { domain: number; vcpus: object[] }[] };
  expect(view.domains).toMatchObject([
    {
      domain: -1,
      stateWords: 'a bare machine, without a hypervisor of ours',
      actions: [],
      vcpus: [{ vcpu: 0 }],
    },
  ]);
  expect(() => inspector.inspect('grants', {})).toThrow('this is a bare machine');
});
