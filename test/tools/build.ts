// Builds everything that is made from the sources: the kernels and the interpreter
// (WebAssembly), then the bundles. `node test/tools/build.ts [kernels|interpreter|bundles]…`

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildKernels } from './build-kernels.ts';
import { buildBundles } from './bundle.ts';

const root = join(import.meta.dirname, '../..');
export const buildFolder = join(root, 'dist');

/** What a complete build leaves in `buildFolder`, as far as somebody asks for it by name. */
export const outputs = [
  'kernels.wasm',
  'interpreter.wasm',
  'interpreter.json',
  'capstone.wasm',
  'cli.js',
  'xenscope.js',
  'program.cjs',
  'adapter.js',
  'machine-worker.js',
  'extension.cjs',
  'language-client.cjs',
  'language-server.cjs',
  'panels.cjs',
  'media/codicon.css',
] as const;

async function buildInterpreter(): Promise<void> {
  const { generateInterpreter } = await import('../../emulator/engine/interpreter/generate.ts');
  const { instructions } = await import('../../emulator/cpu/isa/catalog.ts');
  const { module, tables } = generateInterpreter(instructions, {
    names: process.env['XENSCOPE_PROFILE'] === '1',
  });
  writeFileSync(join(buildFolder, 'interpreter.wasm'), module);
  writeFileSync(join(buildFolder, 'interpreter.json'), JSON.stringify(tables));
}

const steps: Record<string, () => Promise<void>> = {
  kernels: () => buildKernels(join(buildFolder, 'kernels.wasm')),
  interpreter: buildInterpreter,
  bundles: () => buildBundles(buildFolder),
};

/** Runs the named steps in their order; without names all of them. */
export async function build(wanted: readonly string[] = Object.keys(steps)): Promise<void> {
  mkdirSync(buildFolder, { recursive: true });
  for (const [name, step] of Object.entries(steps)) {
    if (wanted.includes(name)) await step();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in steps));
  if (unknown.length > 0) {
    console.error(`unknown step ${unknown.join(', ')}: choose from ${Object.keys(steps).join(', ')}`);
    process.exit(2);
  }
  await build(wanted.length > 0 ? wanted : undefined);
}
