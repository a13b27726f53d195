// GICD of a vGICv3 guest. Arm GICv3 (IHI 0069), as narrow as Xen 4.17 makes it (vgic-v3.c).

import { registerBlock } from '../../devices/register-block.ts';
import { itLines, reserved, sharedRows, type VgicAccess } from './distributor-common.ts';
import { PRIVATE_INTERRUPTS, SGIS } from './interrupt.ts';

export const GICD_V3_SIZE = 0x1_0000;
export const IIDR = 0x0000_034c;
/** GICv3: architecture revision 3. */
export const PIDR2 = 0x30;

const CTLR_ARE_NS = 1 << 4;
const CTLR_ENABLE_G1A = 1 << 1;
/** IDbits of a domU: INTIDs of ten bits. */
const INTID_BITS = 10;

const { ICPENDR, ...common } = sharedRows(1024, SGIS);

export const distributorV3 = registerBlock<VgicAccess>(
  'vGICD',
  GICD_V3_SIZE,
  {
    GICD_CTLR: {
      offset: 0x000,
      width: 4,
      doc: 'Distributor Control',
      read: ({ vgic }) => CTLR_ARE_NS | (vgic.enabled ? CTLR_ENABLE_G1A : 0),
      write: ({ vgic }, value) => {
        vgic.enabled = (value & CTLR_ENABLE_G1A) !== 0;
      },
    },
    GICD_TYPER: {
      offset: 0x004,
      width: 4,
      doc: 'Interrupt Controller Type',
      read: ({ vgic }) =>
        ((INTID_BITS - 1) << 19) | ((Math.min(vgic.cpus.length, 8) - 1) << 5) | itLines(vgic),
    },
    GICD_IIDR: { offset: 0x008, width: 4, doc: 'Implementer Identification', read: () => IIDR },
    GICD_TYPER2: reserved(0x00c, 0x010, 'Interrupt Controller Type 2: not present in GICv3.0'),
    GICD_STATUSR: { offset: 0x010, width: 4, doc: 'Error Reporting Status', status: 'reserved' },
    reserved0: reserved(0x014, 0x080, 'Reserved; message-based SPIs are not implemented'),
    ...common,
    ICPENDR: {
      ...ICPENDR,
      offset: 0x280,
      width: 4,
      doc: 'Interrupt Clear-Pending',
      // Deviation of Xen: a range in its source ends early, so that only the first register can be read.
      read: (access, index) => {
        if (index > 0) access.refused = true;
        return 0;
      },
    },
    reserved1: reserved(0x800, 0xc00, 'ITARGETSR: no effect with affinity routing'),
    reserved2: reserved(0xd00, 0xe00, 'IGRPMODR: no security extension for guests'),
    GICD_NSACR: { offset: 0xe00, width: 4, count: 64, doc: 'Non-secure Access Control', status: 'reserved' },
    GICD_SGIR: {
      offset: 0xf00,
      width: 4,
      doc: 'Software Generated Interrupt: a system register here',
      status: 'reserved',
    },
    reserved3: reserved(0xf04, 0xf10, 'Reserved'),
    GICD_CPENDSGIR: { ...pendingSgis(0xf10), doc: 'SGI Clear-Pending' },
    GICD_SPENDSGIR: { ...pendingSgis(0xf20), doc: 'SGI Set-Pending' },
    reserved4: reserved(0xf30, 0x6100, 'Reserved'),
    GICD_IROUTER: {
      offset: 0x6100,
      width: 8,
      accessWidths: [4, 8],
      count: 1020 - PRIVATE_INTERRUPTS,
      doc: 'Interrupt Routing',
      read: ({ vgic }, index, half) => {
        const target = vgic.spis[index]?.target;
        return target === undefined || half === 1 ? 0 : affinityOf(target);
      },
      write: ({ vgic }, value, index, half) => {
        const interrupt = vgic.spis[index];
        if (interrupt === undefined) return;
        const IRM = 0x8000_0000;
        // Aff3 (the high half) is not looked at: vCPUs have Aff0 and Aff1 only.
        if (half === 1) return;
        const target = (value & IRM) !== 0 ? 0 : vcpuOfAffinity(value);
        if (target !== undefined && target < vgic.cpus.length) interrupt.target = target;
      },
    },
    reserved5: reserved(0x7fe0, 0xffe8, 'Reserved and implementation defined'),
    GICD_PIDR2: { offset: 0xffe8, width: 4, doc: 'Peripheral ID2', read: () => PIDR2 },
    reserved6: reserved(0xffec, 0x1_0000, 'Implementation defined'),
  },
  { unknown: 'abort' },
);

/** Aff1:Aff0 of a vCPU: 16 vCPUs for each Aff1, because a target list has 16 bits. */
export const affinityOf = (vcpu: number): number => (vcpu & 0xf) | ((vcpu >>> 4) << 8);

/** The vCPU of an affinity Aff2.Aff1.Aff0; undefined for one that no vCPU can have. */
export function vcpuOfAffinity(affinity: number): number | undefined {
  if ((affinity & 0xff_00f0) !== 0) return undefined;
  return (affinity & 0xf) | (((affinity >>> 8) & 0xff) << 4);
}

function pendingSgis(offset: number) {
  return {
    offset,
    width: 4 as const,
    count: 4,
    read: () => 0,
    write: (access: VgicAccess) => {
      access.refused = true;
    },
  };
}
