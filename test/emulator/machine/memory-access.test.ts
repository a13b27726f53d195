import { expect, test } from 'vitest';
import { Bus } from '../../../emulator/devices/bus.ts';
import { mmioDevice, registerBlock } from '../../../emulator/devices/register-block.ts';
import type { LoadedMachine } from '../../../emulator/machine/guest.ts';
import { MemoryAccess } from '../../../emulator/machine/memory-access.ts';

const BASE = 0x0900_0000;

/** A device whose first register counts how often it was read, in a machine without RAM. */
function machine(): { access: MemoryAccess; reads: () => number } {
  const state = { reads: 0 };
  const rows = registerBlock<typeof state>('counter', 0x1000, {
    COUNT: {
      offset: 0,
      width: 4,
      doc: 'Reads so far',
      read: (device) => ++device.reads,
      peek: ({ reads }) => 0x1122_3300 + reads,
    },
    ID: { offset: 4, width: 4, doc: 'Always the same', read: () => 0x5566_7788 },
    GONE: { offset: 0xffc, width: 4, doc: 'Refuses', status: 'abort' },
  });
  const bus = new Bus();
  bus.map(BASE, 0x1000, mmioDevice(rows, state));
  const loaded = { machine: { memory: { contains: () => false }, devices: { bus } } };
  return { access: new MemoryAccess(loaded as unknown as LoadedMachine), reads: () => state.reads };
}

const read = (access: MemoryAccess, at: number, count: number): number[] => [
  ...access.read({ kind: 'pa' }, BigInt(at), count),
];

test('registers of a device are looked at, byte by byte, and nothing of it changes', () => {
  const { access, reads } = machine();
  expect(read(access, BASE, 8)).toEqual([0x00, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55]);
  expect(read(access, BASE + 3, 3)).toEqual([0x11, 0x88, 0x77]);
  expect(reads()).toBe(0);
});

test('what a register refuses, and what is no device, is not there', () => {
  const { access } = machine();
  expect(read(access, BASE + 0xff8, 16)).toEqual([0, 0, 0, 0]);
  expect(read(access, BASE + 0x1000, 4)).toEqual([]);
});

test('devices are not written', () => {
  expect(machine().access.write({ kind: 'pa' }, BigInt(BASE), Uint8Array.of(1))).toBe(0);
});
