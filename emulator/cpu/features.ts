// What a core has beyond Armv8.0-A: one table, from which come the ID registers, what the decoder
// accepts and what the kernels do.
//
// The default core looks like a Cortex-A53 (an A57 or A72 identity makes Linux call the firmware
// at every exception); `max` has every feature that we offer.

import {
  FEATURE_EL2,
  FEATURE_FP16,
  FEATURE_LSE,
  FEATURE_PAN,
  FEATURE_UAO,
  FEATURE_VMID16,
} from '../memory/layout.ts';

/** The manual's name of a feature, as instruction rows give it. */
export type Feature = `FEAT_${string}`;

export type CoreModel = 'a53' | 'max';

export interface FeatureRow {
  /** The manual's name. */
  readonly name: string;
  readonly doc: string;
  /** What it adds to ID registers: register, lowest bit of the field, value. */
  readonly fields: readonly (readonly [register: string, shift: number, value: number])[];
  /** The cores that have it. */
  readonly cores: readonly CoreModel[];
  /** Bit of FEATURES that the kernels look at. */
  readonly kernelBit?: number;
}

const BOTH: readonly CoreModel[] = ['a53', 'max'];
const MAX: readonly CoreModel[] = ['max'];

const ISAR0 = 'ID_AA64ISAR0_EL1';
const ISAR1 = 'ID_AA64ISAR1_EL1';
const PFR0 = 'ID_AA64PFR0_EL1';
const MMFR0 = 'ID_AA64MMFR0_EL1';
const MMFR1 = 'ID_AA64MMFR1_EL1';
const DFR0 = 'ID_AA64DFR0_EL1';

/** Where a field has several values, the row of the larger one comes later and wins. */
export const features: readonly FeatureRow[] = [
  row('FEAT_AES', 'AES instructions', BOTH, [[ISAR0, 4, 1]]),
  row('FEAT_PMULL', 'Polynomial multiplication of 64 bits', BOTH, [[ISAR0, 4, 2]]),
  row('FEAT_SHA1', 'SHA1 instructions', BOTH, [[ISAR0, 8, 1]]),
  row('FEAT_SHA256', 'SHA256 instructions', BOTH, [[ISAR0, 12, 1]]),
  row('FEAT_SHA512', 'SHA512 instructions', MAX, [[ISAR0, 12, 2]]),
  row('FEAT_CRC32', 'CRC32 instructions', BOTH, [[ISAR0, 16, 1]]),
  row('FEAT_LSE', 'Atomic memory operations', MAX, [[ISAR0, 20, 2]], FEATURE_LSE),
  row('FEAT_RDM', 'Rounding double multiply accumulate', MAX, [[ISAR0, 28, 1]]),
  row('FEAT_SHA3', 'SHA3 instructions', MAX, [[ISAR0, 32, 1]]),
  row('FEAT_SM3', 'SM3 instructions', MAX, [[ISAR0, 36, 1]]),
  row('FEAT_SM4', 'SM4 instructions', MAX, [[ISAR0, 40, 1]]),
  row('FEAT_DotProd', 'Dot product', MAX, [[ISAR0, 44, 1]]),
  row('FEAT_FHM', 'Half-precision multiply to single', MAX, [[ISAR0, 48, 1]]),
  row('FEAT_FlagM', 'Flag manipulation', MAX, [[ISAR0, 52, 1]]),
  row('FEAT_FlagM2', 'More flag manipulation', MAX, [[ISAR0, 52, 2]]),
  row('FEAT_JSCVT', 'JavaScript conversion', MAX, [[ISAR1, 12, 1]]),
  row('FEAT_FCMA', 'Complex multiply and add', MAX, [[ISAR1, 16, 1]]),
  row('FEAT_LRCPC', 'Load-acquire RCpc', MAX, [[ISAR1, 20, 1]]),
  row('FEAT_LRCPC2', 'Load-acquire RCpc, unscaled offset', MAX, [[ISAR1, 20, 2]]),
  row('FEAT_FRINTTS', 'Rounding to 32 and 64 bit integers', MAX, [[ISAR1, 32, 1]]),
  row('FEAT_BF16', 'BFloat16', MAX, [[ISAR1, 44, 1]]),
  row('FEAT_I8MM', 'Int8 matrix multiply', MAX, [[ISAR1, 52, 1]]),
  row(
    'FEAT_FP16',
    'Half-precision floating point',
    MAX,
    [
      [PFR0, 16, 1],
      [PFR0, 20, 1],
    ],
    FEATURE_FP16,
  ),
  // No predictor here can be trained by anybody: mitigations have nothing to do.
  row('FEAT_CSV2', 'Branch targets are not shared between contexts', MAX, [[PFR0, 56, 1]]),
  row('FEAT_CSV3', 'Faulting loads forward no data', MAX, [[PFR0, 60, 1]]),
  row('FEAT_PAN', 'Privileged access never', MAX, [[MMFR1, 20, 1]], FEATURE_PAN),
  row('FEAT_PAN2', 'Address translation with PAN', [], [[MMFR1, 20, 2]]),
  row('FEAT_UAO', 'User access override', [], [['ID_AA64MMFR2_EL1', 4, 1]], FEATURE_UAO),
  row('FEAT_LOR', 'Limited ordering regions', MAX, [[MMFR1, 16, 1]]),
  row('FEAT_VMID16', 'VMIDs of 16 bits', MAX, [[MMFR1, 4, 2]], FEATURE_VMID16),
  row('FEAT_LSE2', 'Single-copy atomicity of unaligned accesses', [], [['ID_AA64MMFR2_EL1', 32, 1]]),
  row('FEAT_ASID16', 'ASIDs of 16 bits', BOTH, [[MMFR0, 4, 2]]),
  row('FEAT_MixedEnd', 'Big-endian data on request', BOTH, [[MMFR0, 8, 1]]),
  row('FEAT_TGran16K', 'Granule of 16K', BOTH, [[MMFR0, 20, 1]]),
  row('FEAT_Debugv8p0', 'Armv8 debug, 6 breakpoints, 4 watchpoints, 2 of them context-aware', BOTH, [
    [DFR0, 0, 6],
    [DFR0, 12, 5],
    [DFR0, 20, 3],
    [DFR0, 28, 1],
  ]),
  row('FEAT_PMUv3', 'Performance monitors', BOTH, [[DFR0, 8, 1]]),
  row('FEAT_AA64', 'AArch64 only, at EL0 and EL1', BOTH, [
    [PFR0, 0, 1],
    [PFR0, 4, 1],
  ]),
];

