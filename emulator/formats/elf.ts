// ELF64 for AArch64: headers at once, sections when somebody asks for them. A vmlinux with debug
// information has 312 MB; opening it reads a few kilobytes.
//
// System V ABI, chapters "Object Files" and "Program Loading"; ELF for the Arm 64-bit
// Architecture (IHI 0056).

import { UserError } from '../base/errors.ts';
import { AddressWindow } from './address-window.ts';
import { decompressPart, memorySource, noDecompress, readExactly } from './byte-source.ts';
import type { ByteSource, Compression, Decompress } from './byte-source.ts';

export const PT_LOAD = 1;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHF_ALLOC = 2;
/** Addresses from here on belong to TTBR1, to a kernel. */
const UPPER_HALF = 1n << 63n;
export const SHF_EXECINSTR = 4;
export const SHF_COMPRESSED = 0x800;

const ELF_HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const EM_AARCH64 = 183;
const SHN_XINDEX = 0xffff;
const PN_XNUM = 0xffff;
const NT_GNU_BUILD_ID = 3;
/** A decompressed section may be this large; vmlinux's .debug_info has 201 MB. */
const MAX_SECTION_SIZE = 2 ** 31 - 1;

export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  /** Place and size in the file; a compressed section's content is larger. */
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
}

export class ElfFile {
  readonly source: ByteSource;
  /** ET_REL 1, ET_EXEC 2, ET_DYN 3. */
  readonly type: number;
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  /** All addresses of this program as numbers. */
  readonly window: AddressWindow;

  readonly decompress: Decompress;
  /** Sections that had to be decompressed, kept. */
  private readonly unpacked = new Map<number, Promise<ByteSource>>();

  private constructor(
    source: ByteSource,
    decompress: Decompress,
    header: { type: number; entry: bigint },
    segments: readonly ElfSegment[],
    sections: readonly ElfSection[],
  ) {
    this.source = source;
    this.decompress = decompress;
    this.type = header.type;
    this.entry = header.entry;
    this.segments = segments;
    this.sections = sections;
    this.window = addressWindow(segments, sections);
  }

  static async open(source: ByteSource, decompress: Decompress = noDecompress): Promise<ElfFile> {
    const header = viewOf(await readExactly(source, 0, ELF_HEADER_SIZE, 'the ELF header'));
    checkIdentity(header, source.name);

    const sectionOffset = safeNumber(header.getBigUint64(40, true), source, 40);
    const segmentOffset = safeNumber(header.getBigUint64(32, true), source, 32);
    let sectionCount = header.getUint16(60, true);
    let nameIndex = header.getUint16(62, true);
    let segmentCount = header.getUint16(56, true);
    expectEntrySize(header.getUint16(54, true), PROGRAM_HEADER_SIZE, segmentCount, source, 54);
    expectEntrySize(header.getUint16(58, true), SECTION_HEADER_SIZE, sectionOffset, source, 58);
    // Numbers that do not fit 16 bits stand in the first section header.
    if (sectionOffset !== 0 && (sectionCount === 0 || nameIndex === SHN_XINDEX || segmentCount === PN_XNUM)) {
      const first = viewOf(
        await readExactly(source, sectionOffset, SECTION_HEADER_SIZE, 'the section headers'),
      );
      if (sectionCount === 0)
        sectionCount = safeNumber(first.getBigUint64(32, true), source, sectionOffset + 32);
      if (nameIndex === SHN_XINDEX) nameIndex = first.getUint32(40, true);
      if (segmentCount === PN_XNUM) segmentCount = first.getUint32(44, true);
    }

    const segments = await readSegments(source, segmentOffset, segmentCount);
    const sections =
      sectionOffset === 0 ? [] : await readSections(source, sectionOffset, sectionCount, nameIndex);
    const identity = { type: header.getUint16(16, true), entry: header.getBigUint64(24, true) };
    return new ElfFile(source, decompress, identity, segments, sections);
  }

  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** The content of a section, decompressed if need be, for positioned reads. */
  async sectionSource(section: ElfSection): Promise<ByteSource> {
    const known = this.unpacked.get(section.index);
    if (known !== undefined) return known;
    const compressed = section.flags & SHF_COMPRESSED || section.name.startsWith('.zdebug_');
    if (!compressed) return new SectionSource(this.source, section);
    const unpacking = this.unpack(section);
    this.unpacked.set(section.index, unpacking);
    return unpacking;
  }

