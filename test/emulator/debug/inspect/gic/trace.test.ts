// The record of interrupts, of domains and of bare machines: what comes is counted, and nothing else changes.

import { expect, test } from 'vitest';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import type { GicTraceView } from '../../../../../emulator/debug/inspect/gic/gic-trace.ts';
import type { LoadedMachine } from '../../../../../emulator/machine/guest.ts';
import { stateHash } from '../../../../../emulator/machine/state-hash.ts';
import { fresh, helloGuest } from '../../../machine/guests.ts';
import { Driver, runGuest, type Setting } from './guest-program.ts';

const INTID = 20;

for (const version of [2, 3] as const) {
  test(`bare on a GICv${version}: an interrupt lasts from its acknowledge to its deactivation`, () => {
    const setting: Setting = { kind: 'bare', version };
    const driver = new Driver(setting).start().priority(INTID, 0x40).enable(INTID);
    driver.pend(INTID).acknowledge().end(INTID);
    driver.pend(INTID).acknowledge();
    const guest = runGuest(setting, driver);
    const { injections, counts, note } = guest.trace();
    expect(injections.map(({ intid, state }) => [intid, state])).toEqual([
      [INTID, 'pending'],
      [INTID, 'ended'],
    ]);
    // Of the end: four MOVs for the value, with a GICv2 four for the address, and the write itself; a nanosecond each.
    const ended = injections[1]?.latency ?? 0;
    expect(ended).toBeGreaterThanOrEqual(version === 3 ? 5 : 9);
    expect(ended).toBeLessThan(30);
    expect(counts).toMatchObject([{ vcpu: 0, intid: INTID, count: 2, merged: 0, ended: 1 }]);
    expect(note).toMatch(/^On a bare machine/);
    expect(guest.row(INTID)).toMatchObject({ count: 2, ended: 1, active: true });
  });

  test(`domain on a GICv${version}: edges, merged edges, and those that come while one is handled`, () => {
    const setting: Setting = { kind: 'domain', version };
    const driver = new Driver(setting).start().priority(INTID, 0x40).enable(INTID);
    driver.pend(INTID).pend(INTID).acknowledge().pend(INTID).end(INTID).acknowledge().end(INTID).enterXen();
    const guest = runGuest(setting, driver);
    expect(guest.result(1) & 0x3ff).toBe(INTID);
    expect(guest.trace().injections.map(({ state }) => state)).toEqual(['ended', 'merged', 'ended']);
    expect(guest.trace().counts).toMatchObject([{ intid: INTID, count: 3, merged: 1, ended: 2 }]);
  });
}

test('the last ones, of one vCPU, and rates over a time that is asked for', async () => {
  const { loaded } = fresh(await helloGuest(3));
  const inspector = createInspector(loaded);
  pass(loaded, 2000);
  const trace = (args: Record<string, unknown>) => inspector.inspect('gicTrace', args) as GicTraceView;
  expect(trace({ limit: 3 }).injections).toHaveLength(3);
  expect(trace({ vcpu: 0, limit: 3 }).injections).toHaveLength(3);
  const { pulse, counts } = trace({ milliseconds: 500 });
  expect(pulse.bucketNanoseconds * 60).toBeGreaterThanOrEqual(500e6);
  const timer = counts.find(({ intid }) => intid === 27);
  const inPulse =
    pulse.series.find(({ intid }) => intid === 27)?.counts.reduce((sum, one) => sum + one, 0) ?? 0;
  expect(timer?.perSecond).toBe(Math.round((inPulse / ((pulse.bucketNanoseconds * 60) / 1e9)) * 10) / 10);
  // The guest asks for a hundred ticks a second.
  expect(timer?.perSecond).toBe(100);
  for (const absurd of [0, -5, Number.MAX_SAFE_INTEGER]) {
    expect(trace({ limit: absurd, milliseconds: absurd }).injections.length).toBeGreaterThan(0);
  }
});

test('a machine that is recorded and looked at runs as one that is not', async () => {
  const config = await helloGuest(2);
  const [looked, alone] = [fresh(config).loaded, fresh(config).loaded];
  const inspector = createInspector(looked);
  for (let turn = 0; turn < 20; turn++) {
    pass(looked, 10);
    pass(alone, 10);
    inspector.inspect('gic', { all: true });
    inspector.inspect('gicTrace', {});
    expect(stateHash(looked)).toBe(stateHash(alone));
  }
});

/** Lets virtual time pass, however it is spent. */
function pass({ machine }: LoadedMachine, milliseconds: number): void {
  const end = machine.clock.nanoseconds() + milliseconds * 1e6;
  while (machine.clock.nanoseconds() < end) {
    const stop = machine.runSlice(100_000);
    if (stop.kind === 'idle') machine.skipTo(Math.min(stop.deadline, end));
  }
}
