// Everything that tables map, against the walk of single addresses; and tables that a guest made to hurt.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  stage1Geometry,
  stage1Off,
  stage2Geometry,
  stage2Inconsistent,
  translationRegistersOf,
  walksDisabled,
} from '../../../../../emulator/debug/inspect/memory/regime.ts';
import {
  joinedLoosely,
  rangeAt,
  type ScanOptions,
  scanTables,
  WORK_MAX,
  type TableMemory,
} from '../../../../../emulator/debug/inspect/memory/scan.ts';
import {
  addressOfInput,
  type DescriptorMemory,
  translate,
  walkStage2,
} from '../../../../../emulator/debug/inspect/memory/translate.ts';
import { Processor, RAM } from '../../../cpu/processor.ts';
import { AF, Stage1, Stage2, TABLE } from '../../../mmu/tables.ts';
import { Chance, fill, setRegisters } from './random-tables.ts';

const ALL_HIGH = 0xffff;

const memoryOf = ({ memory }: Processor): DescriptorMemory & TableMemory => ({
  read64: (pa) => (memory.contains(Number(pa), 8) ? memory.read64(Number(pa)) : undefined),
  words(pa, count) {
    if (!memory.contains(pa, 4 * count)) return undefined;
    const bytes = memory.bytes(pa, 4 * count);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  },
});

test('a scan finds what the walk of an address finds, for any tables of either stage', async () => {
  const processor = await Processor.create('max');
  let mapped = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const chance = new Chance(seed);
      fill(processor, chance);
      setRegisters(processor, chance, false);
      const registers = translationRegistersOf(processor.cpu, processor.features.paBits);
      const memory = memoryOf(processor);
      const upper = chance.once(2);
      const isStage2 = chance.once(2);
      if (
        isStage2
          ? stage2Inconsistent(registers)
          : (stage1Off(registers, 1) ?? walksDisabled(registers, upper))
      )
        return;
      const geometry = isStage2 ? stage2Geometry(registers) : stage1Geometry(registers, upper);
      const bits = BigInt(geometry.inputBits);
      for (let round = 0; round < 8; round++) {
        const input = chance.bits(48) & ((1n << bits) - 1n);
        const window: ScanOptions = {
          from: Number(input) - 0x10_0000,
          to: Number(input) + 0x10_0000,
          highMask: ALL_HIGH,
        };
        const scan = scanTables(geometry, memory, window);
        const range = rangeAt(scan.ranges, Number(input));
        const walk = isStage2
          ? walkStage2(registers, memory, input, 'read', false)
          : translate(registers, memory, {
              va: addressOfInput(input, geometry),
              el: 1,
              access: 'read',
            }).stage1;
        const leaf = walk?.leaf;
        if (scan.stoppedAt !== undefined && Number(input) >= scan.stoppedAt) continue;
        expect(range && range.output + (Number(input) - range.from)).toBe(leaf && Number(leaf.output));
        expect(range?.level).toBe(leaf?.level);
        if (leaf) mapped++;
      }
    }),
    { numRuns: 250 },
  );
  expect(mapped).toBeGreaterThan(50);
});

test('tables that lead back to themselves end the scan, and it says where', async () => {
  const processor = await Processor.create();
  const { root } = new Stage1(processor);
  const own = new BigUint64Array(512).fill(BigInt(root) | TABLE);
  processor.memory.write(root, new Uint8Array(own.buffer));
  const registers = translationRegistersOf(processor.cpu, processor.features.paBits);
  const scan = scanTables(stage1Geometry(registers, false), memoryOf(processor), { highMask: ALL_HIGH });
  expect(scan.stoppedAt).toBeGreaterThan(0);
  expect(scan.entries).toBeLessThanOrEqual(WORK_MAX);
});

test('tables outside of RAM, reserved entries and overlong addresses are counted and lead nowhere', async () => {
  const processor = await Processor.create();
  const { root } = new Stage1(processor);
  processor.memory.write64(root, 0x900_0000n | TABLE);
  const geometry = stage1Geometry(translationRegistersOf(processor.cpu, processor.features.paBits), false);
  expect(scanTables(geometry, memoryOf(processor), { highMask: 0 })).toMatchObject({
    ranges: [],
    unreadable: 1,
  });

  const table = processor.table();
  processor.memory.write64(root, BigInt(table) | TABLE);
  processor.memory.write64(table, 0xffff_ffff_f000n | 3n);
  expect(scanTables(geometry, memoryOf(processor), { highMask: 0 })).toMatchObject({
    ranges: [],
    outside: 1,
  });

  const pages = processor.table();
  processor.memory.write64(table, BigInt(pages) | TABLE);
  processor.memory.write64(pages + 8, BigInt(RAM) | AF | 1n);
  expect(scanTables(geometry, memoryOf(processor), { highMask: 0 })).toMatchObject({
    ranges: [],
    reserved: 1,
  });
});

