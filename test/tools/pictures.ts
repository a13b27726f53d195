// Takes the pictures of README.md again, in media/pictures: debugging, and every panel in three themes, in a real
// workbench.
//
//   node test/tools/pictures.ts

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './ensure-built.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'media/pictures');
/** They are part of every clone. */
const MOST_BYTES = 250_000;

await ensureBuilt(console.log);
const { status } = spawnSync(
  join(ROOT, 'node_modules/.bin/vitest'),
  [
    'run',
    '--project',
    'e2e',
    'test/extension/panels.e2e.test.ts',
    'test/extension/debugging.e2e.test.ts',
    '-t',
    'every panel|Domains view|values|events|Linux guest',
  ],
  { cwd: ROOT, env: { ...process.env, PICTURES: '1' }, stdio: 'inherit' },
);
if (status !== 0) process.exit(1);

for (const name of readdirSync(FOLDER).sort()) {
  const { size } = statSync(join(FOLDER, name));
  console.log(
    `${name.padEnd(32)} ${(size / 1000).toFixed(0).padStart(4)} kB${size > MOST_BYTES ? ', too large' : ''}`,
  );
  if (size > MOST_BYTES) process.exitCode = 1;
}
