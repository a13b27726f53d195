// What the translator makes of a program is what the interpreter makes of it: the same state after the same
// number of instructions, at whatever count one looks and however the run is cut.

import { expect, test } from 'vitest';
import { RandomMachine, type Translate } from './random-machine.ts';
import { Random, randomProgram } from './random-program.ts';

const PROGRAMS = 24;
const CUTS = 6;
const TURN = 20_000;

const settings: Readonly<Record<string, Translate>> = {
  'everything translated': { threshold: 1 },
  'places translated that were sampled': { threshold: 100 },
};

for (const [name, translate] of Object.entries(settings)) {
  for (let seed = 0; seed < PROGRAMS; seed++) {
    test(`random program ${seed} with ${name}`, () => {
      const program = randomProgram(seed);
      const interpreted = new RandomMachine({ program, seed, translate: undefined });
      const translated = new RandomMachine({ program, seed, translate });
      const random = new Random(seed ^ 0x7777);
      for (let cut = 0, count = 0; cut < CUTS; cut++) {
        count += 1 + random.below(TURN);
        interpreted.runTo(count, () => Number.MAX_SAFE_INTEGER);
        translated.runTo(count, () => pieceOf(random));
        expect(translated.registers(), `at ${count}`).toEqual(interpreted.registers());
        expect(translated.hash(), `at ${count}`).toBe(interpreted.hash());
      }
      // Else nothing was compared.
      expect(interpreted.machine.engine.statistics).toBeUndefined();
      expect(translated.machine.engine.statistics?.regions).toBeGreaterThan(0);
    });
  }
}

/** Mostly long, sometimes a single instruction. */
function pieceOf(random: Random): number {
  const limit = random.pick([4, 50, 3_000, 60_000]);
  return 1 + random.below(limit);
}
