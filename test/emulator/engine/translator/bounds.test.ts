// What the second tier holds stays bounded, however much code comes and goes.

import { expect, test } from 'vitest';
import { MODULES_MAX } from '../../../../emulator/engine/translator/regions.ts';
import { Machine } from '../../../../emulator/machine/machine.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { modules } from '../../machine/guests.ts';

const RAM = 0x4000_0000;
const CODE = RAM + 0x1_0000;
const EL1H_MASKED = 0x3c5;

const MOV_X0 = (value: number): number => 0xd280_0000 | (value << 5);
const SUB_X0_1 = 0xd100_0400;
/** CBNZ x0, one instruction back. */
const CBNZ_BACK = 0xb5ff_ffe0;
const ADD_X1 = (value: number): number => 0x9100_0021 | (value << 10);
const B = (from: number, to: number): number => 0x1400_0000 | (((to - from) / 4) & 0x3ff_ffff);

/** A machine without translation tables; every place that is reached becomes a region. */
function machineWith(translate: boolean): Machine {
  const machine = new Machine(
    modules,
    {
      ...{ core: 'a53', cpus: 1, memory: 4 << 20, gic: 3, el2: false, startTime: 0 },
      ...(translate && { translate: { threshold: 1 } }),
    },
    { console: { write: () => {} }, log: { log: () => {} } },
  );
  machine.startCpu(0, BigInt(CODE), EL1H_MASKED);
  return machine;
}

function run(machine: Machine, instructions: number): void {
  const end = machine.engine.instructions + instructions;
  while (machine.engine.instructions < end) machine.runSlice(end - machine.engine.instructions);
}

const hashOf = (machine: Machine): string =>
  stateHash({ machine, saveMonitor: () => undefined } as Parameters<typeof stateHash>[0]);

/** A loop of so many rounds that adds to X1, and a way on. */
function writeLoop(machine: Machine, at: number, rounds: number, onTo: number): void {
  const words = [MOV_X0(rounds), SUB_X0_1, CBNZ_BACK, ADD_X1(rounds), B(at + 16, onTo)];
  words.forEach((word, i) => machine.memory.write32(at + 4 * i, word));
}

const figuresOf = ({ engine }: Machine) => {
  if (!engine.statistics) throw new Error('nothing is translated');
  return engine.statistics;
};

test('code that is rewritten again and again leaves no regions behind', () => {
  const CYCLES = 1000;
  const [translated, interpreted] = [true, false].map((translate) => {
    const machine = machineWith(translate);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      writeLoop(machine, CODE, 20 + (cycle % 7), CODE);
      run(machine, 200);
    }
    return machine;
  }) as [Machine, Machine];
  expect(hashOf(translated)).toBe(hashOf(interpreted));
  const { live, modules: made, drops } = figuresOf(translated);
  expect(made).toBeGreaterThanOrEqual(CYCLES);
  expect(drops).toEqual({ stores: CYCLES - 1, reuse: 0, breakpoints: 0 });
  expect(live.regions).toBeLessThan(10);
  expect(live.modules).toBeLessThan(10);
  expect(live.bytes).toBeLessThan(20_000);
});

test('there are never more modules than are allowed, and what went is translated anew', () => {
  const LOOPS = MODULES_MAX + 300;
  const DISTANCE = 64;
  const [translated, interpreted] = [true, false].map((translate) => {
    const machine = machineWith(translate);
    for (let loop = 0; loop < LOOPS; loop++) {
      const at = CODE + DISTANCE * loop;
      writeLoop(machine, at, 20, loop === LOOPS - 1 ? CODE : at + DISTANCE);
    }
    let most = 0;
    for (let piece = 0; piece < LOOPS; piece++) {
      run(machine, 43);
      most = Math.max(most, machine.engine.statistics?.live.modules ?? 0);
    }
    expect(most).toBeLessThanOrEqual(MODULES_MAX);
    return machine;
  }) as [Machine, Machine];
  expect(hashOf(translated)).toBe(hashOf(interpreted));
  const { modules: made, flushes, live } = figuresOf(translated);
  expect(made).toBeGreaterThan(MODULES_MAX);
  expect(flushes).toBe(1);
  expect(live.modules).toBeGreaterThan(0);
});
