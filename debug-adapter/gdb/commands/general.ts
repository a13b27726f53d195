// What client and server agree on, the target description, and `monitor`.

import { badPacket, type Command, EINVAL, GdbError, OK, UNSUPPORTED } from '../command.ts';
import { monitor } from '../monitor.ts';
import { bytesOfHex, PACKET_SIZE, parseHex } from '../packets.ts';
import type { GdbSession } from '../session.ts';
import { processList } from './processes.ts';
import { threadList } from './threads.ts';

const FEATURES = [
  `PacketSize=${PACKET_SIZE.toString(16)}`,
  'QStartNoAckMode+',
  'multiprocess+',
  'vContSupported+',
  'swbreak+',
  'hwbreak+',
  'error-message+',
  'binary-upload+',
  'qXfer:features:read+',
  'qXfer:threads:read+',
  'qXfer:osdata:read+',
];

export const generalCommands: readonly Command[] = [
  {
    name: 'qSupported',
    doc: 'What the client can do, and what we can',
    handle(session, args) {
      const theirs = new Set(args.split(';'));
      // lldb says so as well, for the sake of forks, but never names a process; it does not know `swbreak`.
      session.multiprocess = theirs.has('multiprocess+') && theirs.has('swbreak+');
      session.errorMessages = theirs.has('error-message+');
      session.breakReasons = theirs.has('swbreak+') || theirs.has('hwbreak+');
      session.attachAtFirst();
      return FEATURES.join(';');
    },
  },
  {
    name: 'QStartNoAckMode',
    doc: 'The transport is reliable: no acknowledgements',
    handle(session) {
      session.events.endAcknowledging();
      return OK;
    },
  },
  {
    name: 'QNonStop',
    doc: 'All threads stop together, and nothing else',
    handle(_session, args) {
      if (args !== '0') throw new GdbError(EINVAL, 'there is one run state: non-stop mode is not supported');
      return OK;
    },
  },
  {
    name: '!',
    doc: 'Extended mode',
    handle(session) {
      session.extended = true;
      return OK;
    },
  },
  {
    name: 'qSymbol',
    doc: 'The client offers its symbols: none is needed',
    handle: () => OK,
  },
  {
    name: 'qOffsets',
    doc: 'Where a kernel runs that has moved itself, for a client that comes later',
    async handle(session) {
      const { instructions } = await session.machine.client.request('statistics', {});
      if (instructions === 0) return UNSUPPORTED;
      const { map } = await session.machine.learnedTarget(session.general.domain);
      const start = map.start;
      // Of the first segment; the others move with it.
      return map.slide && start !== undefined ? `TextSeg=${start.toString(16)}` : UNSUPPORTED;
    },
  },
  {
    name: 'qXfer',
    doc: 'Reads an object: features, threads, osdata',
    async handle(session, args) {
      const match = /^([a-z-]+):read:([^:]*):([0-9a-f]+),([0-9a-f]+)$/i.exec(args);
      if (!match) return UNSUPPORTED;
      const [, object = '', annex = '', offset = '', length = ''] = match;
      const text = await objectOf(session, object, annex);
      return text === undefined ? UNSUPPORTED : partOf(text, parseHex(offset), parseHex(length));
    },
  },
  {
    name: 'qRcmd',
    doc: 'A line of `monitor`',
    async handle(session, args) {
      const bytes = bytesOfHex(args);
      if (!bytes) throw badPacket('qRcmd');
      session.print(await monitor(session, new TextDecoder().decode(bytes)));
      return OK;
    },
  },
];

async function objectOf(session: GdbSession, object: string, annex: string): Promise<string | undefined> {
  if (object === 'threads') return threadList(session);
  if (object === 'osdata')
    return annex === '' || annex === 'processes' ? processList(session, annex) : undefined;
  if (object !== 'features') return undefined;
  if (annex !== 'target.xml') throw new GdbError(EINVAL, `there is no '${annex}'`);
  return session.targetXml();
}

function partOf(text: string, offset: number | undefined, length: number | undefined): string {
  if (offset === undefined || length === undefined) throw badPacket('qXfer');
  const part = text.slice(offset, offset + Math.min(length, PACKET_SIZE / 2));
  return `${offset + part.length < text.length ? 'm' : 'l'}${part}`;
}
