// Breakpoints on events of the hypervisor, one by one: the tree behind the exception filters.

import { catalogOf, setEvents } from '../breakpoints/event-breakpoints.ts';
import * as errors from '../errors.ts';
import type { EventBreakpointRequest } from '../protocol.ts';
import { request } from '../request.ts';

export const eventRequests = [
  request('xen/eventCatalog', {
    needs: 'nothing',
    handle: (session) => ({ categories: catalogOf(session) }),
  }),

  request('xen/setEventBreakpoints', {
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      if (!Array.isArray(breakpoints) || !breakpoints.every(isRequest)) {
        throw errors.badArgument('xen/setEventBreakpoints', 'breakpoints', 'a list of event breakpoints');
      }
      return { breakpoints: await setEvents(session, breakpoints) };
    },
  }),
];

/** Clients of all kinds send our own requests. */
function isRequest(value: unknown): value is EventBreakpointRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { event, condition, hitCondition, stage, action, mode } = value as Record<string, unknown>;
  const isText = (text: unknown): boolean => text === undefined || typeof text === 'string';
  return (
    typeof event === 'string' &&
    isText(condition) &&
    isText(hitCondition) &&
    isText(mode) &&
    [undefined, 'pre', 'post', 'both'].includes(stage as string | undefined) &&
    [undefined, 'stop', 'log', 'count'].includes(action as string | undefined)
  );
}
