import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { initramfs, markerInit } from './build-initramfs.ts';

const busybox = join(mkdtempSync(join(tmpdir(), 'xenscope-')), 'busybox');
writeFileSync(busybox, 'not really busybox');

/** The entries of a newc archive. */
function entries(archive: Uint8Array): { name: string; mode: string; text: string }[] {
  const text = new TextDecoder('latin1').decode(archive);
  const found: { name: string; mode: string; text: string }[] = [];
  for (let at = 0; at < archive.length; ) {
    expect(text.slice(at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      Number.parseInt(text.slice(at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + 110 + field(11) - 1;
    const data = (nameEnd + 1 + 3) & ~3;
    const name = text.slice(at + 110, nameEnd);
    found.push({ name, mode: field(1).toString(8), text: text.slice(data, data + field(6)) });
    at = (data + field(6) + 3) & ~3;
  }
  return found;
}

test('the archive holds busybox, a console and an init that runs', () => {
  const list = entries(initramfs({ busybox, files: { '/etc/hello': new TextEncoder().encode('hi') } }));
  expect(list.at(-1)?.name).toBe('TRAILER!!!');
  const named = new Map(list.map((entry) => [entry.name, entry]));
  expect(named.get('dev/console')?.mode).toBe('20600');
  expect(named.get('bin/busybox')).toMatchObject({ mode: '100755', text: 'not really busybox' });
  expect(named.get('init')?.text).toMatch(/^#!\/bin\/busybox sh\n/);
  expect(named.get('etc')?.mode).toBe('40755');
  expect(named.get('etc/hello')?.text).toBe('hi');
});

test('the same inputs give the same archive', () => {
  expect(initramfs({ busybox })).toEqual(initramfs({ busybox }));
});

test('a marker is printed as it is', () => {
  expect(markerInit("it's up")).toContain("echo 'it'\\''s up'\npoweroff -f\n");
});
