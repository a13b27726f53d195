// Translation: tables, their control, memory attributes, fault addresses. DDI 0487, D17.2.

import {
  CONTEXTIDR_EL1,
  ESR_EL1,
  ESR_EL2,
  FAR_EL1,
  FAR_EL2,
  HPFAR_EL2,
  MAIR_EL1,
  MAIR_EL2,
  PAR_EL1,
  TCR_EL1,
  TCR_EL2,
  TTBR0_EL1,
  TTBR0_EL2,
  TTBR1_EL1,
  VTCR_EL2,
  VTTBR_EL2,
} from '../../memory/layout.ts';
import {
  bit,
  bits,
  type Fields,
  systemRegister,
  type SystemRegisterRow,
  virtualMemoryTraps,
} from './define.ts';
import { faultStatus, syndromeFields, syndromeVariant, syndromeWords } from './syndrome.ts';
import {
  addressShifted,
  addressSize,
  granule0,
  granule1,
  implementationDefined,
  memoryAttribute,
  memoryAttributes,
  rangeSize,
  shareability,
  virtualAddress,
  walkCacheability,
} from './words.ts';

const baseAddress = bits(47, 1, 'Base of the tables', addressShifted(1));
const commonNotPrivate = bit(0, 'Entries are shared by CPUs (CnP): TLBs are not');
const tableBase: Fields = { ASID: bits(63, 48, 'Address space'), BADDR: baseAddress, CnP: commonNotPrivate };

const walks = ['on', 'off: translation fault'] as const;
const topByte = ['is part of the address', 'is ignored'] as const;

/** How walks from one table base access memory, and their granule. */
const walkControl = (suffix: '0' | '1', low: number): Fields => ({
  [`IRGN${suffix}`]: bits(low + 1, low, 'Inner cacheability of walks', walkCacheability),
  [`ORGN${suffix}`]: bits(low + 3, low + 2, 'Outer cacheability of walks', walkCacheability),
  [`SH${suffix}`]: bits(low + 5, low + 4, 'Shareability of walks', shareability),
});

const translationControl: Fields = {
  T0SZ: bits(5, 0, '64 less the bits of the lower range', rangeSize),
  EPD0: bit(7, 'Walks through TTBR0', walks),
  ...walkControl('0', 8),
  TG0: bits(15, 14, 'Granule of the lower range', granule0),
  T1SZ: bits(21, 16, '64 less the bits of the upper range', rangeSize),
  A1: bit(22, 'The ASID is that of', ['TTBR0', 'TTBR1']),
  EPD1: bit(23, 'Walks through TTBR1', walks),
  ...walkControl('1', 24),
  TG1: bits(31, 30, 'Granule of the upper range', granule1),
  IPS: bits(34, 32, 'Size of the output address', addressSize),
  AS: bit(36, 'ASIDs have', ['8 bits', '16 bits']),
  TBI0: bit(37, 'The top byte in the lower range', topByte),
  TBI1: bit(38, 'The top byte in the upper range', topByte),
  HA: bit(39, 'Access flag set by hardware: not there'),
  HD: bit(40, 'Dirty state set by hardware: not there'),
  HPD0: bit(41, 'Hierarchical permissions of the lower range off: not there'),
  HPD1: bit(42, 'Hierarchical permissions of the upper range off: not there'),
};

/** First level of stage 2 by SL0, for granules of 4 KiB, and of 16 and 64 KiB. DDI 0487, VTCR_EL2. */
const FIRST_LEVELS = [
  [2, 1, 0, 3],
  [3, 2, 1, 0],
] as const;
const firstLevel = (value: bigint, register: bigint): string => {
  const granule4K = ((register >> 14n) & 3n) === 0n;
  return `level ${FIRST_LEVELS[granule4K ? 0 : 1][Number(value)]}`;
};

/** PAR_EL1 has two layouts: the address, or why there is none. */
const translationResult = (value: bigint): Fields =>
  (value & 1n) === 0n
    ? {
        SH: bits(8, 7, 'Shareability', shareability),
        NS: bit(9, 'Non-secure'),
        PA: bits(47, 12, 'Output address', addressShifted(12)),
        ATTR: bits(63, 56, 'Memory attributes', memoryAttribute),
      }
    : {
        FST: bits(6, 1, 'Fault status', faultStatus),
        PTW: bit(8, 'Stage 2 fault on a table walk of stage 1'),
        S: bit(9, 'The translation failed in', ['stage 1', 'stage 2']),
      };

const syndrome = {
  fields: syndromeFields,
  variant: syndromeVariant,
  whole: { words: syndromeWords },
};

