import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { diskFiles } from '../../../debug-adapter/node/disk-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'xenscope-disks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);

test('a file is read and written at its offsets, and fewer bytes come from its end', () => {
  writeFileSync(
    path('a'),
    Uint8Array.from({ length: 1000 }, (_, at) => at),
  );
  const file = diskFiles.open(path('a'), 'write');
  expect(file.size).toBe(1000);
  const target = new Uint8Array(100);
  expect(file.read(950, target)).toBe(50);
  expect(target[0]).toBe(950 & 0xff);
  expect(file.read(5000, target)).toBe(0);
  file.write(10, Uint8Array.of(1, 2, 3));
  file.flush();
  file.close();
  file.close();
  expect([...readFileSync(path('a')).subarray(9, 14)]).toEqual([9, 1, 2, 3, 13]);
});

test('a file that is only read cannot be written', () => {
  writeFileSync(path('b'), 'content');
  const file = diskFiles.open(path('b'), 'read');
  expect(() => file.write(0, Uint8Array.of(1))).toThrow();
  file.close();
  expect(readFileSync(path('b'), 'utf8')).toBe('content');
});

test('what is no file is refused with the reason', () => {
  expect(() => diskFiles.open(path('gone'), 'read')).toThrow('no such file');
  expect(() => diskFiles.open(folder, 'read')).toThrow('it is not a file');
  expect(() => diskFiles.open('/dev/null', 'write')).toThrow('it is not a file');
});

test('two names of one file are one path, and a stamp tells a change', () => {
  writeFileSync(path('c'), 'one');
  symlinkSync(path('c'), path('link'));
  const [file, link] = [path('c'), path('link')].map((name) => diskFiles.open(name, 'read'));
  expect(link?.path).toBe(file?.path);
  const before = file?.stamp();
  expect(link?.stamp()).toBe(before);
  utimesSync(path('c'), 1, 1);
  expect(file?.stamp()).not.toBe(before);
  for (const one of [file, link]) one?.close();
});

test('a sparse file of 100 GB is opened as it is', () => {
  writeFileSync(path('large'), '');
  truncateSync(path('large'), 100e9);
  const file = diskFiles.open(path('large'), 'write');
  expect(file.size).toBe(100e9);
  file.write(99e9, Uint8Array.of(7));
  const target = new Uint8Array(2);
  file.read(99e9, target);
  expect([...target]).toEqual([7, 0]);
  file.close();
  expect(statSync(path('large')).blocks * 512).toBeLessThan(1e6);
});

test('packed clusters end somewhere in their last sector, and what follows is not theirs', () => {
  const cluster = Uint8Array.from({ length: 65536 }, (_, at) => (at >>> 5) * 3);
  for (const [compression, packed] of [
    ['deflate-raw', deflateRawSync(cluster)],
    ['zstd', zstdCompressSync(cluster)],
    ['zstd', zstdCompressSync(new Uint8Array(65536))],
  ] as const) {
    const padded = new Uint8Array(packed.length + 300).fill(0xee);
    padded.set(packed);
    const unpacked = diskFiles.unpack?.(compression, padded, 65536);
    expect(unpacked).toHaveLength(65536);
    expect(() => diskFiles.unpack?.(compression, Uint8Array.of(7, 7, 7), 65536)).toThrow();
  }
});
