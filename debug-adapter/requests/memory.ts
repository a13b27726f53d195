// Memory as bytes and as instructions. Both work while the machine runs; nothing here faults the guest.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { bytesFromBase64, bytesToBase64 } from '../base64.ts';
import { annotated, HYPERCALL_REACH, isHypercall } from '../instructions/annotate.ts';
import { hex8 } from '../instructions/disassembler.ts';
import type { DisassembledLine } from '../instructions/disassembler.ts';
import * as errors from '../errors.ts';
import { formatMemoryReference, offsetBy, parseMemoryReference } from '../memory-reference.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import type { RunningLine, Target } from '../symbols/target.ts';

/** A client that asks for more gets this much. */
const MAX_READ = 16 << 20;
const MAX_INSTRUCTIONS = 65_536;

export const memoryRequests = [
  request('readMemory', {
    capabilities: { supportsReadMemoryRequest: true },
    needs: 'machine',
    quiet: true,
    async handle(session, { memoryReference, offset = 0, count }) {
      const at = offsetBy(parsed(session, memoryReference), offset);
      const wanted = Math.min(Math.max(count, 0), MAX_READ);
      const bytes = await session.debuggee.readMemory(at.space, at.address, wanted);
      const unreadable = wanted - bytes.length;
      if (session.client.supportsMemoryEvent) session.reads.note(memoryReference, offset, wanted);
      return {
        address: formatMemoryReference(at),
        data: bytesToBase64(bytes),
        ...(unreadable > 0 && { unreadableBytes: unreadable }),
      };
    },
  }),

  request('writeMemory', {
    capabilities: { supportsWriteMemoryRequest: true },
    needs: 'machine',
    quiet: true,
    async handle(session, { memoryReference, offset = 0, data, allowPartial = false }) {
      const at = offsetBy(parsed(session, memoryReference), offset);
      const bytes = bytesFromBase64(data);
      if (!bytes) throw errors.badBase64();
      if (!allowPartial) {
        const there = await session.debuggee.readMemory(at.space, at.address, bytes.length);
        if (there.length < bytes.length) {
          throw errors.unwritable(formatMemoryReference(at), there.length, bytes.length);
        }
      }
      const written = await session.machine.client.request('writeMemory', { ...at, bytes });
      if (written < bytes.length && !allowPartial) {
        throw errors.unwritable(formatMemoryReference(at), written, bytes.length);
      }
      if (session.client.supportsMemoryEvent) session.reads.note(memoryReference, offset, written);
      session.afterResponse(() => session.changedByUser());
      return { bytesWritten: written };
    },
  }),

  request('disassemble', {
    capabilities: { supportsDisassembleRequest: true },
    needs: 'machine',
    quiet: true,
    async handle(session, args) {
      const { memoryReference, offset = 0, instructionOffset = 0, resolveSymbols = true } = args;
      const count = Math.min(Math.max(args.instructionCount, 0), MAX_INSTRUCTIONS);
      const { space, address } = parsed(session, memoryReference);
      const wanted = address + BigInt(offset) + 4n * BigInt(instructionOffset);
      const from = wanted - (((wanted % 4n) + 4n) % 4n);
      const target = space.kind === 'va' ? session.debuggee.targetFor(space.at) : undefined;
      // A client may ask for what lies before address 0 or behind the last one.
      const below = Number(clamp(-from / 4n, 0n, BigInt(count)));
      const start = from + 4n * BigInt(below);
      const there = Number(clamp((END - start) / 4n, 0n, BigInt(count - below)));
      const places = resolveSymbols && target ? new LinesInOrder(target) : undefined;
      const instructions = Array.from({ length: below }, (_, i) => nowhere(from + 4n * BigInt(i)));
      const { words, before } = await wordsWithContext(session, { space, address: start }, there);
      const lines = (await session.disassembler()).disassemble(words, start);
      for (const [i, line] of lines.entries()) {
        session.checkCancelled();
        const text = annotated(
          line,
          [...before, ...words.slice(Math.max(0, i - HYPERCALL_REACH), i)],
          target,
        );
        instructions.push(await instructionOf(session, line, text, places));
      }
      for (let i = below + there; i < count; i++) instructions.push(nowhere(from + 4n * BigInt(i)));
      return { instructions };
    },
  }),
];

