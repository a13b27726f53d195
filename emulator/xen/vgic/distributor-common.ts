// Registers that the distributors of vGICv2 and vGICv3 and the redistributor share, with what
// Xen 4.17 does on each access (xen/arch/arm/vgic-v2.c, vgic-v3.c).

import type { RegisterRow } from '../../devices/register-block.ts';
import { PRIVATE_INTERRUPTS } from './interrupt.ts';
import type { Vgic } from './vgic.ts';

/** One access in progress: whose it is, and whether the vGIC refuses it with a data abort. */
export interface VgicAccess {
  readonly vgic: Vgic;
  /** The vCPU whose private interrupts the registers show. */
  readonly vcpu: number;
  refused: boolean;
}

type Rows = Readonly<Record<string, RegisterRow<VgicAccess>>>;

/** Rows for `interrupts` interrupts from INTID 0; offsets as in both GICD and GICR_SGI. */
export function sharedRows(interrupts: number, writableConfigurationFrom: number): Rows {
  return {
    IGROUPR: { offset: 0x080, width: 4, count: interrupts / 32, doc: 'Interrupt Group', status: 'reserved' },
    ISENABLER: {
      offset: 0x100,
      width: 4,
      count: interrupts,
      bitsPerElement: 1,
      accessWidths: [4],
      doc: 'Interrupt Set-Enable',
      read: isEnabled,
      write: (access, value, intid) => {
        const interrupt = value === 0 ? undefined : access.vgic.interrupt(access.vcpu, intid);
        if (interrupt) access.vgic.enable(access.vcpu, interrupt);
      },
    },
    ICENABLER: {
      offset: 0x180,
      width: 4,
      count: interrupts,
      bitsPerElement: 1,
      accessWidths: [4],
      doc: 'Interrupt Clear-Enable',
      read: isEnabled,
      write: (access, value, intid) => {
        const interrupt = value === 0 ? undefined : access.vgic.interrupt(access.vcpu, intid);
        if (interrupt) access.vgic.disable(access.vcpu, interrupt);
      },
    },
    // Deviation of Xen: pending and active state cannot be read back or cleared by the guest.
    ISPENDR: {
      offset: 0x200,
      width: 4,
      count: interrupts,
      bitsPerElement: 1,
      accessWidths: [4],
      doc: 'Interrupt Set-Pending',
      read: () => 0,
      write: (access, value, intid) => {
        if (value !== 0) access.vgic.setPending(access.vcpu, intid);
      },
    },
    ICPENDR: {
      offset: 0x280,
      width: 4,
      count: interrupts / 32,
      doc: 'Interrupt Clear-Pending',
      status: 'ignored',
    },
    ISACTIVER: {
      offset: 0x300,
      width: 4,
      count: interrupts / 32,
      doc: 'Interrupt Set-Active',
      read: () => 0,
      write: (access, value) => {
        // vGICv2 lets a write of zero pass, vGICv3 none.
        if (access.vgic.version === 3 || value !== 0) access.refused = true;
      },
    },
    ICACTIVER: {
      offset: 0x380,
      width: 4,
      count: interrupts / 32,
      doc: 'Interrupt Clear-Active',
      status: 'ignored',
    },
    IPRIORITYR: {
      offset: 0x400,
      width: 4,
      count: interrupts,
      bitsPerElement: 8,
      accessWidths: [1, 4],
      doc: 'Interrupt Priority',
      read: (access, intid) => access.vgic.interrupt(access.vcpu, intid)?.configuredPriority ?? 0,
      write: (access, value, intid) => {
        const interrupt = access.vgic.interrupt(access.vcpu, intid);
        if (interrupt) interrupt.configuredPriority = value;
      },
    },
    ICFGR: {
      offset: 0xc00,
      width: 4,
      count: interrupts,
      bitsPerElement: 2,
      accessWidths: [4],
      doc: 'Interrupt Configuration',
      read: (access, intid) => access.vgic.interrupt(access.vcpu, intid)?.configuration ?? 0,
      write: (access, value, intid) => {
        const interrupt = access.vgic.interrupt(access.vcpu, intid);
        if (interrupt && intid >= writableConfigurationFrom) interrupt.configuration = value;
      },
    },
  };
}

/** Registers that read as zero and ignore writes at any width. */
export const reserved = (offset: number, end: number, doc: string): RegisterRow<VgicAccess> => ({
  offset,
  width: 4,
  count: (end - offset) / 4,
  accessWidths: [1, 2, 4],
  doc,
  status: 'reserved',
});

/** GICD_TYPER.ITLinesNumber. */
export const itLines = (vgic: Vgic): number => vgic.spis.length / PRIVATE_INTERRUPTS;

function isEnabled(access: VgicAccess, intid: number): number {
  return access.vgic.interrupt(access.vcpu, intid)?.enabled === true ? 1 : 0;
}
