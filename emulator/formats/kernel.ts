// Loads a kernel file of whatever kind into segments that a domain builder or a board places in
// memory: flat Image, Image packed by gzip, zstd, xz or LZ4, EFI zboot, ELF.

import { UserError } from '../base/errors.ts';
import { contentOf, decompressPart, memorySource, readAll, readExactly } from './byte-source.ts';
import type { ByteSource, Compression, Content, Decompress } from './byte-source.ts';
import { ElfFile, PT_LOAD } from './elf.ts';
import { IMAGE_HEADER_SIZE, readImageHeader, readZbootHeader, recognizeKernel } from './image.ts';
import type { ImageHeader } from './image.ts';
import { unpackLegacyLz4 } from './lz4.ts';

/** No kernel is larger; bounds what a compressed file may unpack to. */
const MAX_KERNEL_SIZE = 512 << 20;
/** Enough of the file to recognize every format (an x86 bzImage says so at 514). */
const HEAD_SIZE = 1024;
/** Signature and file header of PE, and an entry of its section table. */
const PE_HEADER_SIZE = 24;
const PE_SECTION_SIZE = 40;
/** Physical addresses have at most 48 bits; an ELF that asks for more is linked to virtual ones. */
const PHYSICAL_LIMIT = 1n << 48n;

export interface KernelSegment {
  /** Offset from a 2 MiB boundary for an Image, physical address for an ELF. */
  readonly address: number;
  readonly data: Content;
  /** At least data.length; what lies behind the data is zero. */
  readonly memorySize: number;
}

export interface ImageKernel {
  readonly kind: 'image';
  readonly header: ImageHeader;
  readonly textOffset: number;
  /** Offset of the first instruction from the same 2 MiB boundary: the start of the image. */
  readonly entry: number;
  readonly segments: readonly [KernelSegment];
}

export interface ElfKernel {
  readonly kind: 'elf';
  /** Physical address of the first instruction. */
  readonly entry: number;
  readonly segments: readonly KernelSegment[];
}

export type Kernel = ImageKernel | ElfKernel;

export async function loadKernel(source: ByteSource, decompress: Decompress): Promise<Kernel> {
  return load(source, decompress, 0);
}

/** `depth` counts the layers of packing that have been taken off. */
async function load(source: ByteSource, decompress: Decompress, depth: number): Promise<Kernel> {
  if (source.size === 0) {
    throw new UserError('the kernel file is empty', 'Copy or build it again.', {
      file: source.name,
      offset: 0,
    });
  }
  const head = await source.read(0, HEAD_SIZE);
  const format = recognizeKernel(head);
  // An ELF may be larger: its debug information is not loaded.
  if (format.kind !== 'elf' && format.kind !== 'refused') checkSize(source.size, source.name);
  switch (format.kind) {
    case 'image':
      return imageKernel(source);
    case 'elf':
      return elfKernel(await ElfFile.open(source, decompress));
    case 'refused':
      throw new UserError(`the file ${format.what}`, format.hint, { file: source.name, offset: 0 });
    case 'compressed':
    case 'lz4':
    case 'zboot':
      break;
  }
  if (depth === 2) {
    throw new UserError('the kernel is compressed several times over', 'Unpack it first.', {
      file: source.name,
      offset: 0,
    });
  }
  return load(
    memorySource(await unpack(source, format, head, decompress), source.name),
    decompress,
    depth + 1,
  );
}

/** Before anything of that size is allocated. */
function checkSize(size: number, file: string, offset = 0): void {
  if (size <= MAX_KERNEL_SIZE) return;
  throw new UserError(
    `the kernel has ${size} bytes, more than the ${MAX_KERNEL_SIZE >> 20} MiB a kernel can have`,
    'Check that this is the kernel, and copy or build it again.',
    { file, offset },
  );
}

async function unpack(
  source: ByteSource,
  format: { kind: 'zboot' } | { kind: 'lz4' } | { kind: 'compressed'; compression: Compression },
  head: Uint8Array,
  decompress: Decompress,
): Promise<Uint8Array> {
  const file = source.name;
  if (format.kind === 'lz4') return unpackLegacyLz4(await readAll(source), MAX_KERNEL_SIZE, file);
  if (format.kind === 'compressed') {
    const data = await readAll(source);
    return decompressPart(decompress, format.compression, data, MAX_KERNEL_SIZE, { file, offset: 0 });
  }

  const { payloadOffset, payloadSize, compression } = readZbootHeader(head, file);
  const payload = await readExactly(
    source,
    payloadOffset,
    payloadSize,
    'the compressed kernel of the EFI image',
  );
  if (compression.startsWith('lz4')) return unpackLegacyLz4(payload, MAX_KERNEL_SIZE, file);
  const known = (['gzip', 'zstd', 'xz'] as const).find((name) => compression.startsWith(name));
  if (known === undefined) {
    throw new UserError(
      `the EFI image is compressed with '${compression}', which is not supported`,
      'Use the uncompressed Image, or build with CONFIG_KERNEL_ZSTD, _GZIP, _XZ or _LZ4.',
      { file, offset: 24 },
    );
  }
  return decompressPart(decompress, known, payload, MAX_KERNEL_SIZE, { file, offset: payloadOffset });
}

