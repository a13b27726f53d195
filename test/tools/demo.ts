// `npm run demo`: builds what is missing and runs `xenscope demo`, with the arguments given.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildFolder } from './build.ts';
import { ensureBuilt } from './ensure-built.ts';

await ensureBuilt((line) => console.error(line));
const args = [join(buildFolder, 'cli.js'), 'demo', ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { stdio: 'inherit' });
// Ctrl+C in a terminal reaches the child by itself.
process.on('SIGINT', () => {});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
