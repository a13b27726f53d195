// A debugger at translated code: breakpoints that come and go where it is hot, single steps across it, words that
// it overwrites. What happens, and after how many instructions, is what happens to the interpreter.

import { expect, test } from 'vitest';
import { PROGRAM, RandomMachine, type Translate } from './random-machine.ts';
import { Random, randomProgram } from './random-program.ts';

const SEEDS = [1, 2, 5, 9, 11, 14, 18, 21];
const WHOLE = 30_000;
const NOP = 0xd503201f;
const HOT: Translate = { threshold: 1 };
const everything = (): number => Number.MAX_SAFE_INTEGER;

/** Two machines that ran the same program until it was hot. */
function pair(seed: number): { machines: readonly [RandomMachine, RandomMachine]; program: Uint32Array } {
  const program = randomProgram(seed);
  const machines = [
    new RandomMachine({ program, seed, translate: undefined }),
    new RandomMachine({ program, seed, translate: HOT }),
  ] as const;
  for (const machine of machines) machine.runTo(WHOLE, everything);
  expect(machines[1].machine.engine.statistics?.regions).toBeGreaterThan(0);
  return { machines, program };
}

interface Stop {
  readonly instructions: number;
  readonly pc: string;
}

/** Runs on by so many instructions, past every breakpoint, and tells where it stopped. */
function stopsOf({ machine }: RandomMachine, instructions: number): Stop[] {
  const end = machine.engine.instructions + instructions;
  const stops: Stop[] = [];
  while (machine.engine.instructions < end) {
    const result = machine.runSlice(end - machine.engine.instructions);
    if (result.kind === 'idle') machine.skipTo(result.deadline);
    if (result.kind !== 'breakpoint') continue;
    stops.push({ instructions: machine.engine.instructions, pc: machine.cpus[0]?.pc.toString(16) ?? '' });
    machine.passBreakpoint();
  }
  machine.settle();
  return stops;
}

test.each(SEEDS)('breakpoints in hot code, program %i', (seed) => {
  const { machines, program } = pair(seed);
  const random = new Random(seed);
  // Padding between functions is never reached.
  const places = [...program.keys()].filter((i) => program[i] !== NOP);
  let stops = 0;
  for (let round = 0; round < 8; round++) {
    const count = round % 3 === 2 ? 0 : 1 + random.below(4);
    const breakpoints = Array.from({ length: count }, () => {
      const offset = BigInt(4 * random.pick(places));
      const kind = random.pick(['va', 'pa'] as const);
      return { kind, address: BigInt(PROGRAM) + offset };
    });
    const [interpreted, translated] = machines.map((machine) => {
      machine.machine.engine.setBreakpoints(breakpoints);
      const list = stopsOf(machine, 3_000);
      return { list, hash: machine.hash() };
    });
    expect(translated).toEqual(interpreted);
    stops += interpreted?.list.length ?? 0;
  }
  expect(stops).toBeGreaterThan(0);
});

test.each(SEEDS)('single steps across hot code, program %i', (seed) => {
  const { machines } = pair(seed);
  for (let steps = 0; steps < 6; steps++) {
    const [interpreted, translated] = machines.map((machine) => {
      const trail: string[] = [];
      for (let i = 0; i < 60; i++) {
        machine.runTo(machine.machine.engine.instructions + 1, everything);
        trail.push(machine.machine.cpus[0]?.pc.toString(16) ?? '');
      }
      machine.runTo(machine.machine.engine.instructions + 997, everything);
      return { trail, registers: machine.registers(), hash: machine.hash() };
    });
    expect(translated).toEqual(interpreted);
  }
});

test.each(SEEDS)('words that a debugger writes into hot code, program %i', (seed) => {
  const { machines, program } = pair(seed);
  const random = new Random(seed + 99);
  for (let round = 0; round < 10; round++) {
    const at = PROGRAM + 4 * random.below(program.length);
    // MOVZ X0 to X15, or a supervisor call.
    const word = random.once(3) ? 0xd4000001 : (0xd2800000 | random.below(1 << 21)) & ~0x10;
    const [interpreted, translated] = machines.map((machine) => {
      machine.machine.memory.write32(at, word >>> 0);
      machine.runTo(machine.machine.engine.instructions + 1_501, everything);
      return { registers: machine.registers(), hash: machine.hash() };
    });
    expect(translated).toEqual(interpreted);
  }
});

test.each([3, 4])('two CPUs in turn, program %i', (seed) => {
  const program = randomProgram(seed);
  const machines = [undefined, HOT].map(
    (translate) => new RandomMachine({ program, seed, translate, cpus: 2, core: 'a53' }),
  );
  const random = new Random(seed);
  for (let cut = 0, count = 0; cut < 4; cut++) {
    count += 1 + random.below(90_000);
    const [interpreted, translated] = machines.map((machine, i) => {
      machine.runTo(count, i === 0 ? everything : () => 1 + random.below(40_000));
      return { first: machine.registers(0), second: machine.registers(1), hash: machine.hash() };
    });
    expect(translated).toEqual(interpreted);
  }
});