function row(
  name: string,
  doc: string,
  cores: readonly CoreModel[],
  fields: FeatureRow['fields'],
  kernelBit?: number,
): FeatureRow {
  return { name, doc, fields, cores, ...(kernelBit === undefined ? {} : { kernelBit }) };
}

export interface FeatureOptions {
  /** EL2 is implemented. Default: yes. */
  readonly el2?: boolean;
  /** The CPU interface of a GICv3 is reached through system registers. Default: yes. */
  readonly gicV3?: boolean;
}

/** What one core has. */
export interface FeatureSet {
  readonly model: CoreModel;
  readonly el2: boolean;
  readonly gicV3: boolean;
  /** Bits of a physical address. */
  readonly paBits: number;
  has(feature: string): boolean;
}

/** What the core of this name has. */
export function featureSet(model: CoreModel, options: FeatureOptions = {}): FeatureSet {
  const present = new Set(features.filter(({ cores }) => cores.includes(model)).map(({ name }) => name));
  return {
    model,
    el2: options.el2 ?? true,
    gicV3: options.gicV3 ?? true,
    paBits: model === 'max' ? 48 : 40,
    has: (feature) => present.has(feature),
  };
}

/** FEATURES of the CPU block. */
export function kernelFeatures(set: FeatureSet): number {
  let bits = set.el2 ? FEATURE_EL2 : 0;
  for (const { name, kernelBit } of features) if (kernelBit !== undefined && set.has(name)) bits |= kernelBit;
  return bits;
}

/** PARange of ID_AA64MMFR0_EL1. */
const PA_RANGES: Readonly<Record<number, number>> = { 32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5 };

/** Value of an AArch64 ID register: zero where nothing speaks. */
export function idRegister(set: FeatureSet, register: string): bigint {
  let value = 0n;
  const setField = (shift: number, field: number): void => {
    value = (value & ~(0xfn << BigInt(shift))) | (BigInt(field) << BigInt(shift));
  };
  for (const { name, fields } of features) {
    if (!set.has(name)) continue;
    for (const [where, shift, field] of fields) if (where === register) setField(shift, field);
  }
  if (register === PFR0) {
    if (set.el2) setField(8, 1);
    if (set.gicV3) setField(24, 1);
  }
  if (register === MMFR0) setField(0, PA_RANGES[set.paBits] ?? 0);
  return value;
}

/** Registers of the core's identity. */
export interface CoreIdentity {
  readonly midr: bigint;
  readonly revidr: bigint;
  /** Instruction and data cache lines of 64 bytes; maintenance to the point of unification is needed. */
  readonly ctr: bigint;
  readonly clidr: bigint;
  /** CCSIDR_EL1 by CSSELR_EL1: data 1, instructions 1, unified 2. */
  readonly ccsidr: Readonly<Record<number, bigint>>;
  readonly pmcr: bigint;
}

const CACHES = {
  ctr: 0x8444_8004n,
  clidr: 0x0a20_0023n,
  ccsidr: { 0: 0x700f_e01an, 1: 0x201f_e00an, 2: 0x707f_e07an },
};

export const coreIdentities: Readonly<Record<CoreModel, CoreIdentity>> = {
  // Cortex-A53 r0p4, DDI 0500: 32K + 32K first level, 1M second level, six event counters.
  a53: { ...CACHES, midr: 0x410f_d034n, revidr: 0x100n, pmcr: 0x4103_3000n },
  // Implementer 0 is reserved for software; no kernel has errata for it.
  max: { ...CACHES, midr: 0x000f_0510n, revidr: 0n, pmcr: 0x0000_3000n },
};
