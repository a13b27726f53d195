// The counters of a run, against what the measured guest is known to do.

import { expect, test } from 'vitest';
import { type HeadlessStatistics, startHeadless } from '../../../emulator/index.ts';
import { benchGuest } from '../../tools/build-bench-guest.ts';
import { configured, modules } from '../machine/guests.ts';

const UNITS = 2;
const TURN = 40_000_000;

async function statisticsOf(work: string, threshold?: number): Promise<HeadlessStatistics> {
  const config = await configured({
    bare: { kernel: benchGuest, cmdline: `bench=${work}:${UNITS}`, memory: 64, gicVersion: 3 },
  });
  const translate = threshold === undefined ? undefined : { threshold };
  const guest = startHeadless(
    modules,
    { ...config, translate },
    { script: [], output: () => {}, log: { log: () => {} } },
  );
  while (!guest.turn(TURN));
  return guest.statistics();
}

test('exceptions are counted by class, and returns', async () => {
  const calls = await statisticsOf('syscall');
  // The last call leaves EL0 for good.
  expect(calls.exceptions).toEqual({ svc: UNITS * 10_000 + 1 });
  expect(calls.exceptionReturns).toBe(UNITS * 10_000 + 1);
  const timer = await statisticsOf('timer');
  expect(timer.exceptions).toEqual({ irq: UNITS * 2_000 });
  expect(timer.exceptionReturns).toBe(UNITS * 2_000);
});

test('what is not resident in the TLB is counted by exception level', async () => {
  const { mmu } = await statisticsOf('refill');
  // 64 MiB in pages, gone through four times: a TLB of 1024 entries forgets each before its next turn.
  expect(mmu.dataMissesEl1).toBeGreaterThan(4 * 16_384);
  expect(mmu.dataMissesEl1).toBeLessThan(5 * 16_384);
  expect(mmu.dataMissesEl0).toBe(0);
  expect(mmu.stage1Walks).toBeGreaterThan(4 * 16_384);
  expect(mmu.stage2Walks).toBe(0);
});

test('faults are exceptions', async () => {
  // 40 times 32 pages that are missing, and half as many that are copied when written.
  expect((await statisticsOf('pages')).exceptions).toEqual({ 'data abort, same EL': 40 * (32 + 16) });
});

test('two address spaces keep their TLBs', async () => {
  const { mmu } = await statisticsOf('spaces');
  expect(mmu.contextsReplaced).toBeLessThan(10);
  expect(mmu.dataMissesEl1).toBeLessThan(1000);
});

test('translated code is interrupted and faults as often', async () => {
  for (const work of ['timer', 'pages', 'spaces']) {
    const { exceptions, exceptionReturns, mmu } = await statisticsOf(work);
    const translated = await statisticsOf(work, 1);
    expect(translated.exceptions).toEqual(exceptions);
    expect(translated.exceptionReturns).toBe(exceptionReturns);
    expect(translated.mmu.dataMissesEl1).toBe(mmu.dataMissesEl1);
    expect(translated.mmu.fetchMissesEl1).toBe(mmu.fetchMissesEl1);
  }
});
