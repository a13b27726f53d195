// Breakpoints by source line, function and instruction, and the exceptions that stop. Nothing is patched into
// guest memory, and all of them may be set while the machine runs.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { Place } from '../breakpoints.ts';
import { breakpointMessages } from '../errors.ts';
import * as errors from '../errors.ts';
import { addressOfLine } from '../generated-sources.ts';
import { nameOfDomain, offsetBy, parseMemoryReference, vaReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import type { LineLookup } from '../symbols/symbol-source.ts';
import type { Target } from '../target.ts';

export const exceptionFilters: readonly Dap.ExceptionBreakpointsFilter[] = [
  { filter: 'panic', label: 'Guest panic', description: 'Stops where Linux enters panic()', default: true },
];

/** The engine watches 1024 addresses, and a place has two: link address and physical one. */
const MAX_PLACES = 500;

/** A breakpoint the client asked for, looked up. */
interface Resolved {
  readonly request: string;
  readonly places: readonly Place[];
  readonly message?: string;
  readonly line?: number;
}

export const breakpointRequests = [
  request('setBreakpoints', {
    needs: 'nothing',
    async handle(session, { source, breakpoints = [], lines = [] }) {
      const wanted = breakpoints.length > 0 ? breakpoints.map(({ line }) => line) : lines;
      const path = session.pathFromClient(source.path ?? '');
      const group = source.sourceReference ? `#${source.sourceReference}` : path;
      const resolved: Resolved[] = [];
      for (const line of wanted) {
        const own = session.lineFromClient(line);
        resolved.push(
          source.sourceReference
            ? inListing(session, source.sourceReference, own)
            : await inSource(session, path, own),
        );
      }
      const answers = await replace(session, 'source', group, resolved);
      return {
        breakpoints: answers.map((answer, i) => ({
          ...answer,
          line: session.lineToClient(resolved[i]?.line ?? session.lineFromClient(wanted[i] ?? 1)),
          source,
        })),
      };
    },
  }),

  request('setFunctionBreakpoints', {
    capabilities: { supportsFunctionBreakpoints: true },
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      return {
        breakpoints: await replace(
          session,
          'function',
          '',
          breakpoints.map(({ name }) => byName(session, name)),
        ),
      };
    },
  }),

  request('setInstructionBreakpoints', {
    capabilities: { supportsInstructionBreakpoints: true },
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      const resolved = breakpoints.map(({ instructionReference, offset }) =>
        byAddress(session, instructionReference, offset ?? 0),
      );
      return { breakpoints: await replace(session, 'instruction', '', resolved) };
    },
  }),

  request('setExceptionBreakpoints', {
    capabilities: { supportsExceptionFilterOptions: false },
    needs: 'nothing',
    async handle(session, { filters }) {
      session.exceptionFilters = new Set(filters);
      await placePanics(session);
      const known = exceptionFilters.map(({ filter }) => filter);
      return { breakpoints: filters.map((filter) => ({ verified: known.includes(filter) })) };
    },
  }),

  request('exceptionInfo', {
    capabilities: { supportsExceptionInfoRequest: true },
    needs: 'stopped',
    handle(session) {
      const { exception } = session.lastStop ?? {};
      if (!exception)
        return { exceptionId: 'none', description: 'No exception', breakMode: 'always' as const };
      return { exceptionId: exception.id, description: exception.description, breakMode: 'always' as const };
    },
  }),
];

/** The machine was built anew: the same requests, looked up in its symbols. */
export async function resolveAgain(session: XenSession): Promise<void> {
  const groups = new Map<
    string,
    { kind: 'source' | 'function' | 'instruction'; group: string; requests: string[] }
  >();
  for (const { kind, group, request: text } of session.breakpoints.all) {
    if (kind === 'panic') continue;
    const key = `${kind} ${group}`;
    const entry = groups.get(key) ?? { kind, group, requests: [] };
    entry.requests.push(text);
    groups.set(key, entry);
  }
  for (const { kind, group, requests } of groups.values()) {
    const resolved: Resolved[] = [];
    for (const text of requests) resolved.push(await byRequest(session, kind, group, text));
    await replace(session, kind, group, resolved);
  }
  await placePanics(session);
}

async function byRequest(
  session: XenSession,
  kind: 'source' | 'function' | 'instruction',
  group: string,
  text: string,
): Promise<Resolved> {
  switch (kind) {
    case 'function':
      return byName(session, text);
    case 'instruction':
      return byAddress(session, text, 0);
    case 'source':
      return group.startsWith('#')
        ? inListing(session, Number(group.slice(1)), Number(text))
        : inSource(session, group, Number(text));
  }
}

async function replace(
  session: XenSession,
  kind: 'source' | 'function' | 'instruction',
  group: string,
  resolved: readonly Resolved[],
): Promise<Dap.Breakpoint[]> {
  const affordable = withinLimit(session, kind, group, resolved);
  const placed = session.breakpoints.replace(kind, group, affordable);
  await session.launched?.run.breakpointsChanged();
  return affordable.map(({ places, message }, i): Dap.Breakpoint => {
    const [first] = places;
    const id = placed[i]?.id;
    if (!first) {
      const reason = session.launched ? 'failed' : 'pending';
      return {
        ...(id !== undefined && { id }),
        verified: false,
        reason,
        message: message ?? breakpointMessages.notLaunched,
      };
    }
    const { target, address } = first;
    const runtime = address.kind === 'link' ? target.map.toRuntime(address.value) : address.value;
    const note = places.length > 1 ? breakpointMessages.severalPlaces(places.length) : undefined;
    return {
      ...(id !== undefined && { id }),
      verified: true,
      instructionReference: vaReference({ domain: target.domain, vcpu: 0 }, runtime),
      ...(note !== undefined && { message: note }),
    };
  });
}

