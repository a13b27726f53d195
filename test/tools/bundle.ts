// Bundles the programs into dist/: the command line, the debug adapter's process, the machine's worker
// (ES modules) and the extension (CommonJS, as older editors load nothing else). What they load at run
// time is copied beside them.

import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'debug-adapter/node');

/** CommonJS packages inside an ES module bundle expect what Node gives to CommonJS modules. */
const COMMON_JS = [
  "import { createRequire as makeRequire } from 'node:module';",
  'const require = makeRequire(import.meta.url);',
  'const { filename: __filename, dirname: __dirname } = import.meta;',
].join(' ');

const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22',
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
};

export async function buildBundles(folder: string): Promise<void> {
  removeStaleBundles(folder);
  await Promise.all([
    // The launcher runs under any Node, so its syntax stays old and it imports nothing statically.
    module(
      folder,
      { cli: join(NODE, 'launcher.ts') },
      { target: 'node14', banner: { js: '#!/usr/bin/env node' } },
    ),
    module(folder, {
      xenscope: join(NODE, 'cli.ts'),
      adapter: join(NODE, 'adapter.ts'),
      'machine-worker': join(NODE, 'machine-worker.ts'),
    }),
    build({
      ...COMMON,
      entryPoints: { extension: join(ROOT, 'extension/main.ts') },
      outdir: folder,
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      external: ['vscode'],
    }),
  ]);
  const capstone = createRequire(import.meta.url).resolve('@alexaltea/capstone-js/dist/capstone.wasm');
  copyFileSync(capstone, join(folder, 'capstone.wasm'));
}

async function module(
  outdir: string,
  entryPoints: Record<string, string>,
  options: BuildOptions = {},
): Promise<void> {
  const missing = Object.values(entryPoints).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`the bundles lack ${missing.join(', ')}`);
  await build({ ...COMMON, format: 'esm', banner: { js: COMMON_JS }, ...options, entryPoints, outdir });
}

function removeStaleBundles(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (/\.(c?js|map)$/.test(name)) rmSync(join(folder, name));
  }
}
