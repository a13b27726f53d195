// What decides a translation, as plain values: the registers of one CPU, and what follows from them. DDI 0487,
// TCR_EL1, TCR_EL2, VTCR_EL2, and AArch64.TranslateAddress(). Reserved values act as the kernels of mmu/walk.as.ts
// take them.

import * as layout from '../../../memory/layout.ts';
import type { CpuState } from '../../../cpu/state.ts';

export interface TranslationRegisters {
  readonly HCR_EL2: bigint;
  readonly SCTLR_EL1: bigint;
  readonly SCTLR_EL2: bigint;
  readonly TCR_EL1: bigint;
  readonly TCR_EL2: bigint;
  readonly TTBR0_EL1: bigint;
  readonly TTBR1_EL1: bigint;
  readonly TTBR0_EL2: bigint;
  readonly MAIR_EL1: bigint;
  readonly MAIR_EL2: bigint;
  readonly VTTBR_EL2: bigint;
  readonly VTCR_EL2: bigint;
  /** As ID_AA64MMFR0_EL1.PARange says. */
  readonly paBits: number;
}

/** Of a CPU as it stands. Without EL2, HCR_EL2 acts as 0. */
export function translationRegistersOf(cpu: CpuState, paBits: number): TranslationRegisters {
  const hasEl2 = (cpu.read32(layout.FEATURES) & layout.FEATURE_EL2) !== 0;
  return {
    HCR_EL2: hasEl2 ? cpu.sysreg(layout.HCR_EL2) : 0n,
    SCTLR_EL1: cpu.sysreg(layout.SCTLR_EL1),
    SCTLR_EL2: cpu.sysreg(layout.SCTLR_EL2),
    TCR_EL1: cpu.sysreg(layout.TCR_EL1),
    TCR_EL2: cpu.sysreg(layout.TCR_EL2),
    TTBR0_EL1: cpu.sysreg(layout.TTBR0_EL1),
    TTBR1_EL1: cpu.sysreg(layout.TTBR1_EL1),
    TTBR0_EL2: cpu.sysreg(layout.TTBR0_EL2),
    MAIR_EL1: cpu.sysreg(layout.MAIR_EL1),
    MAIR_EL2: cpu.sysreg(layout.MAIR_EL2),
    VTTBR_EL2: cpu.sysreg(layout.VTTBR_EL2),
    VTCR_EL2: cpu.sysreg(layout.VTCR_EL2),
    paBits,
  };
}

const HCR_VM = 0;
const HCR_PTW = 2;
const HCR_DC = 12;
const HCR_TGE = 27;
const SCTLR_M = 0;
const SCTLR_WXN = 19;
const SCTLR_EE = 25;

