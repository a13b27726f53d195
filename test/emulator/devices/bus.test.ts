import { expect, test } from 'vitest';
import { OnceLogger } from '../../../emulator/base/log.ts';
import { Bus } from '../../../emulator/devices/bus.ts';
import { EXTERNAL_ABORT, type MmioDevice } from '../../../emulator/devices/register-block.ts';

/** Answers with its number, and remembers what it was asked. */
function recorder(name: string, answer: number) {
  const asked: string[] = [];
  const device: MmioDevice = {
    name,
    read: (offset, size, cpu) => {
      asked.push(`read ${offset} ${size} cpu${cpu}`);
      return answer + offset;
    },
    write: (offset, size, value) => {
      asked.push(`write ${offset} ${size} ${value}`);
      return 0;
    },
    peek: (offset) => answer + offset,
  };
  return { device, asked };
}

function busWithTwo() {
  const messages: string[] = [];
  const bus = new Bus(
    new OnceLogger({ log: (_level, source, message) => messages.push(`${source}: ${message}`) }),
  );
  const low = recorder('low', 100);
  const high = recorder('high', 200);
  bus.map(0x900_1000, 0x1000, high.device);
  bus.map(0x900_0000, 0x1000, low.device);
  return { bus, low, high, messages };
}

test('an access goes to the device whose window covers it', () => {
  const { bus, low, high } = busWithTwo();
  expect(bus.read(0x900_0004, 4, 0)).toBe(104);
  expect(bus.read(0x900_1004, 4, 3)).toBe(204);
  expect(bus.read(0x900_0008, 1, 0)).toBe(108);
  expect(low.asked).toEqual(['read 4 4 cpu0', 'read 8 1 cpu0']);
  expect(high.asked).toEqual(['read 4 4 cpu3']);
});

test('eight bytes become two accesses of four, low half first', () => {
  const { bus, low } = busWithTwo();
  expect(bus.read(0x900_0010, 8, 0)).toBe(116);
  expect(bus.high).toBe(120);
  bus.write(0x900_0010, 8, -1, 2, 0);
  expect(low.asked.slice(2)).toEqual(['write 16 4 4294967295', 'write 20 4 2']);
});

test('an address that no device claims is an external abort, and reported', () => {
  const { bus, messages } = busWithTwo();
  expect(bus.read(0x900_2000, 4, 0)).toBe(EXTERNAL_ABORT);
  expect(bus.write(0x8ff_fffc, 4, 0, 0, 0)).toBe(EXTERNAL_ABORT);
  expect(bus.read(0x900_1ffc, 8, 0)).toBe(EXTERNAL_ABORT);
  expect(messages[0]).toBe('bus: read from 0x9002000, 4 bytes wide: no device there; external abort');
});

test('looking does not touch the device', () => {
  const { bus, low } = busWithTwo();
  expect(bus.peek(0x900_0020, 4, 0)).toBe(132);
  expect(bus.peek(0x1000, 4, 0)).toBe(EXTERNAL_ABORT);
  expect(low.asked).toEqual([]);
});

test('windows cannot overlap', () => {
  const { bus } = busWithTwo();
  expect(() => bus.map(0x900_0800, 0x10, recorder('other', 0).device)).toThrow(/does not overlap low/);
});
