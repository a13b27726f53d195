// Fields of the AArch64 feature ID registers. DDI 0487, ID_AA64PFR0_EL1 and its siblings. The words
// stand in the order of the values; a value beyond them belongs to a later architecture.

import { bit, bits, type Fields } from './define.ts';
import { addressSize, idField } from './words.ts';

const absentOr = (low: number, doc: string, ...words: readonly string[]) =>
  idField(low, doc, 'no', ...(words.length === 0 ? ['yes'] : words));
/** A field in which 15 says that there is none. */
const unless15 = (low: number, doc: string, ...words: readonly string[]) =>
  bits(low + 3, low, doc, { ...words, 15: 'no' });
const atLevel = ['AArch64 only', 'AArch64 and AArch32'] as const;
const count = (value: bigint): string => `${value + 1n}`;
const precisions = ['single and double precision', 'half precision too'] as const;
const authentication = ['basic', 'EPAC', 'PAuth2', 'FPAC', 'FPACCOMBINE'] as const;
const secondStage = ['as in stage 1', 'no', 'yes', 'yes, 52 bits'] as const;

export const featureFields: Readonly<Record<string, Fields>> = {
  ID_AA64PFR0_EL1: {
    CSV3: absentOr(60, 'Faulting loads forward no data to speculation'),
    CSV2: absentOr(56, 'Branch targets of one context do not steer another', 'yes', 'CSV2_2', 'CSV2_3'),
    RME: absentOr(52, 'Realm Management Extension'),
    DIT: absentOr(48, 'Data-independent timing'),
    AMU: absentOr(44, 'Activity monitors', 'AMUv1', 'AMUv1p1'),
    MPAM: absentOr(40, 'Memory partitioning, major version', 'version 1'),
    SEL2: absentOr(36, 'Secure EL2'),
    SVE: absentOr(32, 'Scalable Vector Extension'),
    RAS: absentOr(28, 'Reliability extension', 'RAS', 'RASv1p1'),
    GIC: absentOr(24, 'GIC system registers', 'GICv3 or GICv4.0', 'reserved', 'GICv4.1'),
    AdvSIMD: unless15(20, 'AdvSIMD', ...precisions),
    FP: unless15(16, 'Floating point', ...precisions),
    EL3: absentOr(12, 'EL3', ...atLevel),
    EL2: absentOr(8, 'EL2', ...atLevel),
    EL1: idField(4, 'EL1', 'reserved', ...atLevel),
    EL0: idField(0, 'EL0', 'reserved', ...atLevel),
  },
  ID_AA64PFR1_EL1: {
    PFAR: absentOr(60, 'Physical fault address registers'),
    DF2: absentOr(56, 'Double fault extension 2'),
    MTEX: absentOr(52, 'Memory tagging, canonical tags'),
    THE: absentOr(48, 'Translation hardening'),
    GCS: absentOr(44, 'Guarded control stacks'),
    MTE_frac: unless15(40, 'Asynchronous tag checks', 'yes'),
    NMI: absentOr(36, 'Non-maskable interrupts'),
    CSV2_frac: absentOr(32, 'CSV2, minor version', 'CSV2_1p1', 'CSV2_1p2'),
    RNDR_trap: absentOr(28, 'Traps of random numbers'),
    SME: absentOr(24, 'Scalable Matrix Extension', 'SME', 'SME2'),
    MPAM_frac: idField(16, 'Memory partitioning, minor version', 'version x.0', 'version x.1'),
    RAS_frac: absentOr(12, 'Reliability extension, minor version', 'RASv1p1'),
    MTE: absentOr(8, 'Memory tagging', 'instructions only', 'MTE2', 'MTE3'),
    SSBS: absentOr(4, 'Speculative store bypass control', 'PSTATE.SSBS', 'PSTATE.SSBS, MRS and MSR'),
    BT: absentOr(0, 'Branch target identification'),
  },
  ID_AA64DFR0_EL1: {
    HPMN0: absentOr(60, 'No event counters for EL1 may be set'),
    BRBE: absentOr(52, 'Branch record buffer', 'BRBE', 'BRBEv1p1'),
    MTPMU: unless15(48, 'Performance monitors across threads', 'IMPLEMENTATION DEFINED', 'yes'),
    TraceBuffer: absentOr(44, 'Trace buffer'),
    TraceFilt: absentOr(40, 'Self-hosted trace'),
    DoubleLock: unless15(36, 'OS double lock', 'yes'),
    PMSVer: absentOr(32, 'Statistical profiling', 'SPE', 'SPEv1p1', 'SPEv1p2', 'SPEv1p3', 'SPEv1p4'),
    CTX_CMPs: bits(31, 28, 'Context-aware breakpoints', count),
    WRPs: bits(23, 20, 'Watchpoints', count),
    BRPs: bits(15, 12, 'Breakpoints', count),
    PMUVer: bits(11, 8, 'Performance monitors', {
      0: 'no',
      1: 'PMUv3',
      4: 'PMUv3p1',
      5: 'PMUv3p4',
      6: 'PMUv3p5',
      7: 'PMUv3p7',
      8: 'PMUv3p8',
      9: 'PMUv3p9',
      15: 'IMPLEMENTATION DEFINED',
    }),
    TraceVer: absentOr(4, 'Trace unit system registers'),
    DebugVer: bits(3, 0, 'Debug architecture', {
      6: 'Armv8.0',
      7: 'Armv8.1',
      8: 'Armv8.2',
      9: 'Armv8.4',
      10: 'Armv8.8',
      11: 'Armv8.9',
    }),
  },
  ID_AA64ISAR0_EL1: {
    RNDR: absentOr(60, 'Random numbers'),
    TLB: absentOr(56, 'TLBI beyond the Inner Shareable domain', 'outer shareable', 'outer shareable, ranges'),
    TS: absentOr(52, 'Flag manipulation', 'FlagM', 'FlagM2'),
    FHM: absentOr(48, 'Half-precision multiply to single'),
    DP: absentOr(44, 'Dot product'),
    SM4: absentOr(40, 'SM4 instructions'),
    SM3: absentOr(36, 'SM3 instructions'),
    SHA3: absentOr(32, 'SHA3 instructions'),
    RDM: absentOr(28, 'Rounding double multiply accumulate'),
    TME: absentOr(24, 'Transactional memory'),
    Atomic: absentOr(20, 'Atomic memory operations', 'reserved', 'LSE', 'LSE128'),
    CRC32: absentOr(16, 'CRC32 instructions'),
    SHA2: absentOr(12, 'SHA2 instructions', 'SHA256', 'SHA256 and SHA512'),
    SHA1: absentOr(8, 'SHA1 instructions'),
    AES: absentOr(4, 'AES instructions', 'AES', 'AES and PMULL'),
  },
  ID_AA64ISAR1_EL1: {
    LS64: absentOr(60, 'Loads and stores of 64 bytes', 'LS64', 'LS64_V', 'LS64_ACCDATA'),
    XS: absentOr(56, 'XS attribute'),
    I8MM: absentOr(52, 'Int8 matrix multiply'),
    DGH: absentOr(48, 'Data gathering hint'),
    BF16: absentOr(44, 'BFloat16', 'BF16', 'EBF16'),
    SPECRES: absentOr(40, 'Prediction restriction', 'SPECRES', 'SPECRES2'),
    SB: absentOr(36, 'Speculation barrier'),
    FRINTTS: absentOr(32, 'Rounding to 32 and 64 bit integers'),
    GPI: absentOr(28, 'Generic authentication, IMPLEMENTATION DEFINED algorithm'),
    GPA: absentOr(24, 'Generic authentication, QARMA5'),
    LRCPC: absentOr(20, 'Load-acquire RCpc', 'LRCPC', 'LRCPC2', 'LRCPC3'),
    FCMA: absentOr(16, 'Complex multiply and add'),
    JSCVT: absentOr(12, 'JavaScript conversion'),
    API: absentOr(8, 'Address authentication, IMPLEMENTATION DEFINED algorithm', ...authentication),
    APA: absentOr(4, 'Address authentication, QARMA5', ...authentication),
    DPB: absentOr(0, 'Cleaning to the point of persistence', 'DC CVAP', 'DC CVAP and DC CVADP'),
  },
  ID_AA64ISAR2_EL1: {
    CSSC: absentOr(52, 'Common short sequences'),
    RPRFM: absentOr(48, 'Range prefetch hint'),
    PAC_frac: absentOr(24, 'Authentication code by constant field'),
    BC: absentOr(20, 'Hinted conditional branches'),
    MOPS: absentOr(16, 'Memory copy and set'),
    APA3: absentOr(12, 'Address authentication, QARMA3', ...authentication),
    GPA3: absentOr(8, 'Generic authentication, QARMA3'),
    RPRES: absentOr(4, 'Precise reciprocal estimates'),
    WFxT: absentOr(0, 'WFE and WFI with timeout', 'reserved', 'yes'),
  },
  ID_AA64MMFR0_EL1: {
    ECV: absentOr(60, 'Enhanced counter virtualization', 'ECV', 'ECV with offset'),
    FGT: absentOr(56, 'Fine-grained traps', 'FGT', 'FGT2'),
    ExS: absentOr(44, 'Exceptions need not synchronize'),
    TGran4_2: idField(40, 'Granule of 4 KiB at stage 2', ...secondStage),
    TGran64_2: idField(36, 'Granule of 64 KiB at stage 2', 'as in stage 1', 'no', 'yes'),
    TGran16_2: idField(32, 'Granule of 16 KiB at stage 2', ...secondStage),
    TGran4: unless15(28, 'Granule of 4 KiB', 'yes', 'yes, 52 bits'),
    TGran64: unless15(24, 'Granule of 64 KiB', 'yes'),
    TGran16: absentOr(20, 'Granule of 16 KiB', 'yes', 'yes, 52 bits'),
    BigEndEL0: absentOr(16, 'Big-endian data at EL0 only'),
    SNSMem: absentOr(12, 'Secure and Non-secure memory'),
    BigEnd: absentOr(8, 'Big-endian data on request'),
    ASIDBits: idField(4, 'ASIDs', '8 bits', 'reserved', '16 bits'),
    PARange: bits(3, 0, 'Physical addresses', addressSize),
  },
  ID_AA64MMFR1_EL1: {
    ECBHB: absentOr(60, 'Branch history of another context is not used'),
    CMOW: absentOr(56, 'Cache maintenance needs write permission on request'),
    TIDCP1: absentOr(52, 'Traps of IMPLEMENTATION DEFINED registers at EL0'),
    nTLBPA: absentOr(48, 'No intermediate caching of physical addresses'),
    AFP: absentOr(44, 'Alternate floating-point behaviour'),
    HCX: absentOr(40, 'HCRX_EL2'),
    ETS: absentOr(36, 'Enhanced translation synchronization', 'ETS', 'ETS2', 'ETS3'),
    TWED: absentOr(32, 'Delayed traps of WFE'),
    XNX: absentOr(28, 'Execute-never by EL at stage 2'),
    SpecSEI: absentOr(24, 'SError by speculative reads'),
    PAN: absentOr(20, 'Privileged access never', 'PAN', 'PAN2', 'PAN3'),
    LO: absentOr(16, 'Limited ordering regions'),
    HPDS: absentOr(12, 'Hierarchical permissions may be off', 'HPDS', 'HPDS2'),
    VH: absentOr(8, 'Virtualization host extension'),
    VMIDBits: idField(4, 'VMIDs', '8 bits', 'reserved', '16 bits'),
    HAFDBS: absentOr(0, 'Descriptors updated by hardware', 'access flag', 'access flag and dirty state'),
  },
  ID_AA64MMFR2_EL1: {
    E0PD: absentOr(60, 'EL0 kept out of half of the addresses'),
    EVT: absentOr(56, 'Enhanced virtualization traps', 'without TLBI', 'yes'),
    BBM: idField(52, 'Change of block size', 'break before make', 'level 1', 'level 2'),
    TTL: absentOr(48, 'TLBI by level'),
    FWB: absentOr(40, 'Stage 2 may force Write-Back'),
    IDS: idField(36, 'Trapped ID registers report', 'EC 0', 'EC 0x18'),
    AT: absentOr(32, 'Unaligned single-copy atomicity'),
    ST: idField(28, 'Small tables', 'at least 25 bits', 'at least 16 bits'),
    NV: absentOr(24, 'Nested virtualization', 'NV', 'NV2'),
    CCIDX: idField(20, 'CCSIDR_EL1', '32 bits', '64 bits'),
    VARange: idField(16, 'Virtual addresses', '48 bits', '52 bits with 64 KiB', '56 bits'),
    IESB: absentOr(12, 'Implicit error synchronization'),
    LSM: absentOr(8, 'LSMAOE and nTLSMD'),
    UAO: absentOr(4, 'User access override'),
    CnP: absentOr(0, 'Common not private translations'),
  },
};

