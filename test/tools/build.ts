// Builds everything that is made from the sources: the kernels and the interpreter
// (WebAssembly), then the bundles. `node test/tools/build.ts [kernels|interpreter|bundles]…`

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildKernels } from './build-kernels.ts';

const root = join(import.meta.dirname, '../..');
export const buildFolder = join(root, 'dist');

async function buildInterpreter(): Promise<void> {
  const { generateInterpreter } = await import('../../emulator/engine/interpreter/generate.ts');
  const { instructions } = await import('../../emulator/cpu/isa/catalog.ts');
  const { module, tables } = generateInterpreter(instructions);
  writeFileSync(join(buildFolder, 'interpreter.wasm'), module);
  writeFileSync(join(buildFolder, 'interpreter.json'), JSON.stringify(tables));
}

const steps: Record<string, () => Promise<void>> = {
  kernels: () => buildKernels(join(buildFolder, 'kernels.wasm')),
  interpreter: buildInterpreter,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}: choose from ${Object.keys(steps).join(', ')}`);
  process.exit(2);
}
mkdirSync(buildFolder, { recursive: true });
for (const [name, step] of Object.entries(steps)) {
  if (wanted.length === 0 || wanted.includes(name)) await step();
}
