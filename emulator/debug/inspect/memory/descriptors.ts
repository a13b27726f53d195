// What a translation table entry says: its type, and every field by the manual's name with its value in words.
// DDI 0487, VMSAv8-64 translation table format descriptors. The fields of features that the cores do not have are
// named, and said to be ignored.

import { bit, bits, type Fields } from '../../../cpu/sysregs/define.ts';
import { hex, sizeOf } from '../../../cpu/sysregs/words.ts';
import { attributeWords, SHAREABILITY_WORDS, stage2MemoryWords } from './attributes.ts';
import { type Geometry, shiftAt } from './regime.ts';

/** Whose table an entry stands in. */
export type Regime = 'EL1&0' | 'EL2' | 'stage 2';

export type DescriptorType = 'table' | 'block' | 'page' | 'invalid' | 'reserved';

export function typeOf(descriptor: bigint, level: number, granule: number): DescriptorType {
  const low = Number(descriptor & 3n);
  if ((low & 1) === 0) return 'invalid';
  if (level === 3) return low === 3 ? 'page' : 'reserved';
  if (low === 3) return 'table';
  return hasBlocks(level, granule) ? 'block' : 'reserved';
}

/** Blocks stand at levels 1 and 2 for 4K, at level 2 for 16K and 64K. */
export const hasBlocks = (level: number, granule: number): boolean => level >= (granule === 12 ? 1 : 2);

/** The address in a descriptor: of the next table, or of the page or block less what its size leaves out. */
export const outputOf = (descriptor: bigint, granule: number): bigint =>
  descriptor & 0xffff_ffff_f000n & (-1n << BigInt(granule));

export interface DescriptorField {
  readonly name: string;
  /** `54:53`, `10`. */
  readonly bits: string;
  readonly value: string;
  readonly words: string;
}

export interface DescriptorContext {
  readonly regime: Regime;
  readonly geometry: Geometry;
  readonly level: number;
  /** MAIR_ELx of the regime; of no use in stage 2. */
  readonly mair: bigint;
}

