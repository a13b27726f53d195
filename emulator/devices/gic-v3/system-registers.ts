// The system registers of a GICv3 (IHI 0069, 12.2 to 12.4), one row each. A row has the physical
// meaning (ICC, ICH) and, where HCR_EL2 can redirect EL1, the virtual one (ICV).
//
// Access checks and the choice between the two are in `cpu-interface.ts`, by the row's group.
// Registers beyond what five priority bits and four list registers need are UNDEFINED.

import { SPURIOUS } from '../gic/interrupt-bank.ts';
import { LIST_REGISTERS } from '../gic/virtual-interface.ts';
import type { GicV3CpuInterface } from './cpu-interface.ts';

/**
 * Who may reach the register, and what redirects it: `common` to both groups, `deactivate` is
 * ICC_DIR_EL1 with a trap of its own, `sgi` is never virtual, `enable` is ICC_SRE_EL1,
 * `hypervisor` is for EL2 only.
 */
export type GicRegisterGroup =
  | 'common'
  | 'group0'
  | 'group1'
  | 'deactivate'
  | 'sgi'
  | 'enable'
  | 'hypervisor';

export interface GicSystemRegister {
  readonly name: string;
  /** As in `MRS Xt, S3_0_C12_C12_0`. */
  readonly encoding: string;
  readonly doc: string;
  readonly group: GicRegisterGroup;
  /** Not there in this implementation: access is UNDEFINED. */
  readonly status?: 'undefined';
  readonly read?: (gic: GicV3CpuInterface) => number;
  readonly readHigh?: (gic: GicV3CpuInterface) => number;
  readonly write?: (gic: GicV3CpuInterface, low: number, high: number) => void;
  readonly readVirtual?: (gic: GicV3CpuInterface) => number;
  readonly writeVirtual?: (gic: GicV3CpuInterface, low: number, high: number) => void;
  /** Without side effects, where `read` has some. */
  readonly peek?: (gic: GicV3CpuInterface) => number;
  readonly peekVirtual?: (gic: GicV3CpuInterface) => number;
}

// ICC_CTLR_EL1: 16-bit Aff3 routing (A3V), 24 INTID bits, five priority bits.
const CTLR_FIXED = (1 << 15) | (1 << 11) | (4 << 8);
const CTLR_CBPR = 1;
const CTLR_EOIMODE = 2;
/** SRE, DFB, DIB: system registers only, no bypass. EL2 adds Enable: EL1 may use them. */
const SRE_EL1 = 7;
const SRE_EL2 = 0xf;
/** Five priority and preemption bits, 24 INTID bits, A3V, no direct injection (nV4), DIR trap (TDS). */
const ICH_VTR =
  ((4 << 29) | (4 << 26) | (1 << 23) | (1 << 21) | (1 << 20) | (1 << 19) | (LIST_REGISTERS - 1)) >>> 0;