  /** The whole content of a section. */
  async readSection(section: ElfSection): Promise<Uint8Array> {
    const source = await this.sectionSource(section);
    return readExactly(source, 0, source.size, `section ${section.name}`);
  }

  /** The bytes of a segment that stand in the file. */
  async readSegment(segment: ElfSegment): Promise<Uint8Array> {
    return readExactly(this.source, segment.offset, segment.fileSize, 'an ELF segment');
  }

  /** The GNU build-id in hexadecimal. */
  async buildId(): Promise<string | undefined> {
    for (const section of this.sections) {
      if (section.type !== SHT_NOTE) continue;
      const id = buildIdIn(await this.readSection(section));
      if (id !== undefined) return id;
    }
    return undefined;
  }

  private async unpack(section: ElfSection): Promise<ByteSource> {
    const what = `section ${section.name}`;
    const bytes = await readExactly(this.source, section.offset, section.size, what);
    const place = { file: this.source.name, offset: section.offset };
    const header = compressionHeader(section, bytes);
    if (header === undefined) {
      throw new UserError(
        `${what} is compressed in an unknown way`,
        'Strip or rebuild the file with zlib or zstd.',
        place,
      );
    }
    // No compression reaches 1:2000, so a small section cannot make us reserve a large one.
    const limit = Math.min(header.size, MAX_SECTION_SIZE, bytes.length * 2000);
    const data = await decompressPart(
      this.decompress,
      header.compression,
      bytes.subarray(header.start),
      limit,
      place,
    );
    if (data.length !== header.size) {
      throw new UserError(
        `${what} unpacks to ${data.length} bytes, but says ${header.size}`,
        'The file is damaged: copy or build it again.',
        place,
      );
    }
    return memorySource(data, `${this.source.name}(${section.name})`);
  }
}

/** A section as a source of its own. */
class SectionSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly file: ByteSource;
  private readonly start: number;

  constructor(file: ByteSource, section: ElfSection) {
    this.file = file;
    this.start = section.offset;
    this.size = section.type === SHT_NOBITS ? 0 : section.size;
    this.name = `${file.name}(${section.name})`;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    // The section's size is a claim of the file: never ask for more than the file has.
    const end = Math.min(this.size, offset + length, this.file.size - this.start);
    return this.file.read(this.start + offset, Math.max(0, end - offset));
  }
}

function checkIdentity(header: DataView, file: string): void {
  const refuse = (message: string, offset: number, hint: string): never => {
    throw new UserError(message, hint, { file, offset });
  };
  const arm64 = 'Use a file built for arm64 (aarch64-linux-gnu).';
  if (header.getUint32(0, false) !== 0x7f454c46) refuse('this is not an ELF file', 0, arm64);
  if (header.getUint8(4) !== 2) refuse('this is a 32-bit ELF file', 4, arm64);
  if (header.getUint8(5) !== 1) refuse('this is a big-endian ELF file', 5, arm64);
  const machine = header.getUint16(18, true);
  if (machine !== EM_AARCH64) {
    const names: Record<number, string> = { 3: 'x86', 40: '32-bit Arm', 62: 'x86-64', 243: 'RISC-V' };
    refuse(`this ELF file is for ${names[machine] ?? `machine ${machine}`}`, 18, arm64);
  }
}

function expectEntrySize(
  found: number,
  wanted: number,
  used: number,
  source: ByteSource,
  offset: number,
): void {
  if (used === 0 || found === wanted) return;
  throw new UserError(
    `the ELF header says that its table entries have ${found} bytes instead of ${wanted}`,
    'The file is damaged: copy or build it again.',
    { file: source.name, offset },
  );
}

async function readSegments(source: ByteSource, offset: number, count: number): Promise<ElfSegment[]> {
  const size = count * PROGRAM_HEADER_SIZE;
  const view = viewOf(
    count === 0 ? new Uint8Array() : await readExactly(source, offset, size, 'the program headers'),
  );
  const segments: ElfSegment[] = [];
  for (let at = 0; at < size; at += PROGRAM_HEADER_SIZE) {
    const segment = {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: safeNumber(view.getBigUint64(at + 8, true), source, offset + at + 8),
      virtualAddress: view.getBigUint64(at + 16, true),
      physicalAddress: view.getBigUint64(at + 24, true),
      fileSize: safeNumber(view.getBigUint64(at + 32, true), source, offset + at + 32),
      memorySize: safeNumber(view.getBigUint64(at + 40, true), source, offset + at + 40),
    };
    if (segment.type === PT_LOAD && segment.memorySize < segment.fileSize) {
      throw new UserError(
        'an ELF segment is larger in the file than in memory',
        'The file is damaged: build it again.',
        {
          file: source.name,
          offset: offset + at + 40,
        },
      );
    }
    segments.push(segment);
  }
  return segments;
}

