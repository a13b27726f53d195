// GICD of a vGICv2 guest. Arm GICv2 (IHI 0048B), as narrow as Xen 4.17 makes it (vgic-v2.c): an
// offset without a row is a data abort.

import { registerBlock } from '../../devices/register-block.ts';
import { itLines, reserved, sharedRows, type VgicAccess } from './distributor-common.ts';
import { PRIVATE_INTERRUPTS } from './interrupt.ts';

export const GICD_V2_SIZE = 0x1000;

export const distributorV2 = registerBlock<VgicAccess>(
  'vGICD',
  GICD_V2_SIZE,
  {
    GICD_CTLR: {
      offset: 0x000,
      width: 4,
      doc: 'Distributor Control',
      read: ({ vgic }) => (vgic.enabled ? 1 : 0),
      write: ({ vgic }, value) => {
        vgic.enabled = (value & 1) !== 0;
      },
    },
    GICD_TYPER: {
      offset: 0x004,
      width: 4,
      doc: 'Interrupt Controller Type',
      read: ({ vgic }) => ((vgic.cpus.length - 1) << 5) | itLines(vgic),
    },
    GICD_IIDR: { offset: 0x008, width: 4, doc: 'Implementer Identification', read: () => 0x0000_043b },
    reserved0: reserved(0x00c, 0x080, 'Reserved and implementation defined'),
    ...sharedRows(1024, PRIVATE_INTERRUPTS),
    GICD_ITARGETSR: {
      offset: 0x800,
      width: 4,
      count: 1020,
      bitsPerElement: 8,
      accessWidths: [1, 4],
      doc: 'Interrupt Processor Targets',
      read: ({ vgic, vcpu }, intid) => {
        if (intid < PRIVATE_INTERRUPTS) return 1 << vcpu;
        const interrupt = vgic.interrupt(vcpu, intid);
        return interrupt === undefined ? 0 : 1 << interrupt.target;
      },
      write: ({ vgic, vcpu }, value, intid) => {
        const interrupt = intid < PRIVATE_INTERRUPTS ? undefined : vgic.interrupt(vcpu, intid);
        // One target: the lowest of the list, if it exists.
        const target = 31 - Math.clz32(value & -value);
        if (interrupt && value !== 0 && target < vgic.cpus.length) interrupt.target = target;
      },
    },
    reserved1: reserved(0xbfc, 0xc00, 'Reserved'),
    reserved2: reserved(0xd00, 0xe00, 'Implementation defined'),
    GICD_NSACR: { offset: 0xe00, width: 4, count: 64, doc: 'Non-secure Access Control', status: 'reserved' },
    GICD_SGIR: {
      offset: 0xf00,
      width: 4,
      doc: 'Software Generated Interrupt',
      read: () => 0xdead_beef,
      write: sendSgi,
    },
    reserved3: reserved(0xf04, 0xf10, 'Reserved'),
    GICD_CPENDSGIR: { ...pendingSgis(0xf10), doc: 'SGI Clear-Pending' },
    GICD_SPENDSGIR: { ...pendingSgis(0xf20), doc: 'SGI Set-Pending' },
    reserved4: reserved(0xf30, 0xfe8, 'Reserved and implementation defined'),
    ICPIDR2: {
      offset: 0xfe8,
      width: 4,
      doc: 'Peripheral ID2: Xen refuses to show it',
      read: (access) => {
        access.refused = true;
        return 0;
      },
    },
    reserved5: {
      ...reserved(0xfec, 0x1000, 'Implementation defined'),
      write: (access: VgicAccess) => {
        access.refused = true;
      },
    },
  },
  { unknown: 'abort' },
);

function sendSgi(access: VgicAccess, value: number): void {
  const { vgic, vcpu } = access;
  const intid = value & 0xf;
  const all = vgic.cpus.map((cpu) => cpu.id);
  switch ((value >>> 24) & 3) {
    case 0:
      vgic.sendSgi(
        all.filter((id) => id < 8 && (value >>> (16 + id)) & 1),
        intid,
      );
      break;
    case 1:
      vgic.sendSgi(
        all.filter((id) => id !== vcpu),
        intid,
      );
      break;
    case 2:
      vgic.sendSgi([vcpu], intid);
      break;
    default:
      access.refused = true;
  }
}

/** SGI pending state reads as zero and cannot be written. */
function pendingSgis(offset: number) {
  return {
    offset,
    width: 4 as const,
    count: 4,
    accessWidths: [1, 2, 4],
    read: () => 0,
    write: (access: VgicAccess) => {
      access.refused = true;
    },
  };
}
