// Processes, which are domains: attach, detach, kill, and the whole machine from its beginning.

import { badPacket, type Command, EPERM, ESRCH, GdbError, NO_REPLY, OK } from '../command.ts';
import { escapedXml, parseHex } from '../packets.ts';
import type { GdbSession } from '../session.ts';
import { pidOf } from '../thread-ids.ts';
import { stopReply } from './execution.ts';

export const processCommands: readonly Command[] = [
  {
    name: 'qAttached',
    doc: 'Whether quitting detaches: it does',
    handle: () => '1',
  },
  {
    name: 'D',
    doc: 'Detaches from a process, or from all; without any client the machine runs',
    async handle(session, args) {
      for (const domain of args === '' ? session.domains : [domainNamed(session, args.replace(/^;/, ''))]) {
        session.machine.detached.add(domain);
        session.run.points.removeAll(domain);
      }
      await session.run.points.send([]);
      session.machine.goOn();
      return OK;
    },
  },
  {
    name: 'vAttach',
    doc: 'Attaches to a domain from which somebody detached',
    async handle(session, args) {
      const domain = domainNamed(session, args);
      if (!session.run.isAlive(domain)) throw new GdbError(ESRCH, `process ${args} has ended`);
      if (!session.machine.detached.has(domain) && session.domains.includes(domain) && !session.extended) {
        throw new GdbError(EPERM, `process ${args} is attached already`);
      }
      await session.run.halt();
      session.machine.detached.delete(domain);
      session.general = { domain, vcpu: 0 };
      return stopReply(session, { kind: 'stopped', vcpu: session.general, signal: 0 });
    },
  },
  {
    name: 'vKill',
    doc: 'Destroys a domain',
    async handle(session, args) {
      await session.run.kill(domainNamed(session, args));
      session.machine.goOn();
      return OK;
    },
  },
  {
    name: 'k',
    doc: 'Ends everything',
    async handle(session) {
      for (const domain of session.domains) await session.run.kill(domain);
      session.machine.goOn();
      return NO_REPLY;
    },
  },
  {
    name: 'vRun',
    doc: 'The machine from its first instruction again; what it boots stands on our command line',
    async handle(session) {
      await session.restart();
      return stopReply(session, session.run.lastStop);
    },
  },
  {
    name: 'R',
    doc: 'The same, without a reply',
    async handle(session) {
      await session.restart();
      return NO_REPLY;
    },
  },
];

/** For `info os processes`: which domains there are to attach to. */
export function processList(session: GdbSession, annex: string): string {
  const columns = (row: Readonly<Record<string, string>>): string =>
    `<item>${Object.entries(row)
      .map(([name, value]) => `<column name="${name}">${escapedXml(value)}</column>`)
      .join('')}</item>`;
  const rows =
    annex === ''
      ? [{ Type: 'processes', Description: 'Domains of the machine', Title: 'Domains' }]
      : session.debuggee.info.domains
          .filter(({ domain }) => session.run.isAlive(domain))
          .map(({ domain, name }) => ({ pid: `${pidOf(domain)}`, user: 'xen', command: name }));
  const type = annex === '' ? 'types' : annex;
  return `<?xml version="1.0"?>\n<osdata type="${type}">${rows.map(columns).join('')}</osdata>\n`;
}

function domainNamed(session: GdbSession, text: string): number {
  const pid = parseHex(text);
  if (pid === undefined) throw badPacket('the process id');
  return session.domainOf(pid);
}
