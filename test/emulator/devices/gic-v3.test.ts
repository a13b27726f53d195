// Stories of a GICv3 as a kernel without hypervisor sees it. Expected values: Arm IHI 0069.

import { expect, test } from 'vitest';
import { gicV3, gicV3InUse, raised } from './harness.ts';

const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ICPENDR = 0x280;
const ISACTIVER = 0x300;
const ICACTIVER = 0x380;
const IPRIORITYR = 0x400;
const ICFGR = 0xc00;
const IROUTER = 0x6000;
const SGI_FRAME = 0x1_0000;

/** UART interrupt of the board: SPI 1. */
const UART = 33;
const UART_BIT = 1 << 1;
const VIRTUAL_TIMER = 27;

function withUartEnabled(cpus = 1) {
  const machine = gicV3InUse(cpus);
  machine.gicd.write(IPRIORITYR + UART, 0xa0, 1);
  machine.gicd.write(ISENABLER + 4, UART_BIT);
  return { ...machine, uart: machine.gic.spi(1) };
}

test('Linux recognises the distributor and finds 224 SPIs, and the last redistributor', () => {
  const { gicd, gicr } = gicV3(2);
  expect((gicd.read(0xffe8) >> 4) & 0xf).toBe(3);
  expect(gicd.read(0x008)).toBe(0x43b);
  expect(((gicd.read(0x004) & 0x1f) + 1) * 32 - 32).toBe(224);
  expect(gicd.read(0x000)).toBe(0x50);
  expect(gicr(0).read(0x8)).toBe(0);
  expect(gicr(1).read(0x8)).toBe((1 << 8) | (1 << 4));
  expect(gicr(1).read(0xc)).toBe(1);
  expect((gicr(0).read(0xffe8) >> 4) & 0xf).toBe(3);
});

test('a redistributor wakes up as soon as it is told to', () => {
  const { gicr } = gicV3();
  expect(gicr(0).read(0x14)).toBe(6);
  gicr(0).write(0x14, 0);
  expect(gicr(0).read(0x14)).toBe(0);
});

test('the CPU interface is used by system registers only, with five priority bits', () => {
  const { el1, el2 } = gicV3();
  expect(el1().mrs('ICC_SRE_EL1')).toBe(7);
  expect(el2().mrs('ICC_SRE_EL2')).toBe(0xf);
  expect(((el1().mrs('ICC_CTLR_EL1') >> 8) & 7) + 1).toBe(5);
  el1().msr('ICC_PMR_EL1', 0xff);
  expect(el1().mrs('ICC_PMR_EL1')).toBe(0xf8);
  el1().msr('ICC_BPR1_EL1', 0);
  expect(el1().mrs('ICC_BPR1_EL1')).toBe(3);
});

test('a level-sensitive SPI goes from the line to the handler and back', () => {
  const { lines, uart, el1 } = withUartEnabled();
  uart.set(true);
  expect(raised(lines[0]!)).toBe('irq');
  expect(el1().mrs('ICC_HPPIR1_EL1')).toBe(UART);
  expect(el1().peek('ICC_IAR1_EL1')).toBe(UART);
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(UART);
  expect(raised(lines[0]!)).toBe('');
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0xa0);
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(1023);
  uart.set(false);
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0xff);
  expect(raised(lines[0]!)).toBe('');
});

test('a line that stays high interrupts again after the end of interrupt', () => {
  const { lines, uart, el1 } = withUartEnabled();
  uart.set(true);
  el1().mrs('ICC_IAR1_EL1');
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(raised(lines[0]!)).toBe('irq');
});

test('an edge is remembered, and only one of several', () => {
  const { gicd, lines, uart, el1 } = withUartEnabled();
  gicd.write(ICFGR + 8, 2 << 2);
  for (const level of [true, false, true, false]) uart.set(level);
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(UART);
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(raised(lines[0]!)).toBe('');
  uart.set(true);
  expect(raised(lines[0]!)).toBe('irq');
});

test('with EOI split, the priority drops at EOIR and the interrupt ends at DIR', () => {
  const { gicd, lines, uart, el1 } = withUartEnabled();
  el1().msr('ICC_CTLR_EL1', 2);
  uart.set(true);
  el1().mrs('ICC_IAR1_EL1');
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0xff);
  expect(gicd.read(ISACTIVER + 4)).toBe(UART_BIT);
  expect(raised(lines[0]!)).toBe('');
  el1().msr('ICC_DIR_EL1', UART);
  expect(gicd.read(ISACTIVER + 4)).toBe(0);
  expect(raised(lines[0]!)).toBe('irq');
});

test('a disabled interrupt is pending but not signalled', () => {
  const { gicd, lines, uart } = withUartEnabled();
  gicd.write(ICENABLER + 4, UART_BIT);
  uart.set(true);
  expect(gicd.read(ISPENDR + 4)).toBe(UART_BIT);
  expect(raised(lines[0]!)).toBe('');
  gicd.write(ISENABLER + 4, UART_BIT);
  expect(raised(lines[0]!)).toBe('irq');
});

