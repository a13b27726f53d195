// A guest may write anything anywhere: no device throws, what it answers is a 32-bit number or an
// abort, and a copy restored from the saved state goes on exactly alike.

import { expect, test } from 'vitest';
import { silentLogger } from '../../../emulator/base/log.ts';
import { gicSystemRegisters } from '../../../emulator/devices/gic-v3/system-registers.ts';
import { EXTERNAL_ABORT } from '../../../emulator/devices/register-block.ts';
import { BoardDevices } from '../../../emulator/machine/boards/board-devices.ts';
import { virt } from '../../../emulator/machine/boards/virt.ts';
import { probes, raised, TestClock } from './harness.ts';

const CPUS = 3;
const HCR = 0x18;

/** The same numbers in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}

function machine(gic: 2 | 3) {
  const clock = new TestClock();
  const processors = Array.from({ length: CPUS }, probes);
  const board = new BoardDevices(
    virt,
    { gic, startTime: 0 },
    { clock, processors, console: { write: () => {} }, log: silentLogger },
  );
  return { clock, processors, board };
}

type Machine = ReturnType<typeof machine>;

/** One access, of the kind and with the values that `next` chooses. Returns what it showed. */
function access({ clock, processors, board }: Machine, next: () => number): string {
  const { bus, gicV3 } = board;
  const cpu = next() % CPUS;
  const regions = [...bus.regions()];
  const region = regions[next() % regions.length]!;
  // Half of the accesses go to the first registers, where most of the state is.
  const offset = (next() & 1) !== 0 ? next() % 0x110 : next() % region.size;
  const size = 1 << (next() % 4);
  const value = [0, 0xffff_ffff, 1 << (next() & 31), next()][next() & 3]!;
  const shown: (number | string)[] = [];
  switch (next() % 6) {
    case 0:
    case 1:
      shown.push(bus.write(region.base + offset, size, value, next(), cpu));
      break;
    case 2:
      shown.push(bus.read(region.base + offset, size, cpu), bus.high);
      break;
    case 3:
      gicV3?.distributor.spi(next() % 224).set((next() & 1) !== 0);
      gicV3?.distributor.ppi(cpu, 16 + (next() & 15)).set((next() & 1) !== 0);
      break;
    case 4: {
      const register = gicSystemRegisters[next() % gicSystemRegisters.length]!;
      const el = 1 + (next() & 1);
      const isWrite = (next() & 1) !== 0;
      const target = gicV3?.cpus[cpu];
      if (target === undefined || target.check(register, isWrite, el, HCR) !== 0) break;
      if (isWrite) target.write(register, value, next(), el, HCR);
      else shown.push(target.peek(register, el, HCR), target.read(register, el, HCR));
      break;
    }
    default:
      clock.now += next() % 10_000;
      board.timers[cpu]?.virtual.writeTimerValue(value);
      board.timers[cpu]?.virtual.writeControl(next() & 3);
      board.update();
  }
  for (const number of shown) {
    const valid = number === EXTERNAL_ABORT || (Number(number) >= 0 && Number(number) <= 0xffff_ffff);
    expect(valid, `${region.name}+0x${offset.toString(16)}: ${number}`).toBe(true);
  }
  return [...shown, ...processors.map(raised)].join(' ');
}

test.each([2, 3] as const)('GICv%d: random accesses end as values, and a restored copy agrees', (gic) => {
  const original = machine(gic);
  const next = generator(gic);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 500; i++) access(original, next);
    const copy = machine(gic);
    copy.clock.now = original.clock.now;
    const saved = JSON.parse(JSON.stringify(original.board.save()));
    copy.board.restore(saved);
    expect(copy.board.save()).toEqual(saved);
    expect(copy.processors.map(raised)).toEqual(original.processors.map(raised));

    const seed = next();
    const [here, there] = [generator(seed), generator(seed)];
    for (let i = 0; i < 100; i++) expect(access(copy, there)).toBe(access(original, here));
  }
});

test.each([2, 3] as const)('GICv%d: looking at every register changes nothing', (gic) => {
  const { board } = machine(gic);
  const next = generator(7);
  const target = { ...machine(gic), board };
  for (let i = 0; i < 2000; i++) access(target, next);
  const before = JSON.stringify(board.save());
  for (const { base, size } of board.bus.regions()) {
    for (let offset = 0; offset < size; offset += 4) board.bus.peek(base + offset, 4, 1);
  }
  for (const register of gicSystemRegisters) board.gicV3?.cpus[1]?.peek(register, 1, HCR);
  expect(JSON.stringify(board.save())).toBe(before);
});
