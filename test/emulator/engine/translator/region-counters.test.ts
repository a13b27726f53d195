// What --stats-detail counts inside translated code and samples of the guest: it adds up, and changes nothing.

import { expect, test } from 'vitest';
import { type HeadlessStatistics, startHeadless } from '../../../../emulator/index.ts';
import { benchGuest } from '../../../tools/build-bench-guest.ts';
import { configured, modules } from '../../machine/guests.ts';

const TURN = 40_000_000;

async function statisticsOf(work: string, counts: boolean): Promise<HeadlessStatistics> {
  const config = await configured({
    bare: { kernel: benchGuest, cmdline: `bench=${work}:20`, memory: 64, gicVersion: 3 },
  });
  const guest = startHeadless(
    modules,
    { ...config, translate: { threshold: 500, counts } },
    { script: [], output: () => {}, log: { log: () => {} } },
  );
  while (!guest.turn(TURN));
  return guest.statistics();
}

test.each(['records', 'syscall', 'timer'])('%s: every entry of a region has its exit', async (work) => {
  const { instructions, stateHash, translator } = await statisticsOf(work, true);
  const plain = await statisticsOf(work, false);
  expect({ instructions, stateHash }).toEqual({
    instructions: plain.instructions,
    stateHash: plain.stateHash,
  });
  expect(plain.translator?.counted).toBeUndefined();
  if (!translator?.counted) throw new Error('nothing was counted');

  const { entered, ...others } = translator.counted.regions;
  expect(entered).toBeGreaterThan(0);
  // At the entry a region is left before it was entered; what goes on to another was left before.
  const isExit = (what: string): boolean => what !== 'budget, at the entry' && !what.startsWith('onward');
  const exits = Object.entries(others).filter(([what]) => isExit(what));
  expect(exits.reduce((sum, [, times]) => sum + times, 0)).toBe(entered);
});

test('the profile has every instruction, and shows what is interpreted', async () => {
  const { instructions, translator } = await statisticsOf('alu', true);
  const { mostExecuted = [], mostInterpreted = [] } = translator?.counted ?? {};
  const sum = (list: typeof mostExecuted, key: 'instructions' | 'interpreted'): number =>
    list.reduce((total, place) => total + place[key], 0);
  // So few places are sampled in a loop that all are shown.
  expect(sum(mostExecuted, 'instructions')).toBe(instructions);
  expect(sum(mostInterpreted, 'interpreted')).toBe(instructions - (translator?.executed ?? 0));
  expect(mostExecuted[0]?.va).toMatch(/^0x4[0-9a-f]{7}$/);
  // The loop is found in the end.
  expect(translator?.executed).toBeGreaterThan(instructions / 2);
});
