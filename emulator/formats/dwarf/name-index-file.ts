// The name index as bytes, for a cache on disk: it takes a second to build for vmlinux, and 10 ms to read. All numbers
// are little endian.

import { viewOf } from '../elf.ts';
import type { IndexParts } from './name-index.ts';

/** "XDNI" and the version of this format, and of what is collected. */
const MAGIC = 0x494e_4458;
const VERSION = 1;
const HEADER = 24;

/** `strings`: the size of .debug_str, which names count in. */
export function saveIndex({ names, starts, entries, kinds, pool }: IndexParts, strings: number): Uint8Array {
  const bytes = new Uint8Array(
    HEADER + 8 * entries.length + 4 * (names.length + starts.length) + kinds.length + pool.length,
  );
  const view = viewOf(bytes);
  [MAGIC, VERSION, strings, names.length, entries.length, pool.length].forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  let at = HEADER;
  for (let i = 0; i < entries.length; i++, at += 8) view.setFloat64(at, entries[i] as number, true);
  for (let i = 0; i < names.length; i++, at += 4) view.setUint32(at, names[i] as number, true);
  for (let i = 0; i < starts.length; i++, at += 4) view.setUint32(at, starts[i] as number, true);
  bytes.set(kinds, at);
  bytes.set(pool, at + kinds.length);
  return bytes;
}

/** Undefined for what is no index of this program and version: it is then built anew. */
export function restoreIndex(bytes: Uint8Array, strings: number): IndexParts | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = viewOf(bytes);
  const [magic, version, size, nameCount = 0, entryCount = 0, poolSize = 0] = Array.from(
    { length: 6 },
    (_, i) => view.getUint32(4 * i, true),
  );
  if (magic !== MAGIC || version !== VERSION || size !== strings) return undefined;
  if (bytes.length !== HEADER + 9 * entryCount + 4 * (2 * nameCount + 1) + poolSize) return undefined;
  const entries = new Float64Array(entryCount);
  const names = new Uint32Array(nameCount);
  const starts = new Uint32Array(nameCount + 1);
  let at = HEADER;
  for (let i = 0; i < entryCount; i++, at += 8) entries[i] = view.getFloat64(at, true);
  for (let i = 0; i < nameCount; i++, at += 4) names[i] = view.getUint32(at, true);
  for (let i = 0; i <= nameCount; i++, at += 4) starts[i] = view.getUint32(at, true);
  if (names.some((name) => name >= strings + poolSize)) return undefined;
  if (starts.some((start, i) => start > entryCount || start < (starts[i - 1] ?? 0))) return undefined;
  const kinds = bytes.slice(at, at + entryCount);
  return { names, starts, entries, kinds, pool: bytes.slice(at + entryCount) };
}