test('invalid entries of stage 2 in which a Xen keeps a mapping count when they are asked for', async () => {
  const processor = await Processor.create();
  const stage2 = new Stage2(processor);
  const RAM_RW = 1n << 55n;
  const first = stage2.page(0x4000_0000, RAM);
  stage2.page(0x4000_1000, RAM + 0x1000);
  const kept = processor.memory.read64(first) | RAM_RW;
  processor.memory.write64(first, kept & ~1n);
  processor.memory.write64(first + 16, 0xabcd_e000n);
  const geometry = stage2Geometry(translationRegistersOf(processor.cpu, processor.features.paBits));
  const found = (keptByXen: boolean): [number, number][] =>
    scanTables(geometry, memoryOf(processor), { highMask: 0, keptByXen }).ranges.map(({ from, low }) => [
      from,
      low & 1,
    ]);
  expect(found(false)).toEqual([[0x4000_1000, 1]]);
  expect(found(true)).toEqual([
    [0x4000_0000, 0],
    [0x4000_1000, 1],
  ]);
  // What stands below an entry that is not valid is not reached either.
  const table = stage2.entry(0x4000_0000, 2);
  processor.memory.write64(table, (processor.memory.read64(table) | RAM_RW) & ~1n);
  processor.memory.write64(first + 8, processor.memory.read64(first + 8) | RAM_RW);
  expect(found(false)).toEqual([]);
  expect(found(true)).toEqual([[0x4000_0000, 0]]);
});

test('long runs of pages and of blocks are one range each, whatever stands between them', async () => {
  const processor = await Processor.create();
  const stage1 = new Stage1(processor);
  for (let page = 0; page < 1024; page++) {
    if (page !== 700) stage1.page(BigInt(page) << 12n, RAM + (page << 12));
  }
  for (let block = 2; block < 6; block++) stage1.block(BigInt(block) << 21n, RAM + (block << 21), 2);
  // Two tables whose descriptors are a block apart, the first one full: no run.
  const tables = [RAM + 0x20_0000, RAM + 0x40_0000];
  tables.forEach((table, n) => {
    processor.memory.write64(stage1.entry(BigInt(6 + n) << 21n, 2), BigInt(table) | TABLE);
    processor.memory.write64(table + 8 * 511, BigInt(RAM) | AF | 3n);
  });
  const geometry = stage1Geometry(translationRegistersOf(processor.cpu, processor.features.paBits), false);
  const { ranges, entries } = scanTables(geometry, memoryOf(processor), { highMask: ALL_HIGH });
  expect(ranges.map(({ from, size, level, entries: joined }) => [from, size, level, joined])).toEqual([
    [0, 700 << 12, 3, 700],
    [701 << 12, 323 << 12, 3, 323],
    [4 << 20, 8 << 20, 2, 4],
    [(14 << 20) - 4096, 4096, 3, 1],
    [(16 << 20) - 4096, 4096, 3, 1],
  ]);
  expect(entries).toBe(512 * 6);
});

test('neighbours that say the same are one range; scattered ones can be joined', async () => {
  const processor = await Processor.create();
  const stage1 = new Stage1(processor);
  stage1.page(0x1000n, RAM + 0x1000);
  stage1.page(0x2000n, RAM + 0x2000);
  stage1.page(0x3000n, RAM + 0x7000);
  stage1.page(0x5000n, RAM + 0x8000);
  const geometry = stage1Geometry(translationRegistersOf(processor.cpu, processor.features.paBits), false);
  const { ranges } = scanTables(geometry, memoryOf(processor), { highMask: ALL_HIGH });
  expect(ranges.map(({ from, size, output }) => [from, size, output])).toEqual([
    [0x1000, 0x2000, RAM + 0x1000],
    [0x3000, 0x1000, RAM + 0x7000],
    [0x5000, 0x1000, RAM + 0x8000],
  ]);
  expect(joinedLoosely(ranges).map(({ from, size, linear }) => [from, size, linear])).toEqual([
    [0x1000, 0x3000, false],
    [0x5000, 0x1000, true],
  ]);
});
