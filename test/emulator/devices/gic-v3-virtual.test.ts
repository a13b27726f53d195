// Stories of the virtualization side of a GICv3: a hypervisor at EL2, a guest at EL1 whose
// interrupts are virtual. Expected values: Arm IHI 0069, chapters 6 and 12.

import { expect, test } from 'vitest';
import {
  LR_STATE_ACTIVE,
  LR_STATE_PENDING,
  lrHighOf,
} from '../../../emulator/devices/gic/virtual-interface.ts';
import {
  GIC_ACCESS_OK,
  GIC_ACCESS_TRAP_EL2,
  GIC_ACCESS_UNDEFINED,
  HCR_EL2_FMO,
  HCR_EL2_IMO,
} from '../../../emulator/devices/gic-v3/cpu-interface.ts';
import { gicV3InUse, raised } from './harness.ts';

const HCR = HCR_EL2_IMO | HCR_EL2_FMO;
const MAINTENANCE = 25;
const SGI_FRAME = 0x1_0000;
const [UIE, LRENPIE, NPIE] = [2, 4, 8];

/** A hypervisor that has switched its virtual interface on; the guest has opened its mask. */
function hosted() {
  const machine = gicV3InUse();
  machine.gicr(0).write(SGI_FRAME + 0x100, 1 << MAINTENANCE);
  const xen = machine.el2();
  const guest = machine.el1(0, HCR);
  xen.msr('ICH_HCR_EL2', 1);
  xen.msr('ICH_VMCR_EL2', 0xf800_0002);
  const inject = (lr: number, intid: number, fields: Partial<Parameters<typeof lrHighOf>[0]> = {}) =>
    xen.msr(
      `ICH_LR${lr}_EL2`,
      intid,
      lrHighOf({ priority: 0xa0, state: LR_STATE_PENDING, group: 1, ...fields }),
    );
  return { ...machine, xen, guest, inject, lines: machine.lines[0]! };
}

test('a hypervisor finds four list registers and five priority bits', () => {
  const { xen } = hosted();
  const vtr = xen.mrs('ICH_VTR_EL2');
  expect((vtr & 0x1f) + 1).toBe(4);
  expect((vtr >>> 29) + 1).toBe(5);
  expect(((vtr >>> 26) & 7) + 1).toBe(5);
  expect(xen.mrs('ICH_ELRSR_EL2')).toBe(0xf);
});

test('an interrupt in a list register goes through the guest', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 27);
  expect(raised(lines)).toBe('virq');
  expect(xen.mrs('ICH_ELRSR_EL2')).toBe(0xe);
  expect(guest.mrs('ICC_HPPIR1_EL1')).toBe(27);
  expect(guest.peek('ICC_IAR1_EL1')).toBe(27);
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(27);
  expect(raised(lines)).toBe('');
  expect((xen.mrsHigh('ICH_LR0_EL2') & 0xc000_0000) >>> 0).toBe(LR_STATE_ACTIVE);
  expect(guest.mrs('ICC_RPR_EL1')).toBe(0xa0);
  expect(xen.mrs('ICH_AP1R0_EL2')).toBe(1 << (0xa0 >> 3));
  guest.msr('ICC_EOIR1_EL1', 27);
  expect(xen.mrsHigh('ICH_LR0_EL2') >>> 30).toBe(0);
  expect(xen.mrs('ICH_ELRSR_EL2')).toBe(0xf);
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(1023);
});

test('physical and virtual interface are two', () => {
  const { xen, guest } = hosted();
  guest.msr('ICC_PMR_EL1', 0x50);
  expect(guest.mrs('ICC_PMR_EL1')).toBe(0x50);
  expect(xen.mrs('ICC_PMR_EL1')).toBe(0xf0);
  expect(xen.mrs('ICH_VMCR_EL2') >>> 24).toBe(0x50);
  guest.msr('ICC_IGRPEN1_EL1', 0);
  guest.msr('ICC_CTLR_EL1', 2);
  expect(xen.mrs('ICH_VMCR_EL2') & 0x203).toBe(0x200);
  expect(xen.mrs('ICC_IGRPEN1_EL1')).toBe(1);
});