export const gicSystemRegisters: readonly GicSystemRegister[] = [
  {
    name: 'ICC_PMR_EL1',
    encoding: 'S3_0_C4_C6_0',
    doc: 'Interrupt priority mask',
    group: 'common',
    read: ({ physical }) => physical.priorities.mask,
    write: ({ physical }, low) => {
      physical.priorities.setMask(low);
      physical.refresh();
    },
    readVirtual: ({ virtual }) => virtual.priorities.mask,
    writeVirtual: ({ virtual }, low) => {
      virtual.priorities.setMask(low);
      virtual.refresh();
    },
  },
  {
    name: 'ICC_CTLR_EL1',
    encoding: 'S3_0_C12_C12_4',
    doc: 'CPU interface control',
    group: 'common',
    read: ({ physical }) => controlBits(physical),
    write: ({ physical }, low) => {
      physical.priorities.commonBinaryPoint = (low & CTLR_CBPR) !== 0;
      physical.splitEoi = (low & CTLR_EOIMODE) !== 0;
      physical.refresh();
    },
    readVirtual: ({ virtual }) => controlBits(virtual),
    writeVirtual: ({ virtual }, low) => {
      virtual.priorities.commonBinaryPoint = (low & CTLR_CBPR) !== 0;
      virtual.splitEoi = (low & CTLR_EOIMODE) !== 0;
      virtual.refresh();
    },
  },
  {
    name: 'ICC_RPR_EL1',
    encoding: 'S3_0_C12_C11_3',
    doc: 'Running priority',
    group: 'common',
    read: ({ physical }) => physical.priorities.running(),
    readVirtual: ({ virtual }) => virtual.priorities.running(),
  },
  {
    name: 'ICC_DIR_EL1',
    encoding: 'S3_0_C12_C11_1',
    doc: 'Deactivate interrupt',
    group: 'deactivate',
    write: (gic, low) => {
      const intid = low & 0xff_ffff;
      if (gic.isInterrupt(intid)) gic.physical.deactivate(intid);
    },
    writeVirtual: ({ virtual }, low) => virtual.deactivate(low & 0xff_ffff),
  },
  {
    name: 'ICC_SRE_EL1',
    encoding: 'S3_0_C12_C12_5',
    doc: 'System register enable: always on',
    group: 'enable',
    read: () => SRE_EL1,
    write: () => {},
  },
  {
    name: 'ICC_SGI1R_EL1',
    encoding: 'S3_0_C12_C11_5',
    doc: 'Send an SGI of group 1',
    group: 'sgi',
    write: (gic, low, high) => gic.sendSgi(1, low, high),
  },
  {
    // The other security state does not exist, so its group 1 is our group 0.
    name: 'ICC_ASGI1R_EL1',
    encoding: 'S3_0_C12_C11_6',
    doc: 'Send an SGI of the other security state',
    group: 'sgi',
    write: (gic, low, high) => gic.sendSgi(0, low, high),
  },
  {
    name: 'ICC_SGI0R_EL1',
    encoding: 'S3_0_C12_C11_7',
    doc: 'Send an SGI of group 0',
    group: 'sgi',
    write: (gic, low, high) => gic.sendSgi(0, low, high),
  },
  ...groupRegisters(0, {
    acknowledge: 'S3_0_C12_C8_0',
    end: 'S3_0_C12_C8_1',
    highestPending: 'S3_0_C12_C8_2',
    binaryPoint: 'S3_0_C12_C8_3',
    enable: 'S3_0_C12_C12_6',
  }),
  ...groupRegisters(1, {
    acknowledge: 'S3_0_C12_C12_0',
    end: 'S3_0_C12_C12_1',
    highestPending: 'S3_0_C12_C12_2',
    binaryPoint: 'S3_0_C12_C12_3',
    enable: 'S3_0_C12_C12_7',
  }),
  {
    name: 'ICC_AP0R0_EL1',
    encoding: 'S3_0_C12_C8_4',
    doc: 'Active priorities of group 0',
    group: 'group0',
    read: ({ physical }) => physical.priorities.active0,
    write: ({ physical }, low) => {
      physical.priorities.active0 = low;
      physical.refresh();
    },
    readVirtual: ({ virtual }) => virtual.priorities.active0,
    writeVirtual: ({ virtual }, low) => {
      virtual.priorities.active0 = low;
      virtual.refresh();
    },
  },
  absent('ICC_AP0R1_EL1', 'S3_0_C12_C8_5', 'group0'),
  absent('ICC_AP0R2_EL1', 'S3_0_C12_C8_6', 'group0'),
  absent('ICC_AP0R3_EL1', 'S3_0_C12_C8_7', 'group0'),
  {
    name: 'ICC_AP1R0_EL1',
    encoding: 'S3_0_C12_C9_0',
    doc: 'Active priorities of group 1',
    group: 'group1',
    read: ({ physical }) => physical.priorities.active1,
    write: ({ physical }, low) => {
      physical.priorities.active1 = low;
      physical.refresh();
    },
    readVirtual: ({ virtual }) => virtual.priorities.active1,
    writeVirtual: ({ virtual }, low) => {
      virtual.priorities.active1 = low;
      virtual.refresh();
    },
  },
  absent('ICC_AP1R1_EL1', 'S3_0_C12_C9_1', 'group1'),
  absent('ICC_AP1R2_EL1', 'S3_0_C12_C9_2', 'group1'),
  absent('ICC_AP1R3_EL1', 'S3_0_C12_C9_3', 'group1'),
  {
    name: 'ICC_SRE_EL2',
    encoding: 'S3_4_C12_C9_5',
    doc: 'System register enable for EL2: always on, EL1 included',
    group: 'hypervisor',
    read: () => SRE_EL2,
    write: () => {},
  },
  {
    name: 'ICH_AP0R0_EL2',
    encoding: 'S3_4_C12_C8_0',
    doc: 'Virtual active priorities of group 0',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.priorities.active0,
    write: ({ virtual }, low) => {
      virtual.priorities.active0 = low;
      virtual.refresh();
    },
  },
  absent('ICH_AP0R1_EL2', 'S3_4_C12_C8_1', 'hypervisor'),
  absent('ICH_AP0R2_EL2', 'S3_4_C12_C8_2', 'hypervisor'),
  absent('ICH_AP0R3_EL2', 'S3_4_C12_C8_3', 'hypervisor'),
  {
    name: 'ICH_AP1R0_EL2',
    encoding: 'S3_4_C12_C9_0',
    doc: 'Virtual active priorities of group 1',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.priorities.active1,
    write: ({ virtual }, low) => {
      virtual.priorities.active1 = low;
      virtual.refresh();
    },
  },
  absent('ICH_AP1R1_EL2', 'S3_4_C12_C9_1', 'hypervisor'),
  absent('ICH_AP1R2_EL2', 'S3_4_C12_C9_2', 'hypervisor'),
  absent('ICH_AP1R3_EL2', 'S3_4_C12_C9_3', 'hypervisor'),
  {
    name: 'ICH_HCR_EL2',
    encoding: 'S3_4_C12_C11_0',
    doc: 'Control of the virtual CPU interface',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.control,
    write: ({ virtual }, low) => virtual.setControl(low),
  },
  {
    name: 'ICH_VTR_EL2',
    encoding: 'S3_4_C12_C11_1',
    doc: 'Type of the virtual CPU interface',
    group: 'hypervisor',
    read: () => ICH_VTR,
  },
  {
    name: 'ICH_MISR_EL2',
    encoding: 'S3_4_C12_C11_2',
    doc: 'Maintenance interrupt status',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.misr(),
  },
  {
    name: 'ICH_EISR_EL2',
    encoding: 'S3_4_C12_C11_3',
    doc: 'List registers whose end of interrupt asked for maintenance',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.eisr(),
  },
  {
    name: 'ICH_ELRSR_EL2',
    encoding: 'S3_4_C12_C11_5',
    doc: 'Empty list registers',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.elrsr(),
  },
  {
    name: 'ICH_VMCR_EL2',
    encoding: 'S3_4_C12_C11_7',
    doc: "The guest's control of its CPU interface",
    group: 'hypervisor',
    read: ({ virtual }) => virtual.readVmcr(),
    write: ({ virtual }, low) => virtual.writeVmcr(low),
  },
  ...Array.from({ length: 16 }, (_, index) => listRegister(index)),
];

