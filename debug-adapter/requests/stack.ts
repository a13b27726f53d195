// The call stack: frames with names and lines, a label where an exception interrupted, and disassembly as
// the source of functions that have none.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import { eventNamed } from '../../emulator/debug/events/catalog.ts';
import { lineOfAddress, MAX_LISTING_BYTES } from '../instructions/generated-sources.ts';
import type { GeneratedSource } from '../instructions/generated-sources.ts';
import { exceptionInWords } from '../frames/exception-words.ts';
import { vaReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import type { Frame } from '../frames/stack.ts';
import type { RunningSymbol, ScopeLine, Target, TargetImage } from '../symbols/target.ts';

/** Frames of a stack that is asked for without a limit. */
const MAX_FRAMES = 256;

export interface FunctionRow {
  readonly kind: 'function';
  readonly index: number;
  readonly frame: Frame;
  /** The address whose line is shown. */
  readonly lookup: bigint;
  readonly scope: ScopeLine | undefined;
  /** Calls that were inlined around it. */
  readonly inlined: number;
}

/** A function of a frame, or a line that only says something. */
type Row =
  | FunctionRow
  | { readonly kind: 'label'; readonly text: string }
  /** What the hypervisor did, above what asked it to. */
  | { readonly kind: 'hypervisor'; readonly text: string; readonly frame: Frame };

export const stackRequests = [
  request('stackTrace', {
    capabilities: { supportsDelayedStackTraceLoading: true, supportedChecksumAlgorithms: ['MD5'] },
    needs: 'stopped',
    async handle(session, { threadId, startFrame = 0, levels = 0, format }) {
      const vcpu = session.debuggee.vcpuOfThread(threadId);
      const target = session.debuggee.targetFor(vcpu);
      const end = levels === 0 ? MAX_FRAMES : Math.min(startFrame + levels, MAX_FRAMES);
      // One more tells whether the stack ends here.
      const frames = await session.debuggee.walk(vcpu, end + 1);
      const rows = [...hypervisorRow(session, vcpu, frames), ...(await rowsOf(frames, target, end + 1))];
      const stackFrames: Dap.StackFrame[] = [];
      for (const row of rows.slice(startFrame, end))
        stackFrames.push(formatted(await describe(session, vcpu, target, row), imageOf(target, row), format));
      return { stackFrames, ...(rows.length <= end && { totalFrames: rows.length }) };
    },
  }),
];

/** Above a vCPU for which the hypervisor has just done something that stopped the machine. */
function hypervisorRow(session: XenSession, vcpu: VcpuId, [frame]: readonly Frame[]): readonly Row[] {
  const { lastStop, debuggee } = session;
  const event = lastStop?.exception?.event?.event;
  if (!frame || event === undefined || debuggee.isBare) return [];
  if (lastStop?.vcpu.domain !== vcpu.domain || lastStop.vcpu.vcpu !== vcpu.vcpu) return [];
  const row = eventNamed(event);
  if (!row || !OF_THE_HYPERVISOR.has(row.category)) return [];
  const [, call, operation] = /^hypercall\.(\w+)(?:\.(\w+))?$/.exec(event) ?? [];
  const text = call === undefined || call === 'error' ? event : operation ? `${call}(${operation})` : call;
  return [{ kind: 'hypervisor', text: `Xen: ${text}`, frame }];
}

/** Categories of events that are work of Xen; others are of the guest alone. */
const OF_THE_HYPERVISOR: ReadonlySet<string> = new Set([
  'hypercall',
  'stage2',
  'trap',
  'event-channel',
  'grant',
  'xenstore',
  'ring',
  'firmware',
]);

/** The first rows of the stack: a frame has one for each function inlined where it stands, and its own. */
export async function rowsOf(
  frames: readonly Frame[],
  target: Target,
  limit: number,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  /** Functions of the frames since the last exception, outermost first. */
  let inside: string[] = [];
  for (const [index, frame] of frames.entries()) {
    if (frame.taken) {
      rows.push({ kind: 'label', text: `— ${exceptionInWords(frame.taken, inside)} —` });
      inside = [];
    }
    const { standing, lookupPc: lookup } = frame;
    const scopes = await target.scopesAt(lookup, standing);
    for (const [i, scope] of (scopes.length > 0 ? scopes : [undefined]).entries()) {
      const inlined = Math.max(scopes.length - 1 - i, 0);
      rows.push({ kind: 'function', index, frame, lookup, scope, inlined });
    }
    inside.unshift(target.symbolAt(lookup)?.name ?? '');
    if (rows.length >= limit) break;
  }
  return rows;
}

async function describe(
  session: XenSession,
  vcpu: VcpuId,
  target: Target,
  row: Row,
): Promise<Dap.StackFrame> {
  if (row.kind === 'label') {
    const id = session.handles.add({ kind: 'label' });
    return { id, name: row.text, line: 0, column: 0, presentationHint: 'label' };
  }
  if (row.kind === 'hypervisor') {
    const at = { vcpu, index: 0, frame: row.frame, inlined: 0 };
    const id = session.handles.add({ kind: 'hypervisor', at });
    const instructionPointerReference = vaReference(vcpu, row.frame.pc);
    return { id, name: row.text, line: 0, column: 0, instructionPointerReference };
  }
  const { frame, index, lookup, scope, inlined } = row;
  const symbol = target.symbolAt(lookup);
  return {
    id: session.handles.add({ kind: 'frame', vcpu, index, frame, inlined }),
    name: scope?.inlined ? `${scope.name} [inlined]` : frameName(frame.pc, symbol, scope?.name),
    ...(await sourceOf(session, target, { pc: frame.pc, lookup, scope, symbol })),
    instructionPointerReference: vaReference(vcpu, frame.pc),
    ...(frame.by === 'scan' && { presentationHint: 'subtle' as const }),
    ...(symbol && { moduleId: target.imageAt(lookup).image.id }),
  };
}

const imageOf = (target: Target, row: Row): TargetImage =>
  row.kind === 'function' ? target.imageAt(row.lookup).image : target.image;

/** The name as the client wants it. A label is no function. */
function formatted(
  frame: Dap.StackFrame,
  image: TargetImage,
  format: Dap.StackFrameFormat | undefined,
): Dap.StackFrame {
  if (!format || frame.presentationHint === 'label') return frame;
  const module = format.module && frame.moduleId !== undefined ? `${image.name}!` : '';
  const line = format.line && frame.line > 0 ? ` line ${frame.line}` : '';
  return { ...frame, name: `${module}${frame.name}${line}` };
}

/** `known`: what debug information calls the function. A symbol may be its alias, or have a suffix of the compiler's. */
export function frameName(pc: bigint, symbol: RunningSymbol | undefined, known: string | undefined): string {
  if (!symbol) return `0x${pc.toString(16)}`;
  const isSame = !known || symbol.name === known || symbol.name.startsWith(`${known}.`);
  const name = isSame ? symbol.name : known;
  return pc === symbol.start ? name : `${name}+0x${(pc - symbol.start).toString(16)}`;
}

async function sourceOf(
  session: XenSession,
  target: Target,
  {
    pc,
    lookup,
    scope,
    symbol,
  }: {
    readonly pc: bigint;
    readonly lookup: bigint;
    readonly scope: ScopeLine | undefined;
    readonly symbol: RunningSymbol | undefined;
  },
): Promise<Pick<Dap.StackFrame, 'source' | 'line' | 'column'>> {
  if (scope && (await session.fileExists(scope.path))) {
    const column = scope.column === 0 ? 0 : session.columnToClient(scope.column);
    if (scope.md5 !== undefined) await session.compareSource(scope.path, scope.md5);
    const source: Dap.Source = {
      name: baseName(scope.path),
      path: session.pathToClient(scope.path),
      ...(scope.md5 !== undefined && { checksums: [{ algorithm: 'MD5', checksum: scope.md5 }] }),
    };
    return { source, line: session.lineToClient(scope.line), column };
  }
  if (!symbol) return { line: 0, column: 0 };
  const listing = listingOf(target, symbol, lookup);
  const origin = scope ? `${scope.path}:${scope.line}` : 'disassembly';
  return {
    source: {
      name: `${symbol.name} (disassembly)`,
      sourceReference: session.sources.referenceOf(listing),
      origin,
    },
    line: session.lineToClient(lineOfAddress(listing, pc < listing.end ? pc : lookup)),
    column: 0,
  };
}

/** The function as a listing; of a long one the part around the address. */
function listingOf(target: Target, symbol: RunningSymbol, address: bigint): GeneratedSource {
  const parts = (address - symbol.start) / MAX_LISTING_BYTES;
  const start = symbol.start + parts * MAX_LISTING_BYTES;
  const limit = start + MAX_LISTING_BYTES;
  return { domain: target.domain, name: symbol.name, start, end: symbol.end < limit ? symbol.end : limit };
}

const baseName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;
