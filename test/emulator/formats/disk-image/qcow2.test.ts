// qcow2 images that QEMU made (fixtures/make.sh), against what QEMU reads in them, and images that nobody should make.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diskFiles } from '../../../../debug-adapter/node/disk-files.ts';
import { UserError } from '../../../../emulator/base/errors.ts';
import type { DiskImage } from '../../../../emulator/formats/disk-image/disk-image.ts';
import { openDiskImage } from '../../../../emulator/formats/disk-image/open-image.ts';
import { type FakeFiles, fakeFiles } from './fake-files.ts';

const folder = join(import.meta.dirname, 'fixtures');
const images = readFileSync(join(folder, 'contents.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [hash: string, size: string, name: string]);

const open = (name: string): DiskImage =>
  openDiskImage(diskFiles, { path: join(folder, name), format: 'qcow2', writable: false });

function contentOf(image: DiskImage): Uint8Array {
  const bytes = new Uint8Array(image.size).fill(0xaa);
  image.read(0, bytes);
  return bytes;
}

test.each(images)('%s: %s bytes are in %s, in pieces of any size', (hash, size, name) => {
  const image = open(name);
  expect(image.size).toBe(Number(size));
  const whole = contentOf(image);
  expect(createHash('sha256').update(whole).digest('hex')).toBe(hash);
  const at = fc.integer({ min: 0, max: image.size - 1 });
  fc.assert(
    fc.property(at, fc.integer({ min: 1, max: 20_000 }), (from, length) => {
      const part = new Uint8Array(Math.min(length, image.size - from)).fill(0xaa);
      image.read(from, part);
      expect(Buffer.compare(part, whole.subarray(from, from + part.length))).toBe(0);
    }),
  );
  for (const file of image.files) file.close();
});

// ---- images that cannot be used

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

/** A copy with some of its bytes changed. */
function changed(name: string, change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = bytesOf(name);
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

function refusal(files: FakeFiles, path = '/i/a.qcow2', format: 'raw' | 'qcow2' = 'qcow2'): string {
  try {
    contentOf(openDiskImage(files, { path, format, writable: false }));
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).toString();
  }
  return 'it was read';
}

const { unpack } = diskFiles;
const alone = (bytes: Uint8Array): FakeFiles => fakeFiles({ '/i/a.qcow2': bytes }, unpack);
const changes: Record<string, (view: DataView, bytes: Uint8Array) => void> = {
  'version 4 of qcow2': (view) => view.setUint32(4, 4),
  'an encrypted image': (view) => view.setUint32(32, 1),
  'an external data file': (view) => view.setUint32(76, 4),
  'extended L2 entries (subclusters)': (view) => view.setUint32(76, 16),
  'an incompatible feature without a name': (view) => view.setUint32(76, 1 << 20),
  'it is marked as corrupt': (view) => view.setUint32(76, 2),
  'it is no qcow2 image': (view) => view.setUint8(0, 0),
  'its cluster_bits are 22': (view) => view.setUint32(20, 22),
  'its cluster_bits are 8': (view) => view.setUint32(20, 8),
  'its L1 table has 1 entries': (view) => view.setUint32(36, 1),
  'its L1 table has 4294967295 entries': (view) => view.setUint32(36, 0xffff_ffff),
  'it is a disk of 0 bytes': (view) => view.setBigUint64(24, 0n),
  'the L1 table (24 bytes at offset': (view) => view.setBigUint64(40, 1n << 40n),
  'a cluster does not begin where clusters do': (view) => {
    const l1 = Number(view.getBigUint64(40));
    const l2 = Number(view.getBigUint64(l1) & 0xff_ffff_ffff_ff00n);
    view.setBigUint64(l2, 512n * 3n);
  },
};

test.each(Object.entries(changes))('an image is refused, or cannot be read: %s', (message, change) => {
  const files = alone(changed('version3.qcow2', change));
  expect(refusal(files)).toContain(message);
});

test('backing files are refused that are no files, or do not end', () => {
  const named = (name: string) =>
    changed('top.qcow2', (view, bytes) => {
      const at = Number(view.getBigUint64(8));
      bytes.set(new TextEncoder().encode(name), at);
      view.setUint32(16, name.length);
    });
  expect(refusal(alone(named('nbd://x')))).toMatch(/the backing file 'nbd:\/\/x', which is no file/);
  expect(refusal(alone(named('json:{}')))).toMatch(/which is no file/);
  expect(refusal(alone(named('gone.img')))).toMatch(
    /^\/i\/gone\.img: the image cannot be opened: no such file/,
  );
  expect(refusal(alone(named('a.qcow2')))).toMatch(/its chain of backing files does not end/);
  const two = fakeFiles({ '/i/a.qcow2': named('b.qcow2'), '/i/b.qcow2': named('a.qcow2') }, unpack);
  expect(refusal(two)).toMatch(/does not end/);
  expect(two.opened.every((file) => !file.isOpen)).toBe(true);
});

test('an image in the other format is said to be one', () => {
  expect(refusal(alone(bytesOf('zlib.qcow2')), '/i/a.qcow2', 'raw')).toMatch(/is a qcow2 image/);
  expect(refusal(alone(new Uint8Array(4096)))).toMatch(/it is no qcow2 image/);
  expect(refusal(alone(new Uint8Array(0)), '/i/a.qcow2', 'raw')).toMatch(/is empty/);
});

test('a host that cannot unpack says so where a compressed cluster is read', () => {
  expect(refusal(fakeFiles({ '/i/a.qcow2': bytesOf('zlib.qcow2') }))).toMatch(/cannot unpack/);
});

test('an image with any bytes changed is read or refused', () => {
  const names = fc.constantFrom('version3.qcow2', 'zlib.qcow2', 'version2.qcow2', 'top.qcow2');
  const damage = fc.array(
    fc.record({
      at: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 40_000 })),
      byte: fc.integer({ min: 0, max: 255 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  const base = bytesOf('zlib.qcow2');
  fc.assert(
    fc.property(names, damage, fc.integer({ min: 0, max: 45_000 }), (name, changesMade, length) => {
      const bytes = changed(name, (_view, all) => {
        for (const { at, byte } of changesMade) if (at < all.length) all[at] = byte;
      });
      const files = fakeFiles({ '/i/a.qcow2': bytes.subarray(0, length), '/i/zlib.qcow2': base }, unpack);
      try {
        const image = openDiskImage(files, { path: '/i/a.qcow2', format: 'qcow2', writable: false });
        const part = new Uint8Array(8192);
        for (let at = 0; at < Math.min(image.size, 400_000); at += part.length) image.read(at, part);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 400 },
  );
});
