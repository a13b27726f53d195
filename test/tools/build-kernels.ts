// Compiles the AssemblyScript kernels into one WebAssembly module with imported memory.
//
//   node test/tools/build-kernels.ts [OUT]

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';
import { KERNEL_DATA } from '../../emulator/memory/layout.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Compiles emulator/engine/kernels.as.ts to `outFile`. Rejects with the compiler's messages. */
export async function buildKernels(outFile: string): Promise<void> {
  const errors: string[] = [];
  const result = await asc.main(
    [
      'emulator/engine/kernels.as.ts',
      '--baseDir',
      ROOT,
      '--outFile',
      'kernels.wasm',
      '--runtime',
      'stub',
      '--importMemory',
      '--initialMemory',
      '64',
      '--memoryBase',
      String(KERNEL_DATA),
      '--enable',
      'simd,relaxed-simd',
      '--noAssert',
      '--optimizeLevel',
      '3',
      '--shrinkLevel',
      '0',
      '--converge',
      // Function names for profilers.
      ...(process.env['XENSCOPE_PROFILE'] === '1' ? ['--debug'] : []),
    ],
    {
      stderr: {
        write(chunk: string | Uint8Array) {
          errors.push(typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk));
        },
      },
      writeFile(name: string, contents: Uint8Array | string) {
        if (name !== 'kernels.wasm') return;
        mkdirSync(dirname(outFile), { recursive: true });
        writeFileSync(outFile, contents);
      },
    },
  );
  if (result.error) throw new Error(`The kernels do not compile.\n${errors.join('')}${result.error.message}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildKernels(resolve(process.argv[2] ?? join(ROOT, 'build/kernels.wasm')));
}
