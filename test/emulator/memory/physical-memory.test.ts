import { expect, test } from 'vitest';
import { memorySource, StoredBytes } from '../../../emulator/formats/byte-source.ts';
import { PAGE_MAP, RAM_HOST } from '../../../emulator/memory/layout.ts';
import { PhysicalMemory } from '../../../emulator/memory/physical-memory.ts';

const BASE = 0x4000_0000;
const SIZE = 0x1_0000;

function ram() {
  const memory = new WebAssembly.Memory({ initial: (RAM_HOST + SIZE) / 65536 });
  const invalidated: [bigint, number][] = [];
  const physical = new PhysicalMemory(memory, BASE, SIZE, (pa, length) => invalidated.push([pa, length]));
  const markCode = (page: number) => new DataView(memory.buffer).setInt32(PAGE_MAP + 4 * page, 1, true);
  return { physical, invalidated, markCode };
}

test('what was written is read, little-endian, at every width', () => {
  const { physical } = ram();
  physical.write64(BASE, 0x1122_3344_5566_7788n);
  expect(physical.read8(BASE)).toBe(0x88);
  expect(physical.read16(BASE + 2)).toBe(0x5566);
  expect(physical.read32(BASE + 4)).toBe(0x1122_3344);
  physical.write32(BASE, 0xffff_ffff);
  expect(physical.read32(BASE)).toBe(0xffff_ffff);
  expect(physical.read64(BASE)).toBe(0x1122_3344_ffff_ffffn);
});

test('a part of a file is read into RAM, and nothing beside it', () => {
  const { physical, invalidated, markCode } = ram();
  markCode(0);
  const file = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const readInto = (offset: number, target: Uint8Array): number => {
    target.set(file.subarray(offset, offset + target.length));
    return target.length;
  };
  const content = new StoredBytes({ ...memorySource(file), readInto }, 0, 8);
  physical.write(BASE + 8, content.subarray(2, 6));
  expect([...physical.bytes(BASE + 6, 8)]).toEqual([0, 0, 3, 4, 5, 6, 0, 0]);
  expect(invalidated).toEqual([[BigInt(BASE + 8), 4]]);
});

test('only the range of RAM is RAM', () => {
  const { physical } = ram();
  expect(physical.contains(BASE)).toBe(true);
  expect(physical.contains(BASE + SIZE - 8, 8)).toBe(true);
  expect(physical.contains(BASE + SIZE - 8, 9)).toBe(false);
  expect(physical.contains(BASE - 1)).toBe(false);
  expect(() => physical.read32(BASE + SIZE)).toThrow('inside RAM');
});

test('writing to predecoded code tells so, writing elsewhere does not', () => {
  const { physical, invalidated, markCode } = ram();
  physical.write32(BASE + 0x1000, 1);
  expect(invalidated).toEqual([]);
  markCode(1);
  physical.write32(BASE + 0x1000, 1);
  physical.write(BASE + 0xffc, new Uint8Array(8));
  physical.fill(BASE + 0x2000, 16, 0);
  expect(invalidated).toEqual([
    [BigInt(BASE + 0x1000), 4],
    [BigInt(BASE + 0xffc), 8],
  ]);
});
