// Where `stopOnEntry` means.

import type { Breakpoint } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';

/** What the first function in C is called: in programs, in Linux, and in most other kernels. */
const MAIN = ['main', 'start_kernel', 'kernel_main'];

/** The places of a symbol in the domains that are shown; `main`: of the first name of MAIN that each of them has. */
export function entryPlaces(debuggee: Debuggee, name: string): readonly Breakpoint[] {
  const names = name === 'main' ? MAIN : [name];
  return debuggee.targets.flatMap((target) => {
    const links = names.map((one) => target.addressesOf(one)).find((found) => found.length > 0) ?? [];
    return links.flatMap((link) => target.map.breakpointsFor(0, target.domain, link));
  });
}
