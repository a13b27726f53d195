// A script whose compiled functions are kept for the next process.
//
// Node's own cache (compile-cache.ts) keeps what the engine compiles when a module is loaded. Functions are compiled
// when they are called first, which is most of that work, so it is done again in every process. Here they are kept as
// they are when a process ends.

import { createRequire, getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import vm from 'node:vm';
import { textHash } from '../text-hash.ts';

// An import would ask for all that it has, and so load streams and promises.
const { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } =
  process.getBuiltinModule('node:fs');

/** What is kept: the script's identity, seconds that the process had lived, what the engine wants to see again. */
const IDENTITY_SIZE = 16;
const LIVED_AT = IDENTITY_SIZE;
const DATA_AT = LIVED_AT + 8;
/** A process that lived so many times longer than the one before it has called more functions. */
const LONGER = 4;
/** What a process has not called by then it calls seldom. */
const LONG_ENOUGH = 10;

export interface KeptScript {
  readonly exports: unknown;
  /** At the end: for the next process. */
  keep(): void;
}

/**
 * Runs a script of ASCII characters that is the function around a CommonJS module, as Node has it. `identity`: 16
 * characters that change with its content. `use`: processes of one use call about the same functions. What cannot be
 * kept, or was kept by another engine, is compiled as ever.
 */
export function loadKeptScript(file: string, identity: string, use: string): KeptScript {
  const place = placeFor(file, use);
  const before = place === undefined ? undefined : readKept(place, identity);
  const script = new vm.Script(readFileSync(file, 'latin1'), {
    filename: file,
    ...(before && { cachedData: before.data }),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  const isKept = before !== undefined && script.cachedDataRejected === false;
  return {
    exports: module.exports,
    keep: () => {
      const lived = process.uptime();
      if (place === undefined || (isKept && (before.lived >= LONG_ENOUGH || lived < LONGER * before.lived)))
        return;
      writeKept(place, identity, lived, script.createCachedData());
    },
  };
}

/** Beside what Node keeps, by its rules; undefined where that is forbidden. */
function placeFor(file: string, use: string): string | undefined {
  const folder = getCompileCacheDir();
  return folder && join(folder, `xenscope-${textHash(file).toString(16)}-${use}`);
}

function readKept(place: string, identity: string): { data: Buffer; lived: number } | undefined {
  const kept = readOwn(place);
  if (kept === undefined || kept.length <= DATA_AT || kept.toString('latin1', 0, IDENTITY_SIZE) !== identity)
    return undefined;
  return { data: kept.subarray(DATA_AT), lived: kept.readDoubleLE(LIVED_AT) };
}

/** A file of this user: what it holds is executed, and temporary directories are everybody's. */
function readOwn(place: string): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(place, 'r');
    const isOwn = process.getuid === undefined || fstatSync(file).uid === process.getuid();
    return isOwn ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Others may read or write the same place at the same time, and nothing depends on who wins. */
function writeKept(place: string, identity: string, lived: number, data: Buffer): void {
  const head = Buffer.alloc(DATA_AT);
  head.write(identity, 'latin1');
  head.writeDoubleLE(lived, LIVED_AT);
  const draft = `${place}.${process.pid}`;
  try {
    // Whole or not at all, whatever happens: the engine does not look for damage in what it accepts.
    writeFileSync(draft, Buffer.concat([head, data]), { flush: true });
    renameSync(draft, place);
  } catch {
    // No room, or no permission: the next process compiles as this one did.
  }
}
