// What the JavaScript engine made of the bundles is kept for the next process, where Node can do that: reading and
// compiling them takes longer than everything else before a guest starts.

import * as module from 'node:module';

/**
 * Concerns modules that are imported afterwards. Node keeps them in the user's temporary directory, or where
 * NODE_COMPILE_CACHE says, and never beside the program, which may not be writable; NODE_DISABLE_COMPILE_CACHE=1
 * forbids it. What cannot be kept is compiled as ever.
 */
export function keepCompiledCode(): void {
  module.enableCompileCache?.();
}
