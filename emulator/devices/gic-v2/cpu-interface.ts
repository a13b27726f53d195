// GICC and GICV: the CPU interface of a GICv2 (IHI 0048, 4.4) and its virtual twin (5.5), which a
// hypervisor maps into a guest in place of the first. The registers are the same; what stands
// behind an acknowledge differs.

import type { CpuInterface } from '../gic/cpu-interface.ts';
import { IDLE_PRIORITY, SPURIOUS } from '../gic/interrupt-bank.ts';
import { LR_HW, type VirtualInterface } from '../gic/virtual-interface.ts';
import { registerBlock, type RegisterRow } from '../register-block.ts';

/** What IAR reads when the pending interrupt is of group 1 and AckCtl does not allow it here. */
const GROUP_1_PENDING = 1022;
/** Architecture version 2, implementer Arm. */
const IIDR = 0x0002_043b;

const CTLR_ENABLES = 3;
const CTLR_ACKCTL = 1 << 2;
const CTLR_FIQEN = 1 << 3;
const CTLR_CBPR = 1 << 4;
const CTLR_EOIMODE = 1 << 9;
const INTID_MASK = 0x3ff;

/** What differs between the physical and the virtual interface. */
interface Behaviour<Side> {
  /** The group of the pending interrupt, or -1. */
  pendingGroup(side: Side): number;
  /** Value of IAR for a group; `peek` leaves the state alone. */
  acknowledge(side: Side, group: number): number;
  peek(side: Side, group: number): number;
  end(side: Side, intid: number): void;
}

const physical: Behaviour<CpuInterface> = {
  pendingGroup: (side) => (side.pendingIntid === SPURIOUS ? -1 : side.pendingGroup),
  acknowledge: (side, group) => side.acknowledge(group),
  peek: (side, group) => side.acknowledgeable(group),
  end: (side, intid) => {
    // Ending what is not active is a guest's mistake: ignored.
    if (intid < 1020 && side.priorities.running() !== IDLE_PRIORITY) side.endInterrupt(intid);
  },
};

const virtual: Behaviour<VirtualInterface> = {
  pendingGroup: (side) => side.pendingGroup(),
  acknowledge: (side, group) => listRegisterAsIar(side, side.acknowledge(group)),
  peek: (side, group) => listRegisterAsIar(side, side.acknowledgeable(group)),
  end: (side, intid) => side.endInterrupt(intid, -1),
};

/** GICC. */
export const cpuInterfaceRegisters = registerBlock<CpuInterface>('gicc', 0x2000, rows('GICC', physical));
/** GICV. */
export const virtualCpuInterfaceRegisters = registerBlock<VirtualInterface>(
  'gicv',
  0x2000,
  rows('GICV', virtual),
);

