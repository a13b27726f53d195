// `npm run check`: types, lint, format, dead code.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Check {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

const LINTED = ['emulator', 'debug-adapter', 'extension', 'media', 'test'];

export const checks: readonly Check[] = [
  { name: 'types (tsc)', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'lint (oxlint)', command: ['oxlint', '--type-aware', '--deny-warnings', ...LINTED] },
  { name: 'format (biome)', command: ['biome', 'format', '--max-diagnostics=20', '.'] },
  { name: 'dead code (knip)', command: ['knip', '--no-progress'] },
];

/** Runs a check, showing its output only when it fails. */
export function runCheck({ command: [program, ...args] }: Check): Promise<boolean> {
  const root = join(import.meta.dirname, '../..');
  const child = spawn(join(root, 'node_modules/.bin', program), args, { cwd: root });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.on('close', (code) => {
      if (code !== 0) console.error(output);
      resolve(code === 0);
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const check of checks) {
    const passed = await runCheck(check);
    console.log(`${passed ? 'passed' : 'FAILED'}  ${check.name}`);
    if (!passed) process.exitCode = 1;
  }
}
