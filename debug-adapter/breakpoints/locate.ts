// Where breakpoints stand: addresses of source lines, functions and instructions in every domain that has them.

import type { Place } from './breakpoints.ts';
import * as errors from '../errors.ts';
import { breakpointMessages } from '../errors.ts';
import { addressOfLine } from '../instructions/generated-sources.ts';
import { nameOfDomain, offsetBy, parseMemoryReference } from '../memory-reference.ts';
import type { Debuggee } from '../debuggee.ts';
import type { XenSession } from '../session.ts';
import type { LineLookup } from '../symbols/symbol-source.ts';
import type { Target } from '../symbols/target.ts';
import { type FunctionName, parseFunctionName } from './function-name.ts';

/** A breakpoint the client asked for, looked up. */
export interface Located {
  /** The same text means the same breakpoint. */
  readonly request: string;
  readonly places: readonly Place[];
  /** Why there are no places, or what should be known of them. */
  readonly message?: string;
  /** Symbols that are loaded later may have it. */
  readonly pending?: boolean;
  readonly line?: number;
  readonly column?: number;
  readonly el?: 0 | 1;
  /** TTBR0_EL1 of the process that a reference names. */
  readonly ttbr0?: bigint;
  readonly atReturn?: boolean;
}

export type LocatedKind = 'source' | 'function' | 'instruction';

/** More functions than this are no breakpoint but a mistake. */
const MAX_FUNCTIONS = 2000;
/** This many places are named in a message. */
const NAMED_PLACES = 3;

/** Looks up what a breakpoint's request says. */
export async function locate(
  session: XenSession,
  kind: LocatedKind,
  group: string,
  request: string,
): Promise<Located> {
  if (!session.launched) return { request, places: [] };
  switch (kind) {
    case 'function':
      return byName(session, request);
    case 'instruction':
      return byReference(session, request);
    case 'source': {
      const [line = 1, column] = request.split(':').map(Number);
      return group.startsWith('#')
        ? inListing(session, Number(group.slice(1)), line)
        : inSource(session, group, request, line, column);
    }
  }
}

// ---------------------------------------------------------------- source lines

async function inSource(
  session: XenSession,
  path: string,
  request: string,
  line: number,
  column: number | undefined,
): Promise<Located> {
  const places: Place[] = [];
  let found: { readonly line: number; readonly column?: number } | undefined;
  const refusals: { readonly message: string; readonly pending?: boolean }[] = [];
  for (const target of session.debuggee.withSymbols) {
    const lookup = await target.addressesOfLine(path, line, column);
    if (lookup?.kind !== 'found') {
      refusals.push(refusal(lookup, path, target));
      continue;
    }
    for (const code of lookup.code) {
      found ??= code;
      places.push(
        ...code.addresses.map((link) => ({ ...linkPlace(target, link), source: { path, line: code.line } })),
      );
    }
  }
  return {
    request,
    places,
    ...(places.length === 0 &&
      (refusals.find(({ pending }) => !pending) ?? withoutLines(session, path) ?? refusals[0])),
    ...(found && { line: found.line }),
    ...(found?.column !== undefined && column !== undefined && { column: found.column }),
  };
}

function refusal(
  lookup: Exclude<LineLookup, { kind: 'found' }> | undefined,
  path: string,
  target: Target,
): { readonly message: string; readonly pending?: boolean } {
  switch (lookup?.kind) {
    case undefined:
      if (target.symbols) return { message: breakpointMessages.noLineInformation, pending: true };
      return { message: breakpointMessages.noSymbols(target.info.name), pending: true };
    case 'no-code':
      return { message: breakpointMessages.noCodeAtLine(lookup.nearest) };
    case 'no-file':
      return { message: breakpointMessages.noSuchFile(path), pending: true };
  }
}

/** The file may be of a module that is known by its functions only. */
function withoutLines(
  { debuggee }: XenSession,
  path: string,
): { readonly message: string; readonly pending: boolean } | undefined {
  const modules = debuggee.targets.flatMap(
    ({ domain }) => debuggee.images?.modulesWithoutLines(domain) ?? [],
  );
  if (modules.length === 0 || modules.length > NAMED_PLACES) return undefined;
  return { message: breakpointMessages.withoutLines(path, modules), pending: true };
}

function inListing(session: XenSession, reference: number, line: number): Located {
  const request = String(line);
  const source = session.sources.get(reference);
  const debuggee = session.launched?.debuggee;
  const isShown = debuggee?.targets.some(({ domain }) => domain === source?.domain);
  const target = source && isShown ? debuggee?.targetFor(session.vcpuIn(source.domain)) : undefined;
  const address = source && addressOfLine(source, line);
  if (!target || address === undefined)
    return { request, places: [], message: breakpointMessages.noCodeAtLine(undefined) };
  return { request, places: [placeAt(target, address)] };
}

// ---------------------------------------------------------------- functions

async function byName(session: XenSession, request: string): Promise<Located> {
  const name = parseFunctionName(request);
  const targets = session.debuggee.withSymbols.filter((target) => isQualified(target, name.qualifiers));
  const places: Place[] = [];
  for (const target of targets) places.push(...(await functionsOf(target, name)));
  if (places.length > MAX_FUNCTIONS) {
    return { request, places: [], message: breakpointMessages.tooManyFunctions(request, places.length) };
  }
  return {
    request,
    places,
    ...(name.el !== undefined && { el: name.el }),
    ...(name.atReturn && { atReturn: true }),
    ...(await remark(session, request, name, places, targets)),
  };
}

