// Who may come to a breakpoint for it to count. The protocol has no breakpoints for one thread, so that is said by
// a mode.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { StopScope } from '../../emulator/machine/stop-programs.ts';
import * as errors from '../errors.ts';
import type { XenSession } from '../session.ts';

const EVERYTHING = ['source', 'data', 'instruction', 'exception'];

export const breakpointModes = [
  { mode: 'default', label: 'This domain, any vCPU', appliesTo: EVERYTHING },
  { mode: 'vcpu', label: 'Focused vCPU only', appliesTo: EVERYTHING },
  {
    mode: 'process',
    label: 'Current process only',
    description: 'Where TTBR0_EL1 is what it is now',
    appliesTo: EVERYTHING,
  },
  { mode: 'el1', label: 'Only at EL1', appliesTo: EVERYTHING },
  { mode: 'el0', label: 'Only at EL0', appliesTo: EVERYTHING },
  { mode: 'anydomain', label: 'Every domain', appliesTo: EVERYTHING },
  {
    mode: 'phys',
    label: 'Physical address',
    description: 'Whatever virtual address leads there, with the MMU off too',
    appliesTo: ['source', 'data', 'instruction'],
  },
  { mode: 'once', label: 'One shot', description: 'Removed after it was hit', appliesTo: EVERYTHING },
] as const satisfies readonly Dap.BreakpointMode[];

export type Mode = (typeof breakpointModes)[number]['mode'];

/** Throws for a mode that is none, or does not go with this kind of breakpoint. */
export function parseMode(text: string | undefined, kind: Dap.BreakpointModeApplicability): Mode {
  if (text === undefined) return 'default';
  const row = breakpointModes.find(({ mode }) => mode === text);
  const kinds: readonly string[] = row?.appliesTo ?? [];
  if (!row || !kinds.includes(kind)) {
    throw errors.unknownMode(
      text,
      breakpointModes.map(({ mode }) => mode),
    );
  }
  return row.mode;
}

/** What the mode means now. `domain`: the breakpoint's, when it has one. */
export async function scopeOf(session: XenSession, mode: Mode, domain?: number): Promise<StopScope> {
  const { focus } = session;
  switch (mode) {
    case 'vcpu':
      return { vcpu: focus.vcpu };
    case 'process': {
      const vcpu = domain === undefined || domain === focus.domain ? focus : { domain, vcpu: 0 };
      const ttbr0 = await session.debuggee.systemRegister(vcpu, 'TTBR0_EL1');
      return ttbr0 === undefined ? {} : { ttbr0 };
    }
    case 'el1':
      return { el: 1 };
    case 'el0':
      return { el: 0 };
    case 'default':
    case 'anydomain':
    case 'phys':
    case 'once':
      return {};
  }
}