const byName = new Map(gicSystemRegisters.map((register) => [register.name, register]));

/** A row by the register's name, such as `ICC_IAR1_EL1`. */
export function gicSystemRegister(name: string): GicSystemRegister | undefined {
  return byName.get(name);
}

interface GroupEncodings {
  readonly acknowledge: string;
  readonly end: string;
  readonly highestPending: string;
  readonly binaryPoint: string;
  readonly enable: string;
}

/** The five registers that exist once for each interrupt group. */
function groupRegisters(number: 0 | 1, encodings: GroupEncodings): GicSystemRegister[] {
  const group = number === 0 ? 'group0' : 'group1';
  const bit = 1 << number;
  return [
    {
      name: `ICC_IAR${number}_EL1`,
      encoding: encodings.acknowledge,
      doc: 'Interrupt acknowledge',
      group,
      read: ({ physical }) => physical.acknowledge(number),
      peek: ({ physical }) => physical.acknowledgeable(number),
      readVirtual: ({ virtual }) => intidOf(virtual, virtual.acknowledge(number)),
      peekVirtual: ({ virtual }) => intidOf(virtual, virtual.acknowledgeable(number)),
    },
    {
      name: `ICC_EOIR${number}_EL1`,
      encoding: encodings.end,
      doc: 'End of interrupt',
      group,
      write: (gic, low) => {
        const intid = low & 0xff_ffff;
        if (!gic.isInterrupt(intid)) return;
        // An end for the other group, or with nothing active, is a guest's mistake: ignored.
        if (gic.physical.priorities.highestActiveGroup() === number) gic.physical.endInterrupt(intid);
      },
      writeVirtual: ({ virtual }, low) => virtual.endInterrupt(low & 0xff_ffff, number),
    },
    {
      name: `ICC_HPPIR${number}_EL1`,
      encoding: encodings.highestPending,
      doc: 'Highest priority pending interrupt',
      group,
      read: ({ physical }) => physical.highestPending(number),
      readVirtual: ({ virtual }) => virtual.highestPending(number),
    },
    {
      name: `ICC_BPR${number}_EL1`,
      encoding: encodings.binaryPoint,
      doc: 'Binary point',
      group,
      read: ({ physical }) => readBinaryPoint(physical, number),
      write: ({ physical }, low) => writeBinaryPoint(physical, number, low),
      readVirtual: ({ virtual }) => readBinaryPoint(virtual, number),
      writeVirtual: ({ virtual }, low) => writeBinaryPoint(virtual, number, low),
    },
    {
      name: `ICC_IGRPEN${number}_EL1`,
      encoding: encodings.enable,
      doc: 'Interrupt group enable',
      group,
      read: ({ physical }) => (physical.enables >>> number) & 1,
      write: ({ physical }, low) => {
        physical.setEnables((low & 1) !== 0 ? physical.enables | bit : physical.enables & ~bit);
      },
      readVirtual: ({ virtual }) => (virtual.enables >>> number) & 1,
      writeVirtual: ({ virtual }, low) => {
        virtual.setEnables((low & 1) !== 0 ? virtual.enables | bit : virtual.enables & ~bit);
      },
    },
  ];
}

