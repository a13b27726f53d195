// Where the call frame information of a program stands (DWARF 5, section 6.4.1; for .eh_frame the Linux
// Standard Base, "Exception Frames"): CIEs, and the FDEs sorted by the code that they cover. A kernel has
// 50,000 FDEs, so only their headers are read at first, into typed arrays.

import { lastAtMost } from '../address-window.ts';
import type { AddressWindow } from '../address-window.ts';
import { BadDwarf, Cursor, OutOfBytes } from './cursor.ts';

/** A section with call frame information, whole. */
export interface FrameSection {
  readonly kind: 'debug_frame' | 'eh_frame';
  readonly bytes: Uint8Array;
  /** Where the section is loaded, as distance from the program's base: addresses in .eh_frame are relative to it. */
  readonly loadedAt: number;
  readonly window: AddressWindow;
}

/** What the FDEs that refer to it have in common. */
export interface CommonEntry {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnAddress: number;
  /** DW_EH_PE_* of the addresses in its FDEs. */
  readonly encoding: number;
  readonly addressSize: number;
  /** Its FDEs have augmentation data. */
  readonly isAugmented: boolean;
  /** The frame was made by an exception or a signal: its PC is not behind a call. */
  readonly isSignalFrame: boolean;
  /** Instructions, as offsets in the section. */
  readonly start: number;
  readonly end: number;
}

export interface FrameEntry {
  readonly common: CommonEntry;
  /** Code, as distances from the program's base. */
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly start: number;
  readonly end: number;
}

const DW_EH_PE_ABSPTR = 0x00;
const DW_EH_PE_PCREL = 0x10;
const DW_EH_PE_OMIT = 0xff;
const NO_CIE = -1;

export class FrameIndex {
  /** What could not be read, if anything. */
  readonly damage: Error | undefined;
  private readonly section: FrameSection;
  private readonly commons = new Map<number, CommonEntry>();
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;
  /** Offsets of the FDEs in the section. */
  private readonly offsets: Uint32Array;