/** A line of a header may be inlined thousands of times: what the machine cannot watch is refused by name. */
function withinLimit(
  session: XenSession,
  kind: 'source' | 'function' | 'instruction',
  group: string,
  resolved: readonly Resolved[],
): readonly Resolved[] {
  const others = session.breakpoints.all.filter((b) => b.kind !== kind || b.group !== group);
  let left = MAX_PLACES - others.reduce((sum, { places }) => sum + places.length, 0);
  return resolved.map((one) => {
    const count = one.places.length;
    if (count <= left) {
      left -= count;
      return one;
    }
    return { ...one, places: [], message: breakpointMessages.tooManyPlaces(count) };
  });
}

/** `[d1!]name[+0x10]` in every domain, or in one. */
function byName(session: XenSession, text: string): Resolved {
  if (!session.launched) return { request: text, places: [] };
  const match = /^(?:(d\d+|host)!)?([^+!\s]+)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text.trim());
  const [, domain, name = '', offset = '0'] = match ?? [];
  const places = session.debuggee.targets
    .filter((target) => domain === undefined || nameOfDomain(target.domain) === domain.toLowerCase())
    .flatMap((target) => target.addressesOf(name).map((link) => linkPlace(target, link + BigInt(offset))));
  return { request: text, places, message: breakpointMessages.noSuchFunction(text) };
}

/** Code of a known program follows it when it is moved; other addresses are taken as they are. */
function byAddress(session: XenSession, reference: string, offset: number): Resolved {
  const text = offset === 0 ? reference : `${reference}+${offset}`;
  if (!session.launched) return { request: text, places: [] };
  try {
    const [, base = reference, extra = '0'] = /^(.*?)\+(-?\d+)$/.exec(text) ?? [text, text];
    const { space, address } = offsetBy(parseMemoryReference(base, session.focus), Number(extra));
    if (space.kind !== 'va')
      return { request: text, places: [], message: breakpointMessages.badReference(text) };
    const target = session.debuggee.targets.find(({ domain }) => domain === space.at.domain);
    if (!target) return { request: text, places: [], message: breakpointMessages.badReference(text) };
    const link = target.map.toLink(address);
    const place: Place =
      link === undefined ? { target, address: { kind: 'va', value: address } } : linkPlace(target, link);
    return { request: text, places: [place] };
  } catch (error) {
    if (!(error instanceof errors.AdapterError)) throw error;
    return { request: text, places: [], message: breakpointMessages.badReference(text) };
  }
}

function inListing(session: XenSession, reference: number, line: number): Resolved {
  const text = String(line);
  const source = session.sources.get(reference);
  const target = session.launched?.debuggee.targets.find(({ domain }) => domain === source?.domain);
  const address = source && addressOfLine(source, line);
  if (!target || address === undefined) {
    return { request: text, places: [], message: breakpointMessages.noCodeAtLine(undefined) };
  }
  const link = target.map.toLink(address);
  const place: Place =
    link === undefined ? { target, address: { kind: 'va', value: address } } : linkPlace(target, link);
  return { request: text, places: [place] };
}

async function inSource(session: XenSession, path: string, line: number): Promise<Resolved> {
  const text = String(line);
  if (!session.launched) return { request: text, places: [] };
  const places: Place[] = [];
  let found: number | undefined;
  let refused: string | undefined;
  for (const target of session.debuggee.targets) {
    const lookup = await target.addressesOfLine(path, line);
    if (lookup?.kind !== 'found') {
      refused ??= refusal(lookup, path);
      continue;
    }
    for (const code of lookup.code) {
      found ??= code.line;
      places.push(...code.addresses.map((link) => linkPlace(target, link)));
    }
  }
  return {
    request: text,
    places,
    ...(refused !== undefined && { message: refused }),
    ...(found !== undefined && { line: found }),
  };
}

function refusal(lookup: Exclude<LineLookup, { kind: 'found' }> | undefined, path: string): string {
  switch (lookup?.kind) {
    case undefined:
      return breakpointMessages.noLineInformation;
    case 'no-code':
      return breakpointMessages.noCodeAtLine(lookup.nearest);
    case 'no-file':
      return breakpointMessages.noSuchFile(path);
  }
}

/** panic() of every kernel that has one. */
export async function placePanics(session: XenSession): Promise<void> {
  const targets = session.exceptionFilters.has('panic') ? (session.launched?.debuggee.targets ?? []) : [];
  const places = targets.flatMap((target) =>
    target.addressesOf('panic').map((link) => linkPlace(target, link)),
  );
  session.breakpoints.replace('panic', '', places.length > 0 ? [{ request: 'panic', places }] : []);
  await session.launched?.run.breakpointsChanged();
}

const linkPlace = (target: Target, link: bigint): Place => ({
  target,
  address: { kind: 'link', value: link },
});
