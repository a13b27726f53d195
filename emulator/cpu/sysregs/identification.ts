// Identification: MIDR, MPIDR, ID_*, caches. DDI 0487, D17 "General system control registers".

import { DCZID_EL0, MIDR_EL1, MPIDR_EL1, VMPIDR_EL2, VPIDR_EL2 } from '../../memory/layout.ts';
import { coreIdentities, type FeatureSet, idRegister } from '../features.ts';
import {
  el0Unless,
  type RegisterContext,
  systemRegister,
  type SystemRegisterRow,
  trapBelowEl2,
  trapOnEl1,
} from './define.ts';
import {
  affinity,
  cacheGeometry,
  cacheLevels,
  cacheSelection,
  cacheSizeWords,
  cacheType,
  featureFields,
  mainId,
  zeroBlock,
} from './feature-fields.ts';
import { aarch32Only, implementationDefined, notThere, reservedZero } from './words.ts';

const identity = (features: FeatureSet) => coreIdentities[features.model];

/** MPIDR_EL1 of a CPU: Aff0 numbers within a cluster of 16 with a GICv3, of 8 with a GICv2. */
export function mpidrOf(features: FeatureSet, cpu: number): bigint {
  const cluster = features.gicV3 ? 16 : 8;
  return 0x8000_0000n | BigInt((Math.floor(cpu / cluster) << 8) | (cpu % cluster));
}

/** Names of S3_0_C0_C<crm>_<op2>; those without a name are reserved and read as zero. */
const ID_NAMES: Readonly<Record<string, string>> = {
  '1_0': 'ID_PFR0_EL1',
  '1_1': 'ID_PFR1_EL1',
  '1_2': 'ID_DFR0_EL1',
  '1_3': 'ID_AFR0_EL1',
  '1_4': 'ID_MMFR0_EL1',
  '1_5': 'ID_MMFR1_EL1',
  '1_6': 'ID_MMFR2_EL1',
  '1_7': 'ID_MMFR3_EL1',
  '2_0': 'ID_ISAR0_EL1',
  '2_1': 'ID_ISAR1_EL1',
  '2_2': 'ID_ISAR2_EL1',
  '2_3': 'ID_ISAR3_EL1',
  '2_4': 'ID_ISAR4_EL1',
  '2_5': 'ID_ISAR5_EL1',
  '2_6': 'ID_MMFR4_EL1',
  '2_7': 'ID_ISAR6_EL1',
  '3_0': 'MVFR0_EL1',
  '3_1': 'MVFR1_EL1',
  '3_2': 'MVFR2_EL1',
  '3_4': 'ID_PFR2_EL1',
  '3_5': 'ID_DFR1_EL1',
  '3_6': 'ID_MMFR5_EL1',
  '4_0': 'ID_AA64PFR0_EL1',
  '4_1': 'ID_AA64PFR1_EL1',
  '4_4': 'ID_AA64ZFR0_EL1',
  '4_5': 'ID_AA64SMFR0_EL1',
  '5_0': 'ID_AA64DFR0_EL1',
  '5_1': 'ID_AA64DFR1_EL1',
  '5_4': 'ID_AA64AFR0_EL1',
  '5_5': 'ID_AA64AFR1_EL1',
  '6_0': 'ID_AA64ISAR0_EL1',
  '6_1': 'ID_AA64ISAR1_EL1',
  '6_2': 'ID_AA64ISAR2_EL1',
  '7_0': 'ID_AA64MMFR0_EL1',
  '7_1': 'ID_AA64MMFR1_EL1',
  '7_2': 'ID_AA64MMFR2_EL1',
};

/** What an ID register says: its fields, or that there is nothing to say. */
function described(name: string): Pick<SystemRegisterRow, 'fields' | 'whole'> {
  const fields = featureFields[name];
  if (fields !== undefined) return { fields };
  if (name.startsWith('S3')) return { whole: reservedZero };
  if (name === 'ID_AA64ZFR0_EL1') return { whole: notThere('SVE') };
  if (name === 'ID_AA64SMFR0_EL1') return { whole: notThere('SME') };
  if (name === 'ID_AA64DFR1_EL1') return { whole: notThere('debug beyond ID_AA64DFR0_EL1') };
  return { whole: name.startsWith('ID_AA64') ? implementationDefined : aarch32Only };
}

