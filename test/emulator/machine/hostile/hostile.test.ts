// Guests that do their worst (guests.S): the run ends when it was told to end and says why, what the guest
// left can be looked at, and it ends the same way again.

import { expect, test } from 'vitest';
import { guestNames, type HostileRun, runHostile, settings } from './hostile-guests.ts';

/** Not a multiple of a slice, so that the last one is cut. */
const BOUND = 120_007;

const outcome = ({ run, end, printed, warnings }: HostileRun): unknown => ({
  end,
  printed,
  warnings,
  figures: run.statistics(),
});

for (const setting of settings) {
  test.each(guestNames)(`${setting}: %s ends in time, and the same way again`, (name) => {
    const first = runHostile(name, setting, BOUND);
    expect(outcome(runHostile(name, setting, BOUND))).toEqual(outcome(first));
    const { instructions } = first.run.statistics();
    expect(instructions).toBeGreaterThan(0);
    expect(instructions).toBeLessThanOrEqual(BOUND);
    if (first.end.kind === 'bound' && first.end.why.endsWith('instructions were executed')) {
      expect(instructions).toBe(BOUND);
    }
    // A guest cannot flood the log.
    expect(first.warnings.length).toBeLessThan(600);
  });
}

const whyOf = (name: string, setting: (typeof settings)[number], bound = BOUND): string => {
  const { end } = runHostile(name, setting, bound);
  return end.kind === 'bound' ? end.why : end.kind === 'ended' ? end.reason : end.kind;
};

test.each(settings)('%s: a guest without a reachable vector is reported as such', (setting) => {
  for (const name of ['jump_to_nowhere', 'exception_loop']) {
    expect(whyOf(name, setting)).toMatch(/^the exception vector of the guest at 0x200 \(VBAR_EL[12]\)/);
  }
});

test.each(settings)('%s: a guest that waits for nothing ends the run', (setting) => {
  expect(whyOf('wfi_for_ever', setting)).toBe(
    'every CPU is off or waits for an interrupt, and no timer is set',
  );
});

test.each(['domU', 'bare'] as const)('%s: a guest that powers off in a loop is off', (setting) => {
  expect(whyOf('power_off_loop', setting)).toBe('poweroff');
  expect(whyOf('cpu_off', setting)).toMatch(/^every CPU is off/);
});

test('broken translation tables are seen as an unreachable vector, under Xen too', () => {
  expect(whyOf('broken_tables', 'domU')).toMatch(/cannot be fetched/);
  expect(whyOf('tables_nowhere', 'bare')).toMatch(/cannot be fetched/);
});

test.each([1, 50_001, 123_457])('a bound of %i instructions is met exactly', (bound) => {
  for (const name of ['masked_loop', 'hvc_storm', 'wfe_for_ever', 'fault_for_ever', 'interrupt_storm']) {
    for (const setting of ['domU', 'bare'] as const) {
      const { run } = runHostile(name, setting, bound);
      expect(run.statistics().instructions, `${name}, ${setting}`).toBe(bound);
    }
  }
});

test('what is executed is what was stored last, with and without maintenance', () => {
  // Three calls a round: 1, then the new or the old 2, then 2.
  const { run } = runHostile('self_modifying', 'bare', BOUND);
  const added = Number(run.loaded.machine.cpus[0]?.x(0));
  expect(added).toBeGreaterThan(BOUND / 30);
});

test('every byte of a flood on the UART comes out', () => {
  const { printed } = runHostile('console_flood', 'bare', BOUND);
  expect(printed).toBe(Math.ceil((BOUND - 2) / 2));
});
