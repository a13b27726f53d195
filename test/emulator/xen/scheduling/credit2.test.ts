// What Xen's credit2 promises (docs/misc/xen-command-line, xl(1) sched-credit2, the comments of sched/credit2.c).

import { describe, expect, test } from 'vitest';
import { Credit2Policy } from '../../../../emulator/xen/scheduling/credit2.ts';
import { MS, Simulation, US } from './simulation.ts';

const credit2 = (cpus: number) => new Simulation(cpus, (sockets) => new Credit2Policy(sockets));

describe('shares follow the weights', () => {
  test('two that spin at 256 and 512 get one third and two thirds', () => {
    const machine = credit2(1);
    const light = machine.domain({ weight: 256 });
    const heavy = machine.domain({ weight: 512 });
    machine.run(1000 * MS);
    expect(machine.share(light)).toBeCloseTo(1 / 3, 2);
    expect(machine.share(heavy)).toBeCloseTo(2 / 3, 2);
  });

  test('three at 100, 200 and 700', () => {
    const machine = credit2(1);
    const domains = [100, 200, 700].map((weight) => machine.domain({ weight }));
    machine.run(5000 * MS);
    for (const [index, share] of [0.1, 0.2, 0.7].entries()) {
      expect(Math.abs(machine.share(domains[index]!) - share)).toBeLessThan(0.02);
    }
  });

  test('equal weights share equally, however many vCPUs want to run on two CPUs', () => {
    const machine = credit2(2);
    const domains = Array.from({ length: 5 }, () => machine.domain());
    machine.run(2000 * MS);
    for (const domain of domains) expect(Math.abs(machine.share(domain) - 0.4)).toBeLessThan(0.02);
  });

  test('a new weight counts from then on', () => {
    const machine = credit2(1);
    const first = machine.domain();
    const second = machine.domain();
    machine.run(500 * MS);
    expect(machine.share(first)).toBeCloseTo(0.5, 1);
    first.parameters = { ...first.parameters, weight: 768 };
    machine.core.parametersChanged(first);
    const mark = machine.mark();
    machine.run(1000 * MS);
    expect(Math.abs(machine.share(first, mark) - 0.75)).toBeLessThan(0.02);
    expect(Math.abs(machine.share(second, mark) - 0.25)).toBeLessThan(0.02);
  });
});

describe('caps', () => {
  test('25 % hold on an idle machine', () => {
    const machine = credit2(1);
    const capped = machine.domain({ cap: 25 });
    machine.run(1000 * MS);
    expect(Math.abs(machine.share(capped) - 0.25)).toBeLessThan(0.005);
  });

  test('25 % hold beside another, which gets the rest', () => {
    const machine = credit2(1);
    const capped = machine.domain({ cap: 25 });
    const other = machine.domain();
    machine.run(2000 * MS);
    expect(Math.abs(machine.share(capped) - 0.25)).toBeLessThan(0.01);
    expect(Math.abs(machine.share(other) - 0.75)).toBeLessThan(0.01);
  });

  test('are of the whole domain, and may be above one CPU', () => {
    const machine = credit2(4);
    const half = machine.domain({ vcpus: 2, cap: 50 });
    const more = machine.domain({ vcpus: 2, cap: 150 });
    machine.run(1000 * MS);
    expect(Math.abs(machine.share(half) - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(machine.share(more) - 1.5)).toBeLessThan(0.02);
  });

  test('hold for one that sleeps in between, and an idle domain has no timer', () => {
    const machine = credit2(1);
    const capped = machine.domain({ cap: 10, load: { computes: 3 * MS, sleeps: 2 * MS } });
    machine.run(1000 * MS);
    expect(machine.share(capped)).toBeLessThan(0.105);
    expect(machine.share(capped)).toBeGreaterThan(0.09);
    machine.core.sleep(capped.vcpus[0]!);
    expect(machine.core.nextDeadline).toBe(Infinity);
  });
});

describe('latency', () => {
  test('one that works little runs soon after it wakes, beside others that spin', () => {
    const machine = credit2(1);
    for (let i = 0; i < 3; i++) machine.domain();
    const brief = machine.domain({ load: { computes: 100 * US, sleeps: 5 * MS } });
    machine.run(2000 * MS);
    // Whoever runs is preempted when it has had its ratelimit of 1 ms; else its slice is waited for.
    expect(machine.waited(brief) / machine.wakes(brief)).toBeLessThan(1.5 * MS);
  });

  test('nobody is preempted before the ratelimit', () => {
    const machine = credit2(1);
    machine.domain();
    machine.domain({ load: { computes: 50 * US, sleeps: 200 * US } });
    machine.run(300 * MS);
    const spinner = machine.runs.filter(({ name, to }) => name === 'd1v0' && to >= 0);
    expect(spinner.length).toBeGreaterThan(20);
    for (const { from, to } of spinner) expect(to - from).toBeGreaterThanOrEqual(950 * US);
  });
});

describe('physical CPUs', () => {
  test('none is idle while somebody waits', () => {
    const machine = credit2(3);
    const domains = Array.from({ length: 4 }, () => machine.domain());
    machine.run(500 * MS);
    const total = domains.reduce((sum, domain) => sum + machine.share(domain), 0);
    expect(total).toBeCloseTo(3, 5);
    for (const domain of domains) expect(Math.abs(machine.share(domain) - 0.75)).toBeLessThan(0.03);
  });

  test('as many vCPUs as CPUs: each stays where it is', () => {
    const machine = credit2(2);
    const domains = [machine.domain(), machine.domain()];
    machine.run(200 * MS);
    for (const domain of domains) expect(machine.cpusOf(domain)).toHaveLength(1);
    expect(machine.runs).toHaveLength(2);
  });

  test('hard affinity is kept, soft affinity where it can be', () => {
    const machine = credit2(3);
    const pinned = machine.domain({ cpus: [1] });
    const rival = machine.domain({ cpus: [1] });
    const prefers = machine.domain({ likes: [2] });
    machine.run(300 * MS);
    expect(machine.cpusOf(pinned)).toEqual([1]);
    expect(machine.cpusOf(rival)).toEqual([1]);
    expect(machine.cpusOf(prefers)).toEqual([2]);
    expect(machine.share(pinned) + machine.share(rival)).toBeCloseTo(1, 5);
    expect(machine.share(prefers)).toBeCloseTo(1, 5);
    // Its place is taken by one that may be nowhere else: it runs elsewhere.
    machine.domain({ cpus: [2] });
    const mark = machine.mark();
    machine.run(300 * MS);
    expect(machine.share(prefers, mark)).toBeGreaterThan(0.9);
  });

  test('a new affinity moves one that runs', () => {
    const machine = credit2(2);
    const domain = machine.domain({ cpus: [0] });
    machine.run(5 * MS);
    machine.core.setAffinity(domain.vcpus[0]!, 0b10, 0b11);
    machine.run(20 * MS);
    expect(machine.runs.map(({ cpu }) => cpu)).toEqual([0, 1]);
    expect(machine.share(domain)).toBe(1);
  });
});
