// What Xen's other schedulers promise: credit, rtds, arinc653 and null; and pools of CPUs with a scheduler each.

import { describe, expect, test } from 'vitest';
import { Arinc653Policy } from '../../../../emulator/xen/scheduling/arinc653.ts';
import { CreditPolicy } from '../../../../emulator/xen/scheduling/credit.ts';
import { Credit2Policy } from '../../../../emulator/xen/scheduling/credit2.ts';
import { NullPolicy } from '../../../../emulator/xen/scheduling/null.ts';
import { RtdsPolicy } from '../../../../emulator/xen/scheduling/rtds.ts';
import { MS, Simulation, US } from './simulation.ts';

describe('credit', () => {
  const credit = (cpus: number) => new Simulation(cpus, (sockets) => new CreditPolicy(sockets));

  test('shares follow the weights', () => {
    const machine = credit(1);
    const light = machine.domain({ weight: 256 });
    const heavy = machine.domain({ weight: 512 });
    machine.run(10_000 * MS);
    expect(Math.abs(machine.share(light) - 1 / 3)).toBeLessThan(0.02);
    expect(Math.abs(machine.share(heavy) - 2 / 3)).toBeLessThan(0.02);
  });

  test('a cap holds, on an idle machine and beside another domain', () => {
    const machine = credit(1);
    const capped = machine.domain({ cap: 25 });
    machine.run(5000 * MS);
    expect(Math.abs(machine.share(capped) - 0.25)).toBeLessThan(0.02);
    const other = machine.domain();
    const mark = machine.mark();
    machine.run(5000 * MS);
    expect(Math.abs(machine.share(capped, mark) - 0.25)).toBeLessThan(0.02);
    expect(Math.abs(machine.share(other, mark) - 0.75)).toBeLessThan(0.02);
  });

  test('one that was woken goes before those that spin', () => {
    const machine = credit(1);
    machine.domain();
    machine.domain();
    const brief = machine.domain({ load: { computes: 100 * US, sleeps: 10 * MS } });
    machine.run(3000 * MS);
    expect(machine.waited(brief) / machine.wakes(brief)).toBeLessThan(2 * MS);
  });

  test('no CPU is idle while somebody waits, and pinned vCPUs stay', () => {
    const machine = credit(3);
    const domains = [machine.domain({ cpus: [1] }), ...Array.from({ length: 4 }, () => machine.domain())];
    machine.run(3000 * MS);
    expect(domains.reduce((sum, domain) => sum + machine.share(domain), 0)).toBeCloseTo(3, 5);
    expect(machine.cpusOf(domains[0]!)).toEqual([1]);
    for (const domain of domains) expect(machine.share(domain)).toBeGreaterThan(0.4);
  });
});

describe('rtds', () => {
  const rtds = (cpus: number) => new Simulation(cpus, (sockets) => new RtdsPolicy(sockets));

  test('every vCPU has its budget in every period, and no more without extra time', () => {
    const machine = rtds(1);
    const quick = machine.domain({ period: 10 * MS, budget: 2 * MS, extratime: false });
    const slow = machine.domain({ period: 50 * MS, budget: 25 * MS, extratime: false });
    for (let period = 0; period < 20; period++) {
      const mark = machine.mark();
      machine.run(50 * MS);
      expect(Math.abs(machine.share(quick, mark) - 0.2)).toBeLessThan(0.001);
      expect(Math.abs(machine.share(slow, mark) - 0.5)).toBeLessThan(0.001);
    }
  });

  test('what is left goes to those with extra time, and takes nothing from budgets', () => {
    const machine = rtds(1);
    const strict = machine.domain({ period: 10 * MS, budget: 3 * MS, extratime: false });
    const greedy = machine.domain({ period: 10 * MS, budget: 1 * MS, extratime: true });
    machine.run(1000 * MS);
    expect(Math.abs(machine.share(strict) - 0.3)).toBeLessThan(0.001);
    expect(Math.abs(machine.share(greedy) - 0.7)).toBeLessThan(0.001);
  });

  test('one that sleeps begins a period when it wakes, and a machine that sleeps has no timer', () => {
    const machine = rtds(1);
    const brief = machine.domain({ load: { computes: 1 * MS, sleeps: 30 * MS }, extratime: false });
    const other = machine.domain({ period: 20 * MS, budget: 10 * MS });
    machine.run(1000 * MS);
    expect(machine.waited(brief) / machine.wakes(brief)).toBeLessThan(5 * MS);
    for (const { vcpus } of [brief, other]) machine.core.sleep(vcpus[0]!);
    expect(machine.core.nextDeadline).toBe(Infinity);
  });

  test('two CPUs serve the two earliest deadlines', () => {
    const machine = rtds(2);
    const domains = [10, 20, 40].map((period) =>
      machine.domain({ period: period * MS, budget: (period / 2) * MS, extratime: false }),
    );
    machine.run(2000 * MS);
    for (const domain of domains) expect(Math.abs(machine.share(domain) - 0.5)).toBeLessThan(0.01);
  });
});

