// Event breakpoints: one event of the catalogue each, with a condition, and what is to happen.

import { UserError } from '../../emulator/base/errors.ts';
import { eventCatalog, eventCategories, eventNamed } from '../../emulator/debug/events/catalog.ts';
import type { EventBreakpoint } from '../../emulator/machine/messages.ts';
import type { WantedBreakpoint } from './breakpoints.ts';
import { breakpointMessages } from '../errors.ts';
import type { CatalogCategory, EventBreakpointAnswer, EventBreakpointRequest } from '../protocol.ts';
import type { XenSession } from '../session.ts';
import { rulesOf } from './conditions.ts';
import { eventDomainsOf } from './exception-filters.ts';
import { parseMode, scopeOf } from './modes.ts';

/** The tree that a client shows. */
export function catalogOf({ launched }: XenSession): readonly CatalogCategory[] {
  const isBare = launched?.debuggee.isBare ?? false;
  return eventCategories.map(({ id, label }) => ({
    id,
    label,
    events: eventCatalog
      .filter(({ category }) => category === id)
      .map(({ name, label: text, description, stages, onBareMachine, fields }) => ({
        name,
        label: text,
        description,
        stages,
        available: onBareMachine || !isBare,
        fields,
      })),
  }));
}

/** Replaces those of the session. */
export async function setEvents(
  session: XenSession,
  requests: readonly EventBreakpointRequest[],
): Promise<EventBreakpointAnswer[]> {
  const wanted: WantedBreakpoint[] = [];
  const problems: (string | undefined)[] = [];
  for (const one of requests) {
    const { event, stage, condition, hitCondition, mode } = one;
    const options = {
      ...(condition && { condition }),
      ...(hitCondition && { hitCondition }),
      ...(mode && { mode }),
    };
    // What is asked for twice, with different stages, is two breakpoints.
    const request = stage === undefined ? event : `${event} ${stage}`;
    const action = one.action ?? 'stop';
    let events: WantedBreakpoint['events'] = [];
    let problem = refusal(session, one);
    if (problem === undefined) {
      try {
        events = await eventsOf(session, one);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problem = error.toString();
      }
    }
    wanted.push({ request, options, places: [], events, action, ...(mode === 'once' && { once: true }) });
    problems.push(problem);
  }
  const placed = session.breakpoints.replace('event', '', wanted);
  session.eventRequests = requests;
  session.hits.keep(placed.map(({ id }) => id));
  await session.launched?.run.breakpointsChanged();
  return placed.map(({ id }, i) => {
    const message = problems[i];
    const count = session.hits.countOf(id);
    return message === undefined ? { id, verified: true, count } : { id, verified: false, count, message };
  });
}

function refusal(
  { launched }: XenSession,
  { event, stage = 'pre' }: EventBreakpointRequest,
): string | undefined {
  const row = eventNamed(event);
  if (!row) return breakpointMessages.unknownEvent(event);
  if (!launched) return breakpointMessages.notLaunched;
  if (launched.debuggee.isBare && !row.onBareMachine) return breakpointMessages.onlyOnXen(event);
  if (stage === 'post' && !row.stages.includes('post')) return breakpointMessages.noStage(event, stage);
  return undefined;
}

async function eventsOf(
  session: XenSession,
  request: EventBreakpointRequest,
): Promise<readonly Omit<EventBreakpoint, 'id'>[]> {
  const { event, stage, action = 'stop' } = request;
  const mode = parseMode(request.mode, 'exception');
  const scope = await scopeOf(session, mode);
  const { rules } = await rulesOf(request, scope, session.debuggee.targets[0], undefined);
  const isFocused = mode === 'vcpu' || mode === 'process';
  const domains =
    mode === 'anydomain' ? [undefined] : isFocused ? [session.focus.domain] : eventDomainsOf(session);
  return domains.map((domain) => ({
    ...rules,
    event,
    ...(stage !== undefined && { stage }),
    ...(action !== 'stop' && { log: [] }),
    ...(domain !== undefined && { domain }),
  }));
}
