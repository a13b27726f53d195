// A guest that does its worst, looked at in every way and at many moments: every inspection answers, with plain data
// of limited size, after limited work, the same again, and changes nothing.

import { expect, test } from 'vitest';
import { createInspector } from '../../../../emulator/debug/inspect/inspector.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { guestNames, runHostile } from '../../machine/hostile/hostile-guests.ts';
import { misbehave } from './hostile/deeds.ts';
import { questions, wrongAnswers } from './hostile/examine.ts';
import { HostileGuest } from './hostile/hostile-guest.ts';
import { Chance } from './memory/random-tables.ts';

const SEEDS = Array.from({ length: 8 }, (_, seed) => seed);

test.each(SEEDS)('seed %i: whatever the guest does, it can be looked at', (seed) => {
  const guest = new HostileGuest(seed);
  const wrong: string[] = [];
  let deeds = 0;
  misbehave(guest, 6, (deed) => {
    if (deeds++ % 2 === 1) return;
    const asked = questions(guest, 1);
    const before = stateHash(guest.loaded);
    wrong.push(...wrongAnswers(guest, asked).map((what) => `after ${deed}: ${what}`));
    if (stateHash(guest.loaded) !== before) wrong.push(`after ${deed}: looking changed the machine`);
  });
  expect(wrong).toEqual([]);
});

test.each(guestNames)('%s: whatever runs on a bare machine can be looked at', (name) => {
  for (const setting of ['bare', 'bare at EL2'] as const) {
    const { loaded } = runHostile(name, setting, 20_011).run;
    const guest = { loaded, inspector: createInspector(loaded), chance: new Chance(name.length) };
    const asked = questions(guest, 1);
    const before = stateHash(loaded);
    expect(wrongAnswers(guest, asked), setting).toEqual([]);
    expect(stateHash(loaded)).toBe(before);
  }
});
