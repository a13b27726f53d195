// How soon the JavaScript engine optimizes functions.
//
// A machine calls most of its functions some thousand times while a guest boots, and a few of them millions of times
// later. By its own measure the engine optimizes them all in the first second, on threads beside ours: that costs a
// twentieth of a boot, and these calls do not give it back.

import { setFlagsFromString } from 'node:v8';

/** Flags are not the same in all versions of the engine, and one that it does not know it complains about. */
const KNOWN = /^13\./;

/** Calls of a function before it is optimized, by the quick and by the thorough compiler. They are 400 and 3000 else. */
const FLAGS = ['--invocation-count-for-maglev=3000', '--invocation-count-for-turbofan=20000'];

/** For what is loaded afterwards: what is kept of compiled functions depends on flags. */
export function optimizeLater(): void {
  if (!KNOWN.test(process.versions.v8)) return;
  for (const flag of FLAGS) setFlagsFromString(flag);
}
