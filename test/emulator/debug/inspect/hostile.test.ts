// A guest that does its worst, looked at in every way and at many moments: every inspection answers, with plain data
// of limited size, after limited work, the same again, and changes nothing.

import { expect, test } from 'vitest';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { misbehave } from './hostile/deeds.ts';
import { questions, wrongAnswers } from './hostile/examine.ts';
import { HostileGuest } from './hostile/hostile-guest.ts';

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);

test.each(SEEDS)('seed %i: whatever the guest does, it can be looked at', (seed) => {
  const guest = new HostileGuest(seed);
  const wrong: string[] = [];
  misbehave(guest, 5, (deed) => {
    const asked = questions(guest, 2);
    const before = stateHash(guest.loaded);
    wrong.push(...wrongAnswers(guest, asked).map((what) => `after ${deed}: ${what}`));
    if (stateHash(guest.loaded) !== before) wrong.push(`after ${deed}: looking changed the machine`);
  });
  expect(wrong).toEqual([]);
});
