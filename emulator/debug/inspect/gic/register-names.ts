// The registers that sentences name. GICv2 and GICv3 keep the same facts in different places.

import { hex } from '../../../base/address.ts';

export type GicVersion = 2 | 3;

/** What decides whether the distributor forwards an interrupt. */
export const enableBit = (version: GicVersion, intid: number): string =>
  version === 3 && intid < 32
    ? `bit ${intid} of GICR_ISENABLER0`
    : `bit ${intid & 31} of GICD_ISENABLER${intid >>> 5}`;

/** The CPU interface's registers as the software that uses it knows them: physical, or virtual for a guest. */
export function interfaceRegisters(version: GicVersion) {
  return version === 3
    ? {
        priorityMask: 'ICC_PMR_EL1',
        runningPriority: 'ICC_RPR_EL1',
        groupEnable: (group: number) => `ICC_IGRPEN${group}_EL1.Enable`,
        binaryPoint: (group: number) => `ICC_BPR${group}_EL1`,
        end: (group: number, isSplit: boolean) => (isSplit ? 'ICC_DIR_EL1' : `ICC_EOIR${group}_EL1`),
        mode: 'ICC_CTLR_EL1.EOImode',
        highestPending: (group: number) => `ICC_HPPIR${group}_EL1`,
      }
    : {
        priorityMask: 'GICC_PMR',
        runningPriority: 'GICC_RPR',
        groupEnable: (group: number) => `GICC_CTLR.EnableGrp${group}`,
        binaryPoint: (group: number) => (group === 0 ? 'GICC_BPR' : 'GICC_ABPR'),
        end: (_group: number, isSplit: boolean) => (isSplit ? 'GICC_DIR' : 'GICC_EOIR'),
        mode: 'GICC_CTLR.EOImode',
        highestPending: (_group: number) => 'GICC_HPPIR',
      };
}

/** The hypervisor's registers of the virtual CPU interface. */
export function hypervisorRegisters(version: GicVersion) {
  return version === 3
    ? {
        control: 'ICH_HCR_EL2',
        machine: 'ICH_VMCR_EL2',
        listRegister: (index: number) => `ICH_LR${index}_EL2`,
      }
    : { control: 'GICH_HCR', machine: 'GICH_VMCR', listRegister: (index: number) => `GICH_LR${index}` };
}

/** A priority or another byte: two digits. */
export const byte = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;

export const word = (value: number): string => hex(value >>> 0);