const isDomain = ({ domain, info }: Target, wanted: string): boolean =>
  wanted === nameOfDomain(domain) || wanted === info.name.toLowerCase();

/** Every qualifier names the domain or its program. */
function isQualified(target: Target, qualifiers: readonly string[]): boolean {
  const program = target.image.name.toLowerCase();
  return qualifiers.every((text) => {
    const wanted = text.toLowerCase();
    if (isDomain(target, wanted)) return true;
    // Files of modules may have hyphens where their names have underscores.
    if (target.as?.kind === 'module') return program === wanted.replace(/\.ko$/, '').replaceAll('-', '_');
    if (target.as) return program === wanted;
    // `vmlinux` is vmlinux-6.1.0 too.
    return program.startsWith(wanted) && !/^\w/.test(program.slice(wanted.length));
  });
}

async function functionsOf(
  target: Target,
  { symbol, file, offset }: FunctionName,
): Promise<readonly Place[]> {
  const starts =
    typeof symbol === 'string'
      ? target.functionsNamed(symbol)
      : target.functionsMatching(symbol, MAX_FUNCTIONS + 1);
  const places: Place[] = [];
  for (const start of starts) {
    if (file !== undefined) {
      const path = (await target.lineAt(target.map.toRuntime(start)))?.path;
      if (path === undefined || !`/${path}`.endsWith(`/${file}`)) continue;
    }
    places.push(linkPlace(target, start + offset));
  }
  return places;
}

/** One name may be that of several static functions: which they are is worth knowing. */
async function remark(
  { debuggee }: XenSession,
  request: string,
  { symbol, qualifiers }: FunctionName,
  places: readonly Place[],
  targets: readonly Target[],
): Promise<Pick<Located, 'message' | 'pending'>> {
  if (places.length === 0 && targets.length === 0 && qualifiers.length > 0)
    return { message: absence(debuggee, request, qualifiers), pending: true };
  if (places.length === 0) {
    const without = debuggee.targets.find(({ symbols }) => !symbols);
    const message =
      without && qualifiers.length === 0
        ? breakpointMessages.noSymbols(without.info.name)
        : breakpointMessages.noSuchFunction(request);
    return { message, pending: true };
  }
  if (places.length === 1 || typeof symbol !== 'string') return {};
  const named: string[] = [];
  for (const { target, address } of places.slice(0, NAMED_PLACES)) {
    const line = await target.lineAt(target.map.toRuntime(address.value));
    const where = line ? `${line.path.split('/').at(-1)}:${line.line}` : `0x${address.value.toString(16)}`;
    named.push(debuggee.targets.length > 1 ? `${nameOfDomain(target.domain)} ${where}` : where);
  }
  return { message: breakpointMessages.namedPlaces(places.length, named) };
}

/** Of what is named and is not there. */
function absence({ targets, images }: Debuggee, request: string, qualifiers: readonly string[]): string {
  const named = qualifiers.filter((text) => !targets.some((target) => isDomain(target, text.toLowerCase())));
  const [wanted = ''] = named;
  if (/^d\d+$/i.test(wanted)) return breakpointMessages.noSuchFunction(request);
  const isAwaited = targets.some(({ domain }) => images?.awaitsProgram(domain, wanted));
  return isAwaited ? breakpointMessages.notRunning(wanted) : breakpointMessages.notLoaded(wanted);
}

// ---------------------------------------------------------------- addresses

/** Code of a known program follows it when it is moved; other addresses are taken as they are. */
function byReference(session: XenSession, request: string): Located {
  try {
    const [, base = request, extra = '0'] = /^(.*?)\+(-?\d+)$/.exec(request) ?? [request, request];
    const { space, address } = offsetBy(parseMemoryReference(base, session.focus), Number(extra));
    // A physical address is the guest's own where nothing translates it a second time.
    const isPhysical = space.kind === 'ipa' || (space.kind === 'pa' && session.debuggee.isBare);
    if (space.kind === 'pa' && !isPhysical) {
      return { request, places: [], message: breakpointMessages.machinePhysical };
    }
    const domain = space.kind === 'va' ? space.at.domain : space.kind === 'ipa' ? space.domain : -1;
    const isShown = session.debuggee.targets.some((one) => one.domain === domain);
    if (!isShown) return { request, places: [], message: breakpointMessages.badReference(request) };
    const target = session.debuggee.targetFor(space.kind === 'va' ? space.at : { domain, vcpu: 0 });
    if (isPhysical) return { request, places: [{ target, address: { kind: 'ipa', value: address } }] };
    const ttbr0 = space.kind === 'va' ? space.ttbr0 : undefined;
    if (ttbr0 === undefined) return { request, places: [placeAt(target, address)] };
    return { request, ttbr0, places: [{ target, address: { kind: 'va', value: address } }] };
  } catch (error) {
    if (!(error instanceof errors.AdapterError)) throw error;
    return { request, places: [], message: breakpointMessages.badReference(request) };
  }
}

function placeAt(target: Target, address: bigint): Place {
  const image = target.imageAt(address);
  const link = image.map.toLink(address);
  return link === undefined ? { target, address: { kind: 'va', value: address } } : linkPlace(image, link);
}

export const linkPlace = (target: Target, link: bigint): Place => ({
  target,
  address: { kind: 'link', value: link },
});
