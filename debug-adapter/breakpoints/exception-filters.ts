// What a client offers as exceptions: panics and crashes of guests, and groups of the events that the hypervisor
// tells of. Filters are shortcuts: each event can be had for itself by `xen/setEventBreakpoints`.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { Place, WantedBreakpoint } from '../breakpoints.ts';
import { PANIC_FUNCTIONS } from '../panics.ts';
import type { XenSession } from '../session.ts';
import { rulesOf } from './conditions.ts';
import { linkPlace } from './locate.ts';
import { parseMode, scopeOf } from './modes.ts';

interface FilterRow {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly default?: true;
  /** What a condition may name as `$ev.…`. */
  readonly fields: readonly string[];
  /** Events of emulator/debug/events; none of what is found otherwise. */
  readonly events: readonly string[];
}

const rows: readonly FilterRow[] = [
  {
    filter: 'panic',
    label: 'Guest panic, oops, BUG, assert',
    description: 'Stops where a kernel finds itself broken, as far as its symbols name the function',
    default: true,
    fields: ['os', 'message'],
    events: [],
  },
  {
    filter: 'crash',
    label: 'Domain crashed',
    description: 'Stops when a domain has crashed, so that it can be looked at',
    default: true,
    fields: ['reason'],
    events: [],
  },
];

export const exceptionFilters: readonly Dap.ExceptionBreakpointsFilter[] = rows.map(
  ({ filter, label, description, default: isDefault, fields }) => ({
    filter,
    label,
    description,
    ...(isDefault && { default: true }),
    supportsCondition: true,
    conditionDescription: `An expression of ${fields.map((field) => `$ev.${field}`).join(', ')}`,
  }),
);

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
  const { rules } = await rulesOf(session.compiler, options, scope, undefined, undefined);
  const events = rows.find(({ filter }) => filter === filterId)?.events ?? [];
  const domains = mode === 'vcpu' || mode === 'process' ? [session.focus.domain] : domainsOf(session);
  return {
    request: filterId,
    options,
    places: filterId === 'panic' ? panicPlaces(session) : [],
    ...(mode === 'once' && { once: true }),
    events: events.flatMap((event) =>
      domains.map((domain) => ({ ...rules, event, ...(domain !== undefined && { domain }) })),
    ),
  };
}

/** Those a session shows; undefined: all there are, domain 0 and its backends too. */
export function domainsOf({ launched }: XenSession): readonly (number | undefined)[] {
  const { shown = [], info } = launched?.debuggee ?? {};
  return shown.length === 0 || shown.length === info?.domains.length ? [undefined] : shown;
}

function panicPlaces(session: XenSession): readonly Place[] {
  const targets = session.launched?.debuggee.targets ?? [];
  return targets.flatMap((target) =>
    PANIC_FUNCTIONS.flatMap(({ name }) => target.addressesOf(name).map((link) => linkPlace(target, link))),
  );
}
