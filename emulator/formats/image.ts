// Headers of the kernel images an arm64 boot loader meets: the flat `Image` (Linux
// Documentation/arch/arm64/booting.rst), the self-decompressing EFI image `vmlinuz.efi` (Linux
// drivers/firmware/efi/libstub/zboot-header.S), and the magic numbers of everything a user may
// hand over by mistake.

import { UserError } from '../base/errors.ts';
import type { Compression } from './byte-source.ts';

export const IMAGE_HEADER_SIZE = 64;
const IMAGE_MAGIC = 0x644d5241; // "ARM\x64", at 56

export interface ImageHeader {
  /** Where the image wants to stand, counted from a 2 MiB boundary. */
  readonly textOffset: number;
  /** Memory the image needs from its start on, with what lies behind the file's end (bss). */
  readonly imageSize: number;
  /** Granule the kernel was built for, if it says so. */
  readonly pageSize: 4096 | 16384 | 65536 | undefined;
  /** Whether the 2 MiB boundary may be anywhere, or should be near the start of memory. */
  readonly placement: 'anywhere' | 'near-start';
}

export interface ZbootHeader {
  readonly payloadOffset: number;
  readonly payloadSize: number;
  /** The kernel build's name: gzip, zstd22, xzkern, lz4, lzma, lzo. */
  readonly compression: string;
}

/** What the first bytes of a kernel file say it is. */
export type KernelFormat =
  | { readonly kind: 'image' }
  | { readonly kind: 'zboot' }
  | { readonly kind: 'elf' }
  | { readonly kind: 'compressed'; readonly compression: Compression }
  | { readonly kind: 'lz4' }
  | { readonly kind: 'refused'; readonly what: string; readonly hint: string };

export function recognizeKernel(head: Uint8Array): KernelFormat {
  const view = viewOf(head);
  const word = (offset: number): number => (offset + 4 <= head.length ? view.getUint32(offset, true) : 0);
  const starts = (...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);
  const refused = (what: string, hint: string): KernelFormat => ({ kind: 'refused', what, hint });

  if (word(56) === IMAGE_MAGIC) return { kind: 'image' };
  if (starts(0x7f, 0x45, 0x4c, 0x46)) return { kind: 'elf' };
  if (starts(0x1f, 0x8b)) return { kind: 'compressed', compression: 'gzip' };
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return { kind: 'compressed', compression: 'zstd' };
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return { kind: 'compressed', compression: 'xz' };
  if (starts(0x02, 0x21, 0x4c, 0x18)) return { kind: 'lz4' };
  if (starts(0x4d, 0x5a) && asciiAt(head, 4, 4) === 'zimg') return { kind: 'zboot' };

  const wantArm64 =
    'Use a kernel built for arm64: arch/arm64/boot/Image, or vmlinuz of an arm64 distribution.';
  if (word(36) === 0x016f2818) return refused('is a 32-bit Arm zImage', wantArm64);
  if (asciiAt(head, 514, 4) === 'HdrS') return refused('is an x86 bzImage', wantArm64);
  if (word(48) === 0x43534952 || word(56) === 0x05435352) return refused('is a RISC-V Image', wantArm64);
  if (starts(0x4d, 0x5a)) return refused('is an EFI program without an arm64 Image header', wantArm64);
  if (starts(0x27, 0x05, 0x19, 0x56)) {
    return refused('is a U-Boot uImage', 'Give the Image it was made from (`dumpimage` extracts it).');
  }
  if (starts(0xd0, 0x0d, 0xfe, 0xed)) {
    return refused(
      'is a device tree or a FIT image',
      'Give the Image it contains (`dumpimage` extracts it).',
    );
  }
  if (starts(0x42, 0x5a, 0x68)) return refused('is bzip2-compressed', 'Unpack it with `bzip2 -d`.');
  if (starts(0x5d, 0x00, 0x00)) return refused('is lzma-compressed', 'Unpack it with `xz -d --format=lzma`.');
  if (asciiAt(head, 0, 6) === '070701')
    return refused('is an initramfs, not a kernel', 'Name it as the ramdisk.');
  return refused('is not an arm64 kernel Image', wantArm64);
}

/** Reads the header of a flat Image whose magic has been recognized. */
export function readImageHeader(head: Uint8Array, file: string): ImageHeader {
  if (head.length < IMAGE_HEADER_SIZE) {
    throw new UserError(
      `the file has ${head.length} bytes, which is less than the ${IMAGE_HEADER_SIZE} of an Image header`,
      'The file is truncated: copy or build it again.',
      { file, offset: head.length },
    );
  }
  const view = viewOf(head);
  const textOffset = view.getBigUint64(8, true);
  const imageSize = view.getBigUint64(16, true);
  const flags = view.getUint32(24, true);
  if (flags & 1) {
    throw new UserError(
      'the kernel is big-endian',
      'Build it with CONFIG_CPU_LITTLE_ENDIAN=y: big-endian guests are not supported.',
      { file, offset: 24 },
    );
  }
  // Kernels before 3.17 leave image_size 0 and mean the text offset of their time.
  const old = imageSize === 0n;
  const header = { textOffset: old ? 0x80000 : Number(textOffset), imageSize: Number(imageSize) };
  if (textOffset >= 1n << 28n || imageSize >= 1n << 40n) {
    throw new UserError(
      `the Image header asks for text offset 0x${textOffset.toString(16)} and size 0x${imageSize.toString(16)}, which cannot be`,
      'The file is damaged: copy or build it again.',
      { file, offset: 8 },
    );
  }
  const pageSizes = [undefined, 4096, 16384, 65536] as const;
  return {
    ...header,
    pageSize: pageSizes[(flags >> 1) & 3],
    placement: flags & 8 ? 'anywhere' : 'near-start',
  };
}

export function readZbootHeader(head: Uint8Array, file: string): ZbootHeader {
  if (head.length < IMAGE_HEADER_SIZE) {
    throw new UserError('the EFI zboot header is cut off', 'The file is truncated: copy or build it again.', {
      file,
      offset: head.length,
    });
  }
  const view = viewOf(head);
  return {
    payloadOffset: view.getUint32(8, true),
    payloadSize: view.getUint32(12, true),
    compression: asciiAt(head, 24, 32).replace(/\0.*$/s, ''),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asciiAt(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}
