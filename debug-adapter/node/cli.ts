// The command line: `xenscope COMMAND …`.

import { keepCompiledCode } from './compile-cache.ts';

keepCompiledCode();
const { runProgram } = await import('./program.ts');
process.exitCode = await runProgram(process.argv.slice(2));