test('ending an interrupt that stands for a physical one ends that too', () => {
  const { gic, gicr, xen, guest, inject, lines } = hosted();
  const timer = gic.ppi(0, 27);
  gicr(0).write(SGI_FRAME + 0x100, 1 << 27);
  gicr(0).write(SGI_FRAME + 0x400 + 27, 0xa0, 1);
  xen.msr('ICC_CTLR_EL1', 2);
  timer.set(true);
  expect(raised(lines)).toBe('irq');
  expect(xen.mrs('ICC_IAR1_EL1')).toBe(27);
  xen.msr('ICC_EOIR1_EL1', 27);
  inject(0, 27, { physical: 27 });
  expect(raised(lines)).toBe('virq');
  guest.mrs('ICC_IAR1_EL1');
  timer.set(false);
  expect(gicr(0).read(SGI_FRAME + 0x300)).toBe(1 << 27);
  guest.msr('ICC_EOIR1_EL1', 27);
  expect(gicr(0).read(SGI_FRAME + 0x300)).toBe(0);
  timer.set(true);
  expect(raised(lines)).toBe('irq');
});

test('pending and active at once: the interrupt comes back after its end', () => {
  const { guest, inject, lines } = hosted();
  inject(0, 40, { state: LR_STATE_PENDING | LR_STATE_ACTIVE });
  // Active and pending is not signalled before it is deactivated.
  expect(raised(lines)).toBe('');
  inject(0, 40);
  guest.mrs('ICC_IAR1_EL1');
  inject(0, 40, { state: LR_STATE_PENDING | LR_STATE_ACTIVE });
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(raised(lines)).toBe('virq');
});

test('the guest sees the most urgent of its list registers, and can be preempted', () => {
  const { guest, inject, lines } = hosted();
  inject(0, 40, { priority: 0xa0 });
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(40);
  inject(1, 41, { priority: 0xa0 });
  expect(raised(lines)).toBe('');
  inject(2, 42, { priority: 0x80 });
  expect(raised(lines)).toBe('virq');
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(42);
  expect(guest.mrs('ICC_RPR_EL1')).toBe(0x80);
  guest.msr('ICC_EOIR1_EL1', 42);
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(41);
});

test('with EOI split the guest deactivates by DIR', () => {
  const { xen, guest, inject } = hosted();
  guest.msr('ICC_CTLR_EL1', 2);
  inject(0, 40);
  guest.mrs('ICC_IAR1_EL1');
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(guest.mrs('ICC_RPR_EL1')).toBe(0xff);
  expect((xen.mrsHigh('ICH_LR0_EL2') & LR_STATE_ACTIVE) >>> 0).toBe(LR_STATE_ACTIVE);
  guest.msr('ICC_DIR_EL1', 40);
  expect(xen.mrsHigh('ICH_LR0_EL2') >>> 30).toBe(0);
});

test('a virtual interrupt of group 0 is a virtual FIQ', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 40, { group: 0 });
  expect(raised(lines)).toBe('');
  guest.msr('ICC_IGRPEN0_EL1', 1);
  expect(raised(lines)).toBe('vfiq');
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(1023);
  expect(guest.mrs('ICC_IAR0_EL1')).toBe(40);
  expect(xen.mrs('ICH_AP0R0_EL2')).toBe(1 << 20);
});

test('switching the virtual interface off takes the lines away', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 27);
  xen.msr('ICH_HCR_EL2', 0);
  expect(raised(lines)).toBe('');
  expect(guest.mrs('ICC_IAR1_EL1')).toBe(1023);
  xen.msr('ICH_HCR_EL2', 1);
  expect(raised(lines)).toBe('virq');
});

test('the maintenance interrupt says when the list registers run empty', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 40);
  inject(1, 41);
  xen.msr('ICH_HCR_EL2', 1 | UIE);
  expect(xen.mrs('ICH_MISR_EL2')).toBe(0);
  guest.mrs('ICC_IAR1_EL1');
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(xen.mrs('ICH_MISR_EL2')).toBe(2);
  expect(raised(lines)).toBe('irq virq');
  expect(xen.mrs('ICC_IAR1_EL1')).toBe(MAINTENANCE);
  xen.msr('ICH_HCR_EL2', 1);
  xen.msr('ICC_EOIR1_EL1', MAINTENANCE);
  expect(raised(lines)).toBe('virq');
});

test('the maintenance interrupt says when nothing is pending any more', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 40);
  xen.msr('ICH_HCR_EL2', 1 | NPIE);
  expect(raised(lines)).toBe('virq');
  guest.mrs('ICC_IAR1_EL1');
  expect(xen.mrs('ICH_MISR_EL2')).toBe(8);
  expect(raised(lines)).toBe('irq');
});

test('an end of interrupt can ask for maintenance', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(2, 40, { eoi: true });
  guest.mrs('ICC_IAR1_EL1');
  expect(xen.mrs('ICH_EISR_EL2')).toBe(0);
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(xen.mrs('ICH_EISR_EL2')).toBe(4);
  expect(xen.mrs('ICH_MISR_EL2')).toBe(1);
  expect(xen.mrs('ICH_ELRSR_EL2')).toBe(0xb);
  expect(raised(lines)).toBe('irq');
  xen.msr('ICH_LR2_EL2', 0, 0);
  expect(raised(lines)).toBe('');
});