test('clearing the pending state of a level-sensitive interrupt does not help while its line is high', () => {
  const { gicd, uart } = withUartEnabled();
  uart.set(true);
  gicd.write(ICPENDR + 4, UART_BIT);
  expect(gicd.read(ISPENDR + 4)).toBe(UART_BIT);
  uart.set(false);
  gicd.write(ISPENDR + 4, UART_BIT);
  expect(gicd.read(ICPENDR + 4)).toBe(UART_BIT);
  gicd.write(ICPENDR + 4, UART_BIT);
  expect(gicd.read(ISPENDR + 4)).toBe(0);
});

test('software can make an interrupt active, which keeps it from being signalled', () => {
  const { gicd, lines, uart } = withUartEnabled();
  gicd.write(ISACTIVER + 4, UART_BIT);
  uart.set(true);
  expect(raised(lines[0]!)).toBe('');
  gicd.write(ICACTIVER + 4, UART_BIT);
  expect(raised(lines[0]!)).toBe('irq');
});

test('the priority mask lets only more urgent interrupts through', () => {
  const { lines, uart, el1 } = withUartEnabled();
  uart.set(true);
  el1().msr('ICC_PMR_EL1', 0xa0);
  expect(raised(lines[0]!)).toBe('');
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(1023);
  expect(el1().mrs('ICC_HPPIR1_EL1')).toBe(UART);
  el1().msr('ICC_PMR_EL1', 0xa8);
  expect(raised(lines[0]!)).toBe('irq');
});

test('a more urgent interrupt preempts, a less urgent one waits, ends nest', () => {
  const { gic, gicr, lines, uart, el1 } = withUartEnabled();
  const timer = gic.ppi(0, VIRTUAL_TIMER);
  gicr(0).write(SGI_FRAME + ISENABLER, 1 << VIRTUAL_TIMER);
  gicr(0).write(SGI_FRAME + IPRIORITYR + VIRTUAL_TIMER, 0x40, 1);
  uart.set(true);
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(UART);
  timer.set(true);
  expect(raised(lines[0]!)).toBe('irq');
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(VIRTUAL_TIMER);
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0x40);
  timer.set(false);
  el1().msr('ICC_EOIR1_EL1', VIRTUAL_TIMER);
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0xa0);
  uart.set(false);
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(el1().mrs('ICC_AP1R0_EL1')).toBe(0);
});

test('the binary point decides which bits of a priority can preempt', () => {
  const { gic, gicr, lines, uart, el1 } = withUartEnabled();
  const timer = gic.ppi(0, VIRTUAL_TIMER);
  gicr(0).write(SGI_FRAME + ISENABLER, 1 << VIRTUAL_TIMER);
  gicr(0).write(SGI_FRAME + IPRIORITYR + VIRTUAL_TIMER, 0x90, 1);
  // BPR1 = 6: group priority is bits 7 and 6, the same for 0xa0 and 0x90.
  el1().msr('ICC_BPR1_EL1', 6);
  uart.set(true);
  el1().mrs('ICC_IAR1_EL1');
  timer.set(true);
  expect(raised(lines[0]!)).toBe('');
  // The active priority is the group priority at the time of the acknowledge.
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0x80);
  el1().msr('ICC_EOIR1_EL1', UART);
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(VIRTUAL_TIMER);
});

test('of equal priorities the lowest INTID comes first, of different ones the lowest value', () => {
  const { gic, gicd, el1 } = withUartEnabled();
  for (const spi of [4, 1, 2]) {
    gicd.write(ISENABLER + 4, 1 << spi);
    gicd.write(IPRIORITYR + 32 + spi, 0xa0, 1);
    gic.spi(spi).set(true);
  }
  expect(el1().peek('ICC_IAR1_EL1')).toBe(33);
  gicd.write(IPRIORITYR + 36, 0x80, 1);
  expect(el1().peek('ICC_IAR1_EL1')).toBe(36);
});

test('priorities can be written four at a time, and keep five bits', () => {
  const { gicd } = gicV3();
  gicd.write(IPRIORITYR + 32, 0xff80_a7a0);
  expect(gicd.read(IPRIORITYR + 32)).toBe(0xf880_a0a0);
  expect(gicd.read(IPRIORITYR + 34, 1)).toBe(0x80);
});

test('an SPI is routed by affinity', () => {
  const { gicd, lines, uart, el1 } = withUartEnabled(2);
  gicd.write(IROUTER + 8 * UART, 1);
  uart.set(true);
  expect(lines.map(raised)).toEqual(['', 'irq']);
  expect(el1(0).mrs('ICC_IAR1_EL1')).toBe(1023);
  gicd.write(IROUTER + 8 * UART, 0);
  expect(lines.map(raised)).toEqual(['irq', '']);
  gicd.write(IROUTER + 8 * UART + 4, 0x12);
  expect(gicd.read(IROUTER + 8 * UART + 4)).toBe(0x12);
  expect(lines.map(raised)).toEqual(['', '']);
});

