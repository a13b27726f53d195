// Watchpoints over random programs. What they have to see is known without them: a second machine is stepped, and
// its memory compared before and after each instruction.

import { expect, test } from 'vitest';
import type { Watchpoint, WatchReport } from '../../../../emulator/machine/messages.ts';
import { Stops } from '../../../../emulator/machine/stops/stops.ts';
import { DATA, type RandomMachine, type Translate } from '../../engine/translator/random-machine.ts';
import { Random } from '../../engine/translator/random-program.ts';
import { loadedOf, noEvents, runThroughStops, startRandom } from './random-guest.ts';

const SEEDS = [1, 2, 5, 9, 11, 14, 18, 21];
const WHOLE = 12_000;
const HOT: Translate = { threshold: 1 };
const DATA_SIZE = 0x8000;
const PA = { kind: 'pa' } as const;
const everything = (): number => Number.MAX_SAFE_INTEGER;

interface Seen {
  /** Instructions executed, the one that made the access included. */
  readonly instructions: number;
  readonly watch: WatchReport;
}

/** Runs with watchpoints, through every stop. */
function runWatched(random: RandomMachine, watchpoints: readonly Watchpoint[], count: number): Seen[] {
  const { machine } = random;
  const stops = new Stops(loadedOf(random), noEvents, () => {});
  stops.setWatchpoints(watchpoints);
  const seen: Seen[] = [];
  runThroughStops(random, stops, count, (stop) => {
    if (stop.watch) seen.push({ instructions: machine.engine.instructions, watch: stop.watch });
  });
  return seen;
}

const watch = (address: number, size: number, access: Watchpoint['access'], id = 1): Watchpoint => ({
  id,
  space: PA,
  address: BigInt(address),
  size,
  access,
});

/** Ranges around bytes that the program leaves with another value. */
function rangesOf(seed: number, count: number): { address: number; size: number }[] {
  const random = new Random(seed);
  const { machine } = startRandom(seed, undefined);
  const before = Buffer.from(machine.memory.bytes(DATA, DATA_SIZE));
  while (machine.engine.instructions < WHOLE) {
    const end = machine.runSlice(WHOLE - machine.engine.instructions);
    if (end.kind === 'idle') machine.skipTo(end.deadline);
  }
  const after = machine.memory.bytes(DATA, DATA_SIZE);
  const changed = [...before.keys()].filter((offset) => before[offset] !== after[offset]);
  return Array.from({ length: count }, () => {
    const size = 1 + random.below(random.pick([8, 64, 5000]));
    return { address: DATA + random.pick(changed) - random.below(Math.min(size, 16)), size };
  });
}

test.each(SEEDS)('a range is seen to change exactly when it does, program %i', (seed) => {
  const [range] = rangesOf(seed, 1) as [{ address: number; size: number }];
  const stepped = startRandom(seed, undefined);
  const content = (): Buffer => Buffer.from(stepped.machine.memory.bytes(range.address, range.size));
  const changes: { instructions: number; before: Buffer; after: Buffer }[] = [];
  for (let before = content(), i = 1; i <= WHOLE; i++) {
    stepped.runTo(i, everything);
    const after = content();
    if (!after.equals(before)) changes.push({ instructions: i, before, after });
    before = after;
  }
  for (const translate of [undefined, HOT]) {
    const machine = startRandom(seed, translate);
    const seen = runWatched(machine, [watch(range.address, range.size, 'change')], WHOLE);
    const told = seen.map(({ instructions, watch: { before, after } }) => ({
      instructions,
      before: Buffer.from(before),
      after: Buffer.from(after),
    }));
    expect(told.map(({ instructions }) => instructions)).toEqual(
      changes.map(({ instructions }) => instructions),
    );
    if (range.size <= 64) expect(told).toEqual(changes);
    for (const { before, after } of told) expect(after.equals(before)).toBe(false);
    expect(machine.hash()).toBe(stepped.hash());
  }
});

test('together the programs do change what was watched', () => {
  const seen = SEEDS.flatMap((seed) => {
    const [{ address, size }] = rangesOf(seed, 1) as [{ address: number; size: number }];
    return runWatched(startRandom(seed, undefined), [watch(address, size, 'change')], WHOLE);
  });
  expect(seen.length).toBeGreaterThan(15);
});

test.each(SEEDS)('reads and writes are the same ones translated and interpreted, program %i', (seed) => {
  const random = new Random(seed + 50);
  const watchpoints = rangesOf(seed, 4).map(({ address, size }, id): Watchpoint => {
    const access = random.pick(['read', 'write', 'access'] as const);
    const space = random.once(2) ? PA : ({ kind: 'va', domain: -1 } as const);
    return { ...watch(address, size, access, id), space };
  });
  const plain = startRandom(seed, undefined);
  plain.runTo(WHOLE, everything);
  const [interpreted, translated] = [undefined, HOT].map((translate) => {
    const machine = startRandom(seed, translate);
    const seen = runWatched(machine, watchpoints, WHOLE);
    // With watchpoints or without: the same state.
    expect(machine.hash()).toBe(plain.hash());
    return seen;
  });
  expect(translated).toEqual(interpreted);
  for (const { watch: report } of interpreted ?? []) {
    const { address, size, access } = watchpoints[report.id] as Watchpoint;
    expect(report.pa).toBeLessThan(address + BigInt(size));
    expect(report.pa + BigInt(report.size)).toBeGreaterThan(address);
    if (access !== 'access') expect(report.access).toBe(access);
  }
});

test.each(SEEDS)('watchpoints that come and go in hot code leave no trace, program %i', (seed) => {
  const plain = startRandom(seed, undefined);
  plain.runTo(4 * WHOLE, everything);
  const [range] = rangesOf(seed, 1) as [{ address: number; size: number }];
  const seen = [undefined, HOT].map((translate) => {
    const random = startRandom(seed, translate);
    const stops = new Stops(loadedOf(random), noEvents, () => {});
    const list: number[] = [];
    for (let round = 1; round <= 4; round++) {
      stops.setWatchpoints(round % 2 === 0 ? [watch(range.address, range.size, 'access')] : []);
      runThroughStops(random, stops, round * WHOLE, () => list.push(random.machine.engine.instructions));
    }
    expect(random.hash()).toBe(plain.hash());
    return list;
  });
  expect(seen[1]).toEqual(seen[0]);
});
