// Sets the breakpoints of a group: looks them up, makes their rules, and answers as the protocol wants it.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/errors.ts';
import type { StopScope } from '../../emulator/machine/stop-programs.ts';
import type {
  BreakpointKind,
  BreakpointOptions,
  Place,
  UserBreakpoint,
  WantedBreakpoint,
} from './breakpoints.ts';
import { breakpointMessages } from '../errors.ts';
import { vaReference } from '../memory-reference.ts';
import type { XenSession } from '../session.ts';
import { ruledPlace } from './conditions.ts';
import { requestOf, watchOf } from './data.ts';
import { type Located, type LocatedKind, locate } from './locate.ts';
import { type Mode, parseMode, scopeOf } from './modes.ts';

/** What a set request says of one breakpoint. */
export interface Asked {
  readonly request: string;
  readonly options: BreakpointOptions;
}

/** A line of a header may be inlined thousands of times: what the machine cannot watch is refused by name. */
const MAX_PLACES = 20_000;

/** Replaces a group. The answers are in the order of the list. `again`: what it holds already. */
export async function setGroup(
  session: XenSession,
  kind: LocatedKind,
  group: string,
  asked: readonly Asked[],
  again = false,
): Promise<Dap.Breakpoint[]> {
  const found: Resolved[] = [];
  for (const one of asked) found.push(await resolve(session, kind, group, one));
  // The client may have replaced the group while its old list was looked up once more.
  if (again && !session.breakpoints.isGroup(kind, group, asked)) return [];
  const affordable = withinLimit(session, kind, group, found);
  const placed = session.breakpoints.replace(
    kind,
    group,
    affordable.map(({ wanted }) => wanted),
  );
  await session.launched?.run.breakpointsChanged();
  return affordable.map(({ located }, i) => {
    const answer = describe(session, placed[i], located);
    if (answer.id !== undefined) session.shownBreakpoints.set(answer.id, JSON.stringify(answer));
    return answer;
  });
}

interface Resolved {
  readonly wanted: WantedBreakpoint;
  readonly located: Located;
}

async function resolve(
  session: XenSession,
  kind: LocatedKind,
  group: string,
  { request, options }: Asked,
): Promise<Resolved> {
  try {
    const mode = parseMode(options.mode, kind);
    const located = await inMode(session, mode, await locate(session, kind, group, request));
    const places: Place[] = [];
    for (const place of located.places) {
      const scope: StopScope = {
        ...(await scopeOf(session, mode, place.target.domain)),
        ...(located.el !== undefined && { el: located.el }),
        ...(located.ttbr0 !== undefined && { ttbr0: located.ttbr0 }),
        // Other processes have other code there.
        ...(place.target.as?.table !== undefined && { table: place.target.as.table }),
      };
      places.push(await ruledPlace(options, scope, place));
    }
    const wanted: WantedBreakpoint = {
      request,
      options,
      places,
      ...(mode === 'once' && { once: true }),
      ...(located.atReturn && { atReturn: true }),
    };
    return { wanted, located };
  } catch (error) {
    // What is wrong with a condition, a name or a mode is said beside the breakpoint.
    if (!(error instanceof UserError)) throw error;
    const located = { request, places: [], message: error.toString() };
    return { wanted: { request, options, places: [] }, located };
  }
}

/** The places of the domains and address spaces that a mode means. */
async function inMode(session: XenSession, mode: Mode, located: Located): Promise<Located> {
  const { focus } = session;
  switch (mode) {
    case 'vcpu':
    case 'process':
      return { ...located, places: located.places.filter(({ target }) => target.domain === focus.domain) };
    case 'phys': {
      const places: Place[] = [];
      for (const place of located.places) {
        const { target, address } = place;
        const known = address.kind === 'link' ? target.map.toIpa(address.value) : undefined;
        const ipa =
          known ?? (await session.debuggee.ipaOf({ domain: target.domain, vcpu: 0 }, address.value));
        if (address.kind === 'ipa') places.push(place);
        else if (ipa !== undefined) places.push({ ...place, address: { kind: 'ipa', value: BigInt(ipa) } });
      }
      if (places.length > 0 || located.places.length === 0) return { ...located, places };
      return { ...located, places, message: breakpointMessages.notMapped };
    }
    case 'anydomain': {
      const [first] = located.places;
      if (!first) return located;
      const { kind, value } = first.address;
      const va = kind === 'link' ? first.target.map.toRuntime(value) : value;
      const others = session.debuggee.allTargets.filter(
        (target) => !located.places.some((place) => place.target.domain === target.domain),
      );
      const added = others.map((target): Place => ({ target, address: { kind: 'va', value: va } }));
      return { ...located, places: [...located.places, ...added] };
    }
    case 'default':
    case 'el0':
    case 'el1':
    case 'once':
      return located;
  }
}

