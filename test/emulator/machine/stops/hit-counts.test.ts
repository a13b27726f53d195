// Hit counts in random programs, interpreted and translated: counted in translated code as by the judge, one by one.

import { expect, test } from 'vitest';
import type { Breakpoint } from '../../../../emulator/machine/messages.ts';
import type { HitCondition, Program } from '../../../../emulator/machine/stop-programs.ts';
import { type Hit, Stops } from '../../../../emulator/machine/stops/stops.ts';
import { PROGRAM, type RandomMachine, type Translate } from '../../engine/translator/random-machine.ts';
import { Random, randomProgram } from '../../engine/translator/random-program.ts';
import { loadedOf, noEvents, runThroughStops, startRandom } from './random-guest.ts';

const SEEDS = [1, 2, 5, 9, 11, 14, 18, 21];
const WHOLE = 30_000;
const ROUND = 6_000;
const ROUNDS = 4;
const HOT: Translate = { threshold: 1 };
const OPERATORS: readonly HitCondition['operator'][] = ['==', '>=', '>', '<=', '<', '%'];
const NOP = 0xd503201f;
const everything = (): number => Number.MAX_SAFE_INTEGER;

const constant = (value: number): Program => ({ kind: 'constant', value: BigInt(value) });
const HITS: Program = { kind: 'hits' };

const oneIn = (count: number, remainder: number): Program => ({
  kind: 'binary',
  operator: '==',
  left: { kind: 'binary', operator: '%u', left: HITS, right: constant(count) },
  right: constant(remainder),
});

/** Over what a register holds, which is sometimes so. */
const overRegister = (name: string): Program => ({
  kind: 'binary',
  operator: '!=',
  left: { kind: 'binary', operator: '&', left: { kind: 'register', name }, right: constant(3) },
  right: constant(1),
});

function randomBreakpoint(random: Random, id: number, address: bigint): Breakpoint {
  const condition = random.pick([
    undefined,
    oneIn(3 + random.below(20), 1),
    overRegister(random.pick(['x0', 'x7', 'x20'])),
    {
      kind: 'and' as const,
      left: overRegister('x3'),
      right: oneIn(2, 0),
    },
    // Cannot be computed when it is met for the fifth time.
    {
      kind: 'binary' as const,
      operator: '/u' as const,
      left: constant(0),
      right: { kind: 'binary' as const, operator: '-' as const, left: HITS, right: constant(5) },
    },
  ]);
  const hits = random.once(3)
    ? undefined
    : { operator: random.pick(OPERATORS), count: random.once(4) ? 0 : 1 + random.below(40) };
  const el = random.pick([undefined, undefined, 0 as const, 1 as const]);
  return {
    id,
    domain: -1,
    kind: random.pick(['va', 'ipa'] as const),
    address,
    ...(condition && { condition }),
    ...(hits && { hits }),
    ...(el !== undefined && { scope: { el } }),
    ...(random.once(3) && { log: [{ kind: 'value' as const, program: HITS }] }),
  };
}

interface Seen {
  readonly instructions: number;
  readonly ids: readonly number[];
  readonly values?: Hit['values'];
  readonly error?: string | undefined;
}

function rounds(machine: RandomMachine, seed: number): Seen[] {
  const random = new Random(seed + 70);
  const program = randomProgram(seed);
  const places = [...program.keys()].filter((i) => program[i] !== NOP);
  const seen: Seen[] = [];
  const now = (): number => machine.machine.engine.instructions;
  const stops = new Stops(loadedOf(machine), noEvents, ({ id, values }) =>
    seen.push({ instructions: now(), ids: [id], values }),
  );
  machine.runTo(WHOLE, everything);
  let breakpoints: Breakpoint[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    // Some stay, and go on counting. Several have one id, and several one place.
    const kept = breakpoints.filter(() => random.once(2));
    const added = Array.from({ length: random.below(10) }, (_, i) =>
      randomBreakpoint(random, 10 * round + (i >> 1), BigInt(PROGRAM + 4 * random.pick(places))),
    );
    const beside = added.map((one) => randomBreakpoint(random, one.id + 1000, one.address));
    breakpoints = [...kept, ...added, ...beside.filter(() => random.once(3))];
    stops.setBreakpoints(breakpoints);
    runThroughStops(machine, stops, WHOLE + round * ROUND, ({ breakpointIds, conditionError }) =>
      seen.push({ instructions: now(), ids: breakpointIds, error: conditionError }),
    );
  }
  return seen;
}

test.each(SEEDS)('hits in hot code are counted as they are in interpreted code, program %i', (seed) => {
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

test('together they stop, log, and fail', () => {
  const seen = SEEDS.flatMap((seed) => rounds(startRandom(seed, undefined), seed));
  expect(seen.filter(({ values }) => values === undefined).length).toBeGreaterThan(200);
  expect(seen.filter(({ values }) => values !== undefined).length).toBeGreaterThan(100);
  expect(seen.filter(({ error }) => error !== undefined).length).toBeGreaterThan(5);
});

test('a region counts by itself, and is not left', () => {
  const program = randomProgram(2);
  const places = [...program.keys()].filter((i) => program[i] !== NOP && i % 40 === 0);
  const executed = (breakpoints: readonly Breakpoint[]): number => {
    const machine = startRandom(2, { threshold: 1, counts: true });
    const stops = new Stops(loadedOf(machine), noEvents, () => {});
    stops.setBreakpoints(breakpoints);
    runThroughStops(machine, stops, WHOLE, () => {});
    return machine.machine.engine.statistics?.executed ?? 0;
  };
  const never = { operator: '==', count: 1e9 } as const;
  const counted = places.map((i): Breakpoint => {
    const address = BigInt(PROGRAM + 4 * i);
    return { id: i, domain: -1, kind: 'va', address, condition: oneIn(1e9, 1e8), hits: never };
  });
  expect(executed(counted)).toBeGreaterThan(0.9 * executed([]));
});
