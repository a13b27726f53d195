import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../emulator/base/errors.ts';
import { bytesOf, memorySource, StoredBytes } from '../../../emulator/formats/byte-source.ts';
import type { ByteSource, Decompress } from '../../../emulator/formats/byte-source.ts';
import { loadKernel } from '../../../emulator/formats/kernel.ts';

const decompress: Decompress = async (compression, data, limit) => {
  const options = { maxOutputLength: limit };
  return new Uint8Array(
    compression === 'zstd' ? zstdDecompressSync(data, options) : gunzipSync(data, options),
  );
};

const load = (bytes: Uint8Array) => loadKernel(memorySource(bytes, 'vmlinuz'), decompress);

/** A small flat Image: 4 KiB in the file, 12 KiB in memory. */
function image(change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x14000010, true);
  view.setBigUint64(8, 0n, true);
  view.setBigUint64(16, 12288n, true);
  view.setUint32(24, 0b1010, true);
  view.setUint32(56, 0x644d5241, true);
  bytes.fill(0xa5, 1024);
  change(view);
  return bytes;
}

/** The same Image through `lz4 -l`, as the kernel build packs Image.lz4. */
const LEGACY_LZ4 = 'AiFMGDkAAABYEAAAFAABABIwDQASCgcADwIABk9BUk1kHQAGDwIA////mx+lAQD///////////////JQpaWlpaU=';

function zboot(payload: Uint8Array, compression: string): Uint8Array {
  const bytes = new Uint8Array(0x1000 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('MZ\0\0zimg'));
  view.setUint32(8, 0x1000, true);
  view.setUint32(12, payload.length, true);
  bytes.set(new TextEncoder().encode(compression), 24);
  view.setUint32(56, 0x818223cd, true);
  bytes.set(payload, 0x1000);
  return bytes;
}

