// The inspection of physical CPUs, against the domains of a machine that share one.

import { expect, test } from 'vitest';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import { inspectionNamed, type Inspections } from '../../../../../emulator/debug/inspect/catalog.ts';
import { configured, fresh, runUntil } from '../../../machine/guests.ts';

test('who runs, who waits, and what share everybody had', async () => {
  const config = await configured({
    xen: { cpus: 2, pools: [{ name: 'quiet', cpus: [1], scheduler: 'null' }] },
    domains: [
      { name: 'a', kernel: 'hello-xen.elf', memory: 16, cpuWeight: 512 },
      { name: 'b', kernel: 'hello-xen.elf', memory: 16, cap: 50 },
      { name: 'c', kernel: 'hello-xen.elf', memory: 16, pool: 'quiet', cpus: '1' },
    ],
  });
  const machine = fresh(config);
  runUntil(machine, 'hello> ');
  const view = createInspector(machine.loaded).inspect('scheduler', {}) as Inspections['scheduler']['view'];
  expect(view.cpus.map(({ cpu, pool }) => [cpu, pool])).toEqual([
    [0, 'Pool-0'],
    [1, 'quiet'],
  ]);
  expect(view.pools.map(({ name, scheduler, cpus }) => [name, scheduler, cpus])).toEqual([
    ['Pool-0', 'credit2', [0]],
    ['quiet', 'null', [1]],
  ]);
  expect(view.vcpus.map(({ domain, pool, hardAffinity }) => [domain, pool, hardAffinity])).toEqual([
    [1, 'Pool-0', undefined],
    [2, 'Pool-0', undefined],
    [3, 'quiet', [1]],
  ]);
  expect(view.vcpus[0]!.figures).toMatchObject({ weight: 512 });
  expect(view.vcpus[1]!.figures).toMatchObject({ cap: 50 });
  for (const { cpu, runs, share } of view.cpus) {
    const running = view.vcpus.filter(({ runstate, ...vcpu }) => runstate === 'running' && vcpu.cpu === cpu);
    expect(running.map(({ domain, vcpu }) => ({ domain, vcpu }))).toEqual(runs ? [runs] : []);
    const ran = view.vcpus.filter((vcpu) => vcpu.cpu === cpu).reduce((sum, vcpu) => sum + vcpu.share, 0);
    expect(ran).toBeCloseTo(share, 9);
  }
  const text = inspectionNamed('scheduler').text(view as never);
  expect(text).toContain('quiet   null');
  expect(text).toMatch(/d3v0 +c /);
});