/** The core's name; EL1 sees that of VPIDR_EL2. */
const IMPLEMENTERS = {
  0x00: 'reserved for software',
  0x41: 'Arm',
  0x42: 'Broadcom',
  0x43: 'Cavium',
  0x46: 'Fujitsu',
  0x48: 'HiSilicon',
  0x4e: 'NVIDIA',
  0x50: 'Applied Micro',
  0x51: 'Qualcomm',
  0x61: 'Apple',
  0x6d: 'Microsoft',
  0xc0: 'Ampere',
};
const ARM_PARTS: Readonly<Record<number, string>> = {
  0xd03: 'Cortex-A53',
  0xd04: 'Cortex-A35',
  0xd05: 'Cortex-A55',
  0xd07: 'Cortex-A57',
  0xd08: 'Cortex-A72',
  0xd09: 'Cortex-A73',
  0xd0a: 'Cortex-A75',
  0xd0b: 'Cortex-A76',
  0xd0c: 'Neoverse N1',
};

export const mainId: Fields = {
  Implementer: bits(31, 24, 'Implementer', IMPLEMENTERS),
  Variant: bits(23, 20, 'Major revision', (value) => `r${value}`),
  Architecture: bits(19, 16, 'Architecture', { 15: 'see the ID registers' }),
  PartNum: bits(15, 4, 'Part number', (value, whole) =>
    ((whole >> 24n) & 0xffn) === 0x41n ? ARM_PARTS[Number(value)] : undefined,
  ),
  Revision: bits(3, 0, 'Minor revision', (value) => `p${value}`),
};

