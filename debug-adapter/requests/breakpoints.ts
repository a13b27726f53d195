// Breakpoints by source line, function and instruction. Nothing is patched into guest memory, and all of them may
// be set while the machine runs.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { breakpointModes } from '../breakpoints/modes.ts';
import { setGroup } from '../breakpoints/place.ts';
import type { BreakpointOptions } from '../breakpoints/breakpoints.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';

/** A client that asks for a whole file gets the statements of this many lines. */
const MAX_LINES = 20_000;

export const breakpointRequests = [
  request('setBreakpoints', {
    capabilities: {
      supportsConditionalBreakpoints: true,
      supportsHitConditionalBreakpoints: true,
      supportsLogPoints: true,
      breakpointModes: [...breakpointModes] as Dap.BreakpointMode[],
    },
    needs: 'nothing',
    async handle(session, { source, breakpoints = [], lines = [] }) {
      const wanted: readonly Dap.SourceBreakpoint[] =
        breakpoints.length > 0 ? breakpoints : lines.map((line) => ({ line }));
      const group = source.sourceReference
        ? `#${source.sourceReference}`
        : session.pathFromClient(source.path ?? '');
      const answers = await setGroup(
        session,
        'source',
        group,
        wanted.map((one) => ({ request: placeText(session, one), options: optionsOf(one) })),
      );
      return {
        breakpoints: answers.map((answer, i) => ({ line: wanted[i]?.line ?? 1, ...answer, source })),
      };
    },
  }),

  request('breakpointLocations', {
    capabilities: { supportsBreakpointLocationsRequest: true },
    needs: 'nothing',
    quiet: true,
    async handle(session, args): Promise<Dap.BreakpointLocationsResponse['body']> {
      const path = session.pathFromClient(args.source.path ?? '');
      const first = session.lineFromClient(args.line);
      const last = Math.min(session.lineFromClient(args.endLine ?? args.line), first + MAX_LINES);
      const from = args.column === undefined ? 0 : session.columnFromClient(args.column);
      const to =
        args.endColumn === undefined ? Number.POSITIVE_INFINITY : session.columnFromClient(args.endColumn);
      const found = new Map<string, Dap.BreakpointLocation>();
      for (const target of session.launched?.debuggee.withSymbols ?? []) {
        for (const { line, column } of await target.statementsIn(path, first, last)) {
          if ((line === first && column < from) || (line === last && column > to)) continue;
          found.set(`${line}:${column}`, {
            line: session.lineToClient(line),
            ...(column > 0 && { column: session.columnToClient(column) }),
          });
        }
      }
      const breakpoints = [...found.values()].sort(
        (a, b) => a.line - b.line || (a.column ?? 0) - (b.column ?? 0),
      );
      return { breakpoints };
    },
  }),

  request('setFunctionBreakpoints', {
    capabilities: { supportsFunctionBreakpoints: true },
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      const asked = breakpoints.map((one) => ({ request: one.name, options: optionsOf(one) }));
      return { breakpoints: await setGroup(session, 'function', '', asked) };
    },
  }),

  request('setInstructionBreakpoints', {
    capabilities: { supportsInstructionBreakpoints: true },
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      const asked = breakpoints.map((one) => {
        const { instructionReference, offset = 0 } = one;
        const text = offset === 0 ? instructionReference : `${instructionReference}+${offset}`;
        return { request: text, options: optionsOf(one) };
      });
      return { breakpoints: await setGroup(session, 'instruction', '', asked) };
    },
  }),
];

/** `12`, or `12:5` where a column was asked for. */
function placeText(session: XenSession, { line, column }: Dap.SourceBreakpoint): string {
  const own = session.lineFromClient(line);
  return column === undefined ? String(own) : `${own}:${session.columnFromClient(column)}`;
}

/** What goes with the place, as far as the client said any of it. */
function optionsOf({
  condition,
  hitCondition,
  logMessage,
  mode,
}: {
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
  mode?: string;
}): BreakpointOptions {
  return {
    ...(condition && { condition }),
    ...(hitCondition && { hitCondition }),
    ...(logMessage && { logMessage }),
    ...(mode && { mode }),
  };
}