  constructor(section: FrameSection) {
    this.section = section;
    const starts: number[] = [];
    const ends: number[] = [];
    const offsets: number[] = [];
    const cursor = new Cursor(section.bytes, 0);
    const add = (header: { readonly cie: number }, at: number): void => {
      if (header.cie === NO_CIE) return;
      const common = this.commonAt(header.cie);
      const start = this.address(cursor, common);
      const size = this.codeSize(cursor, common);
      // A linker that drops a function leaves its FDE at address 0, which is out of reach.
      if (!(start >= 0 && size > 0)) return;
      starts.push(start);
      ends.push(start + size);
      offsets.push(at);
    };
    // Behind a damaged header nothing can be found; a damaged entry is skipped.
    let damage: BadDwarf | OutOfBytes | undefined;
    while (!cursor.atEnd) {
      const at = cursor.at;
      const header = noting(() => this.headerAt(cursor));
      if (header instanceof Error) {
        damage ??= header;
        break;
      }
      if (!header) continue;
      const added = noting(() => add(header, at));
      if (added) damage ??= added;
      cursor.at = header.end;
    }
    this.damage = damage;
    const order = Uint32Array.from(starts.keys()).sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0));
    this.starts = Float64Array.from(order, (i) => starts[i] ?? 0);
    this.ends = Float64Array.from(order, (i) => ends[i] ?? 0);
    this.offsets = Uint32Array.from(order, (i) => offsets[i] ?? 0);
  }

  /** How many FDEs there are. */
  get size(): number {
    return this.starts.length;
  }

  entryAt(address: number): FrameEntry | undefined {
    const index = lastAtMost(this.starts, this.starts.length, address);
    if (index < 0 || !(address < (this.ends[index] ?? 0))) return undefined;
    const cursor = new Cursor(this.section.bytes, 0);
    cursor.at = this.offsets[index] ?? 0;
    const header = this.headerAt(cursor);
    if (!header) return undefined;
    const common = this.commonAt(header.cie);
    this.address(cursor, common);
    this.codeSize(cursor, common);
    if (common.isAugmented) cursor.skip(cursor.uleb());
    return {
      common,
      codeStart: this.starts[index] ?? 0,
      codeEnd: this.ends[index] ?? 0,
      start: cursor.at,
      end: header.end,
    };
  }

  /** Reads length and CIE pointer. Undefined: padding. */
  private headerAt(cursor: Cursor): { readonly cie: number; readonly end: number } | undefined {
    const at = cursor.at;
    const { length, offsetSize } = cursor.initialLength();
    // .eh_frame ends with a length of zero; the sections of several files may have been put together.
    if (length === 0) return undefined;
    const end = cursor.at + length;
    if (end > this.section.bytes.length) throw new BadDwarf(`an entry claims ${length} bytes`, at);
    const pointerAt = cursor.at;
    const isEh = this.section.kind === 'eh_frame';
    const pointer = isEh ? cursor.u32() : cursor.unsigned(offsetSize);
    if (isEh) return { cie: pointer === 0 ? NO_CIE : pointerAt - pointer, end };
    const isCie = offsetSize === 4 ? pointer === 0xffff_ffff : pointer >= 2 ** 53;
    return { cie: isCie ? NO_CIE : pointer, end };
  }

  private commonAt(offset: number): CommonEntry {
    let common = this.commons.get(offset);
    if (!common) {
      common = this.readCommon(offset);
      this.commons.set(offset, common);
    }
    return common;
  }

  private readCommon(offset: number): CommonEntry {
    const cursor = new Cursor(this.section.bytes, 0);
    cursor.at = offset;
    const header = offset >= 0 ? this.headerAt(cursor) : undefined;
    if (header?.cie !== NO_CIE) throw new BadDwarf('an FDE refers to what is no CIE', offset);
    const version = cursor.u8();
    if (version !== 1 && version !== 3 && version !== 4) {
      throw new BadDwarf(`a CIE has version ${version}`, offset);
    }
    const augmentation = cursor.string();
    let addressSize = 8;
    if (version === 4) {
      addressSize = cursor.u8();
      if (cursor.u8() !== 0) throw new BadDwarf('a CIE has segment selectors', offset);
    }
    const codeAlignment = cursor.uleb();
    const dataAlignment = cursor.sleb();
    const returnAddress = version === 1 ? cursor.u8() : cursor.uleb();
    const isAugmented = augmentation.startsWith('z');
    // Letters that have no data need no length of it.
    if (!isAugmented && !/^[SB]*$/.test(augmentation)) {
      throw new BadDwarf(`a CIE has the unknown augmentation '${augmentation}'`, offset);
    }
    const encoding = isAugmented ? pointerEncoding(cursor, augmentation) : DW_EH_PE_ABSPTR;
    return {
      codeAlignment,
      dataAlignment,
      returnAddress,
      encoding,
      addressSize,
      isAugmented,
      isSignalFrame: augmentation.includes('S'),
      start: cursor.at,
      end: header.end,
    };
  }

  /** The first address of an FDE, as distance from the program's base. */
  private address(cursor: Cursor, { encoding, addressSize }: CommonEntry): number {
    const at = cursor.at;
    switch (encoding & 0x70) {
      case DW_EH_PE_ABSPTR:
        return cursor.address(
          sizeOfEncoding(encoding, addressSize, at) === 8 ? 8 : addressSize,
          this.section.window,
        );
      case DW_EH_PE_PCREL:
        return this.section.loadedAt + at + signedValue(cursor, encoding, at);
      default:
        throw new BadDwarf(`a pointer has the encoding 0x${encoding.toString(16)}`, at);
    }
  }

  private codeSize(cursor: Cursor, { encoding, addressSize }: CommonEntry): number {
    return cursor.unsigned(sizeOfEncoding(encoding, addressSize, cursor.at));
  }
}

/** The result, or the damage that was met. */
function noting<T>(read: () => T): T | BadDwarf | OutOfBytes {
  try {
    return read();
  } catch (error) {
    if (error instanceof BadDwarf || error instanceof OutOfBytes) return error;
    throw error;
  }
}

/** Reads the augmentation data of a CIE, of which only the pointer encoding (R) matters here. */
function pointerEncoding(cursor: Cursor, augmentation: string): number {
  const size = cursor.uleb();
  const end = cursor.at + size;
  let encoding = DW_EH_PE_ABSPTR;
  for (const letter of augmentation.slice(1)) {
    if (letter === 'R') encoding = cursor.u8();
    else if (letter === 'L') cursor.skip(1);
    else if (letter === 'P') {
      const personality = cursor.u8();
      if (personality !== DW_EH_PE_OMIT) cursor.skip(sizeOfEncoding(personality, 8, cursor.at));
      // S (signal frame), B (return addresses are signed with key B) and G have no data.
    } else if (letter !== 'S' && letter !== 'B' && letter !== 'G') break;
  }
  cursor.at = end;
  return encoding;
}

/** Bytes of a value with this encoding. */
function sizeOfEncoding(encoding: number, addressSize: number, at: number): number {
  switch (encoding & 0x07) {
    case 0:
      return addressSize;
    case 2:
      return 2;
    case 3:
      return 4;
    case 4:
      return 8;
    default:
      throw new BadDwarf(`a pointer has the encoding 0x${encoding.toString(16)}`, at);
  }
}

/** A relative value: it may be negative whatever the encoding says. */
function signedValue(cursor: Cursor, encoding: number, at: number): number {
  switch (sizeOfEncoding(encoding, 8, at)) {
    case 2:
      return (cursor.u16() << 16) >> 16;
    case 4:
      return cursor.u32() | 0;
    default: {
      const low = cursor.u32();
      return (cursor.u32() | 0) * 0x1_0000_0000 + low;
    }
  }
}
