// Loads what the build made of the engine: two WebAssembly modules and the decoder's tables.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../emulator/base/errors.ts';
import type { EngineModules } from '../../emulator/index.ts';

/** Beside the bundle, or where the build puts it when the sources are run as they are. */
const FOLDERS = ['.', '../../dist'];

/** Throws a UserError when the program was not built. */
export function loadEngineModules(from: string = import.meta.dirname ?? __dirname): EngineModules {
  const folder = FOLDERS.map((name) => join(from, name)).find((path) =>
    existsSync(join(path, 'kernels.wasm')),
  );
  if (folder === undefined) throw new UserError('the emulator is not built', 'Run `npm run build`.');
  const read = (name: string): Buffer<ArrayBuffer> => readFileSync(join(folder, name)) as Buffer<ArrayBuffer>;
  return {
    kernels: new WebAssembly.Module(read('kernels.wasm')),
    interpreter: new WebAssembly.Module(read('interpreter.wasm')),
    tables: JSON.parse(read('interpreter.json').toString('utf8')),
  };
}
