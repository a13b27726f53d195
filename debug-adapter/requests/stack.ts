// The call stack: frames with names and lines, a label where an exception interrupted, and disassembly as
// the source of functions that have none.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import { lineOfAddress, MAX_LISTING_BYTES } from '../generated-sources.ts';
import type { GeneratedSource } from '../generated-sources.ts';
import { vaReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import type { Frame } from '../stack.ts';
import type { RunningLine, Target } from '../target.ts';

/** Frames of a stack that is asked for without a limit. */
const MAX_FRAMES = 256;
/** Linux: the functions that a vector of arm64 branches to. */
const EXCEPTION_ENTRY = /^el([01])[ht]?_(?:64|32)_(sync|irq|fiq|error)$/;

/** A frame, or a line that only says something. */
type Row =
  | { readonly kind: 'frame'; readonly index: number; readonly frame: Frame; readonly interrupted: boolean }
  | { readonly kind: 'label'; readonly text: string };

export const stackRequests = [
  request('stackTrace', {
    capabilities: { supportsDelayedStackTraceLoading: true },
    needs: 'stopped',
    async handle(session, { threadId, startFrame = 0, levels = 0 }) {
      const vcpu = session.debuggee.vcpuOfThread(threadId);
      const target = session.debuggee.targetOf(vcpu.domain);
      const limit = levels === 0 ? MAX_FRAMES : Math.min(startFrame + levels + 1, MAX_FRAMES);
      const frames = await session.debuggee.walk(vcpu, limit);
      const rows = withLabels(frames, target);
      const wanted = rows.slice(startFrame, levels === 0 ? undefined : startFrame + levels);
      const stackFrames: Dap.StackFrame[] = [];
      for (const row of wanted) stackFrames.push(await describe(session, vcpu, target, row));
      // A walk that ended before the limit has seen the whole stack.
      return { stackFrames, ...(frames.length < limit && { totalFrames: rows.length }) };
    },
  }),
];

function withLabels(frames: readonly Frame[], target: Target): readonly Row[] {
  const rows: Row[] = [];
  let interrupted = true; // the innermost frame stands at its PC, not behind a call
  for (const [index, frame] of frames.entries()) {
    rows.push({ kind: 'frame', index, frame, interrupted });
    const [, , vector] = EXCEPTION_ENTRY.exec(target.symbolAt(frame.pc)?.name ?? '') ?? [];
    interrupted = vector !== undefined;
    if (vector !== undefined && index + 1 < frames.length) {
      rows.push({ kind: 'label', text: `— ${vector === 'sync' ? 'exception' : 'interrupt'} —` });
    }
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
  const { frame, index } = row;
  // A return address may already belong to the next line, or to the next function after a call that
  // does not return.
  const lookup = row.interrupted ? frame.pc : frame.pc - 4n;
  const symbol = target.symbolAt(lookup);
  const line = await target.lineAt(lookup);
  const offset = symbol && frame.pc - symbol.start;
  const name = symbol
    ? offset === 0n
      ? symbol.name
      : `${symbol.name}+0x${offset?.toString(16)}`
    : `0x${frame.pc.toString(16)}`;
  return {
    id: session.handles.add({ kind: 'frame', vcpu, index, frame }),
    name,
    ...(await sourceOf(session, target, frame.pc, lookup, line, symbol)),
    instructionPointerReference: vaReference(vcpu, frame.pc),
    ...(symbol && { moduleId: target.image.id }),
  };
}

async function sourceOf(
  session: XenSession,
  target: Target,
  pc: bigint,
  lookup: bigint,
  line: RunningLine | undefined,
  symbol: { readonly name: string; readonly start: bigint; readonly end: bigint } | undefined,
): Promise<Pick<Dap.StackFrame, 'source' | 'line' | 'column'>> {
  if (line && (await session.fileExists(line.path))) {
    const column = line.column === 0 ? 0 : session.columnToClient(line.column);
    const source: Dap.Source = { name: baseName(line.path), path: session.pathToClient(line.path) };
    return { source, line: session.lineToClient(line.line), column };
  }
  if (!symbol) return { line: 0, column: 0 };
  const listing = listingOf(target, symbol, lookup);
  const origin = line ? `${line.path}:${line.line}` : 'disassembly';
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
function listingOf(
  target: Target,
  symbol: { readonly name: string; readonly start: bigint; readonly end: bigint },
  address: bigint,
): GeneratedSource {
  const parts = (address - symbol.start) / MAX_LISTING_BYTES;
  const start = symbol.start + parts * MAX_LISTING_BYTES;
  const limit = start + MAX_LISTING_BYTES;
  return { domain: target.domain, name: symbol.name, start, end: symbol.end < limit ? symbol.end : limit };
}

const baseName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;
