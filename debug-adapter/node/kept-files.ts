// What took long to find out, in files of the user's cache folder: the index of a kernel's names. A cache that cannot
// be read or written is as good as an empty one.

import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { IndexCache } from '../../emulator/formats/dwarf/program-info.ts';

/** Two megabytes each for kernels of Debian. */
const KEPT_FILES = 32;

export function keptFiles(folder = join(cacheFolder(), 'symbols')): IndexCache {
  return {
    async load(key) {
      try {
        return await readFile(join(folder, key));
      } catch {
        return undefined;
      }
    },
    async store(key, bytes) {
      try {
        await mkdir(folder, { recursive: true });
        // Another process may read or write the same file now.
        const temporary = join(folder, `${key}.${process.pid}`);
        await writeFile(temporary, bytes);
        await rename(temporary, join(folder, key));
        await removeOldest(folder, key);
      } catch {
        // A full disk or a folder of somebody else: the next session finds it out again.
      }
    },
  };
}

const cacheFolder = (): string => process.env['XENSCOPE_CACHE'] ?? join(homedir(), '.cache', 'xenscope');

/** Of all but one, which is new. */
async function removeOldest(folder: string, newest: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== newest);
  if (names.length < KEPT_FILES) return;
  const files = await Promise.all(
    names.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
  );
  files.sort((a, b) => b.time - a.time);
  for (const { name } of files.slice(KEPT_FILES - 1)) await rm(join(folder, name), { force: true });
}
