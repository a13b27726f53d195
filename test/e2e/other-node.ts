// An older Node, from its npm package, for tests that compare what both compute. It is kept with the
// other downloads outside of the clone.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type External, external } from '../tools/external.ts';
import { cacheDirectory } from '../tools/fetch-debian.ts';
import { withLock } from '../tools/lock.ts';

const run = promisify(execFile);

const MAJOR = 22;

/** The path of its executable. */
export const olderNode: External<string> = await external(`Node ${MAJOR} from npm`, async () => {
  const cache = cacheDirectory();
  mkdirSync(cache, { recursive: true });
  const folder = join(cache, `node-${MAJOR}-${process.platform}-${process.arch}`);
  const program = join(folder, 'bin/node');
  await withLock(join(cache, 'node.lock'), async () => {
    if (!existsSync(program)) await fetchNode(cache, folder);
  });
  console.log(`the other Node is ${(await run(program, ['--version'])).stdout.trim()}`);
  return program;
});

async function fetchNode(cache: string, folder: string): Promise<void> {
  const work = mkdtempSync(join(cache, 'node-'));
  try {
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
    await run('npm', ['pack', '--silent', `${name}@${MAJOR}`], { cwd: work });
    const archive = readdirSync(work).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack gave no ${name}@${MAJOR}`);
    await run('tar', ['-xzf', archive], { cwd: work });
    renameSync(join(work, 'package'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
