// GICH: the hypervisor's control of the virtual CPU interface of a GICv2 (IHI 0048, 5.3).

import { LIST_REGISTERS, type VirtualInterface } from '../gic/virtual-interface.ts';
import { registerBlock } from '../register-block.ts';

/** Five priority bits, five preemption bits. */
const VTR = ((4 << 29) | (4 << 26) | (LIST_REGISTERS - 1)) >>> 0;
const MAX_LIST_REGISTERS = 64;

export const hypervisorRegisters = registerBlock<VirtualInterface>('gich', 0x1000, {
  GICH_HCR: {
    offset: 0x000,
    width: 4,
    doc: 'Hypervisor control',
    read: (virtual) => virtual.control,
    write: (virtual, value) => virtual.setControl(value),
  },
  GICH_VTR: { offset: 0x004, width: 4, doc: 'VGIC type', read: () => VTR },
  GICH_VMCR: {
    offset: 0x008,
    width: 4,
    doc: 'Virtual machine control',
    read: (virtual) => virtual.readVmcr(),
    write: (virtual, value) => virtual.writeVmcr(value),
  },
  GICH_MISR: {
    offset: 0x010,
    width: 4,
    doc: 'Maintenance interrupt status',
    read: (virtual) => virtual.misr(),
  },
  GICH_EISR0: {
    offset: 0x020,
    width: 4,
    doc: 'List registers whose end of interrupt asked for maintenance',
    read: (virtual) => virtual.eisr(),
  },
  GICH_EISR1: { offset: 0x024, width: 4, doc: 'Of list registers 32 to 63', status: 'reserved' },
  GICH_ELRSR0: { offset: 0x030, width: 4, doc: 'Empty list registers', read: (virtual) => virtual.elrsr() },
  GICH_ELRSR1: { offset: 0x034, width: 4, doc: 'Of list registers 32 to 63', status: 'reserved' },
  GICH_APR: {
    offset: 0x0f0,
    width: 4,
    doc: 'Active priorities',
    read: (virtual) => virtual.priorities.active0,
    write: (virtual, value) => {
      virtual.priorities.active0 = value;
      virtual.refresh();
    },
  },
  GICH_LR: {
    offset: 0x100,
    width: 4,
    count: LIST_REGISTERS,
    doc: 'List register',
    read: (virtual, index) => listRegisterV2(virtual.lrLow(index), virtual.lrHigh(index)),
    write: (virtual, value, index) => virtual.setLr(index, value & 0x3ff, highHalfOf(value)),
  },
  GICH_LR_ABSENT: {
    offset: 0x100 + 4 * LIST_REGISTERS,
    width: 4,
    count: MAX_LIST_REGISTERS - LIST_REGISTERS,
    doc: 'List registers beyond those that VTR announces',
    status: 'reserved',
  },
});

// A list register of a GICv2 has the same fields as one of a GICv3, closer together: virtual
// INTID 9..0, physical INTID (or sender, and EOI in the top bit) 19..10, priority 27..23,
// state 29..28, group 30, HW 31.

/** GICH_LR of the two halves that the virtual interface keeps. */
export function listRegisterV2(low: number, high: number): number {
  return (
    ((low & 0x3ff) |
      ((high & 0x3ff) << 10) |
      (((high >>> 19) & 0x1f) << 23) |
      ((high >>> 30) << 28) |
      (((high >>> 28) & 1) << 30) |
      (((high >>> 29) & 1) << 31)) >>>
    0
  );
}

function highHalfOf(value: number): number {
  return (
    (((value >>> 10) & 0x3ff) |
      (((value >>> 23) & 0x1f) << 19) |
      (((value >>> 30) & 1) << 28) |
      (((value >>> 31) & 1) << 29) |
      (((value >>> 28) & 3) << 30)) >>>
    0
  );
}
