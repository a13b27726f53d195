// Addresses of the three spaces, and frame numbers. Numbers that must not be mixed have types
// that do not mix; all of them are plain values at run time.

declare const kind: unique symbol;
type Branded<T, Kind extends string> = T & { readonly [kind]: Kind };

/** Virtual address: what a guest program uses. 64 bits, so it needs a bigint. */
export type Va = Branded<bigint, 'Va'>;
/** Intermediate physical address: the output of stage 1, the input of stage 2. At most 48 bits. */
export type Ipa = Branded<number, 'Ipa'>;
/** Physical address of the emulated machine: the output of stage 2. At most 48 bits. */
export type Pa = Branded<number, 'Pa'>;
/** Guest frame number: an IPA in units of 4 KiB, whatever page size the guest uses. */
export type Gfn = Branded<number, 'Gfn'>;
/** Machine frame number: a PA in units of 4 KiB. */
export type Mfn = Branded<number, 'Mfn'>;

export const PAGE_SIZE = 4096;

export const va = (value: bigint): Va => BigInt.asUintN(64, value) as Va;
export const ipa = (value: number): Ipa => value as Ipa;
export const pa = (value: number): Pa => value as Pa;
export const gfn = (value: number): Gfn => value as Gfn;
export const mfn = (value: number): Mfn => value as Mfn;
export const gfnOf = (address: Ipa): Gfn => Math.floor(address / PAGE_SIZE) as Gfn;
export const paOf = (frame: Mfn): Pa => (frame * PAGE_SIZE) as Pa;

/** An address as people read it: 0x followed by lower-case hexadecimal digits. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
