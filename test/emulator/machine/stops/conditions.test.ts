// Conditional breakpoints in random programs, interpreted and translated: the same stops after the same instructions,
// and the state of a run without any.

import { expect, test } from 'vitest';
import type { Breakpoint } from '../../../../emulator/machine/messages.ts';
import type { Program } from '../../../../emulator/machine/stop-programs.ts';
import { Stops } from '../../../../emulator/machine/stops/stops.ts';
import { DATA, PROGRAM, type RandomMachine, type Translate } from '../../engine/translator/random-machine.ts';
import { Random, randomProgram } from '../../engine/translator/random-program.ts';
import { loadedOf, noEvents, runThroughStops, startRandom } from './random-guest.ts';

const SEEDS = [1, 2, 5, 9, 11, 14, 18, 21];
const WHOLE = 30_000;
const ROUND = 3_000;
const ROUNDS = 6;
const HOT: Translate = { threshold: 1 };
const NOP = 0xd503201f;
const everything = (): number => Number.MAX_SAFE_INTEGER;

const constant = (value: number): Program => ({ kind: 'constant', value: BigInt(value) });

/** Sometimes true, sometimes false, sometimes not to be computed. */
function randomCondition(random: Random): Program {
  const register: Program = {
    kind: 'register',
    name: random.pick(['x0', 'x3', 'x7', 'x15', 'x20', 'sp', 'pc']),
  };
  const offset: Program = { kind: 'binary', operator: '&', left: register, right: constant(0x5ff8) };
  const address: Program = { kind: 'binary', operator: '+', left: constant(DATA), right: offset };
  const loaded: Program = {
    kind: 'load',
    address,
    size: random.pick([1, 2, 4, 8] as const),
    signed: random.once(2),
  };
  const value = random.pick([register, register, loaded]);
  const low: Program = {
    kind: 'binary',
    operator: '&',
    left: value,
    right: constant(random.pick([1, 3, 7])),
  };
  const one: Program = {
    kind: 'binary',
    operator: random.pick(['==', '!=', '<u'] as const),
    left: low,
    right: constant(random.below(4)),
  };
  if (random.once(3)) return one;
  const kind = random.pick(['and', 'or'] as const);
  const root: Program = {
    kind: 'binary',
    operator: '!=',
    left: { kind: 'register', name: 'VBAR_EL1' },
    right: constant(0),
  };
  if (random.once(6))
    return { kind, left: one, right: { kind: 'binary', operator: '/u', left: constant(8), right: low } };
  return { kind, left: root, right: one };
}

interface Seen {
  readonly instructions: number;
  readonly pc: bigint | undefined;
  readonly ids: readonly number[];
  readonly error: string | undefined;
}

function rounds(machine: RandomMachine, seed: number): Seen[] {
  const random = new Random(seed + 7);
  const program = randomProgram(seed);
  const places = [...program.keys()].filter((i) => program[i] !== NOP);
  const stops = new Stops(loadedOf(machine), noEvents, () => {});
  const seen: Seen[] = [];
  machine.runTo(WHOLE, everything);
  for (let round = 1; round <= ROUNDS; round++) {
    const breakpoints = Array.from({ length: random.below(8) }, (_, i): Breakpoint => {
      const at = BigInt(PROGRAM + 4 * random.pick(places));
      const hits = random.once(3) ? { operator: '%' as const, count: 1 + random.below(5) } : undefined;
      return {
        id: 10 * round + i,
        domain: -1,
        kind: random.pick(['va', 'ipa'] as const),
        address: at,
        condition: randomCondition(random),
        ...(hits && { hits }),
      };
    });
    stops.setBreakpoints(breakpoints);
    runThroughStops(machine, stops, WHOLE + round * ROUND, ({ breakpointIds, conditionError }) => {
      const { instructions } = machine.machine.engine;
      seen.push({ instructions, pc: machine.machine.cpus[0]?.pc, ids: breakpointIds, error: conditionError });
    });
  }
  return seen;
}

test.each(SEEDS)('conditions in hot code stop where they do in interpreted code, program %i', (seed) => {
  const plain = startRandom(seed, undefined);
  plain.runTo(WHOLE + ROUNDS * ROUND, everything);
  const [interpreted, translated] = [undefined, HOT].map((translate) => {
    const machine = startRandom(seed, translate);
    const seen = rounds(machine, seed);
    expect(machine.hash()).toBe(plain.hash());
    return seen;
  });
  expect(translated).toEqual(interpreted);
});

test('together there are stops, and conditions that cannot be computed', () => {
  const seen = SEEDS.flatMap((seed) => rounds(startRandom(seed, undefined), seed));
  expect(seen.length).toBeGreaterThan(200);
  expect(seen.filter(({ error }) => error !== undefined).length).toBeGreaterThan(0);
});

test('a region tests a false condition by itself, and is not left', () => {
  const machine = startRandom(2, { threshold: 1, counts: true });
  const stops = new Stops(loadedOf(machine), noEvents, () => {});
  const program = randomProgram(2);
  const condition: Program = {
    kind: 'binary',
    operator: '==',
    left: { kind: 'register', name: 'x3' },
    right: constant(-1),
  };
  const places = [...program.keys()].filter((i) => program[i] !== NOP && i % 40 === 0);
  stops.setBreakpoints(
    places.map((i) => ({ id: i, domain: -1, kind: 'va', address: BigInt(PROGRAM + 4 * i), condition })),
  );
  runThroughStops(machine, stops, WHOLE, () => {});
  const plain = startRandom(2, { threshold: 1 });
  plain.runTo(WHOLE, everything);
  const executed = machine.machine.engine.statistics?.executed ?? 0;
  expect(executed).toBeGreaterThan(0.9 * (plain.machine.engine.statistics?.executed ?? Infinity));
});
