// Where a step into a line, and a jump, may lead: the calls of a line one by one, and the statements of a function.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import type { CfaRule } from '../../emulator/formats/dwarf/frame-rules.ts';
import * as errors from '../errors.ts';
import { addressOfLine } from '../instructions/generated-sources.ts';
import { controlFlow } from '../instructions/instructions.ts';
import type { ControlFlow } from '../instructions/instructions.ts';
import { vaReference } from '../memory-reference.ts';
import { threadIdOf } from '../protocol.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { SP } from '../frames/stack.ts';
import type { RunningLine, RunningSymbol, Target } from '../symbols/target.ts';

/** A line's code may lie in many pieces; of a function this much is looked through. */
const MAX_FUNCTION_BYTES = 0x4000n;
const MAX_TARGETS = 64;

export const targetRequests = [
  request('stepInTargets', {
    capabilities: { supportsStepInTargetsRequest: true },
    needs: 'stopped',
    async handle(session, { frameId }) {
      const handle = session.handles.get(frameId);
      // What a caller is to call next is decided when it goes on.
      if (handle.kind !== 'frame' || handle.index > 0) return { targets: [] };
      const { vcpu, frame } = handle;
      const target = session.debuggee.targetFor(vcpu);
      const calls = await callsOfLine(session, vcpu, target, frame.pc);
      const targets = calls.slice(0, MAX_TARGETS).map(
        ({ at, name }): Dap.StepInTarget => ({
          id: session.handles.add({ kind: 'step-target', vcpu, call: at }),
          label: name,
        }),
      );
      const id = session.handles.add({ kind: 'step-target', vcpu, call: undefined });
      return { targets: [...targets, { id, label: 'exception handler' }] };
    },
  }),

  request('gotoTargets', {
    capabilities: { supportsGotoTargetsRequest: true },
    needs: 'stopped',
    async handle(session, { source, line }) {
      const vcpu = session.focus;
      const target = session.debuggee.targetFor(vcpu);
      const { pc } = await session.debuggee.general(vcpu);
      const wanted = session.lineFromClient(line);
      const found = source.sourceReference
        ? inListing(session, source.sourceReference, wanted)
        : await inFile(session, target.imageAt(pc), source.path ?? '', wanted);
      const within = target.symbolAt(pc);
      const targets = found
        .filter(({ address }) => !within || (address >= within.start && address < within.end))
        .map(({ address, line: at }) => ({
          id: session.handles.add({ kind: 'goto-target', vcpu, address }),
          label: target.describe(address) ?? `0x${address.toString(16)}`,
          line: session.lineToClient(at),
          instructionPointerReference: vaReference(vcpu, address),
        }));
      return { targets };
    },
  }),

  request('goto', {
    needs: 'stopped',
    async handle(session, { threadId, targetId }) {
      const handle = session.handles.get(targetId);
      if (handle.kind !== 'goto-target') throw errors.noSuchTarget();
      const { vcpu, address } = handle;
      if (threadIdOf(vcpu.domain, vcpu.vcpu) !== threadId) throw errors.noSuchTarget();
      const warning = await frameDiffers(session, vcpu, address);
      session.afterResponse(() => {
        if (warning !== undefined) session.say(warning, 'stderr');
        session.running();
        session.machine.run.goTo(vcpu, address);
      });
      return undefined;
    },
  }),
];

// ---------------------------------------------------------------- calls of a line

interface Call {
  readonly at: bigint;
  readonly name: string;
}

/** In the order of the code: from here on where the vCPU stands, and wherever else the line has code. */
async function callsOfLine(
  session: XenSession,
  vcpu: VcpuId,
  target: Target,
  pc: bigint,
): Promise<readonly Call[]> {
  const line = await target.lineAt(pc);
  const symbol = target.symbolAt(pc);
  if (!line || !symbol) return [];
  const calls: Call[] = [];
  for (const { start, end } of await piecesOf(target, line, symbol)) {
    const from = pc > start && pc < end ? pc : start;
    const bytes = await session.debuggee.reader(vcpu)(from, Number(end - from));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
      const at = from + BigInt(offset);
      const name = calledBy(target, controlFlow(view.getUint32(offset, true), at));
      if (name !== undefined) calls.push({ at, name });
    }
  }
  return calls;
}

/** Where in its function a line has code. */
async function piecesOf(
  target: Target,
  { path, line, start, end }: RunningLine,
  symbol: RunningSymbol,
): Promise<readonly { readonly start: bigint; readonly end: bigint }[]> {
  if (symbol.end - symbol.start > MAX_FUNCTION_BYTES) return [{ start, end }];
  const pieces: RunningLine[] = [];
  for (let at = symbol.start; at < symbol.end; ) {
    const piece = await target.lineAt(at);
    if (piece?.line === line && piece.path === path) pieces.push(piece);
    at = piece && piece.end > at ? piece.end : at + 4n;
  }
  return pieces;
}

function calledBy(target: Target, flow: ControlFlow): string | undefined {
  switch (flow.kind) {
    case 'call':
      return target.describe(flow.target) ?? `0x${flow.target.toString(16)}`;
    case 'call-register':
      return `*x${flow.register}`;
    default:
      return undefined;
  }
}

// ---------------------------------------------------------------- places to go to

interface Destination {
  readonly address: bigint;
  readonly line: number;
}

async function inFile(
  session: XenSession,
  target: Target,
  path: string,
  line: number,
): Promise<readonly Destination[]> {
  const found = await target.addressesOfLine(session.pathFromClient(path), line);
  if (found?.kind !== 'found') return [];
  return found.code.flatMap((code) =>
    code.addresses.map((link) => ({ address: target.map.toRuntime(link), line: code.line })),
  );
}

function inListing(session: XenSession, reference: number, line: number): readonly Destination[] {
  const listing = session.sources.get(reference);
  const address = listing && addressOfLine(listing, line);
  return address === undefined ? [] : [{ address, line }];
}

/** What to tell when code is to go on with a stack that it does not expect. */
async function frameDiffers(session: XenSession, vcpu: VcpuId, address: bigint): Promise<string | undefined> {
  const target = session.debuggee.targetFor(vcpu);
  const { pc } = await session.debuggee.general(vcpu);
  const before = sizeOf((await target.rulesAt(pc))?.cfa);
  const after = sizeOf((await target.rulesAt(address))?.cfa);
  if (before === undefined || after === undefined || before === after) return undefined;
  const place = target.describe(address) ?? `0x${address.toString(16)}`;
  return `At ${place} the frame has ${after} bytes, and here ${before}: SP was left as it is`;
}

/** Bytes from SP to the canonical frame address. */
const sizeOf = (cfa: CfaRule | undefined): number | undefined =>
  cfa?.kind === 'register' && cfa.register === SP ? cfa.offset : undefined;