function withinLimit(
  session: XenSession,
  kind: BreakpointKind,
  group: string,
  found: readonly Resolved[],
): readonly Resolved[] {
  const others = session.breakpoints.all.filter((b) => b.kind !== kind || b.group !== group);
  let left = MAX_PLACES - others.reduce((sum, { places }) => sum + places.length, 0);
  return found.map((one) => {
    const count = one.wanted.places.length;
    if (count <= left) {
      left -= count;
      return one;
    }
    const located = { ...one.located, places: [], message: breakpointMessages.tooManyPlaces(count) };
    return { wanted: { ...one.wanted, places: [] }, located };
  });
}

function describe(session: XenSession, placed: UserBreakpoint | undefined, located: Located): Dap.Breakpoint {
  const id = placed && { id: placed.id };
  const where = {
    ...(located.line !== undefined && { line: session.lineToClient(located.line) }),
    ...(located.column !== undefined && { column: session.columnToClient(located.column) }),
  };
  const [first] = placed?.places ?? [];
  if (!first) {
    const reason = session.launched && !located.pending ? 'failed' : 'pending';
    const message = located.message ?? breakpointMessages.notLaunched;
    return { ...id, ...where, verified: false, reason, message };
  }
  const { target, address } = first;
  const count = placed?.places.length ?? 0;
  const message = located.message ?? (count > 1 ? breakpointMessages.severalPlaces(count) : undefined);
  const runtime = address.kind === 'link' ? target.map.toRuntime(address.value) : address.value;
  return {
    ...id,
    ...where,
    verified: true,
    ...(address.kind !== 'ipa' && {
      instructionReference: vaReference({ domain: target.domain, vcpu: 0 }, runtime),
    }),
    ...(message !== undefined && { message }),
  };
}

/** Replaces the data breakpoints. */
export async function setDataGroup(
  session: XenSession,
  breakpoints: readonly Dap.DataBreakpoint[],
): Promise<Dap.Breakpoint[]> {
  const wanted: WantedBreakpoint[] = [];
  const problems: (string | undefined)[] = [];
  for (const one of breakpoints) {
    const { condition, hitCondition } = one;
    const options = { ...(condition && { condition }), ...(hitCondition && { hitCondition }) };
    let watch: Pick<WantedBreakpoint, 'watch' | 'events' | 'once'> = {};
    let problem: string | undefined = session.launched ? undefined : breakpointMessages.notLaunched;
    try {
      if (session.launched) watch = await watchOf(session, one);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem = error.toString();
    }
    wanted.push({ request: requestOf(one), options, places: [], ...watch });
    problems.push(problem);
  }
  const placed = session.breakpoints.replace('data', '', wanted);
  await session.launched?.run.breakpointsChanged();
  return placed.map(({ id }, i) => {
    const message = problems[i];
    const reason = session.launched ? 'failed' : 'pending';
    const answer: Dap.Breakpoint =
      message === undefined ? { id, verified: true } : { id, verified: false, reason, message };
    session.shownBreakpoints.set(id, JSON.stringify(answer));
    return answer;
  });
}

/** As they were asked for. */
const dataBreakpointOf = ({ request, options }: UserBreakpoint): Dap.DataBreakpoint => {
  const [accessType = 'write'] = request.split(' ', 1);
  return {
    dataId: request.slice(accessType.length + 1),
    accessType: accessType as Dap.DataBreakpointAccessType,
    ...(options.condition !== undefined && { condition: options.condition }),
    ...(options.hitCondition !== undefined && { hitCondition: options.hitCondition }),
  };
};

/** Symbols are others or stand elsewhere now: the same requests, looked up again. Tells what changed by it. */
export async function resolveGroups(session: XenSession): Promise<void> {
  const groups = new Map<string, { kind: LocatedKind; group: string; asked: Asked[] }>();
  for (const { kind, group, request, options } of session.breakpoints.all) {
    if (kind !== 'source' && kind !== 'function' && kind !== 'instruction') continue;
    const key = `${kind} ${group}`;
    const entry = groups.get(key) ?? { kind, group, asked: [] };
    entry.asked.push({ request, options });
    groups.set(key, entry);
  }
  const before = new Map(session.shownBreakpoints);
  const answers: Dap.Breakpoint[] = [];
  for (const { kind, group, asked } of groups.values())
    answers.push(...(await setGroup(session, kind, group, asked, true)));
  const data = session.breakpoints.all.filter(({ kind }) => kind === 'data');
  if (data.length > 0) answers.push(...(await setDataGroup(session, data.map(dataBreakpointOf))));
  for (const breakpoint of answers) {
    const { id } = breakpoint;
    if (id === undefined || before.get(id) === JSON.stringify(breakpoint)) continue;
    session.tell('breakpoint', { reason: 'changed', breakpoint });
  }
}