async function imageKernel(source: ByteSource): Promise<ImageKernel> {
  const { name: file, size } = source;
  const header = readImageHeader(await source.read(0, IMAGE_HEADER_SIZE), file);
  // The header counts bss and the file does not, so a shorter file is normal, but only down to
  // the end of initialized data. PE headers say where that is.
  const initialized = await peFileSize(source);
  if (size < initialized) {
    throw new UserError(
      `the Image holds ${initialized} bytes, but the file ends after ${size}`,
      'The file is truncated: copy or build it again.',
      { file, offset: size },
    );
  }
  const memorySize = Math.max(header.imageSize, size);
  const segment = { address: header.textOffset, data: await contentOf(source), memorySize };
  return {
    kind: 'image',
    header,
    textOffset: header.textOffset,
    entry: header.textOffset,
    segments: [segment],
  };
}

/** Where the last PE section of an EFI-capable Image ends in the file, or 0 without PE headers. */
async function peFileSize(source: ByteSource): Promise<number> {
  const dos = viewOf(await source.read(0, IMAGE_HEADER_SIZE));
  const pe = dos.getUint32(60, true);
  if (dos.getUint16(0, true) !== 0x5a4d || pe + PE_HEADER_SIZE > source.size) return 0;
  const header = viewOf(await readExactly(source, pe, PE_HEADER_SIZE, 'the PE header'));
  if (header.getUint32(0, true) !== 0x4550) return 0;
  const sections = header.getUint16(6, true);
  const at = pe + PE_HEADER_SIZE + header.getUint16(20, true);
  const table = viewOf(await source.read(at, PE_SECTION_SIZE * sections));
  let end = 0;
  for (let section = 0; section + PE_SECTION_SIZE <= table.byteLength; section += PE_SECTION_SIZE) {
    const rawEnd = table.getUint32(section + 20, true) + table.getUint32(section + 16, true);
    end = Math.max(end, rawEnd);
  }
  return end;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

async function elfKernel(elf: ElfFile): Promise<Kernel> {
  const file = elf.source.name;
  const loads = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0);
  const [first] = loads;
  if (first === undefined) {
    throw new UserError('the ELF file has nothing to load', 'Give a linked kernel, not an object file.', {
      file,
      offset: 32,
    });
  }
  checkSize(
    loads.reduce((sum, { fileSize }) => sum + fileSize, 0),
    file,
    // e_phoff: where the sizes are said.
    32,
  );
  // Linux links vmlinux to virtual addresses only: it is an Image taken apart.
  const lowest = loads.reduce(
    (low, s) => (s.physicalAddress < low ? s.physicalAddress : low),
    first.physicalAddress,
  );
  if (lowest >= PHYSICAL_LIMIT) return flattenedImage(elf, loads, lowest);

  const segments: KernelSegment[] = [];
  for (const segment of loads) {
    if (segment.physicalAddress + BigInt(segment.memorySize) > PHYSICAL_LIMIT) {
      throw new UserError(
        `the ELF segment at 0x${segment.physicalAddress.toString(16)} does not fit the physical address space`,
        'Link the kernel to physical addresses below 2^48 (LMA in the linker script).',
        { file, offset: segment.offset },
      );
    }
    const data = await elf.readSegment(segment);
    segments.push({ address: Number(segment.physicalAddress), data, memorySize: segment.memorySize });
  }
  const home = loads.find(
    (s) => elf.entry >= s.virtualAddress && elf.entry < s.virtualAddress + BigInt(s.memorySize),
  );
  if (home === undefined) {
    throw new UserError(
      `the entry point 0x${elf.entry.toString(16)} lies in none of the segments`,
      'Set the entry symbol when linking (ENTRY in the linker script).',
      { file, offset: 24 },
    );
  }
  return { kind: 'elf', entry: Number(elf.entry - home.virtualAddress + home.physicalAddress), segments };
}

async function flattenedImage(
  elf: ElfFile,
  loads: ElfFile['segments'],
  lowest: bigint,
): Promise<ImageKernel> {
  const file = elf.source.name;
  const places = loads.map((s) => ({ segment: s, at: s.physicalAddress - lowest }));
  const end = places.reduce((max, { segment, at }) => {
    const last = at + BigInt(segment.fileSize);
    return last > max ? last : max;
  }, 0n);
  // Gaps between segments are page padding; a file that claims more would have us allocate it.
  if (end > BigInt(Math.min(MAX_KERNEL_SIZE, 2 * elf.source.size + (4 << 20)))) {
    throw new UserError(
      'the ELF segments are linked to virtual addresses and spread too far to be one image',
      'Link the kernel to physical addresses below 2^48, or give the flat Image.',
      { file, offset: 32 },
    );
  }
  const data = new Uint8Array(Number(end));
  for (const { segment, at } of places) data.set(await elf.readSegment(segment), Number(at));
  if (recognizeKernel(data.subarray(0, HEAD_SIZE)).kind !== 'image') {
    throw new UserError(
      'the ELF file is linked to virtual addresses and is no arm64 Linux kernel',
      'Link the kernel to physical addresses below 2^48 (LMA in the linker script).',
      { file, offset: 24 },
    );
  }
  return imageKernel(memorySource(data, file));
}