/** The whole of group 3 (HCR_EL2.TID3). The AArch32 ones read as zero: no EL can use AArch32. */
function idRows(): SystemRegisterRow[] {
  const rows: SystemRegisterRow[] = [];
  for (let crm = 1; crm <= 7; crm++) {
    for (let op2 = 0; op2 <= 7; op2++) {
      const name = ID_NAMES[`${crm}_${op2}`] ?? `S3_0_C0_C${crm}_${op2}`;
      rows.push(
        systemRegister(name, {
          encoding: `S3_0_C0_C${crm}_${op2}`,
          doc: name.startsWith('S3') ? 'Reserved ID register: zero' : 'Feature ID register',
          minEl: 1,
          access: 'ro',
          ...described(name),
          traps: [trapOnEl1('HCR_EL2.TID3')],
          reset: (features) => idRegister(features, name),
        }),
      );
    }
  }
  return rows;
}

const cacheSize = ({ low, features }: RegisterContext): number =>
  Number(identity(features).ccsidr[low('CSSELR_EL1') & 0xf] ?? 0n);

export const identificationRegisters: readonly SystemRegisterRow[] = [
  systemRegister('MIDR_EL1', {
    encoding: 'S3_0_C0_C0_0',
    doc: 'Main ID; EL1 sees VPIDR_EL2',
    minEl: 1,
    access: 'ro',
    slot: MIDR_EL1,
    kernel: 'read',
    reset: (features) => identity(features).midr,
    fields: mainId,
  }),
  systemRegister('MPIDR_EL1', {
    encoding: 'S3_0_C0_C0_5',
    doc: 'Multiprocessor affinity; EL1 sees VMPIDR_EL2',
    minEl: 1,
    access: 'ro',
    slot: MPIDR_EL1,
    kernel: 'read',
    reset: mpidrOf,
    fields: affinity,
  }),
  systemRegister('REVIDR_EL1', {
    encoding: 'S3_0_C0_C0_6',
    doc: 'Revision ID',
    whole: {},
    minEl: 1,
    access: 'ro',
    traps: [trapOnEl1('HCR_EL2.TID1')],
    reset: (features) => identity(features).revidr,
  }),
  systemRegister('AIDR_EL1', {
    encoding: 'S3_1_C0_C0_7',
    doc: 'Auxiliary ID',
    whole: implementationDefined,
    minEl: 1,
    access: 'ro',
    traps: [trapOnEl1('HCR_EL2.TID1')],
  }),
  systemRegister('VPIDR_EL2', {
    encoding: 'S3_4_C0_C0_0',
    doc: 'What EL1 reads as MIDR_EL1',
    fields: mainId,
    minEl: 2,
    access: 'rw',
    slot: VPIDR_EL2,
    reset: (features) => identity(features).midr,
  }),
  systemRegister('VMPIDR_EL2', {
    encoding: 'S3_4_C0_C0_5',
    doc: 'What EL1 reads as MPIDR_EL1',
    fields: affinity,
    minEl: 2,
    access: 'rw',
    slot: VMPIDR_EL2,
    reset: mpidrOf,
  }),
  ...idRows(),
  systemRegister('CTR_EL0', {
    encoding: 'S3_3_C0_C0_1',
    doc: 'Cache type',
    minEl: 0,
    access: 'ro',
    traps: [el0Unless('SCTLR_EL1.UCT'), trapBelowEl2('HCR_EL2.TID2')],
    reset: (features) => identity(features).ctr,
    fields: cacheType,
  }),
  systemRegister('DCZID_EL0', {
    encoding: 'S3_3_C0_C0_7',
    doc: 'Data cache zero ID: blocks of 64 bytes',
    minEl: 0,
    access: 'ro',
    slot: DCZID_EL0,
    kernel: 'read',
    reset: 4n,
    fields: zeroBlock,
  }),
  systemRegister('CLIDR_EL1', {
    encoding: 'S3_1_C0_C0_1',
    doc: 'Cache levels',
    fields: cacheLevels,
    minEl: 1,
    access: 'ro',
    traps: [trapOnEl1('HCR_EL2.TID2')],
    reset: (features) => identity(features).clidr,
  }),
  systemRegister('CCSIDR_EL1', {
    encoding: 'S3_1_C0_C0_0',
    doc: 'Size of the cache that CSSELR_EL1 selects',
    fields: cacheGeometry,
    whole: { words: cacheSizeWords },
    minEl: 1,
    access: 'ro',
    storage: false,
    traps: [trapOnEl1('HCR_EL2.TID2')],
    read: cacheSize,
  }),
  systemRegister('CSSELR_EL1', {
    encoding: 'S3_2_C0_C0_0',
    doc: 'Cache size selection',
    minEl: 1,
    access: 'rw',
    writable: 0xfn,
    traps: [trapOnEl1('HCR_EL2.TID2')],
    fields: cacheSelection,
  }),
];