export const field = (value: bigint, high: number, low: number): number =>
  Number((value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
const isSet = (value: bigint, bit: number): boolean => ((value >> BigInt(bit)) & 1n) !== 0n;

export type El = 0 | 1 | 2;

export function stage2Enabled({ HCR_EL2 }: TranslationRegisters): boolean {
  return !isSet(HCR_EL2, HCR_TGE) && (isSet(HCR_EL2, HCR_VM) || isSet(HCR_EL2, HCR_DC));
}

/** Why stage 1 of an EL is off; undefined when it is on. */
export function stage1Off(registers: TranslationRegisters, el: El): string | undefined {
  const { HCR_EL2, SCTLR_EL1, SCTLR_EL2 } = registers;
  if (el === 2) return isSet(SCTLR_EL2, SCTLR_M) ? undefined : 'SCTLR_EL2.M is 0: the MMU is off at EL2';
  if (isSet(HCR_EL2, HCR_TGE)) return 'HCR_EL2.TGE is 1: stage 1 of EL1 and EL0 is off';
  if (isSet(HCR_EL2, HCR_DC)) return 'HCR_EL2.DC is 1: stage 1 is off, and all memory is Write-Back';
  return isSet(SCTLR_EL1, SCTLR_M) ? undefined : 'SCTLR_EL1.M is 0: the MMU is off at EL1 and EL0';
}

export const defaultCacheable = ({ HCR_EL2 }: TranslationRegisters): boolean => isSet(HCR_EL2, HCR_DC);
export const protectsWalks = ({ HCR_EL2 }: TranslationRegisters): boolean => isSet(HCR_EL2, HCR_PTW);
export const writeImpliesNoExecute = (registers: TranslationRegisters, el: El): boolean =>
  isSet(el === 2 ? registers.SCTLR_EL2 : registers.SCTLR_EL1, SCTLR_WXN);

export function topByteIgnored({ TCR_EL1, TCR_EL2 }: TranslationRegisters, el: El, va: bigint): boolean {
  if (el === 2) return isSet(TCR_EL2, 20);
  return isSet(TCR_EL1, isSet(va, 55) ? 38 : 37);
}

/** Where tables stand, and how an address is cut into indexes. */
export interface Geometry {
  /** The register with the base: `TTBR1_EL1`. */
  readonly register: string;
  readonly value: bigint;
  /** log2 of the granule. */
  readonly granule: number;
  readonly inputBits: number;
  readonly outputBits: number;
  readonly firstLevel: number;
  readonly bigEndian: boolean;
  /** What the register that controls the walk says in the names of the manual: `T1SZ` and `TG1`. */
  readonly sizeField: string;
  readonly sizeValue: number;
  readonly granuleField: string;
}

/** Index bits of one level, but for the first. */
export const strideOf = ({ granule }: Geometry): number => granule - 3;
/** log2 of what one entry of a level covers. */
export const shiftAt = (geometry: Geometry, level: number): number =>
  (3 - level) * strideOf(geometry) + geometry.granule;

/** Where the first table begins: its size decides which bits of the register count. */
export function rootOf(geometry: Geometry): bigint {
  const firstIndexBits = geometry.inputBits - shiftAt(geometry, geometry.firstLevel);
  return baseOf(geometry) & (-1n << BigInt(3 + firstIndexBits));
}

export const baseOf = ({ value }: Geometry): bigint => value & 0xffff_ffff_fffen;

export function stage1Geometry(registers: TranslationRegisters, upper: boolean): Geometry {
  const { TCR_EL1, TTBR0_EL1, TTBR1_EL1, SCTLR_EL1, paBits } = registers;
  const sizeValue = upper ? field(TCR_EL1, 21, 16) : field(TCR_EL1, 5, 0);
  const granule = upper ? granuleOfTg1(field(TCR_EL1, 31, 30)) : granuleOfTg0(field(TCR_EL1, 15, 14));
  const n = upper ? 1 : 0;
  return {
    register: `TTBR${n}_EL1`,
    value: upper ? TTBR1_EL1 : TTBR0_EL1,
    granule,
    inputBits: 64 - clampSize(sizeValue),
    outputBits: outputSize(field(TCR_EL1, 34, 32), paBits),
    firstLevel: firstLevelFor(64 - clampSize(sizeValue), granule),
    bigEndian: isSet(SCTLR_EL1, SCTLR_EE),
    sizeField: `TCR_EL1.T${n}SZ`,
    sizeValue,
    granuleField: `TCR_EL1.TG${n}`,
  };
}

/** TCR_EL1.EPD0 and EPD1. */
export const walksDisabled = ({ TCR_EL1 }: TranslationRegisters, upper: boolean): boolean =>
  isSet(TCR_EL1, upper ? 23 : 7);

export function el2Geometry({ TCR_EL2, TTBR0_EL2, SCTLR_EL2, paBits }: TranslationRegisters): Geometry {
  const sizeValue = field(TCR_EL2, 5, 0);
  const granule = granuleOfTg0(field(TCR_EL2, 15, 14));
  return {
    register: 'TTBR0_EL2',
    value: TTBR0_EL2,
    granule,
    inputBits: 64 - clampSize(sizeValue),
    outputBits: outputSize(field(TCR_EL2, 18, 16), paBits),
    firstLevel: firstLevelFor(64 - clampSize(sizeValue), granule),
    bigEndian: isSet(SCTLR_EL2, SCTLR_EE),
    sizeField: 'TCR_EL2.T0SZ',
    sizeValue,
    granuleField: 'TCR_EL2.TG0',
  };
}

export function stage2Geometry({ VTCR_EL2, VTTBR_EL2, SCTLR_EL2, paBits }: TranslationRegisters): Geometry {
  const sizeValue = field(VTCR_EL2, 5, 0);
  const granule = granuleOfTg0(field(VTCR_EL2, 15, 14));
  const sl0 = field(VTCR_EL2, 7, 6);
  return {
    register: 'VTTBR_EL2',
    value: VTTBR_EL2,
    granule,
    inputBits: 64 - clampSize(sizeValue),
    outputBits: outputSize(field(VTCR_EL2, 18, 16), paBits),
    firstLevel: granule === 12 ? 2 - sl0 : 3 - sl0,
    bigEndian: isSet(SCTLR_EL2, SCTLR_EE),
    sizeField: 'VTCR_EL2.T0SZ',
    sizeValue,
    granuleField: 'VTCR_EL2.TG0',
  };
}

/** Why VTCR_EL2 describes no tables, or undefined. Up to 16 tables may be concatenated at the first level. */
export function stage2Inconsistent(registers: TranslationRegisters): string | undefined {
  const geometry = stage2Geometry(registers);
  const sl0 = field(registers.VTCR_EL2, 7, 6);
  if (sl0 === 3) return 'VTCR_EL2.SL0 is 3, which is reserved';
  const firstBits = geometry.inputBits - shiftAt(geometry, geometry.firstLevel);
  if (firstBits >= 1 && firstBits <= strideOf(geometry) + 4) return undefined;
  return `VTCR_EL2.SL0 is ${sl0}, which does not fit T0SZ ${geometry.sizeValue}: level ${geometry.firstLevel} cannot be the first`;
}

export const vmidOf = ({ VTTBR_EL2, VTCR_EL2 }: TranslationRegisters): number =>
  field(VTTBR_EL2, isSet(VTCR_EL2, 19) ? 63 : 55, 48);

const firstLevelFor = (inputBits: number, granule: number): number =>
  4 - Math.floor((inputBits - 4) / (granule - 3));

/** TxSZ out of range acts as the nearest value in range. */
const clampSize = (size: number): number => Math.min(Math.max(size, 16), 39);
/** The reserved value acts as 4K. */
const granuleOfTg0 = (tg: number): number => (tg === 1 ? 16 : tg === 2 ? 14 : 12);
const granuleOfTg1 = (tg: number): number => (tg === 3 ? 16 : tg === 1 ? 14 : 12);

const OUTPUT_BITS = [32, 36, 40, 42, 44];
const outputSize = (encoding: number, paBits: number): number =>
  Math.min(OUTPUT_BITS[encoding] ?? 48, paBits);
