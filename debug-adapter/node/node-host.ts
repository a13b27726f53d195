// The debug adapter's host in Node.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { LogLevel } from '../../emulator/base/log.ts';
import type { Host } from '../host.ts';
import { decompress, listFiles, openFile } from './files.ts';
import { keptFiles } from './kept-files.ts';

export function nodeHost(log: (level: LogLevel, message: string) => void): Host {
  return {
    startMachine: async () => (await import('./worker-host.ts')).startWorkerMachine(),
    openFile,
    md5Of: async (path) =>
      isFile(path) ? createHash('md5').update(readFileSync(path)).digest('hex') : undefined,
    fileExists: async (path) => isFile(path),
    listFiles,
    resolvePath: (base, path) => (base === undefined ? resolve(path) : resolve(base, path)),
    decompress,
    kept: keptFiles(),
    readCapstone,
    log,
  };
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

/** Beside the bundle, or in its package when the sources are run as they are. */
async function readCapstone(): Promise<Uint8Array> {
  const here = import.meta.dirname ?? __dirname;
  const bundled = join(here, 'capstone.wasm');
  if (existsSync(bundled)) return readFileSync(bundled);
  const from = createRequire(join(here, 'package.json'));
  return readFileSync(from.resolve('@alexaltea/capstone-js/dist/capstone.wasm'));
}

/** One JSON object a line on stderr: stdout belongs to the protocol. */
export function logToStderr(level: LogLevel, message: string): void {
  if (level === 'debug') return;
  process.stderr.write(`${JSON.stringify({ level, message })}\n`);
}