test('ends without a list register are counted', () => {
  const { xen, guest, inject, lines } = hosted();
  inject(0, 40);
  guest.mrs('ICC_IAR1_EL1');
  // The hypervisor takes the active interrupt out, as it does when list registers are scarce.
  xen.msr('ICH_LR0_EL2', 0, 0);
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(xen.mrs('ICH_HCR_EL2') >>> 27).toBe(1);
  xen.msr('ICH_HCR_EL2', xen.mrs('ICH_HCR_EL2') | LRENPIE);
  expect(xen.mrs('ICH_MISR_EL2')).toBe(4);
  expect(raised(lines)).toBe('irq');
});

test('an end with nothing active is not counted', () => {
  const { xen, guest } = hosted();
  guest.msr('ICC_EOIR1_EL1', 40);
  expect(xen.mrs('ICH_HCR_EL2')).toBe(1);
});

test('the hypervisor can trap groups of registers', () => {
  const { xen, guest } = hosted();
  expect(guest.check('ICC_IAR1_EL1')).toBe(GIC_ACCESS_OK);
  xen.msr('ICH_HCR_EL2', 1 | (1 << 12));
  expect(guest.check('ICC_IAR1_EL1')).toBe(GIC_ACCESS_TRAP_EL2);
  expect(guest.check('ICC_PMR_EL1')).toBe(GIC_ACCESS_OK);
  xen.msr('ICH_HCR_EL2', 1 | (1 << 10));
  expect(guest.check('ICC_PMR_EL1')).toBe(GIC_ACCESS_TRAP_EL2);
  expect(guest.check('ICC_IAR1_EL1')).toBe(GIC_ACCESS_OK);
  xen.msr('ICH_HCR_EL2', 1 | (1 << 14));
  expect(guest.check('ICC_DIR_EL1', true)).toBe(GIC_ACCESS_TRAP_EL2);
  expect(guest.check('ICC_PMR_EL1')).toBe(GIC_ACCESS_OK);
});

test('a guest that sends an SGI traps while its interrupts are virtual', () => {
  const { guest, el1, xen } = hosted();
  expect(guest.check('ICC_SGI1R_EL1', true)).toBe(GIC_ACCESS_TRAP_EL2);
  expect(el1().check('ICC_SGI1R_EL1', true)).toBe(GIC_ACCESS_OK);
  expect(xen.check('ICC_SGI1R_EL1', true)).toBe(GIC_ACCESS_OK);
});

test('what is not there, or not for this level or direction, is UNDEFINED', () => {
  const { guest, xen } = hosted();
  expect(guest.check('ICH_HCR_EL2')).toBe(GIC_ACCESS_UNDEFINED);
  expect(xen.check('ICH_LR4_EL2')).toBe(GIC_ACCESS_UNDEFINED);
  expect(xen.check('ICC_AP1R1_EL1')).toBe(GIC_ACCESS_UNDEFINED);
  expect(xen.check('ICC_IAR1_EL1', true)).toBe(GIC_ACCESS_UNDEFINED);
  expect(xen.check('ICC_EOIR1_EL1', false)).toBe(GIC_ACCESS_UNDEFINED);
});

test('VMCR keeps what the guest set, with binary points at their least values', () => {
  const { xen, guest } = hosted();
  xen.msr('ICH_VMCR_EL2', 0);
  expect(xen.mrs('ICH_VMCR_EL2')).toBe((3 << 18) | (2 << 21) | (1 << 3));
  guest.msr('ICC_BPR1_EL1', 5);
  expect((xen.mrs('ICH_VMCR_EL2') >>> 18) & 7).toBe(5);
  guest.msr('ICC_CTLR_EL1', 1);
  guest.msr('ICC_BPR0_EL1', 4);
  expect(guest.mrs('ICC_BPR1_EL1')).toBe(5);
  guest.msr('ICC_BPR1_EL1', 7);
  expect(guest.mrs('ICC_BPR1_EL1')).toBe(5);
});

test('a restored virtual interface has the same registers and lines', () => {
  const { gic, inject } = hosted();
  inject(3, 50);
  const saved = JSON.parse(JSON.stringify(gic.save()));
  const other = gicV3InUse();
  other.gic.restore(saved);
  expect(other.gic.save()).toEqual(saved);
  expect(raised(other.lines[0]!)).toBe('virq');
  expect(other.el1(0, HCR).mrs('ICC_IAR1_EL1')).toBe(50);
});