/** All bits of a descriptor, highest first. Of an invalid one hardware looks at bit 0 only. */
export function fieldsOf(descriptor: bigint, context: DescriptorContext): DescriptorField[] {
  return Object.entries(layoutOf(descriptor, context))
    .sort(([, a], [, b]) => b.low - a.low)
    .map(([name, { low, width, doc, values, words }]) => {
      const value = (descriptor >> BigInt(low)) & ((1n << BigInt(width)) - 1n);
      const said = words ? words(value, descriptor) : values?.[Number(value)];
      return {
        // Several fields of one descriptor may be reserved.
        name: name.replace(/#.*/, ''),
        bits: width === 1 ? `${low}` : `${low + width - 1}:${low}`,
        value: hex(value),
        words: said === undefined ? doc : `${doc}: ${said}`,
      };
    });
}

function layoutOf(descriptor: bigint, context: DescriptorContext): Fields {
  const { geometry, level } = context;
  switch (typeOf(descriptor, level, geometry.granule)) {
    case 'invalid':
      return invalid;
    case 'reserved':
      return reserved;
    case 'table':
      return {
        ...(context.regime === 'stage 2' ? stage2Table : context.regime === 'EL2' ? el2Table : stage1Table),
        ...nextTable(geometry),
        ...validAnd('the entry is a table', 'the entry is a block'),
      };
    case 'block':
    case 'page':
      return {
        ...(context.regime === 'stage 2' ? stage2Leaf : stage1Leaf(context)),
        ...output(context),
        ...(level === 3
          ? validAnd('the entry is a page', 'reserved')
          : validAnd('the entry is a table', 'the entry is a block')),
      };
  }
}

const validAnd = (set: string, clear: string): Fields => ({
  Valid: bit(0, 'Valid', ['no: every access is a translation fault', 'yes']),
  Type: bit(1, 'Type', [clear, set]),
});

const invalid: Fields = {
  Ignored: bits(63, 1, 'Not looked at: for software'),
  Valid: bit(0, 'Valid', ['no: every access is a translation fault', 'yes']),
};
const reserved: Fields = {
  Ignored: bits(63, 2, 'Not looked at'),
  Type: bits(1, 0, 'Type', { 1: 'reserved at this level: every access is a translation fault' }),
};

const address = (value: bigint, shift: number): string => hex(value << BigInt(shift));

const nextTable = ({ granule }: Geometry): Fields => ({
  NextTable: bits(47, granule, 'Address of the next table', (value) => address(value, granule)),
  ...(granule > 12 ? { RES0: bits(granule - 1, 12, 'Reserved, zero') } : {}),
});

function output({ geometry, level }: DescriptorContext): Fields {
  const shift = shiftAt(geometry, level);
  return {
    OutputAddress: bits(
      47,
      shift,
      `Address of ${level === 3 ? 'the page' : 'the block'} of ${sizeOf(shift)}`,
      (value) => address(value, shift),
    ),
    ...(shift > 16 ? { nT: bits(16, 16, 'Ignored without FEAT_BBM') } : {}),
    ...(shift > 17 ? { RES0: bits(shift - 1, 17, 'Reserved, zero') } : {}),
  };
}

const YES_NO_EXECUTE: [string, string] = ['allowed', 'never'];
const LIMIT: [string, string] = ['not restricted', 'never, whatever the tables below say'];

const stage1Table: Fields = {
  NSTable: bits(63, 63, 'Security state of the next table, ignored in Non-secure state'),
  APTable: bits(62, 61, 'Below this table', {
    0: 'no restriction',
    1: 'no access by EL0',
    2: 'read-only',
    3: 'read-only, and no access by EL0',
  }),
  UXNTable: bit(60, 'Below this table, execution at EL0', LIMIT),
  PXNTable: bit(59, 'Below this table, execution at EL1', LIMIT),
  Ignored: bits(58, 51, 'For software'),
  'RES0#high': bits(50, 48, 'Reserved, zero'),
  'Ignored#low': bits(11, 2, 'For software'),
};

const el2Table: Fields = {
  NSTable: bits(63, 63, 'Security state of the next table, ignored in Non-secure state'),
  APTable: bits(62, 61, 'Below this table', {
    0: 'no restriction',
    1: 'no restriction',
    2: 'read-only',
    3: 'read-only',
  }),
  XNTable: bit(60, 'Below this table, execution', LIMIT),
  Ignored: bits(59, 51, 'For software'),
  'RES0#high': bits(50, 48, 'Reserved, zero'),
  'Ignored#low': bits(11, 2, 'For software'),
};

const stage2Table: Fields = {
  Ignored: bits(63, 51, 'For software'),
  'RES0#high': bits(50, 48, 'Reserved, zero'),
  'Ignored#low': bits(11, 2, 'For software'),
};

function stage1Leaf({ regime, mair, geometry, level }: DescriptorContext): Fields {
  const isEl2 = regime === 'EL2';
  return {
    Ignored: bits(63, 63, 'For software'),
    PBHA: bits(62, 59, 'For software: no hardware attributes here'),
    Software: bits(58, 55, 'For software'),
    ...(isEl2
      ? { XN: bit(54, 'Execution', YES_NO_EXECUTE), 'RES0#53': bits(53, 53, 'Reserved, zero at EL2') }
      : {
          UXN: bit(54, 'Execution at EL0', YES_NO_EXECUTE),
          PXN: bit(53, 'Execution at EL1', YES_NO_EXECUTE),
        }),
    ...contiguous(geometry, level),
    DBM: bits(51, 51, 'Dirty state by hardware: ignored without FEAT_HAFDBS'),
    GP: bits(50, 50, 'Guarded page: ignored without FEAT_BTI'),
    'RES0#high': bits(49, 48, 'Reserved, zero'),
    nG: bit(
      11,
      'Global',
      isEl2 ? ['always at EL2', 'always at EL2'] : ['for every ASID', 'for its ASID only'],
    ),
    AF: accessFlag,
    SH: bits(9, 8, 'Shareability', { ...SHAREABILITY_WORDS }),
    AP: bits(
      7,
      6,
      'Access',
      isEl2
        ? {
            0: 'read and write (bit 6 should be 1)',
            1: 'read and write',
            2: 'read-only (bit 6 should be 1)',
            3: 'read-only',
          }
        : {
            0: 'read and write at EL1, none at EL0',
            1: 'read and write at EL1 and EL0',
            2: 'read-only at EL1, none at EL0',
            3: 'read-only at EL1 and EL0',
          },
    ),
    NS: bits(5, 5, 'Security state, ignored in Non-secure state'),
    AttrIndx: bits(
      4,
      2,
      'Memory type',
      (index) =>
        `Attr${index} of MAIR_${isEl2 ? 'EL2' : 'EL1'}, ${attributeWords(mairByte(mair, Number(index)))}`,
    ),
  };
}

export const mairByte = (mair: bigint, index: number): number => Number((mair >> BigInt(8 * index)) & 0xffn);

const accessFlag = bit(10, 'Access flag', ['clear: the first access faults', 'set']);

/** How many neighbours the Contiguous bit joins. DDI 0487, the Contiguous bit. */
const CONTIGUOUS: Readonly<Record<number, readonly number[]>> = {
  12: [0, 4, 4, 4],
  14: [0, 0, 5, 7],
  16: [0, 0, 5, 5],
};

const contiguous = (geometry: Geometry, level: number): Fields => {
  const joined = CONTIGUOUS[geometry.granule]?.[level] ?? 0;
  const run = `one of ${2 ** joined} that map ${sizeOf(shiftAt(geometry, level) + joined)} together`;
  return { Contiguous: bit(52, 'Contiguous (a hint for TLBs)', ['no', run]) };
};

export const P2M_TYPES = [
  'none: invalid to Xen, or not written by Xen',
  'p2m_ram_rw: RAM of the domain',
  'p2m_ram_ro: RAM of the domain, read-only',
  'p2m_mmio_direct_dev: registers of a device',
  'p2m_mmio_direct_nc: memory of a device, not cached',
  'p2m_mmio_direct_c: memory of a device, cached',
  'p2m_map_foreign_rw: page of another domain',
  'p2m_map_foreign_ro: page of another domain, read-only',
  'p2m_grant_map_rw: granted by another domain',
  'p2m_grant_map_ro: granted by another domain, read-only',
  'p2m_iommu_map_rw: for devices',
  'p2m_iommu_map_ro: for devices, read-only',
] as const;

const stage2Leaf: Fields = {
  Ignored: bits(63, 63, 'For software'),
  PBHA: bits(62, 59, 'For software: no hardware attributes here'),
  Software: bits(58, 55, 'For software; where Xen wrote it, the p2m type', { ...P2M_TYPES }),
  XN: bit(54, 'Execution', YES_NO_EXECUTE),
  'XN[0]': bits(53, 53, 'Ignored without FEAT_XNX'),
  Contiguous: bit(52, 'Contiguous (a hint for TLBs)'),
  DBM: bits(51, 51, 'Dirty state by hardware: ignored without FEAT_HAFDBS'),
  'RES0#high': bits(50, 48, 'Reserved, zero'),
  RES0: bits(11, 11, 'Reserved, zero'),
  AF: accessFlag,
  SH: bits(9, 8, 'Shareability', { ...SHAREABILITY_WORDS }),
  S2AP: bits(7, 6, 'Access', { 0: 'none', 1: 'read-only', 2: 'write-only', 3: 'read and write' }),
  MemAttr: bits(5, 2, 'Memory type', (value) => stage2MemoryWords(Number(value))),
};
