import { expect, test } from 'vitest';
import { GenericTimer } from '../../../emulator/devices/generic-timer.ts';
import { Probe, TestClock } from './harness.ts';

function timer() {
  const clock = new TestClock();
  const lines = { physical: new Probe(), virtual: new Probe(), hypervisor: new Probe() };
  return { clock, lines, cpu: new GenericTimer(clock, lines) };
}

/** Lets time pass to the next deadline, as the run loop does when every CPU waits. */
function sleep({ clock, cpu }: ReturnType<typeof timer>): number {
  clock.now = cpu.nextDeadline();
  cpu.update();
  return clock.now;
}

test('the counter runs at 62.5 MHz', () => {
  const { clock, cpu } = timer();
  clock.now = 1e9;
  expect(cpu.physicalCount()).toBe(62_500_000);
  clock.now = 1e9 + 15;
  expect(cpu.physicalCount()).toBe(62_500_000);
});

test('a timer raises its line when the counter reaches the compare value', () => {
  const machine = timer();
  const { cpu, lines } = machine;
  cpu.virtual.writeTimerValue(1000);
  expect(cpu.nextDeadline()).toBe(Infinity);
  cpu.virtual.writeControl(1);
  expect(cpu.nextDeadline()).toBe(16_000);
  expect(cpu.virtual.readControl()).toBe(1);
  sleep(machine);
  expect(lines.virtual.high).toBe(true);
  expect(lines.physical.high).toBe(false);
  expect(cpu.virtual.readControl()).toBe(5);
  expect(cpu.nextDeadline()).toBe(Infinity);
});

test('a new compare value in the future lowers the line', () => {
  const machine = timer();
  const { cpu, lines } = machine;
  cpu.physical.writeControl(1);
  expect(lines.physical.high).toBe(true);
  cpu.physical.writeTimerValue(10);
  expect(lines.physical.high).toBe(false);
  expect(sleep(machine)).toBe(160);
  expect(lines.physical.high).toBe(true);
});

test('a masked timer shows its status without an interrupt and needs nobody to wake up', () => {
  const { clock, cpu, lines } = timer();
  cpu.hypervisor.writeCompare(5, 0);
  cpu.hypervisor.writeControl(3);
  expect(cpu.nextDeadline()).toBe(Infinity);
  clock.now = 80;
  expect(cpu.hypervisor.readControl()).toBe(7);
  expect(lines.hypervisor.high).toBe(false);
  cpu.hypervisor.writeControl(1);
  expect(lines.hypervisor.high).toBe(true);
});

test('TVAL is signed and counts down', () => {
  const { clock, cpu } = timer();
  clock.now = 1600;
  cpu.virtual.writeTimerValue(-1 >>> 0);
  expect(cpu.virtual.compareLow).toBe(99);
  expect(cpu.virtual.compareHigh).toBe(0);
  clock.now = 16 * 103;
  expect(cpu.virtual.readTimerValue()).toBe(-4 >>> 0);
});

test('the virtual counter is behind the physical one by CNTVOFF_EL2, over 64 bits', () => {
  const machine = timer();
  const { clock, cpu } = machine;
  clock.now = 16 * 0x1_0000_0005;
  cpu.setVirtualOffset(0xffff_fff0, 0);
  expect(cpu.virtualCountHigh()).toBe(0);
  expect(cpu.virtualCountLow()).toBe(0x15);
  cpu.setVirtualOffset(6, 1);
  expect(cpu.virtualCountHigh()).toBe(0xffff_ffff);
  expect(cpu.virtualCountLow()).toBe(0xffff_ffff);
  cpu.setVirtualOffset(0, 1);
  cpu.virtual.writeCompare(7, 0);
  cpu.virtual.writeControl(1);
  expect(sleep(machine)).toBe(16 * 0x1_0000_0007);
});

test('the comparison is unsigned: a compare value of all ones never comes', () => {
  const { cpu, lines } = timer();
  cpu.virtual.writeCompare(0xffff_ffff, 0xffff_ffff);
  cpu.virtual.writeControl(1);
  expect(lines.virtual.high).toBe(false);
  expect(cpu.nextDeadline()).toBe(Infinity);
});

test('a restored timer goes on where the saved one was', () => {
  const machine = timer();
  machine.cpu.setVirtualOffset(3, 0);
  machine.cpu.virtual.writeTimerValue(50);
  machine.cpu.virtual.writeControl(1);
  machine.clock.now = 320;
  const saved = JSON.parse(JSON.stringify(machine.cpu.save()));

  const other = timer();
  other.clock.now = 320;
  other.cpu.restore(saved);
  expect(other.cpu.nextDeadline()).toBe(800);
  expect(other.cpu.save()).toEqual(saved);
  sleep(other);
  expect(other.lines.virtual.high).toBe(true);
});
