// Stories of a GICv2, with and without a hypervisor. Expected values: Arm IHI 0048.

import { expect, test } from 'vitest';
import { EXTERNAL_ABORT } from '../../../emulator/devices/register-block.ts';
import { gicV2, raised } from './harness.ts';

const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ISACTIVER = 0x300;
const IPRIORITYR = 0x400;
const ITARGETSR = 0x800;
const SGIR = 0xf00;
const CPENDSGIR = 0xf10;
const SPENDSGIR = 0xf20;

const [CTLR, PMR, BPR, IAR, EOIR, RPR, HPPIR, AIAR, DIR] = [0, 4, 8, 0xc, 0x10, 0x14, 0x18, 0x20, 0x1000];

const UART = 33;
const UART_BIT = 1 << 1;
const MAINTENANCE = 25;

/** As Linux leaves it: everything in group 0, signalled as IRQ. */
function inUse(cpus = 1) {
  const machine = gicV2(cpus);
  machine.gicd().write(CTLR, 1);
  for (let cpu = 0; cpu < cpus; cpu++) {
    machine.gicc(cpu).write(PMR, 0xf0);
    machine.gicc(cpu).write(CTLR, 1);
  }
  machine.gicd().write(IPRIORITYR + UART, 0xa0, 1);
  machine.gicd().write(ITARGETSR + UART, 1, 1);
  machine.gicd().write(ISENABLER + 4, UART_BIT);
  return { ...machine, uart: machine.gic.spi(1) };
}

test('Xen finds 288 lines and Linux the version', () => {
  const { gicd, gicc } = gicV2(2);
  expect(gicd().read(0x8)).toBe(0x43b);
  expect(((gicd().read(0x4) & 0x1f) + 1) * 32).toBe(288);
  expect(((gicd().read(0x4) >> 5) & 7) + 1).toBe(2);
  expect((gicd().read(0xfe8) >> 4) & 0xf).toBe(2);
  expect((gicc().read(0xfc) >> 16) & 0xf).toBe(2);
});

test('each CPU reads its own mask from the targets of private interrupts', () => {
  const { gicd } = gicV2(4);
  expect([0, 1, 2, 3].map((cpu) => gicd(cpu).read(ITARGETSR))).toEqual([
    0x0101_0101, 0x0202_0202, 0x0404_0404, 0x0808_0808,
  ]);
});

test('on a single CPU the targets read as zero, and everything goes to it', () => {
  const { gicd, lines, uart } = inUse();
  expect(gicd().read(ITARGETSR)).toBe(0);
  gicd().write(ITARGETSR + 32, 0);
  uart.set(true);
  expect(raised(lines[0]!)).toBe('irq');
});

test('an SPI goes from the line to the handler and back', () => {
  const { gicc, lines, uart } = inUse();
  uart.set(true);
  expect(raised(lines[0]!)).toBe('irq');
  expect(gicc().read(HPPIR)).toBe(UART);
  expect(gicc().peek(IAR)).toBe(UART);
  expect(gicc().read(IAR)).toBe(UART);
  expect(gicc().read(RPR)).toBe(0xa0);
  expect(gicc().read(IAR)).toBe(1023);
  uart.set(false);
  gicc().write(EOIR, UART);
  expect(gicc().read(RPR)).toBe(0xff);
  expect(raised(lines[0]!)).toBe('');
});

test('an SPI with two targets is taken by the first that acknowledges', () => {
  const { gicd, gicc, lines, uart } = inUse(2);
  gicd().write(ITARGETSR + UART, 3, 1);
  expect(gicd().read(ITARGETSR + UART, 1)).toBe(3);
  uart.set(true);
  expect(lines.map(raised)).toEqual(['irq', 'irq']);
  expect(gicc(1).read(IAR)).toBe(UART);
  expect(lines.map(raised)).toEqual(['', '']);
  expect(gicc(0).read(IAR)).toBe(1023);
});

test('private interrupts have registers of their own on each CPU', () => {
  const { gicd, gic, lines } = inUse(2);
  gicd(1).write(ISENABLER, 1 << 27);
  gicd(1).write(IPRIORITYR + 27, 0x80, 1);
  expect(gicd(0).read(ISENABLER) & (1 << 27)).toBe(0);
  gic.ppi(0, 27).set(true);
  gic.ppi(1, 27).set(true);
  expect(lines.map(raised)).toEqual(['', 'irq']);
});

