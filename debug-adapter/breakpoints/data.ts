// Data breakpoints: which bytes of which address space are watched, and for whom.
//
// A data id says all of it, so that a client may keep it: `d1/va@v0:0xffff800080a01234,4;default;counter` is a
// memory reference with a size, a mode, and what to call it.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { Watchpoint } from '../../emulator/machine/messages.ts';
import type { StopScope } from '../../emulator/machine/stop-programs.ts';
import type { BreakpointOptions, Watch, WantedBreakpoint } from './breakpoints.ts';
import * as errors from '../errors.ts';
import { formatMemoryReference, type MemoryReference } from '../memory-reference.ts';
import { parsed } from '../requests/memory.ts';
import type { XenSession } from '../session.ts';
import type { Target } from '../symbols/target.ts';
import { rulesOf } from './conditions.ts';
import { type RegisterData, registerAccesses, registerDataOf, registerEvents } from './register-data.ts';
import { xenstoreEvents, xenstorePathOf } from './xenstore-data.ts';
import { type Mode, parseMode, scopeOf } from './modes.ts';

/** What a data id says. */
export interface Data {
  readonly reference: MemoryReference;
  /** Bytes. */
  readonly size: number;
  readonly mode: Mode;
  readonly name: string;
}

/** A range that is longer is most likely a mistake, and costs every access to its pages. */
export const MAX_WATCHED = 1 << 20;

export const formatData = ({ reference, size, mode, name }: Data): string =>
  `${formatMemoryReference(reference)},${size};${mode};${name}`;

/** Throws for what is no data id of this machine. */
export function parseData(session: XenSession, id: string): Data {
  const match = /^([^,;]+),(\d{1,7})(?:;([a-z0-9]*)(?:;(.*))?)?$/s.exec(id);
  const [, reference = '', digits = '', mode, name] = match ?? [];
  const size = Number(digits);
  if (!match || size < 1 || size > MAX_WATCHED) throw errors.notData(id);
  return {
    reference: parsed(session, reference),
    size,
    mode: parseMode(mode || undefined, 'data'),
    name: name || reference,
  };
}

/**
 * The reference that keeps its meaning: a process's memory is the process's, whatever runs when it is set, and
 * physical where the mode says so. Undefined: nothing is mapped there.
 */
export async function lasting(
  session: XenSession,
  reference: MemoryReference,
  mode: Mode,
): Promise<MemoryReference | undefined> {
  const { space, address } = reference;
  if (mode === 'phys' && space.kind !== 'pa') {
    const found = await session.debuggee.machine.request('translate', { space, address });
    return found.ok ? { space: { kind: 'pa' }, address: BigInt(found.pa) } : undefined;
  }
  if (space.kind !== 'va' || space.ttbr0 !== undefined || !isLower(address)) return reference;
  const { debuggee } = session;
  // A program that lies in the lower half itself is the same in all of it.
  if (debuggee.targetOf(space.at.domain).map.toLink(address) !== undefined) return reference;
  const sctlr = await debuggee.systemRegister(space.at, 'SCTLR_EL1');
  const ttbr0 = await debuggee.systemRegister(space.at, 'TTBR0_EL1');
  if (ttbr0 === undefined || ((sctlr ?? 0n) & 1n) === 0n) return reference;
  return { space: { ...space, ttbr0 }, address };
}

/** A node of xenstore as data. Throws for a condition that is none. */
async function nodeOf(
  session: XenSession,
  path: string,
  { accessType = 'write', condition, hitCondition }: Dap.DataBreakpoint,
): Promise<Pick<WantedBreakpoint, 'events'>> {
  if (session.debuggee.isBare) throw errors.noXenstore();
  const options = { ...(condition && { condition }), ...(hitCondition && { hitCondition }) };
  const target = session.debuggee.targets[0];
  const { rules = {} } = await rulesOf(options, {}, target, undefined);
  return { events: xenstoreEvents(path, accessType, rules) };
}

/** A system register as data. Throws for a condition or a mode that is none. */
async function registerOf(
  session: XenSession,
  { domain, register, mode: text }: RegisterData,
  { accessType = 'write', condition, hitCondition }: Dap.DataBreakpoint,
): Promise<Pick<WantedBreakpoint, 'events' | 'once'>> {
  if (!registerAccesses(register).includes(accessType)) throw errors.notWatched(register);
  const mode = parseMode(text, 'data');
  const options = { ...(condition && { condition }), ...(hitCondition && { hitCondition }) };
  const target = session.debuggee.targets.find((one) => one.domain === domain);
  const { rules = {} } = await rulesOf(options, await scopeOf(session, mode, domain), target, undefined);
  const events = registerEvents(register, mode === 'anydomain' ? undefined : domain, accessType, rules);
  return { events, ...(mode === 'once' && { once: true }) };
}

/** What is asked of the machine. Throws for a condition that is none. */
export async function watchOf(
  session: XenSession,
  breakpoint: Dap.DataBreakpoint,
): Promise<Pick<WantedBreakpoint, 'watch' | 'events' | 'once'>> {
  const { dataId, accessType = 'write', condition, hitCondition } = breakpoint;
  const path = xenstorePathOf(dataId, session.focus.domain);
  if (path !== undefined) return nodeOf(session, path, breakpoint);
  const register = registerDataOf(dataId, session.focus.domain);
  if (register) return registerOf(session, register, breakpoint);
  const { reference, size, mode, name } = parseData(session, dataId);
  const { space, address } = reference;
  const domain = space.kind === 'va' ? space.at.domain : space.kind === 'ipa' ? space.domain : undefined;
  const target = session.debuggee.targets.find((one) => one.domain === domain);
  // What is asked for is the machine's own kind, which needs no program.
  const isChange = accessType === 'write' && /^\s*\$old\s*!=\s*\$new\s*$/.test(condition ?? '');
  const options: BreakpointOptions = {
    ...(condition && !isChange && { condition }),
    ...(hitCondition && { hitCondition }),
  };
  const scope: StopScope = {
    ...(await scopeOf(session, mode, domain)),
    ...(space.kind === 'va' && space.ttbr0 !== undefined && { ttbr0: space.ttbr0 }),
  };
  const { rules } = await rulesOf(options, scope, target, undefined);
  const watchpoint: Omit<Watchpoint, 'id'> = {
    ...rules,
    space: space.kind === 'va' ? { kind: 'va', domain: space.at.domain } : space,
    address,
    size,
    access: isChange ? 'change' : ACCESS[accessType],
  };
  // An id that was made before the program moved names the place by where it was then.
  const earlier = session.breakpoints.all.find(({ request }) => request === requestOf(breakpoint));
  const link = earlier?.watch?.link ?? (space.kind === 'va' ? linkOf(target, address) : undefined);
  const watch: Watch = { watchpoint, name, target, ...(link !== undefined && { link }) };
  return { watch, ...(mode === 'once' && { once: true }) };
}

/** The same text means the same breakpoint. */
export const requestOf = ({ dataId, accessType = 'write' }: Dap.DataBreakpoint): string =>
  `${accessType} ${dataId}`;

const ACCESS = { read: 'read', write: 'write', readWrite: 'access' } as const;

/** Of what follows the program when it is moved. */
function linkOf(target: Target | undefined, address: bigint): bigint | undefined {
  const link = target?.map.toLink(address);
  return link !== undefined && target?.map.toRuntime(link) === address ? link : undefined;
}

const isLower = (address: bigint): boolean => ((address >> 55n) & 1n) === 0n;
