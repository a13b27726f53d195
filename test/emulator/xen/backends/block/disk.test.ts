import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RawImage } from '../../../../../emulator/formats/disk-image/disk-image.ts';
import { Disk, scratchDisk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { fakeFile } from '../../../formats/disk-image/fake-files.ts';

const SECTORS = 400;
const SIZE = SECTORS * 512;

const part = fc
  .tuple(fc.integer({ min: 0, max: SECTORS - 1 }), fc.integer({ min: 1, max: SECTORS }))
  .map(([sector, count]) => ({ from: sector * 512, to: Math.min(sector + count, SECTORS) * 512 }));
const step = fc.record({
  part,
  byte: fc.integer({ min: 0, max: 255 }),
  does: fc.constantFrom('read', 'write', 'discard', 'flush'),
});
const image = Uint8Array.from({ length: SIZE }, (_, at) => (at >>> 9) + at * 7);

/** Does the same to a disk and to a row of bytes. */
function compare(
  disk: Disk,
  model: Uint8Array,
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
) {
  for (const {
    part: { from, to },
    byte,
    does,
  } of steps) {
    if (does === 'write') {
      const bytes = Uint8Array.from({ length: to - from }, (_, at) => byte + at * 3);
      expect(disk.write(from, bytes)).toBe(true);
      model.set(bytes, from);
    } else if (does === 'discard' && disk.canDiscard) {
      expect(disk.discard(from, to - from)).toBe(true);
      model.fill(0, from, to);
    } else if (does === 'flush') disk.flush();
    const found = new Uint8Array(to - from).fill(0xaa);
    disk.read(from, found);
    expect(Buffer.compare(found, model.subarray(from, to))).toBe(0);
  }
}

test('a scratch disk is a row of bytes, zeros at first', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      compare(scratchDisk(SIZE), new Uint8Array(SIZE), steps);
    }),
  );
});

test('a disk over an image is the image and what was written, and the image stays as it is', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: SIZE }), (steps, length) => {
      const file = fakeFile('disk.img', image.slice(0, length));
      const model = new Uint8Array(SIZE);
      model.set(image.subarray(0, length));
      compare(new Disk({ size: SIZE, image: new RawImage(file) }), model, steps);
      expect(Buffer.compare(file.bytes, image.subarray(0, length))).toBe(0);
      expect(file.writes).toBe(0);
    }),
  );
});

test('a disk that writes through changes its file when it is flushed, and not before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const file = fakeFile('disk.img', image.slice());
      const disk = new Disk({ size: SIZE, image: new RawImage(file), writeThrough: file });
      const model = image.slice();
      compare(
        disk,
        model,
        steps.filter(({ does }) => does !== 'flush'),
      );
      expect(Buffer.compare(file.bytes, image)).toBe(0);
      compare(disk, model, steps);
      disk.flush();
      expect(Buffer.compare(file.bytes, model)).toBe(0);
      const writes = file.writes;
      disk.close();
      expect(file.writes).toBe(writes);
      expect(file.isOpen).toBe(false);
    }),
  );
});

test('no more than the written sectors go into the file', () => {
  const file = fakeFile('disk.img', image.slice());
  const disk = new Disk({ size: SIZE, image: new RawImage(file), writeThrough: file });
  disk.write(3 * 512, new Uint8Array(512));
  disk.write(5 * 512, new Uint8Array(1024));
  disk.flush();
  expect(file.written).toEqual([
    [3 * 512, 512],
    [5 * 512, 1024],
  ]);
});

test('a disk that is closed writes what was not flushed', () => {
  const file = fakeFile('disk.img', image.slice());
  const disk = new Disk({ size: SIZE, image: new RawImage(file), writeThrough: file });
  disk.write(512, new Uint8Array(512).fill(9));
  disk.close();
  expect(file.bytes.subarray(512, 1024)).toEqual(new Uint8Array(512).fill(9));
});

test('its state is what was written, and what went into its file', () => {
  const states = new Set<string>();
  const disks = [0, 1, 2, 3].map(() => {
    const file = fakeFile('disk.img', image.slice());
    return new Disk({ size: SIZE, image: new RawImage(file), writeThrough: file });
  });
  const saved = (at: number): string => JSON.stringify(disks[at]?.save());
  states.add(saved(0));
  disks[1]?.write(0, image.subarray(0, 512));
  disks[2]?.write(512, image.subarray(512, 1024));
  disks[3]?.write(0, image.subarray(0, 512));
  for (const at of [1, 2]) states.add(saved(at));
  disks[1]?.flush();
  states.add(saved(1));
  expect(states.size).toBe(4);
  expect(saved(3)).not.toBe(saved(1));
  disks[3]?.flush();
  expect(saved(3)).toBe(saved(1));
});

test('a disk that grew has zeros behind its image', () => {
  const disk = new Disk({ size: SIZE, image: new RawImage(fakeFile('disk.img', image.slice())) });
  disk.resize(SIZE * 2);
  expect(disk.sectors).toBe(SECTORS * 2);
  const found = new Uint8Array(1024).fill(1);
  disk.read(SIZE - 512, found);
  expect(found.subarray(0, 512)).toEqual(image.subarray(SIZE - 512));
  expect(found.subarray(512)).toEqual(new Uint8Array(512));
});
