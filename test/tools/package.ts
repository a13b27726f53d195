// `npm run package`: the extension as dist/xenscope.vsix.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFolder } from './build.ts';
import { ensureBuilt } from './ensure-built.ts';

/** Packages what dist/ holds and returns the path of the package. */
export function packageExtension(): string {
  const root = join(import.meta.dirname, '../..');
  const file = join(buildFolder, 'xenscope.vsix');
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--out',
    file,
  ];
  execFileSync(join(root, 'node_modules/.bin/vsce'), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  return file;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensureBuilt(console.log);
  console.log(packageExtension());
}