describe('arinc653', () => {
  const arinc = (cpus: number) => new Simulation(cpus, (sockets) => new Arinc653Policy(sockets));

  test('each has its slot in every major frame, at the same place', () => {
    const machine = arinc(1);
    machine.domain({ slot: 5 * MS });
    machine.domain({ slot: 15 * MS });
    machine.run(100 * MS);
    const begins = machine.runs.filter(({ name }) => name === 'd2v0').map(({ from }) => from);
    expect(begins).toEqual([5, 25, 45, 65, 85].map((time) => time * MS));
  });

  test('who sleeps leaves its slot to nobody', () => {
    const machine = arinc(1);
    const busy = machine.domain({ slot: 10 * MS });
    const lazy = machine.domain({ slot: 10 * MS, load: { computes: 1 * MS, sleeps: 19 * MS } });
    machine.run(1000 * MS);
    expect(machine.share(busy)).toBeCloseTo(0.5, 2);
    expect(machine.share(lazy)).toBeLessThan(0.06);
  });
});

describe('null', () => {
  const none = (cpus: number) => new Simulation(cpus, (sockets) => new NullPolicy(sockets));

  test('a vCPU has a CPU for itself, and one that finds none waits until one is free', () => {
    const machine = none(2);
    const [first, second, third] = [machine.domain(), machine.domain(), machine.domain()];
    machine.run(100 * MS);
    expect([first, second, third].map((domain) => machine.share(domain))).toEqual([1, 1, 0]);
    machine.core.sleep(first.vcpus[0]!);
    machine.core.removeDomain(first);
    machine.run(100 * MS);
    expect(machine.share(third)).toBe(0.5);
    expect(machine.core.nextDeadline).toBe(Infinity);
  });
});

describe('pools', () => {
  test('CPUs and domains move between pools with schedulers of their own', () => {
    const machine = new Simulation(3, (sockets) => new Credit2Policy(sockets));
    const pool = machine.core.addPool('fast', new NullPolicy(machine.core), [2]);
    const shared = [machine.domain(), machine.domain(), machine.domain()];
    const alone = machine.domain({ pool: 'fast' });
    machine.run(600 * MS);
    expect(machine.cpusOf(alone)).toEqual([2]);
    expect(machine.share(alone)).toBe(1);
    for (const domain of shared) expect(Math.abs(machine.share(domain) - 2 / 3)).toBeLessThan(0.03);

    machine.core.assignCpu(1, pool);
    machine.core.moveDomain(shared[0]!, pool);
    const mark = machine.mark();
    machine.run(600 * MS);
    expect(machine.share(shared[0]!, mark)).toBe(1);
    expect(Math.abs(machine.share(shared[1]!, mark) - 0.5)).toBeLessThan(0.02);
    expect(machine.share(alone, mark)).toBe(1);
  });
});