test('an SGI names its sender, and comes once from each', () => {
  const { gicd, gicc, lines } = inUse(3);
  gicd(1).write(SGIR, (1 << 16) | 4);
  gicd(2).write(SGIR, (1 << 16) | 4);
  expect(gicd(0).read(SPENDSGIR + 4, 1)).toBe(0b110);
  expect(gicc(0).read(IAR)).toBe(4 | (1 << 10));
  gicc(0).write(EOIR, 4 | (1 << 10));
  expect(raised(lines[0]!)).toBe('irq');
  expect(gicc(0).read(IAR)).toBe(4 | (2 << 10));
  gicc(0).write(EOIR, 4 | (2 << 10));
  expect(raised(lines[0]!)).toBe('');
});

test('an SGI goes to a list, to all others, or to the sender', () => {
  const { gicd, lines } = inUse(3);
  gicd(1).write(SGIR, (1 << 24) | 3);
  expect(lines.map(raised)).toEqual(['irq', '', 'irq']);
  gicd(1).write(SGIR, (2 << 24) | 3);
  expect(lines.map(raised)).toEqual(['irq', 'irq', 'irq']);
});

test('SGIs are always enabled, and their pending state has registers of its own', () => {
  const { gicd, lines } = inUse(1);
  gicd().write(ICENABLER, 0xffff_ffff);
  expect(gicd().read(ISENABLER)).toBe(0xffff);
  gicd().write(ISPENDR, 1 << 2);
  expect(raised(lines[0]!)).toBe('');
  gicd().write(SPENDSGIR + 2, 1, 1);
  expect(gicd().read(ISPENDR)).toBe(1 << 2);
  expect(raised(lines[0]!)).toBe('irq');
  gicd().write(CPENDSGIR + 2, 1, 1);
  expect(raised(lines[0]!)).toBe('');
});

test('with EOI split, the priority drops at EOIR and the interrupt ends at DIR', () => {
  const { gicd, gicc, lines, uart } = inUse();
  gicc().write(CTLR, 0x201);
  expect(gicc().read(CTLR)).toBe(0x201);
  uart.set(true);
  gicc().read(IAR);
  gicc().write(EOIR, UART);
  expect(gicc().read(RPR)).toBe(0xff);
  expect(gicd().read(ISACTIVER + 4)).toBe(UART_BIT);
  gicc().write(DIR, UART);
  expect(raised(lines[0]!)).toBe('irq');
});

test('group 0 becomes FIQ on request, and group 1 waits behind AckCtl', () => {
  const { gicd, gicc, lines, uart } = inUse();
  gicc().write(CTLR, 0x9 | 2);
  uart.set(true);
  expect(raised(lines[0]!)).toBe('fiq');
  gicd().write(0x80 + 4, UART_BIT);
  gicd().write(CTLR, 3);
  expect(raised(lines[0]!)).toBe('irq');
  expect(gicc().read(HPPIR)).toBe(1022);
  expect(gicc().read(IAR)).toBe(1022);
  expect(gicc().read(AIAR)).toBe(UART);
});

test('the active priorities of both groups share one register, and binary points have a least value', () => {
  const { gicc, uart } = inUse();
  uart.set(true);
  gicc().read(IAR);
  expect(gicc().read(0xd0)).toBe(1 << (0xa0 >> 3));
  gicc().write(BPR, 0);
  expect(gicc().read(BPR)).toBe(2);
});

test('the frames end where their registers end', () => {
  const { gic } = gicV2();
  expect(gic.cpuInterfaceDevice.read(0x1000, 4, 0)).toBe(0);
  expect(gic.distributorDevice.read(0xffc, 4, 0)).toBe(0xb1);
  expect(gic.cpuInterfaceDevice.read(0x1ffc, 4, 0)).not.toBe(EXTERNAL_ABORT);
});

// ---------------------------------------------------------------- under a hypervisor

