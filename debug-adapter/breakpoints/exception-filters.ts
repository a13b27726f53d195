// What a client offers as exceptions: panics and crashes of guests, and groups of the events that the hypervisor
// tells of. Filters are shortcuts: each event can be had for itself by `xen/setEventBreakpoints`.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { eventNamed } from '../../emulator/debug/events/catalog.ts';
import type { Place, WantedBreakpoint } from './breakpoints.ts';
import { breakpointMessages } from '../errors.ts';
import { PANIC_FUNCTIONS } from './panics.ts';
import type { XenSession } from '../session.ts';
import { rulesOf } from './conditions.ts';
import { linkPlace } from './locate.ts';
import { parseMode, scopeOf } from './modes.ts';

interface FilterRow {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly default?: true;
  /** Events of emulator/debug/events; none of what is found otherwise. */
  readonly events: readonly string[];
  /** What a condition may name as `$ev.…`, of a filter without events. */
  readonly fields?: readonly string[];
}

/** A filter that is one event of the catalogue, with its fields and words. */
const eventFilter = (filter: string, label: string, isDefault = false): FilterRow => ({
  filter,
  label,
  description: eventNamed(filter)?.description ?? label,
  ...(isDefault && { default: true }),
  events: [filter],
});

const rows: readonly FilterRow[] = [
  {
    filter: 'panic',
    label: 'Guest panic, oops, BUG, assert',
    description: 'A kernel finds itself broken, as far as its symbols name the function that it then calls.',
    default: true,
    events: [],
    fields: ['os', 'message'],
  },
  {
    filter: 'crash',
    label: 'Domain crashed',
    description: 'A domain has crashed, and is there to be looked at.',
    default: true,
    events: [],
    fields: ['reason'],
  },
  eventFilter('s2unhandled', 'Stage-2 fault nobody handles', true),
  eventFilter('s2fault', 'Any stage-2 fault'),
  eventFilter('hypercall', 'Hypercall entry'),
  eventFilter('hypercall.error', 'Hypercall returned an error'),
  eventFilter('el1exception', 'Synchronous exception taken to EL1'),
  eventFilter('syscall', 'SVC from EL0'),
  eventFilter('irq', 'Interrupt delivered to a vCPU'),
  eventFilter('evtchn', 'Event channel sent or delivered'),
  eventFilter('xenstore', 'xenstore write, remove, watch fired'),
  eventFilter('ring', 'Ring request or response'),
  eventFilter('grant', 'Grant map, unmap, access after revoke'),
  eventFilter('sysreg', 'Trapped system-register access, SMC, PSCI'),
  eventFilter('sanitizer', 'Architecture check failed'),
  eventFilter('console', 'Console line'),
];

const fieldsOf = ({ events, fields }: FilterRow): readonly string[] =>
  fields ?? events.flatMap((event) => eventNamed(event)?.fields ?? []).map(({ name }) => name);

export const exceptionFilters: readonly Dap.ExceptionBreakpointsFilter[] = rows.map((row) => ({
  filter: row.filter,
  label: row.label,
  description: row.description,
  ...(row.default && { default: true }),
  supportsCondition: true,
  conditionDescription: breakpointMessages.eventCondition(fieldsOf(row)),
}));

/** A filter that is on. */
export type FilterChoice = Dap.ExceptionFilterOptions;

/** Those that are on when a client says nothing of them. */
export const defaultFilters: readonly FilterChoice[] = rows
  .filter((row) => row.default)
  .map(({ filter }) => ({ filterId: filter }));

export const isFilter = (name: string): boolean => rows.some(({ filter }) => filter === name);

/** What a filter asks of the machine. Throws for a condition or a mode that is none. */
export async function breakpointOf(
  session: XenSession,
  { filterId, condition, mode: text }: FilterChoice,
): Promise<WantedBreakpoint> {
  const mode = parseMode(text, 'exception');
  const scope = await scopeOf(session, mode);
  const options = { ...(condition && { condition }), ...(text !== undefined && { mode: text }) };
  const target = session.launched?.debuggee.targets[0];
  const { rules } = await rulesOf(options, scope, target, undefined);
  const events = rows.find(({ filter }) => filter === filterId)?.events ?? [];
  const domains = mode === 'vcpu' || mode === 'process' ? [session.focus.domain] : eventDomainsOf(session);
  return {
    request: filterId,
    options,
    places: filterId === 'panic' ? panicPlaces(session) : [],
    ...(mode === 'once' && { once: true }),
    ...(events.length === 0 && rules?.condition && { eventCondition: rules.condition }),
    events: events.flatMap((event) =>
      domains.map((domain) => ({ ...rules, event, ...(domain !== undefined && { domain }) })),
    ),
  };
}

/** Those a session shows; undefined: all there are, domain 0 and its backends too. */
function domainsOf({ launched }: XenSession): readonly (number | undefined)[] {
  const { shown = [], info } = launched?.debuggee ?? {};
  return shown.length === 0 || shown.length === info?.domains.length ? [undefined] : shown;
}

/**
 * Whose events are meant. A client sets its filters in every session: where each domain has one of its own, domain 0
 * is what is left to that of the machine.
 */
export function eventDomainsOf(session: XenSession): readonly (number | undefined)[] {
  return session.launched?.debuggee.shown.length === 0 ? [0] : domainsOf(session);
}

function panicPlaces(session: XenSession): readonly Place[] {
  const targets = session.launched?.debuggee.targets ?? [];
  return targets.flatMap((target) =>
    PANIC_FUNCTIONS.flatMap(({ name }) => target.addressesOf(name).map((link) => linkPlace(target, link))),
  );
}