/** An ELF executable with one PT_LOAD. */
function elf(
  virtual: bigint,
  physical: bigint,
  entry: bigint,
  data: Uint8Array,
  memorySize = data.length,
): Uint8Array {
  const bytes = new Uint8Array(0x1000 + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 183, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  const header = [
    1n | (5n << 32n),
    0x1000n,
    virtual,
    physical,
    BigInt(data.length),
    BigInt(memorySize),
    0x1000n,
  ];
  header.forEach((value, i) => view.setBigUint64(64 + 8 * i, value, true));
  bytes.set(data, 0x1000);
  return bytes;
}

test('a flat Image is one segment at its text offset, with room for bss', async () => {
  const kernel = await load(image());
  expect(kernel).toMatchObject({
    kind: 'image',
    textOffset: 0,
    entry: 0,
    header: { pageSize: 4096, placement: 'anywhere' },
  });
  expect(kernel.segments.map((s) => [s.address, s.data.length, s.memorySize])).toEqual([[0, 4096, 12288]]);
});

test('an Image of before 3.17, which gives no size, stands at 0x80000', async () => {
  const kernel = await load(image((view) => view.setBigUint64(16, 0n, true)));
  expect(kernel).toMatchObject({ kind: 'image', textOffset: 0x80000, entry: 0x80000 });
});

/** A file that a machine reads into its own memory. */
function stored(bytes: Uint8Array): ByteSource {
  const readInto = (offset: number, target: Uint8Array): number => {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  };
  return { ...memorySource(bytes, 'vmlinuz'), readInto };
}

test('an Image that can be read where it is to stand is the same kernel, and not read before', async () => {
  const bytes = image();
  const kernel = await loadKernel(stored(bytes), decompress);
  const [segment] = kernel.segments;
  expect(segment?.data).toBeInstanceOf(StoredBytes);
  const read = kernel.segments.map(({ data, ...place }) => ({ ...place, data: bytesOf(data) }));
  expect({ ...kernel, segments: read }).toEqual(await load(bytes));
});

test('a file that ends earlier than when it was opened is told when it is read', async () => {
  const source = stored(image());
  const kernel = await loadKernel({ ...source, size: 5000 }, decompress);
  expect(() => bytesOf(kernel.segments[0]?.data ?? new Uint8Array())).toThrow(
    'the file ended after 4096 bytes, where 5000 were expected',
  );
});

test('a packed Image gives the same kernel as the Image', async () => {
  const plain = await load(image());
  const lz4 = Buffer.from(LEGACY_LZ4, 'base64');
  const size = Uint8Array.of(0, 16, 0, 0);
  const packed = [
    gzipSync(image()),
    zstdCompressSync(image()),
    lz4,
    Buffer.concat([lz4, size]),
    zboot(gzipSync(image()), 'gzip'),
    zboot(zstdCompressSync(image()), 'zstd22'),
    zboot(lz4, 'lz4'),
  ];
  for (const bytes of packed) expect(await load(bytes)).toEqual(plain);
});

test('an ELF is loaded at its physical addresses', async () => {
  const kernel = await load(
    elf(0xffff_0000_4008_0000n, 0x4008_0000n, 0xffff_0000_4008_0010n, image(), 0x3000),
  );
  expect(kernel).toMatchObject({ kind: 'elf', entry: 0x4008_0010 });
  expect(kernel.segments.map((s) => [s.address, s.data.length, s.memorySize])).toEqual([
    [0x4008_0000, 4096, 0x3000],
  ]);
});

test('a vmlinux, linked to virtual addresses only, is the Image inside it', async () => {
  const start = 0xffff_8000_0800_0000n;
  expect(await load(elf(start, start, start, image()))).toEqual(await load(image()));
});

test('what is no arm64 kernel is refused with what it is and what to do', async () => {
  const message = (bytes: Uint8Array) =>
    load(bytes).then(
      () => 'loaded',
      (error: UserError) => error.toString(),
    );
  const cut = (bytes: Uint8Array, length: number) => bytes.subarray(0, length);
  const x86 = elf(0n, 0n, 0n, image());
  x86[18] = 62;
  const pe = image((view) => {
    view.setUint16(0, 0x5a4d, true);
    view.setUint32(60, 64, true);
    view.setUint32(64, 0x4550, true);
    view.setUint16(70, 1, true);
    view.setUint32(88 + 16, 0x1000, true);
    view.setUint32(88 + 20, 0x800, true);
  });
  expect([
    await message(new Uint8Array()),
    await message(new TextEncoder().encode('#!/bin/sh\n')),
    await message(cut(image(), 60)),
    await message(pe),
    await message(image((view) => view.setUint32(24, 1, true))),
    await message(x86),
    await message(cut(gzipSync(image()), 40)),
    await message(zboot(gzipSync(image()), 'lzma')),
    await message(cut(zboot(gzipSync(image()), 'gzip'), 0x1004)),
  ]).toMatchInlineSnapshot(`
    [
      "vmlinuz at offset 0: the kernel file is empty. Copy or build it again.",
      "vmlinuz at offset 0: the file is not an arm64 kernel Image. Use a kernel built for arm64: arch/arm64/boot/Image, or vmlinuz of an arm64 distribution.",
      "vmlinuz at offset 60: the file has 60 bytes, which is less than the 64 of an Image header. The file is truncated: copy or build it again.",
      "vmlinuz at offset 4096: the Image holds 6144 bytes, but the file ends after 4096. The file is truncated: copy or build it again.",
      "vmlinuz at offset 24: the kernel is big-endian. Build it with CONFIG_CPU_LITTLE_ENDIAN=y: big-endian guests are not supported.",
      "vmlinuz at offset 18: this ELF file is for x86-64. Use a file built for arm64 (aarch64-linux-gnu).",
      "vmlinuz at offset 0: the gzip data could not be decompressed: unexpected end of file. The file is truncated or damaged: copy or build it again.",
      "vmlinuz at offset 24: the EFI image is compressed with 'lzma', which is not supported. Use the uncompressed Image, or build with CONFIG_KERNEL_ZSTD, _GZIP, _XZ or _LZ4.",
      "vmlinuz at offset 4096: the compressed kernel of the EFI image needs 67 bytes at offset 4096, but the file has 4100 bytes. The file is truncated or damaged: copy or build it again.",
    ]
  `);
});

test('a damaged kernel gives one error with an offset, or loads', async () => {
  const samples = [
    image(),
    elf(0x4000n, 0x4000n, 0x4000n, image()),
    zboot(gzipSync(image()), 'gzip'),
    gzipSync(image()),
  ];
  const sample = fc.constantFrom(...samples);
  const edits = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sample, edits, fc.nat(5000), async (bytes, changes, cut) => {
      const damaged = Uint8Array.from(bytes.subarray(0, cut > 4500 ? bytes.length : cut));
      for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
      try {
        await load(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).place.offset).toBeDefined();
      }
    }),
    { numRuns: 1000 },
  );
});