/** Behind the last address. */
const END = 1n << 64n;

const clamp = (value: bigint, least: bigint, most: bigint): bigint =>
  value < least ? least : value > most ? most : value;

/** Clients compute with addresses, and take decimal numbers too: those below 0 have no other form. */
const nowhere = (address: bigint): Dap.DisassembledInstruction => ({
  address: address < 0n ? `${address}` : `0x${address.toString(16)}`,
  instruction: '??',
  presentationHint: 'invalid',
});

/** Lines of instructions one behind the other: most are those of the one before. */
class LinesInOrder {
  readonly target: Target;
  private line: RunningLine | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  /** The line whose code begins there. */
  async beginningAt(address: bigint): Promise<RunningLine | undefined> {
    if (this.line && address > this.line.start && address < this.line.end) return undefined;
    this.line = await this.target.lineAt(address);
    return this.line?.start === address ? this.line : undefined;
  }
}

async function instructionOf(
  session: XenSession,
  line: DisassembledLine,
  text: string,
  places: LinesInOrder | undefined,
): Promise<Dap.DisassembledInstruction> {
  if (line.word === undefined) return nowhere(line.address);
  const bytes = hex8(line.word).match(/../g)?.reverse().join(' ') ?? '';
  const symbol = places?.target.describe(line.address);
  const place = await places?.beginningAt(line.address);
  const begins = place && (await session.fileExists(place.path));
  return {
    // A plain number: clients compute with it.
    address: `0x${line.address.toString(16)}`,
    instructionBytes: bytes,
    instruction: text,
    ...(symbol !== undefined && { symbol }),
    ...(begins && {
      location: {
        name: place.path.split(/[/\\]/).at(-1) ?? place.path,
        path: session.pathToClient(place.path),
      },
      line: session.lineToClient(place.line),
    }),
  };
}

/** `before`: the instructions that lead to an HVC at the beginning. */
async function wordsWithContext(
  session: XenSession,
  start: MemoryReference,
  count: number,
): Promise<{
  readonly words: readonly (number | undefined)[];
  readonly before: readonly (number | undefined)[];
}> {
  const words = await readWords(session, start, count);
  const reach = BigInt(4 * HYPERCALL_REACH);
  const isNear = words.slice(0, HYPERCALL_REACH).some(isHypercall);
  if (!isNear || start.address < reach) return { words, before: [] };
  const before = await readWords(session, offsetBy(start, -reach), HYPERCALL_REACH);
  return { words, before };
}

/** Words page by page, so that what is readable on both sides of a hole is shown. */
async function readWords(
  session: XenSession,
  { space, address }: MemoryReference,
  count: number,
): Promise<readonly (number | undefined)[]> {
  const words: (number | undefined)[] = [];
  while (words.length < count) {
    const at = BigInt.asUintN(64, address + BigInt(4 * words.length));
    const toPageEnd = Number(0x1000n - (at & 0xfffn)) / 4;
    const wanted = Math.min(count - words.length, toPageEnd);
    const bytes = await session.debuggee.readMemory(space, at, 4 * wanted);
    words.push(...wordsOf(bytes, wanted));
  }
  return words;
}

/** Little-endian words; undefined where bytes are missing. */
export function wordsOf(bytes: Uint8Array, count: number): readonly (number | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) =>
    4 * i + 4 <= bytes.length ? view.getUint32(4 * i, true) : undefined,
  );
}

/** A reference whose domain is one of the machine. */
export function parsed(session: XenSession, text: string): MemoryReference {
  const reference = parseMemoryReference(text, session.focus);
  const { space } = reference;
  const domain = space.kind === 'va' ? space.at.domain : space.kind === 'ipa' ? space.domain : undefined;
  const { info } = session.debuggee;
  const known = info.domains.find((candidate) => candidate.domain === domain);
  const vcpu = space.kind === 'va' ? space.at.vcpu : 0;
  if (domain !== undefined && (!known || vcpu >= known.vcpus)) throw errors.unknownSpace(text);
  return reference;
}
