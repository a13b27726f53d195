// `npm run package`: the extension as a .vsix file in dist/.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { build, buildFolder } from './build.ts';

await build();
const vsce = join(import.meta.dirname, '../../node_modules/.bin/vsce');
execFileSync(vsce, ['package', '--no-dependencies', '--out', join(buildFolder, 'xenscope.vsix')], {
  stdio: 'inherit',
});