async function readSections(
  source: ByteSource,
  offset: number,
  count: number,
  nameIndex: number,
): Promise<ElfSection[]> {
  const size = count * SECTION_HEADER_SIZE;
  const view = viewOf(await readExactly(source, offset, size, 'the section headers'));
  const raw = Array.from({ length: count }, (_, index) => {
    const at = index * SECTION_HEADER_SIZE;
    return {
      index,
      nameOffset: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      flags: Number(view.getBigUint64(at + 8, true) & 0xffff_ffffn),
      address: view.getBigUint64(at + 16, true),
      offset: safeNumber(view.getBigUint64(at + 24, true), source, offset + at + 24),
      size: safeNumber(view.getBigUint64(at + 32, true), source, offset + at + 32),
      link: view.getUint32(at + 40, true),
      entrySize: Number(view.getBigUint64(at + 56, true) & 0xffff_ffffn),
    };
  });
  const names = raw[nameIndex];
  const table =
    names === undefined
      ? new Uint8Array()
      : await readExactly(source, names.offset, names.size, 'the section names');
  return raw.map(({ nameOffset, ...section }) => ({ ...section, name: stringAt(table, nameOffset) }));
}

/** Section sizes and offsets beyond 2^53 are lies; saying so beats rounding them. */
function safeNumber(value: bigint, source: ByteSource, offset: number): number {
  if (value < 1n << 53n) return Number(value);
  throw new UserError(
    `the ELF file names a place or size of 0x${value.toString(16)}`,
    'The file is damaged: build it again.',
    {
      file: source.name,
      offset,
    },
  );
}

/**
 * The window of the program's addresses. A kernel that carries a program for EL0 along has addresses in both
 * halves; they are close together when addresses wrap around, as -1 and 0 are.
 */
function addressWindow(segments: readonly ElfSegment[], sections: readonly ElfSection[]): AddressWindow {
  const loaded = segments.filter((s) => s.type === PT_LOAD && s.memorySize > 0).map((s) => s.virtualAddress);
  const allocated = sections.filter((s) => s.flags & SHF_ALLOC && s.size > 0).map((s) => s.address);
  const addresses = loaded.length > 0 ? loaded : allocated;
  const upper = addresses.filter((address) => address >= UPPER_HALF);
  const wraps = upper.length > 0 && upper.length < addresses.length;
  const candidates = wraps ? upper : addresses;
  const lowest = candidates.reduce((low, address) => (address < low ? address : low), candidates[0] ?? 0n);
  return new AddressWindow(lowest, wraps);
}

function compressionHeader(
  section: ElfSection,
  bytes: Uint8Array,
): { compression: Compression; size: number; start: number } | undefined {
  const view = viewOf(bytes);
  if (section.flags & SHF_COMPRESSED) {
    if (bytes.length < 24) return undefined;
    const compression = ({ 1: 'zlib', 2: 'zstd' } as const)[view.getUint32(0, true)];
    return compression && { compression, size: Number(view.getBigUint64(8, true)), start: 24 };
  }
  // The older form: "ZLIB" and the size, big-endian, in a section named .zdebug_*.
  if (bytes.length < 12 || view.getUint32(0, false) !== 0x5a4c4942) return undefined;
  return { compression: 'zlib', size: Number(view.getBigUint64(4, false)), start: 12 };
}

function buildIdIn(notes: Uint8Array): string | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = view.getUint32(at, true);
    const dataSize = view.getUint32(at + 4, true);
    const data = at + 12 + align4(nameSize);
    if (data + dataSize > notes.length) return undefined;
    if (view.getUint32(at + 8, true) === NT_GNU_BUILD_ID && stringAt(notes, at + 12) === 'GNU') {
      return [...notes.subarray(data, data + dataSize)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
    }
    at = data + align4(dataSize);
  }
  return undefined;
}

const align4 = (size: number): number => Math.ceil(size / 4) * 4;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const utf8 = new TextDecoder();

/** The string at an offset of a string table; the table's end also ends a string. */
export function stringAt(table: Uint8Array, offset: number): string {
  const end = table.indexOf(0, offset);
  return utf8.decode(table.subarray(offset, end === -1 ? table.length : end));
}