export const affinity: Fields = {
  Aff3: bits(39, 32, 'Affinity 3'),
  U: bit(30, 'Uniprocessor system'),
  MT: bit(24, 'Affinity 0 numbers threads of a core'),
  Aff2: bits(23, 16, 'Affinity 2'),
  Aff1: bits(15, 8, 'Affinity 1'),
  Aff0: bits(7, 0, 'Affinity 0'),
};

const lineSize = (value: bigint): string => `${4n << value} bytes`;

export const cacheType: Fields = {
  TminLine: bits(37, 32, 'Smallest tag line', (value) => (value === 0n ? 'no tags' : lineSize(value))),
  DIC: bit(29, 'No instruction cache maintenance for coherence'),
  IDC: bit(28, 'No data cache maintenance for coherence'),
  CWG: bits(27, 24, 'Cache writeback granule', lineSize),
  ERG: bits(23, 20, 'Exclusives reservation granule', lineSize),
  DminLine: bits(19, 16, 'Smallest data cache line', lineSize),
  L1Ip: bits(15, 14, 'Indexing of instruction caches', { 0: 'VPIPT', 1: 'AIVIVT', 2: 'VIPT', 3: 'PIPT' }),
  IminLine: bits(3, 0, 'Smallest instruction cache line', lineSize),
};

