// What `npm run …` needs before anything else, on a machine that may have nothing but Node 20 and npm:
// the packages of the lock file. Among them is the Node that everything else runs under.
//
//   node test/tools/set-up.mjs FILE [ARGUMENT…]     runs FILE under that Node

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const node = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
const stamp = join(root, 'node_modules/.package-lock.json');
const lock = join(root, 'package-lock.json');

if (!existsSync(node) || !existsSync(stamp) || statSync(stamp).mtimeMs < statSync(lock).mtimeMs) install();

const [file, ...args] = process.argv.slice(2);
const path = [join(root, 'node_modules/.bin'), dirname(node), process.env.PATH].join(delimiter);
const child = spawn(node, [join(root, file), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
});
// Ctrl+C in a terminal reaches the child by itself.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});

function install() {
  console.error('Installing packages (npm ci) …');
  // Under `npm run`, npm says which npm it is; otherwise the one in the path is asked.
  const npm = process.env.npm_execpath;
  const [program, first] = npm && /\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []];
  for (let attempt = 1; ; attempt++) {
    const { status } = spawnSync(program, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (status === 0 && existsSync(node)) break;
    if (attempt === 3) {
      console.error('The packages could not be installed.');
      process.exit(1);
    }
  }
  const now = new Date();
  utimesSync(stamp, now, now);
}