/** Xen has enabled the virtual interface; the guest has GICV where it expects GICC. */
function hosted() {
  const machine = inUse();
  machine.gicd().write(ISENABLER, 1 << MAINTENANCE);
  machine.gich().write(0x0, 1);
  machine.gicv().write(PMR, 0xf0);
  machine.gicv().write(CTLR, 1);
  const lr = (fields: { intid: number; physical?: number; state?: number; hw?: boolean; group?: number }) =>
    ((fields.hw === true ? 1 << 31 : 0) |
      ((fields.group ?? 0) << 30) |
      ((fields.state ?? 1) << 28) |
      ((0xa0 >> 3) << 23) |
      ((fields.physical ?? 0) << 10) |
      fields.intid) >>>
    0;
  return { ...machine, lr };
}

test('a list register reads back as written', () => {
  const { gich } = hosted();
  for (const value of [0x9a8c_dff5, 0xdf8f_ffff, 0x0000_03ff, 0x3a00_7c1b]) {
    gich().write(0x104, value);
    expect(gich().read(0x104)).toBe(value);
  }
  expect(gich().read(0x4)).toBe(0x9000_0003);
});

test('a virtual interrupt goes through the guest and ends the physical one', () => {
  const { gicd, gicc, gich, gicv, lines, uart, lr } = hosted();
  gicc().write(CTLR, 0x201);
  uart.set(true);
  gicc().read(IAR);
  gicc().write(EOIR, UART);
  gich().write(0x100, lr({ intid: UART, physical: UART, hw: true }));
  expect(raised(lines[0]!)).toBe('virq');
  expect(gich().read(0x30)).toBe(0xe);
  expect(gicv().read(HPPIR)).toBe(UART);
  expect(gicv().read(IAR)).toBe(UART);
  expect(raised(lines[0]!)).toBe('');
  expect(gich().read(0xf0)).toBe(1 << 20);
  uart.set(false);
  expect(gicd().read(ISACTIVER + 4)).toBe(UART_BIT);
  gicv().write(EOIR, UART);
  expect(gicd().read(ISACTIVER + 4)).toBe(0);
  expect(gich().read(0x30)).toBe(0xf);
});

test('a virtual SGI names the CPU it claims to come from', () => {
  const { gich, gicv, lr } = hosted();
  gich().write(0x100, lr({ intid: 3, physical: 1 }));
  expect(gicv().peek(IAR)).toBe(3 | (1 << 10));
  expect(gicv().read(IAR)).toBe(3 | (1 << 10));
  gicv().write(EOIR, 3 | (1 << 10));
  expect(gich().read(0x30)).toBe(0xf);
});

test('VMCR shows what the guest set', () => {
  const { gich, gicv } = hosted();
  gicv().write(CTLR, 0x21f);
  expect(gich().read(0x8) & 0x21f).toBe(0x21f);
  gich().write(0x8, (0xa0 << 24) | 1);
  expect(gicv().read(PMR)).toBe(0xa0);
  expect(gicv().read(CTLR)).toBe(1);
});

test('the maintenance interrupt comes when list registers run empty', () => {
  const { gicc, gich, gicv, lines, lr } = hosted();
  gich().write(0x100, lr({ intid: 40 }));
  gich().write(0x104, lr({ intid: 41 }));
  gich().write(0x0, 3);
  gicv().read(IAR);
  gicv().write(EOIR, 40);
  expect(gich().read(0x10)).toBe(2);
  expect(raised(lines[0]!)).toBe('irq virq');
  expect(gicc().read(IAR)).toBe(MAINTENANCE);
});

test('each CPU has list registers of its own', () => {
  const { gich } = gicV2(2);
  gich(0).write(0x100, 0x1000_0020);
  expect(gich(1).read(0x100)).toBe(0);
});

test('a restored GIC has the same registers and lines', () => {
  const machine = inUse(2);
  machine.gicd(1).write(SGIR, (1 << 16) | 4);
  machine.gich(1).write(0x100, 0x1000_0020);
  machine.gich(1).write(0, 1);
  machine.gicv(1).write(PMR, 0xf0);
  machine.gicv(1).write(CTLR, 1);
  const saved = JSON.parse(JSON.stringify(machine.gic.save()));
  const other = gicV2(2);
  other.gic.restore(saved);
  expect(other.gic.save()).toEqual(saved);
  expect(other.lines.map(raised)).toEqual(['irq', 'virq']);
  expect(other.gicc(0).read(IAR)).toBe(4 | (1 << 10));
});
