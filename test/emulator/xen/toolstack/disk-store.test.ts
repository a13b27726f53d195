// The disks of a machine and the files behind them.

import { expect, test } from 'vitest';
import type { DiskSpec } from '../../../../emulator/formats/disk-spec.ts';
import { DiskStore } from '../../../../emulator/xen/toolstack/disk-store.ts';
import { fakeFiles } from '../../formats/disk-image/fake-files.ts';
import { diskSpec } from '../backends/block/disks.ts';

function store() {
  const image = new Uint8Array(65536);
  const files = fakeFiles({ '/a.img': image, '/b.img': new Uint8Array(4096) });
  const log: string[] = [];
  const disks = new DiskStore(files, { log: (level, _source, message) => log.push(`${level} ${message}`) });
  const opened = (spec: DiskSpec) => {
    const disk = disks.open(spec);
    if (!disk) throw new Error('a disk was opened');
    return disk;
  };
  return { image, files, log, disks, opened };
}

const write = (spec: ReturnType<ReturnType<typeof store>['opened']>, byte: number) =>
  spec.device.disk.write(0, new Uint8Array(512).fill(byte));
const first = (spec: ReturnType<ReturnType<typeof store>['opened']>) => {
  const bytes = new Uint8Array(512);
  spec.device.disk.read(0, bytes);
  return bytes[0];
};

test.each(['scratch:1M,raw,xvda,w', 'overlay:/a.img,raw,xvda,w', '/a.img,raw,xvda,w'])(
  'a domain that is made again finds its disk as it was: %s',
  (text) => {
    const { disks, opened } = store();
    const spec = diskSpec(text);
    const disk = opened(spec);
    write(disk, 7);
    const used = JSON.stringify(disks.save());
    disk.letGo();
    expect(JSON.stringify(disks.save())).not.toBe(used);
    expect(first(opened(spec))).toBe(7);
    // Another one of the same words is another disk.
    if (!text.startsWith('/a')) expect(first(opened(diskSpec(text)))).toBe(0);
  },
);

test('what was written is in the file when its domain is gone, it was detached, or the machine ends', () => {
  for (const how of ['letGo', 'drop', 'close'] as const) {
    const { image, disks, opened } = store();
    const disk = opened(diskSpec('/a.img,raw,xvda,w'));
    write(disk, 9);
    expect(image[0]).toBe(0);
    if (how === 'close') disks.close();
    else disk[how]();
    expect(image[0]).toBe(9);
  }
});

test('a disk that was detached is closed, and what an overlay had is lost', () => {
  const { files, opened } = store();
  const spec = diskSpec('overlay:/a.img,raw,xvda,w');
  const disk = opened(spec);
  write(disk, 3);
  disk.drop();
  expect(files.opened.map(({ isOpen }) => isOpen)).toEqual([false]);
  expect(first(opened(spec))).toBe(0);
});

test('whoever writes a file is alone', () => {
  const shared = /is another disk already/;
  const [w, r, o] = ['/a.img,raw,xvda,w', '/a.img,raw,xvdb,r', 'overlay:/a.img,raw,xvdc,w'].map(diskSpec) as [
    DiskSpec,
    DiskSpec,
    DiskSpec,
  ];
  const one = store();
  const writer = one.opened(w);
  for (const other of [r, o, w, diskSpec('/a.img,raw,xvdd,w')]) {
    expect(() => one.disks.open(other)).toThrow(shared);
  }
  expect(one.files.opened.map(({ isOpen }) => isOpen)).toEqual([true, false, false, false]);
  writer.letGo();
  one.opened(r);
  one.opened(o);
  expect(() => one.disks.open(w)).toThrow(shared);
  expect(one.files.opened[0]?.isOpen).toBe(true);
});

test('of several disks all are opened, or none is used', () => {
  const { disks, opened } = store();
  const a = diskSpec('/a.img,raw,xvda,w');
  expect(() => disks.openAll([a, diskSpec('/gone.img,raw,xvdb,r')])).toThrow(/no such file/);
  expect(first(opened(a))).toBe(0);
});

test('a snapshot is told of every file, and whether the guest writes to it', () => {
  const { disks, opened } = store();
  opened(diskSpec('/a.img,raw,xvda,w'));
  opened(diskSpec('/b.img,raw,xvdb,r'));
  opened(diskSpec('scratch:1M,raw,xvdc,w'));
  expect(disks.open(diskSpec(',empty,hdc,r,cdrom'))).toBeUndefined();
  expect(disks.stamps).toEqual([
    { path: '/a.img', stamp: 'version 0', isWritten: true },
    { path: '/b.img', stamp: 'version 0', isWritten: false },
  ]);
});
