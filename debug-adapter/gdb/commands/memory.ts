// Memory, as the thread that is looked at sees it: by its page tables, whatever they permit. `monitor space` makes
// addresses mean the guest's or the machine's physical memory instead.

import type { AddressSpace } from '../../../emulator/machine/messages.ts';
import { badPacket, type Command, EFAULT, GdbError, OK } from '../command.ts';
import {
  binaryOf,
  bytesOfBinary,
  bytesOfHex,
  hexOf,
  PACKET_SIZE,
  parseAddress,
  parseHex,
} from '../packets.ts';
import type { GdbSession } from '../session.ts';

export const memoryCommands: readonly Command[] = [
  {
    name: 'm',
    doc: 'Reads memory, as far as it is there',
    handle: async (session, args) => hexOf(await read(session, args, PACKET_SIZE / 2)),
  },
  {
    name: 'x',
    doc: 'The same, in binary',
    // A byte may take two when it is escaped.
    handle: async (session, args) => `b${binaryOf(await read(session, args, PACKET_SIZE / 2))}`,
  },
  {
    name: 'M',
    doc: 'Writes memory',
    handle: (session, args) => write(session, args, bytesOfHex),
  },
  {
    name: 'X',
    doc: 'The same, in binary',
    handle: (session, args) => write(session, args, bytesOfBinary),
  },
];

async function read(session: GdbSession, args: string, most: number): Promise<Uint8Array> {
  const { address, length } = rangeOf(args);
  if (length === 0) return new Uint8Array();
  const bytes = await session.debuggee.readMemory(spaceOf(session), address, Math.min(length, most));
  if (bytes.length === 0) throw new GdbError(EFAULT, 'nothing is mapped there');
  return bytes;
}

async function write(
  session: GdbSession,
  args: string,
  decode: (text: string) => Uint8Array | undefined,
): Promise<string> {
  const colon = args.indexOf(':');
  const { address, length } = rangeOf(args.slice(0, Math.max(colon, 0)));
  const bytes = decode(args.slice(colon + 1));
  if (bytes?.length !== length) throw badPacket('the data');
  if (length === 0) return OK;
  const written = await session.machine.client.request('writeMemory', {
    space: spaceOf(session),
    address,
    bytes,
  });
  if (written < length) throw new GdbError(EFAULT, `only ${written} of ${length} bytes are mapped there`);
  return OK;
}

function rangeOf(text: string): { readonly address: bigint; readonly length: number } {
  const [start = '', count = ''] = text.split(',');
  const address = parseAddress(start);
  const length = parseHex(count);
  if (address === undefined || length === undefined) throw badPacket('the range');
  return { address, length };
}

function spaceOf({ memorySpace, general }: GdbSession): AddressSpace {
  switch (memorySpace) {
    case 'va':
      return { kind: 'va', at: general };
    case 'ipa':
      return { kind: 'ipa', domain: general.domain };
    case 'pa':
      return { kind: 'pa' };
  }
}