export const translationRegisters: readonly SystemRegisterRow[] = [
  systemRegister('TTBR0_EL1', {
    encoding: 'S3_0_C2_C0_0',
    doc: 'Tables of the lower address range',
    minEl: 1,
    access: 'rw',
    slot: TTBR0_EL1,
    kernel: 'write',
    traps: virtualMemoryTraps,
    fields: tableBase,
  }),
  systemRegister('TTBR1_EL1', {
    encoding: 'S3_0_C2_C0_1',
    doc: 'Tables of the upper address range',
    minEl: 1,
    access: 'rw',
    slot: TTBR1_EL1,
    kernel: 'write',
    traps: virtualMemoryTraps,
    fields: tableBase,
  }),
  systemRegister('TCR_EL1', {
    encoding: 'S3_0_C2_C0_2',
    doc: 'Control of stage 1 of EL1&0',
    minEl: 1,
    access: 'rw',
    slot: TCR_EL1,
    kernel: 'write',
    traps: virtualMemoryTraps,
    fields: translationControl,
  }),
  systemRegister('MAIR_EL1', {
    encoding: 'S3_0_C10_C2_0',
    doc: 'Memory attributes',
    minEl: 1,
    access: 'rw',
    slot: MAIR_EL1,
    traps: virtualMemoryTraps,
    fields: memoryAttributes,
  }),
  systemRegister('AMAIR_EL1', {
    encoding: 'S3_0_C10_C3_0',
    doc: 'Auxiliary memory attributes',
    minEl: 1,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
    traps: virtualMemoryTraps,
  }),
  systemRegister('CONTEXTIDR_EL1', {
    encoding: 'S3_0_C13_C0_1',
    doc: 'Context ID',
    minEl: 1,
    access: 'rw',
    slot: CONTEXTIDR_EL1,
    traps: virtualMemoryTraps,
    fields: { PROCID: bits(31, 0, 'Process, for debuggers and trace') },
  }),
  systemRegister('ESR_EL1', {
    encoding: 'S3_0_C5_C2_0',
    doc: 'Exception syndrome',
    minEl: 1,
    access: 'rw',
    slot: ESR_EL1,
    traps: virtualMemoryTraps,
    ...syndrome,
  }),
  systemRegister('FAR_EL1', {
    encoding: 'S3_0_C6_C0_0',
    doc: 'Fault address',
    minEl: 1,
    access: 'rw',
    slot: FAR_EL1,
    traps: virtualMemoryTraps,
    whole: virtualAddress,
  }),
  systemRegister('AFSR0_EL1', {
    encoding: 'S3_0_C5_C1_0',
    doc: 'Auxiliary fault status',
    minEl: 1,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
    traps: virtualMemoryTraps,
  }),
  systemRegister('AFSR1_EL1', {
    encoding: 'S3_0_C5_C1_1',
    doc: 'Auxiliary fault status',
    minEl: 1,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
    traps: virtualMemoryTraps,
  }),
  systemRegister('PAR_EL1', {
    encoding: 'S3_0_C7_C4_0',
    doc: 'Result of an address translation instruction',
    minEl: 1,
    access: 'rw',
    slot: PAR_EL1,
    fields: { F: bit(0, 'The translation failed') },
    variant: translationResult,
  }),
  // Limited ordering regions: accesses are in program order, so the regions order nothing more.
  systemRegister('LORSA_EL1', {
    encoding: 'S3_0_C10_C4_0',
    doc: 'LORegion start',
    minEl: 1,
    access: 'rw',
    fields: { SA: bits(51, 16, 'First address', addressShifted(16)), Valid: bit(0, 'The region is valid') },
    since: 'FEAT_LOR',
  }),
  systemRegister('LOREA_EL1', {
    encoding: 'S3_0_C10_C4_1',
    doc: 'LORegion end',
    minEl: 1,
    access: 'rw',
    fields: { EA: bits(51, 16, 'Last 64 KiB', addressShifted(16)) },
    since: 'FEAT_LOR',
  }),
  systemRegister('LORN_EL1', {
    encoding: 'S3_0_C10_C4_2',
    doc: 'LORegion number',
    minEl: 1,
    access: 'rw',
    fields: { Num: bits(7, 0, 'Number') },
    since: 'FEAT_LOR',
  }),
  systemRegister('LORC_EL1', {
    encoding: 'S3_0_C10_C4_3',
    doc: 'LORegion control',
    minEl: 1,
    access: 'rw',
    fields: { DS: bits(9, 2, 'Descriptor that the others access'), EN: bit(0, 'LORegions', ['off', 'on']) },
    since: 'FEAT_LOR',
  }),
  systemRegister('LORID_EL1', {
    encoding: 'S3_0_C10_C4_7',
    doc: 'LORegions implemented: none',
    minEl: 1,
    access: 'ro',
    fields: { LD: bits(23, 16, 'Descriptors'), LR: bits(7, 0, 'Regions') },
    since: 'FEAT_LOR',
  }),

  systemRegister('TTBR0_EL2', {
    encoding: 'S3_4_C2_C0_0',
    doc: 'Tables of EL2',
    minEl: 2,
    access: 'rw',
    slot: TTBR0_EL2,
    fields: { BADDR: baseAddress, CnP: commonNotPrivate },
  }),
  systemRegister('TCR_EL2', {
    encoding: 'S3_4_C2_C0_2',
    doc: 'Control of stage 1 of EL2',
    minEl: 2,
    access: 'rw',
    slot: TCR_EL2,
    fields: {
      T0SZ: bits(5, 0, '64 less the bits of a VA', rangeSize),
      ...walkControl('0', 8),
      TG0: bits(15, 14, 'Granule', granule0),
      PS: bits(18, 16, 'Size of the output address', addressSize),
      TBI: bit(20, 'The top byte', topByte),
      HA: bit(21, 'Access flag set by hardware: not there'),
      HD: bit(22, 'Dirty state set by hardware: not there'),
      HPD: bit(24, 'Hierarchical permissions off: not there'),
    },
  }),
  systemRegister('VTTBR_EL2', {
    encoding: 'S3_4_C2_C1_0',
    doc: 'Stage 2 tables and VMID',
    minEl: 2,
    access: 'rw',
    slot: VTTBR_EL2,
    kernel: 'write',
    fields: { VMID: bits(63, 48, 'Virtual machine'), BADDR: baseAddress, CnP: commonNotPrivate },
  }),
  systemRegister('VTCR_EL2', {
    encoding: 'S3_4_C2_C1_2',
    doc: 'Control of stage 2',
    minEl: 2,
    access: 'rw',
    slot: VTCR_EL2,
    kernel: 'write',
    fields: {
      T0SZ: bits(5, 0, '64 less the bits of an IPA', rangeSize),
      SL0: bits(7, 6, 'Walks begin at', firstLevel),
      ...walkControl('0', 8),
      TG0: bits(15, 14, 'Granule', granule0),
      PS: bits(18, 16, 'Size of the output address', addressSize),
      VS: bit(19, 'VMIDs have', ['8 bits', '16 bits']),
      HA: bit(21, 'Access flag set by hardware: not there'),
      HD: bit(22, 'Dirty state set by hardware: not there'),
    },
  }),
  systemRegister('MAIR_EL2', {
    encoding: 'S3_4_C10_C2_0',
    doc: 'Memory attributes',
    minEl: 2,
    access: 'rw',
    slot: MAIR_EL2,
    fields: memoryAttributes,
  }),
  systemRegister('AMAIR_EL2', {
    encoding: 'S3_4_C10_C3_0',
    doc: 'Auxiliary memory attributes',
    minEl: 2,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
  }),
  systemRegister('ESR_EL2', {
    encoding: 'S3_4_C5_C2_0',
    doc: 'Exception syndrome',
    minEl: 2,
    access: 'rw',
    slot: ESR_EL2,
    ...syndrome,
  }),
  systemRegister('FAR_EL2', {
    encoding: 'S3_4_C6_C0_0',
    doc: 'Fault address',
    minEl: 2,
    access: 'rw',
    slot: FAR_EL2,
    whole: virtualAddress,
  }),
  systemRegister('HPFAR_EL2', {
    encoding: 'S3_4_C6_C0_4',
    doc: 'IPA of a stage 2 fault',
    minEl: 2,
    access: 'rw',
    slot: HPFAR_EL2,
    fields: { NS: bit(63, 'Non-secure'), FIPA: bits(43, 4, 'IPA of the page', addressShifted(12)) },
  }),
  systemRegister('AFSR0_EL2', {
    encoding: 'S3_4_C5_C1_0',
    doc: 'Auxiliary fault status',
    minEl: 2,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
  }),
  systemRegister('AFSR1_EL2', {
    encoding: 'S3_4_C5_C1_1',
    doc: 'Auxiliary fault status',
    minEl: 2,
    access: 'rw',
    writable: 0n,
    whole: implementationDefined,
  }),
];