type Interface = GicV3CpuInterface['physical'] | GicV3CpuInterface['virtual'];

function controlBits({ priorities, splitEoi }: Interface): number {
  return CTLR_FIXED | (splitEoi ? CTLR_EOIMODE : 0) | (priorities.commonBinaryPoint ? CTLR_CBPR : 0);
}

function readBinaryPoint({ priorities }: Interface, group: 0 | 1): number {
  return group === 0 ? priorities.binaryPoint0 : priorities.readBinaryPoint1();
}

function writeBinaryPoint(side: Interface, group: 0 | 1, value: number): void {
  if (group === 0) side.priorities.setBinaryPoint0(value);
  else side.priorities.writeBinaryPoint1(value);
  side.refresh();
}

function intidOf(virtual: GicV3CpuInterface['virtual'], listRegisterIndex: number): number {
  return listRegisterIndex < 0 ? SPURIOUS : virtual.lrLow(listRegisterIndex);
}

function listRegister(index: number): GicSystemRegister {
  const name = `ICH_LR${index}_EL2`;
  const encoding = `S3_4_C12_C${index < 8 ? 12 : 13}_${index & 7}`;
  if (index >= LIST_REGISTERS) return absent(name, encoding, 'hypervisor');
  return {
    name,
    encoding,
    doc: 'List register',
    group: 'hypervisor',
    read: ({ virtual }) => virtual.lrLow(index),
    readHigh: ({ virtual }) => virtual.lrHigh(index),
    write: ({ virtual }, low, high) => virtual.setLr(index, low, high),
  };
}

function absent(name: string, encoding: string, group: GicRegisterGroup): GicSystemRegister {
  return { name, encoding, doc: 'Not implemented: UNDEFINED', group, status: 'undefined' };
}
