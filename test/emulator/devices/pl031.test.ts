import { expect, test } from 'vitest';
import { Pl031 } from '../../../emulator/devices/pl031.ts';
import { mmioDevice } from '../../../emulator/devices/register-block.ts';
import { frame, Probe, TestClock } from './harness.ts';

const [DR, MR, LR, IMSC, RIS, ICR] = [0, 4, 8, 0x10, 0x14, 0x1c];

function rtc(startTime = 1_800_000_000) {
  const clock = new TestClock();
  const irq = new Probe();
  const device = new Pl031(clock, irq, startTime);
  return { clock, irq, device, registers: frame(mmioDevice(Pl031.registers, device)) };
}

test('the clock starts at the configured time and follows virtual time', () => {
  const { clock, registers } = rtc();
  expect(registers.read(DR)).toBe(1_800_000_000);
  clock.now = 2.5e9;
  expect(registers.read(DR)).toBe(1_800_000_002);
});

test('a guest can set the clock', () => {
  const { clock, registers } = rtc();
  clock.now = 10e9;
  registers.write(LR, 5);
  clock.now = 12e9;
  expect(registers.read(DR)).toBe(7);
});

test('the alarm interrupts when its second comes', () => {
  const { clock, device, irq, registers } = rtc(100);
  registers.write(IMSC, 1);
  registers.write(MR, 103);
  expect(device.nextDeadline()).toBe(3e9);
  clock.now = 3e9;
  device.update();
  expect(irq.high).toBe(true);
  registers.write(ICR, 1);
  expect(irq.high).toBe(false);
});

test('a masked alarm wakes nobody but is seen afterwards', () => {
  const { clock, device, irq, registers } = rtc(100);
  registers.write(MR, 103);
  expect(device.nextDeadline()).toBe(Infinity);
  clock.now = 4e9;
  expect(registers.read(RIS)).toBe(1);
  registers.write(IMSC, 1);
  expect(irq.high).toBe(true);
});

test('a restored clock shows the same time and alarm', () => {
  const { clock, device, registers } = rtc(100);
  registers.write(IMSC, 1);
  registers.write(MR, 150);
  clock.now = 7e9;
  const other = rtc(0);
  other.clock.now = 7e9;
  other.device.restore(JSON.parse(JSON.stringify(device.save())));
  expect(other.registers.read(DR)).toBe(107);
  expect(other.device.nextDeadline()).toBe(50e9);
});