export const zeroBlock: Fields = {
  DZP: bit(4, 'DC ZVA is prohibited at this EL'),
  BS: bits(3, 0, 'Block that DC ZVA clears', lineSize),
};

const cacheKinds = { 0: 'none', 1: 'instructions', 2: 'data', 3: 'instructions, and data', 4: 'unified' };
const levelBefore = (value: bigint): string => (value === 0n ? 'before level 1' : `level ${value}`);

export const cacheLevels: Fields = {
  ICB: bits(32, 30, 'Inner cache boundary', (value) => (value === 0n ? 'not said' : `level ${value}`)),
  LoUU: bits(29, 27, 'Level of unification, uniprocessor', levelBefore),
  LoC: bits(26, 24, 'Level of coherence', levelBefore),
  LoUIS: bits(23, 21, 'Level of unification, Inner Shareable', levelBefore),
  ...Object.fromEntries(
    [7, 6, 5, 4, 3, 2, 1].map((n) => [
      `Ctype${n}`,
      bits(3 * n - 1, 3 * n - 3, `Caches of level ${n}`, cacheKinds),
    ]),
  ),
};

export const cacheGeometry: Fields = {
  NumSets: bits(27, 13, 'Sets', count),
  Associativity: bits(12, 3, 'Ways', count),
  LineSize: bits(2, 0, 'Line', (value) => `${16n << value} bytes`),
};

/** `32 KiB`. */
export function cacheSizeWords(value: bigint): string | undefined {
  if (value === 0n) return 'no such cache';
  const field = (high: number, low: number): bigint =>
    (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
  const size = (field(27, 13) + 1n) * (field(12, 3) + 1n) * (16n << field(2, 0));
  return `${size >> 10n} KiB`;
}

export const cacheSelection: Fields = {
  TnD: bit(4, 'Tag cache'),
  Level: bits(3, 1, 'Level', (value) => `level ${value + 1n}`),
  InD: bit(0, 'Cache', ['data or unified', 'instructions']),
};
