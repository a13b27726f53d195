import { expect, test } from 'vitest';
import { type LogLevel, OnceLogger } from '../../../emulator/base/log.ts';
import { EXTERNAL_ABORT, mmioDevice, registerBlock } from '../../../emulator/devices/register-block.ts';

interface Lamp {
  level: number;
  taken: number;
  bytes: number[];
  halves: number[];
}

const rows = {
  LEVEL: {
    offset: 0x00,
    width: 4 as const,
    doc: 'Brightness',
    read: (lamp: Lamp) => lamp.level,
    write: (lamp: Lamp, value: number) => {
      lamp.level = value;
    },
  },
  QUEUE: {
    offset: 0x04,
    width: 4 as const,
    doc: 'Each read takes one',
    read: (lamp: Lamp) => ++lamp.taken,
    peek: (lamp: Lamp) => lamp.taken + 1,
  },
  PRIORITY: {
    offset: 0x10,
    width: 4 as const,
    accessWidths: [1, 4],
    count: 6,
    bitsPerElement: 8,
    doc: 'One byte for each of six',
    read: (lamp: Lamp, index: number) => lamp.bytes[index] ?? 0,
    write: (lamp: Lamp, value: number, index: number) => {
      lamp.bytes[index] = value;
    },
  },
  ROUTE: {
    offset: 0x20,
    width: 8 as const,
    count: 2,
    doc: '64 bits each',
    read: (lamp: Lamp, index: number, half: number) => lamp.halves[index * 2 + half] ?? 0,
    write: (lamp: Lamp, value: number, index: number, half: number) => {
      lamp.halves[index * 2 + half] = value;
    },
  },
  DIMMER: { offset: 0x30, width: 4 as const, doc: 'Not modelled', status: 'ignored' as const },
  FUSE: { offset: 0x34, width: 4 as const, doc: 'Refuses', status: 'abort' as const },
};

function lampOnABus(options = {}) {
  const lamp: Lamp = { level: 0, taken: 0, bytes: [1, 2, 3, 4, 5, 6], halves: [10, 11, 20, 21] };
  const messages: string[] = [];
  const log = new OnceLogger({
    log: (_level: LogLevel, source, message) => messages.push(`${source}: ${message}`),
  });
  const device = mmioDevice(registerBlock<Lamp>('lamp', 0x100, rows, options), lamp, log);
  return { lamp, messages, device };
}

test('a register is read and written at its offset', () => {
  const { lamp, device } = lampOnABus();
  expect(device.write(0, 4, 0xffff_ffff, 0)).toBe(0);
  expect(lamp.level).toBe(0xffff_ffff);
  expect(device.read(0, 4, 0)).toBe(0xffff_ffff);
});

test('looking at a register that changes when it is read does not change it', () => {
  const { lamp, device } = lampOnABus();
  expect(device.peek(4, 4, 0)).toBe(1);
  expect(device.peek(4, 4, 0)).toBe(1);
  expect(device.read(4, 4, 0)).toBe(1);
  expect(lamp.taken).toBe(1);
});

test('elements are packed from the lowest bits upwards, and bytes can be reached alone', () => {
  const { lamp, device } = lampOnABus();
  expect(device.read(0x10, 4, 0)).toBe(0x0403_0201);
  expect(device.read(0x14, 4, 0)).toBe(0x0605);
  expect(device.read(0x12, 1, 0)).toBe(3);
  device.write(0x13, 1, 0x99, 0);
  expect(lamp.bytes).toEqual([1, 2, 3, 0x99, 5, 6]);
});

test('a register of 64 bits is reached by halves', () => {
  const { lamp, device } = lampOnABus();
  expect(device.read(0x2c, 4, 0)).toBe(21);
  device.write(0x28, 4, 7, 0);
  expect(lamp.halves).toEqual([10, 11, 7, 21]);
});

test('an offset that no row claims reads as zero, ignores writes, and is reported once', () => {
  const { device, messages } = lampOnABus();
  expect(device.read(0x40, 4, 0)).toBe(0);
  expect(device.read(0x40, 4, 0)).toBe(0);
  expect(device.write(0x44, 2, 1, 0)).toBe(0);
  expect(messages).toEqual([
    'lamp: read of offset 0x40, 4 bytes wide: no such register; read as zero',
    'lamp: write to offset 0x44, 2 bytes wide: no such register; ignored',
  ]);
});

test('a register that is declared but not modelled is silent', () => {
  const { device, messages } = lampOnABus();
  expect(device.read(0x30, 4, 0)).toBe(0);
  expect(device.write(0x30, 4, 1, 0)).toBe(0);
  expect(messages).toEqual([]);
});

test('an access of a width the register does not have is not carried out', () => {
  const { lamp, device, messages } = lampOnABus();
  expect(device.write(0, 1, 5, 0)).toBe(0);
  expect(lamp.level).toBe(0);
  expect(device.read(0x11, 2, 0)).toBe(0);
  expect(messages[0]).toBe(
    'lamp: write to LEVEL at offset 0x0: 1 bytes is not a width it can be accessed with; ignored',
  );
});

test('where a device allows it, a narrow access sees the low part of a register', () => {
  const { lamp, device } = lampOnABus({ narrowAccess: true });
  lamp.level = 0x1234_5678;
  expect(device.read(0, 1, 0)).toBe(0x78);
  expect(device.read(0, 2, 0)).toBe(0x5678);
  expect(device.read(2, 2, 0)).toBe(0);
  device.write(0, 1, 0x41, 0);
  expect(lamp.level).toBe(0x41);
});

test('a device may refuse what it does not know', () => {
  const { device } = lampOnABus({ unknown: 'abort' });
  expect(device.read(0x34, 4, 0)).toBe(EXTERNAL_ABORT);
  expect(device.write(0x40, 4, 0, 0)).toBe(EXTERNAL_ABORT);
  expect(device.read(0, 1, 0)).toBe(EXTERNAL_ABORT);
});
