// The installed program `xenscope`. It runs under any Node: where that is older than the emulator needs,
// it starts itself again under the repository's own Node, or says which one it takes.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = [22, 15] as const;

const here = dirname(fileURLToPath(import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  // A bundle beside this one. Its name is not for the bundler, which would draw it in.
  const program = './xenscope.js';
  import(program).catch(fail);
} else {
  runAgain();
}

function runAgain(): void {
  const own = join(here, '../node_modules/node/bin/node');
  if (!existsSync(own)) {
    console.error(
      `xenscope: needs Node.js ${NEEDED.join('.')} or newer, and this is ${process.versions.node}: install a newer one.`,
    );
    process.exitCode = 2;
    return;
  }
  const child = spawn(own, process.argv.slice(1), { stdio: 'inherit' });
  // Ctrl+C in a terminal reaches the child by itself; what is sent to this process alone is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', fail);
  child.on('exit', (code, signal) => {
    // As a shell tells of a program that a signal ended.
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
}

function fail(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
}