function rows<Side extends CpuInterface | VirtualInterface>(
  prefix: string,
  behaviour: Behaviour<Side>,
): Record<string, RegisterRow<Side>> {
  return {
    [`${prefix}_CTLR`]: {
      offset: 0x000,
      width: 4,
      doc: 'CPU interface control; the bypass bits are RES0',
      read: (side) =>
        side.enables |
        (side.acknowledgeControl ? CTLR_ACKCTL : 0) |
        (side.group0IsFiq ? CTLR_FIQEN : 0) |
        (side.priorities.commonBinaryPoint ? CTLR_CBPR : 0) |
        (side.splitEoi ? CTLR_EOIMODE : 0),
      write: (side, value) => {
        side.acknowledgeControl = (value & CTLR_ACKCTL) !== 0;
        side.priorities.commonBinaryPoint = (value & CTLR_CBPR) !== 0;
        side.splitEoi = (value & CTLR_EOIMODE) !== 0;
        side.setGroup0IsFiq((value & CTLR_FIQEN) !== 0);
        side.setEnables(value & CTLR_ENABLES);
      },
    },
    [`${prefix}_PMR`]: {
      offset: 0x004,
      width: 4,
      doc: 'Interrupt priority mask',
      read: (side) => side.priorities.mask,
      write: (side, value) => {
        side.priorities.setMask(value);
        side.refresh();
      },
    },
    [`${prefix}_BPR`]: {
      offset: 0x008,
      width: 4,
      doc: 'Binary point',
      read: (side) => side.priorities.binaryPoint0,
      write: (side, value) => {
        side.priorities.setBinaryPoint0(value);
        side.refresh();
      },
    },
    [`${prefix}_IAR`]: {
      offset: 0x00c,
      width: 4,
      doc: 'Interrupt acknowledge',
      read: (side) => interruptAcknowledge(side, behaviour, 'acknowledge'),
      peek: (side) => interruptAcknowledge(side, behaviour, 'peek'),
    },
    [`${prefix}_EOIR`]: {
      offset: 0x010,
      width: 4,
      doc: 'End of interrupt',
      write: (side, value) => behaviour.end(side, value & INTID_MASK),
    },
    [`${prefix}_RPR`]: {
      offset: 0x014,
      width: 4,
      doc: 'Running priority',
      read: (side) => side.priorities.running(),
    },
    [`${prefix}_HPPIR`]: {
      offset: 0x018,
      width: 4,
      doc: 'Highest priority pending interrupt',
      read: (side) => {
        const group = behaviour.pendingGroup(side);
        if (group === 1 && !side.acknowledgeControl) return GROUP_1_PENDING;
        return group < 0 ? SPURIOUS : side.highestPending(group);
      },
    },
    [`${prefix}_ABPR`]: {
      offset: 0x01c,
      width: 4,
      doc: 'Aliased binary point: of group 1',
      read: (side) => side.priorities.binaryPoint1,
      write: (side, value) => {
        side.priorities.setBinaryPoint1(value);
        side.refresh();
      },
    },
    [`${prefix}_AIAR`]: {
      offset: 0x020,
      width: 4,
      doc: 'Aliased interrupt acknowledge: of group 1',
      read: (side) => behaviour.acknowledge(side, 1),
      peek: (side) => behaviour.peek(side, 1),
    },
    [`${prefix}_AEOIR`]: {
      offset: 0x024,
      width: 4,
      doc: 'Aliased end of interrupt: of group 1',
      write: (side, value) => behaviour.end(side, value & INTID_MASK),
    },
    [`${prefix}_AHPPIR`]: {
      offset: 0x028,
      width: 4,
      doc: 'Aliased highest priority pending interrupt: of group 1',
      read: (side) => side.highestPending(1),
    },
    [`${prefix}_APR0`]: {
      offset: 0x0d0,
      width: 4,
      doc: 'Active priorities of both groups',
      read: (side) => side.priorities.active0,
      write: (side, value) => {
        side.priorities.active0 = value;
        side.refresh();
      },
    },
    [`${prefix}_APR1_3`]: {
      offset: 0x0d4,
      width: 4,
      count: 3,
      doc: 'Active priorities beyond five bits of priority',
      status: 'reserved',
    },
    [`${prefix}_NSAPR`]: {
      offset: 0x0e0,
      width: 4,
      count: 4,
      doc: 'Non-secure active priorities: RES0 without security',
      status: 'reserved',
    },
    [`${prefix}_IIDR`]: { offset: 0x0fc, width: 4, doc: 'Identification', read: () => IIDR },
    [`${prefix}_DIR`]: {
      offset: 0x1000,
      width: 4,
      doc: 'Deactivate interrupt',
      write: (side, value) => side.deactivate(value & INTID_MASK),
    },
  };
}

/** IAR takes group 0, and group 1 only with AckCtl; otherwise it says that group 1 waits. */
function interruptAcknowledge<Side extends CpuInterface | VirtualInterface>(
  side: Side,
  behaviour: Behaviour<Side>,
  how: 'acknowledge' | 'peek',
): number {
  const group = behaviour.pendingGroup(side);
  if (group < 0) return SPURIOUS;
  if (group === 1 && !side.acknowledgeControl) {
    return behaviour.peek(side, 1) === SPURIOUS ? SPURIOUS : GROUP_1_PENDING;
  }
  return behaviour[how](side, group);
}

/** The virtual INTID, and for an SGI of the hypervisor the CPU it claims to come from. */
function listRegisterAsIar(side: VirtualInterface, index: number): number {
  if (index < 0) return SPURIOUS;
  const high = side.lrHigh(index);
  const sender = (high & LR_HW) === 0 ? high & 7 : 0;
  return side.lrLow(index) | (sender << 10);
}
