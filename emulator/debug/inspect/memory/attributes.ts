// Memory types and permissions, as both stages state them, and what follows from both. DDI 0487,
// MAIR_EL1, S2CombineS1AttrHints() and S2CombineS1MemAttrs().

import { memoryAttribute } from '../../../cpu/sysregs/words.ts';

export const READ = 1;
export const WRITE = 2;
export const EXECUTE = 4;
export type Access = 'read' | 'write' | 'execute';
export const ACCESS_BIT: Readonly<Record<Access, number>> = { read: READ, write: WRITE, execute: EXECUTE };

/** A memory type as a byte of MAIR_ELx, and a shareability as in descriptors. */
export interface MemoryType {
  readonly attributes: number;
  readonly shareability: number;
}

export const isDevice = (attributes: number): boolean => (attributes & 0xf0) === 0;
const NON_CACHEABLE = 0x44;

/** Device and Non-cacheable memory is Outer Shareable, whatever the descriptor says. */
export const memoryType = (attributes: number, shareability: number): MemoryType => ({
  attributes,
  shareability: isDevice(attributes) || attributes === NON_CACHEABLE ? OUTER : shareability,
});

const OUTER = 2;
const INNER = 3;

/** MemAttr[3:0] of a stage 2 descriptor as a byte of MAIR. */
export function stage2Attributes(memAttr: number): number {
  if (memAttr >> 2 === 0) return (memAttr & 3) << 2;
  return (stage2Cacheability(memAttr >> 2) << 4) | stage2Cacheability(memAttr & 3);
}

function stage2Cacheability(bits: number): number {
  if (bits === 1) return 4;
  return bits === 2 ? 11 : 15;
}

/** The weaker of both stages. */
export function combined(first: MemoryType, second: MemoryType): MemoryType {
  if (isDevice(first.attributes) || isDevice(second.attributes)) {
    const both = isDevice(first.attributes) && isDevice(second.attributes);
    const attributes = both
      ? Math.min(first.attributes & 0xc, second.attributes & 0xc)
      : isDevice(first.attributes)
        ? first.attributes
        : second.attributes;
    return { attributes, shareability: OUTER };
  }
  const attributes =
    (combineCacheability(first.attributes >> 4, second.attributes >> 4) << 4) |
    combineCacheability(first.attributes & 15, second.attributes & 15);
  if (attributes === NON_CACHEABLE || first.shareability === OUTER || second.shareability === OUTER) {
    return { attributes, shareability: OUTER };
  }
  const isInner = first.shareability === INNER || second.shareability === INNER;
  return { attributes, shareability: isInner ? INNER : 0 };
}

/** Nibbles as in MAIR: 4 non-cacheable, 8..11 (and 0..3) write-through, 12..15 (and 5..7) write-back. */
function combineCacheability(first: number, second: number): number {
  if (first === 4 || second === 4) return 4;
  if ((first & 4) === 0 || (second & 4) === 0) return 8 | (first & 3);
  return 12 | (first & 3);
}

export const attributeWords = (attributes: number): string =>
  memoryAttribute(BigInt(attributes), 0n) ?? `reserved memory type 0x${attributes.toString(16)}`;

/** The same without allocation hints, for tables: `Normal Write-Back`. */
export function shortAttributeWords(attributes: number): string {
  return attributeWords(attributes)
    .replace(/,? ?(read- and write-allocate|read-allocate|write-allocate|no allocation)/g, '')
    .replace('Normal, ', 'Normal ')
    .trim();
}

/** MemAttr of a stage 2 descriptor, which has no allocation hints. */
export const stage2MemoryWords = (memAttr: number): string => shortAttributeWords(stage2Attributes(memAttr));

export const SHAREABILITY_WORDS = [
  'Non-shareable',
  'reserved',
  'Outer Shareable',
  'Inner Shareable',
] as const;
export const shareabilityWords = (shareability: number): string => SHAREABILITY_WORDS[shareability & 3] ?? '';

/** `rwx`, with `-` for what is not allowed. */
export const permissionText = (permissions: number): string =>
  `${permissions & READ ? 'r' : '-'}${permissions & WRITE ? 'w' : '-'}${permissions & EXECUTE ? 'x' : '-'}`;

/** `read and write, no execution`. */
export function permissionWords(permissions: number): string {
  const allowed = [
    ...(permissions & READ ? ['read'] : []),
    ...(permissions & WRITE ? ['write'] : []),
    ...(permissions & EXECUTE ? ['execute'] : []),
  ];
  return allowed.length === 0 ? 'no access' : allowed.join(', ');
}