test('an SGI reaches the CPUs of the target list', () => {
  const { gicr, lines, el1 } = gicV3InUse(4);
  for (let cpu = 0; cpu < 4; cpu++) gicr(cpu).write(SGI_FRAME + ISENABLER, 0xffff);
  el1(0).msr('ICC_SGI1R_EL1', (5 << 24) | 0b1010);
  expect(lines.map(raised)).toEqual(['', 'irq', '', 'irq']);
  expect(el1(1).mrs('ICC_IAR1_EL1')).toBe(5);
  el1(1).msr('ICC_EOIR1_EL1', 5);
  expect(lines.map(raised)).toEqual(['', '', '', 'irq']);
});

test('an SGI to all others spares the sender, and one to another cluster reaches nobody', () => {
  const { gicr, lines, el1 } = gicV3InUse(3);
  for (let cpu = 0; cpu < 3; cpu++) gicr(cpu).write(SGI_FRAME + ISENABLER, 0xffff);
  el1(2).msr('ICC_SGI1R_EL1', (1 << 24) | (1 << 16) | 0b111);
  expect(lines.map(raised)).toEqual(['', '', '']);
  el1(2).msr('ICC_SGI1R_EL1', 1 << 24, 1 << 8);
  expect(lines.map(raised)).toEqual(['irq', 'irq', '']);
});

test('an SGI is delivered only in the group it is configured for', () => {
  const { gicr, lines, el1 } = gicV3InUse(1);
  gicr(0).write(SGI_FRAME + ISENABLER, 0xffff);
  el1().msr('ICC_SGI0R_EL1', 1);
  expect(raised(lines[0]!)).toBe('');
  el1().msr('ICC_SGI1R_EL1', 1);
  expect(raised(lines[0]!)).toBe('irq');
});

test('group 0 is signalled as FIQ, and does not hide group 1', () => {
  const { gicd, gicr, lines, uart, gic, el1 } = withUartEnabled();
  const timer = gic.ppi(0, VIRTUAL_TIMER);
  gicr(0).write(SGI_FRAME + 0x80, ~(1 << VIRTUAL_TIMER));
  gicr(0).write(SGI_FRAME + ISENABLER, 1 << VIRTUAL_TIMER);
  uart.set(true);
  timer.set(true);
  // The timer has priority 0, but group 0 is off in the CPU interface.
  expect(raised(lines[0]!)).toBe('irq');
  el1().msr('ICC_IGRPEN0_EL1', 1);
  expect(raised(lines[0]!)).toBe('fiq');
  expect(el1().mrs('ICC_IAR1_EL1')).toBe(1023);
  expect(el1().mrs('ICC_IAR0_EL1')).toBe(VIRTUAL_TIMER);
  timer.set(false);
  el1().msr('ICC_EOIR1_EL1', VIRTUAL_TIMER);
  expect(el1().mrs('ICC_RPR_EL1')).toBe(0);
  el1().msr('ICC_EOIR0_EL1', VIRTUAL_TIMER);
  expect(raised(lines[0]!)).toBe('irq');
  gicd.write(0, 0x11);
  expect(raised(lines[0]!)).toBe('');
});

test('ending what is not active changes nothing', () => {
  const { uart, el1, lines } = withUartEnabled();
  el1().msr('ICC_EOIR1_EL1', 1023);
  el1().msr('ICC_EOIR1_EL1', UART);
  el1().msr('ICC_EOIR1_EL1', 0xff_ffff);
  uart.set(true);
  expect(raised(lines[0]!)).toBe('irq');
});

test('registers beyond what is implemented read as zero, and private ones are not in the distributor', () => {
  const { gicd } = gicV3InUse();
  gicd.write(ISENABLER, 0xffff_ffff);
  gicd.write(ISENABLER + 4 * 8, 0xffff_ffff);
  expect(gicd.read(ISENABLER)).toBe(0);
  expect(gicd.read(ISENABLER + 4 * 8)).toBe(0);
  expect(gicd.read(0x800)).toBe(0);
  expect(gicd.read(0xd00)).toBe(0);
});

test('a restored GIC has the same registers and lines', () => {
  const machine = withUartEnabled(2);
  machine.gicd.write(IROUTER + 8 * UART, 1);
  machine.uart.set(true);
  machine.el1(0).msr('ICC_PMR_EL1', 0x80);
  const saved = JSON.parse(JSON.stringify(machine.gic.save()));
  const other = gicV3(2);
  other.gic.restore(saved);
  expect(other.gic.save()).toEqual(saved);
  expect(other.lines.map(raised)).toEqual(['', 'irq']);
  expect(other.el1(0).mrs('ICC_PMR_EL1')).toBe(0x80);
  expect(other.el1(1).mrs('ICC_IAR1_EL1')).toBe(UART);
});
