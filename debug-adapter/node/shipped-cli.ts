// The command line as it is shipped: `program.ts` is one script beside this file, which starts faster than modules.

import { join } from 'node:path';
import { keepCompiledCode } from './compile-cache.ts';
import { optimizeLater } from './engine-flags.ts';
import { loadKeptScript } from './kept-script.ts';

/** Of the script's content; the bundler puts it in. */
declare const PROGRAM_IDENTITY: string;

optimizeLater();
keepCompiledCode();
const [command = ''] = process.argv.slice(2);
const use = /^[a-z]+$/.test(command) ? command : 'help';
const program = loadKeptScript(join(import.meta.dirname, 'program.cjs'), PROGRAM_IDENTITY, use);
const { runProgram } = program.exports as typeof import('./program.ts');
const status = await runProgram(process.argv.slice(2));
process.exitCode = status;
program.keep();
// A run that is over waits for nothing but its readers: freeing its memory piece by piece is left to the system.
if (command === 'run' && process.stdout.writableLength === 0 && process.stderr.writableLength === 0)
  process.exit();
