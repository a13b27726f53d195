// System registers as data that can be watched: `d1/sysreg:TTBR0_EL1`; of a bare machine `host/sysreg:…`. A data id may
// have a mode behind it: `d1/sysreg:TTBR0_EL1;vcpu`. General registers are not watched: they change with every
// instruction.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { eventNamed } from '../../emulator/debug/events/catalog.ts';
import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import type { EventBreakpoint } from '../../emulator/machine/messages.ts';
import type { StopRules } from '../../emulator/machine/stop-programs.ts';

export interface RegisterData {
  readonly domain: number;
  readonly register: string;
  /** As it stands in the id. */
  readonly mode: string | undefined;
}

const REFERENCE = /^(?:(?:(d\d{1,5}|host)\/)?sysreg:|\$)([a-z][a-z0-9_]{1,40})(?:;([a-z0-9]*))?$/i;

/** Undefined for what is no such reference. */
export function registerDataOf(text: string, focused: number): RegisterData | undefined {
  const [, domain, register, mode] = REFERENCE.exec(text.trim()) ?? [];
  if (register === undefined) return undefined;
  const named = domain?.toLowerCase() === 'host' ? BARE_DOMAIN : Number(domain?.slice(1) ?? focused);
  return { domain: named, register: register.toUpperCase(), mode: mode || undefined };
}

export const formatRegisterData = ({ domain, register, mode }: RegisterData): string =>
  `${domain === BARE_DOMAIN ? 'host' : `d${domain}`}/sysreg:${register}${mode === undefined ? '' : `;${mode}`}`;

/** None for what is no system register, or changes by more than MSR. */
export function registerAccesses(register: string): Dap.DataBreakpointAccessType[] {
  const [reads, writes] = (['read', 'write'] as const).map(
    (how) => eventNamed(eventOf(how, register)) !== undefined,
  );
  return [
    ...(reads ? (['read'] as const) : []),
    ...(writes ? (['write'] as const) : []),
    ...(reads && writes ? (['readWrite'] as const) : []),
  ];
}

const eventOf = (how: 'read' | 'write', register: string): string => `register.${how}.${register}`;

/** Whoever reads or writes it: an instruction, an exception, or the hypervisor. `domain` undefined: in every domain. */
export function registerEvents(
  register: string,
  domain: number | undefined,
  access: Dap.DataBreakpointAccessType,
  rules: StopRules,
): readonly Omit<EventBreakpoint, 'id'>[] {
  const hows = access === 'readWrite' ? (['read', 'write'] as const) : [access];
  return hows.map((how) => ({
    ...rules,
    event: eventOf(how, register),
    ...(domain !== undefined && { domain }),
  }));
}
