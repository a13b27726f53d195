// Builds an uncompressed initramfs with busybox and an /init script.
//
//   node test/tools/build-initramfs.ts OUTPUT [--marker TEXT] [--init FILE] [--busybox FILE]

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

import {
  initramfs,
  type InitramfsOptions,
  markerInit,
  SHELL_INIT,
} from '../../debug-adapter/node/bench/initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

export { initramfs, markerInit, SHELL_INIT };

/** Writes the archive and returns its path. */
export function writeInitramfs(path: string, options: InitramfsOptions): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, initramfs(options));
  return path;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { marker: { type: 'string' }, init: { type: 'string' }, busybox: { type: 'string' } },
  });
  const output = positionals[0];
  if (output === undefined) {
    console.error('usage: build-initramfs.ts OUTPUT [--marker TEXT] [--init FILE] [--busybox FILE]');
    process.exit(2);
  }
  const busybox = values.busybox ?? (await fetchDebian({ log: (line) => console.error(line) })).busybox;
  let init = SHELL_INIT;
  if (values.marker !== undefined) init = markerInit(values.marker);
  if (values.init !== undefined) init = readFileSync(values.init, 'utf8');
  console.log(writeInitramfs(output, { busybox, init }));
}
