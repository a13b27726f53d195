// Threads, which are vCPUs: their list, names and states, and the one that is looked at.

import type { VcpuId, VcpuInfo } from '../../../emulator/machine/messages.ts';
import { nameOfDomain } from '../../memory-reference.ts';
import { badPacket, type Command, OK } from '../command.ts';
import { escapedXml, hexOfText } from '../packets.ts';
import type { GdbSession } from '../session.ts';
import { sameVcpu } from '../thread-ids.ts';

export const threadCommands: readonly Command[] = [
  {
    name: 'H',
    doc: 'Chooses the thread of what follows',
    handle(session, args) {
      const operation = args[0];
      if (operation !== 'g' && operation !== 'c') throw badPacket('H');
      // What is to be resumed, a vCont says; `c` and `s` take the thread that is looked at.
      const vcpu = session.threadOf(args.slice(1));
      if (operation === 'g') session.general = vcpu;
      return OK;
    },
  },
  {
    name: 'T',
    doc: 'Whether a thread is there',
    handle(session, args) {
      session.threadOf(args);
      return OK;
    },
  },
  {
    name: 'qC',
    doc: 'The thread that is looked at',
    handle: (session) => `QC${session.threadName(session.general)}`,
  },
  {
    name: 'qfThreadInfo',
    doc: 'All threads',
    handle(session) {
      const names = session.threads.map((vcpu) => session.threadName(vcpu));
      return names.length === 0 ? 'l' : `m${names.join(',')}`;
    },
  },
  {
    name: 'qsThreadInfo',
    doc: 'The rest of them: none',
    handle: () => 'l',
  },
  {
    name: 'qThreadExtraInfo',
    doc: 'Name and state of a thread',
    async handle(session, args) {
      const vcpu = session.threadOf(args);
      return hexOfText(`${nameOf(session, vcpu)}: ${stateOf(await states(session), vcpu)}`);
    },
  },
];

/** For qXfer:threads:read. */
export async function threadList(session: GdbSession): Promise<string> {
  const known = await states(session);
  const lines = session.threads.map((vcpu) => {
    const id = session.threadName(vcpu);
    const name = escapedXml(nameOf(session, vcpu));
    return `<thread id="${id}" core="${vcpu.vcpu}" name="${name}">${stateOf(known, vcpu)}</thread>`;
  });
  return `<?xml version="1.0"?>\n<threads>\n${lines.join('\n')}\n</threads>\n`;
}

const states = (session: GdbSession): Promise<readonly VcpuInfo[]> =>
  session.machine.client.request('vcpus', {});

function nameOf(session: GdbSession, { domain, vcpu }: VcpuId): string {
  if (session.debuggee.isBare) return `cpu ${vcpu}`;
  return `${nameOfDomain(domain)}v${vcpu} ${session.machine.nameOf(domain)}`;
}

/** `EL1`, and what it waits for. */
function stateOf(known: readonly VcpuInfo[], vcpu: VcpuId): string {
  const info = known.find((other) => sameVcpu(other, vcpu));
  if (!info) return 'gone';
  return info.state === 'running' ? `EL${info.el}` : `EL${info.el}, ${info.state}`;
}
