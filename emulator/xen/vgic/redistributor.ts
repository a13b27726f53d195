// GICR of a vGICv3 guest: two frames of 64 KiB for each vCPU, RD_base and SGI_base. IHI 0069, as
// narrow as Xen 4.17 makes it (vgic-v3.c). There are no LPIs.

import { registerBlock } from '../../devices/register-block.ts';
import { reserved, sharedRows, type VgicAccess } from './distributor-common.ts';
import { affinityOf, IIDR, PIDR2 } from './distributor-v3.ts';
import { PRIVATE_INTERRUPTS, SGIS } from './interrupt.ts';

export const GICR_FRAME_SIZE = 0x1_0000;
export const GICR_SIZE = 2 * GICR_FRAME_SIZE;

const TYPER_LAST = 1 << 4;

export const redistributor = registerBlock<VgicAccess>(
  'vGICR',
  GICR_FRAME_SIZE,
  {
    GICR_CTLR: { offset: 0x000, width: 4, doc: 'Redistributor Control', status: 'reserved' },
    GICR_IIDR: { offset: 0x004, width: 4, doc: 'Implementer Identification', read: () => IIDR },
    GICR_TYPER: {
      offset: 0x008,
      width: 8,
      accessWidths: [4, 8],
      doc: 'Redistributor Type',
      read: ({ vgic, vcpu }, _index, half) => {
        if (half === 1) return affinityOf(vcpu);
        return (vcpu << 8) | (vcpu === vgic.cpus.length - 1 ? TYPER_LAST : 0);
      },
      // Deviation of Xen: its width check is the wrong way round, so both sensible widths abort.
      write: refuse,
    },
    GICR_STATUSR: { offset: 0x010, width: 4, doc: 'Error Reporting Status', status: 'reserved' },
    GICR_WAKER: { offset: 0x014, width: 4, doc: 'Power Management: never asleep', status: 'reserved' },
    reserved0: reserved(0x018, 0x040, 'Reserved'),
    GICR_SETLPIR: { ...noLpis(0x040, 0xdead_beaf), doc: 'Set LPI Pending' },
    GICR_CLRLPIR: { ...noLpis(0x048, 0xdead_beaf), doc: 'Clear LPI Pending' },
    reserved1: reserved(0x050, 0x070, 'Reserved'),
    GICR_PROPBASER: { ...noLpis(0x070, 0), doc: 'Properties Base Address' },
    GICR_PENDBASER: { ...noLpis(0x078, 0), doc: 'LPI Pending Table Base Address' },
    reserved2: reserved(0x080, 0x0a0, 'Reserved'),
    GICR_INVLPIR: { ...noLpis(0x0a0, 0xdead_beaf), doc: 'Invalidate LPI' },
    reserved3: reserved(0x0a8, 0x0b0, 'Reserved'),
    GICR_INVALLR: { ...noLpis(0x0b0, 0xdead_beaf), doc: 'Invalidate All' },
    reserved4: reserved(0x0b8, 0x0c0, 'Reserved'),
    GICR_SYNCR: { offset: 0x0c0, width: 4, doc: 'Synchronize: reads as busy in Xen', read: () => 1 },
    reserved5: reserved(0x0c4, 0xffe8, 'Reserved and implementation defined'),
    GICR_PIDR2: { offset: 0xffe8, width: 4, doc: 'Peripheral ID2', read: () => PIDR2 },
    reserved6: reserved(0xffec, 0x1_0000, 'Implementation defined'),
  },
  { unknown: 'abort' },
);

export const redistributorSgi = registerBlock<VgicAccess>(
  'vGICR: SGI',
  GICR_FRAME_SIZE,
  {
    reserved0: reserved(0x000, 0x080, 'Reserved'),
    ...sharedRows(PRIVATE_INTERRUPTS, SGIS),
    GICR_IGRPMODR0: { offset: 0xd00, width: 4, doc: 'Interrupt Group Modifier', status: 'reserved' },
    GICR_NSACR: { offset: 0xe00, width: 4, doc: 'Non-secure Access Control', status: 'reserved' },
    reserved1: reserved(0xe04, 0x1_0000, 'Reserved and implementation defined'),
  },
  { unknown: 'abort' },
);

function refuse(access: VgicAccess): void {
  access.refused = true;
}

function noLpis(offset: number, value: number) {
  return { offset, width: 8 as const, accessWidths: [4, 8], read: () => value, write: refuse };
}
