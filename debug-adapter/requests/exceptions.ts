// Exceptions that stop: panics and crashes of guests, events of the hypervisor; and what the last one was.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/errors.ts';
import { setEvents } from '../breakpoints/event-breakpoints.ts';
import { exceptionDetails } from '../breakpoints/exception-details.ts';
import { breakpointOf, type FilterChoice, isFilter } from '../breakpoints/exception-filters.ts';
import { resolveGroups } from '../breakpoints/place.ts';
import type { WantedBreakpoint } from '../breakpoints/breakpoints.ts';
import { breakpointMessages } from '../errors.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';

export const exceptionRequests = [
  request('setExceptionBreakpoints', {
    capabilities: { supportsExceptionFilterOptions: true },
    needs: 'nothing',
    async handle(session, { filters, filterOptions = [] }) {
      const choices = [...filters.map((filterId) => ({ filterId })), ...filterOptions];
      session.exceptionFilters = choices;
      return { breakpoints: await placeExceptions(session, choices) };
    },
  }),

  request('exceptionInfo', {
    capabilities: { supportsExceptionInfoRequest: true },
    needs: 'stopped',
    async handle(session): Promise<Dap.ExceptionInfoResponse['body']> {
      const { lastStop } = session;
      if (!lastStop?.exception)
        return { exceptionId: 'none', description: 'No exception', breakMode: 'always' };
      const { id, description } = lastStop.exception;
      return {
        exceptionId: id,
        description,
        breakMode: 'always',
        details: await exceptionDetails(session, lastStop),
      };
    },
  }),
];

/** Symbols are others or stand elsewhere now, or the machine was built anew. */
export async function resolveAgain(session: XenSession): Promise<void> {
  await resolveGroups(session);
  if (session.eventRequests.length > 0) await setEvents(session, session.eventRequests);
  await placeExceptions(session, session.exceptionFilters);
}

async function placeExceptions(
  session: XenSession,
  choices: readonly FilterChoice[],
): Promise<Dap.Breakpoint[]> {
  const wanted: WantedBreakpoint[] = [];
  const answers: Dap.Breakpoint[] = [];
  for (const choice of choices) {
    if (!isFilter(choice.filterId)) {
      answers.push({ verified: false, message: breakpointMessages.unknownFilter(choice.filterId) });
      continue;
    }
    try {
      wanted.push(await breakpointOf(session, choice));
      answers.push({ verified: true });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      answers.push({ verified: false, message: error.toString() });
    }
  }
  session.breakpoints.replace('exception', '', wanted);
  await session.launched?.run.breakpointsChanged();
  return answers;
}
