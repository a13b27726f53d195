// Continue and steps, and the stop replies that end them.
//
// gdb takes it that an AArch64 watchpoint is reported before the access, as hardware does: it executes one more
// instruction before it looks at the value. The machine stops behind the access, so that step has been taken when
// gdb asks for it, and is answered at once. lldb asks (qHostInfo), and is told.

import type { VcpuId } from '../../../emulator/machine/messages.ts';
import type { AddressRange } from '../../stepping.ts';
import { badPacket, type Command, EINVAL, GdbError } from '../command.ts';
import { parseAddress } from '../packets.ts';
import { PC, SP, X29 } from '../registers.ts';
import { type Resume, SIGABRT, SIGTRAP, type Stop, type ThreadStop } from '../run-control.ts';
import type { GdbSession } from '../session.ts';
import { pidOf, sameVcpu } from '../thread-ids.ts';

export const executionCommands: readonly Command[] = [
  {
    name: '?',
    doc: 'Why the machine stands; a client that comes to a running one stops it',
    async handle(session) {
      await session.run.halt();
      const { lastStop } = session.run;
      if (session.threads.length === 0)
        return lastStop.kind === 'stopped' ? 'W00' : stopReply(session, lastStop);
      const isOurs =
        lastStop.kind === 'stopped' && session.threads.some((vcpu) => sameVcpu(vcpu, lastStop.vcpu));
      const vcpu = isOurs ? lastStop.vcpu : session.firstThread();
      const isCrash = isOurs && lastStop.signal === SIGABRT;
      return stopReply(session, { kind: 'stopped', vcpu, signal: isCrash ? SIGABRT : SIGTRAP });
    },
  },
  {
    name: 'vCont?',
    doc: 'The actions of vCont',
    handle: () => 'vCont;c;C;s;S;t;r',
  },
  {
    name: 'vCont',
    doc: 'Resumes; a thread with a step of its own decides, and the others go on with it',
    handle: (session, args) => resume(session, planOf(session, args)),
  },
  {
    name: 'c',
    doc: 'Continues',
    handle: async (session, args) => {
      await jump(session, args);
      return resume(session, { kind: 'continue' });
    },
  },
  {
    name: 'C',
    doc: 'The same with a signal, which a guest does not know',
    handle: async (session, args) => {
      await jump(session, args.split(';')[1] ?? '');
      return resume(session, { kind: 'continue' });
    },
  },
  {
    name: 's',
    doc: 'Executes one instruction',
    handle: async (session, args) => {
      await jump(session, args);
      return resume(session, { kind: 'step', vcpu: session.general });
    },
  },
  {
    name: 'S',
    doc: 'The same with a signal',
    handle: async (session, args) => {
      await jump(session, args.split(';')[1] ?? '');
      return resume(session, { kind: 'step', vcpu: session.general });
    },
  },
  ...['bs', 'bc'].map((name) => ({ name, doc: 'Reverse execution: not there', handle: () => '' })),
];

/** The older requests may say where to go on. */
async function jump(session: GdbSession, text: string): Promise<void> {
  if (text === '') return;
  const address = parseAddress(text);
  if (address === undefined) throw badPacket('the address');
  await session.debuggee.writeRegister(session.general, 'pc', address);
}

/** Of the actions the first that fits a thread counts for it; a step is carried out for one thread. */
function planOf(session: GdbSession, args: string): Resume {
  const taken: VcpuId[] = [];
  let continues = false;
  for (const text of args.split(';')) {
    const [action = '', ...rest] = text.split(':');
    const id = rest.join(':');
    const threads = (id === '' ? session.threads : session.threadsOf(id)).filter(
      (vcpu) => !taken.some((other) => sameVcpu(other, vcpu)),
    );
    const vcpu = threads.find((candidate) => sameVcpu(candidate, session.general)) ?? threads[0];
    taken.push(...threads);
    switch (action[0]) {
      case 'c':
      case 'C':
        continues ||= vcpu !== undefined;
        break;
      case 's':
      case 'S':
        if (vcpu) return { kind: 'step', vcpu };
        break;
      case 'r': {
        const range = rangeOf(action.slice(1));
        if (vcpu) return { kind: 'step', vcpu, range };
        break;
      }
      case 't':
        break;
      default:
        throw badPacket('vCont');
    }
  }
  if (!continues) throw new GdbError(EINVAL, 'vCont resumes no thread');
  return { kind: 'continue' };
}

function rangeOf(text: string): AddressRange {
  const [start, end] = text.split(',').map(parseAddress);
  if (start === undefined || end === undefined) throw badPacket('the range of a step');
  return { start, end };
}

async function resume(session: GdbSession, how: Resume): Promise<string> {
  const { stepTaken } = session;
  session.stepTaken = undefined;
  if (how.kind === 'step' && stepTaken && sameVcpu(how.vcpu, stepTaken)) {
    return stopReply(session, { kind: 'stopped', vcpu: stepTaken, signal: SIGTRAP });
  }
  const stop = await session.resume(how, how.kind === 'step' ? how.vcpu : session.general);
  if (stop.kind === 'stopped') {
    if (stop.message !== undefined) session.print(stop.message);
    const isWatch = stop.cause !== undefined && stop.cause.kind.endsWith('watch');
    if (isWatch && !session.expectsWatchAfter) session.stepTaken = stop.vcpu;
  } else session.goOnAlone();
  return stopReply(session, stop);
}

export async function stopReply(session: GdbSession, stop: Stop): Promise<string> {
  switch (stop.kind) {
    case 'exited':
      return `W00${processSuffix(session, stop.domain)}`;
    case 'killed':
      return `X${hexByte(stop.signal)}${processSuffix(session, stop.domain)}`;
    case 'stopped':
      return threadStopReply(session, stop);
  }
}

/** With the registers that a client asks for at every stop. */
async function threadStopReply(session: GdbSession, { vcpu, signal, cause }: ThreadStop): Promise<string> {
  session.general = vcpu;
  const file = await session.registers();
  const registers = await Promise.all(
    [X29, SP, PC].map(async (number) => `${number.toString(16)}:${await file.read(vcpu, number)};`),
  );
  const thread = `thread:${session.threadName(vcpu)};core:${vcpu.vcpu.toString(16)};`;
  return `T${hexByte(signal)}${registers.join('')}${causeText(session, cause)}${thread}`;
}

function causeText(session: GdbSession, cause: ThreadStop['cause']): string {
  if (!cause) return '';
  if (cause.kind.endsWith('watch')) return `${cause.kind}:${cause.address.toString(16)};`;
  return session.breakReasons ? `${cause.kind}:;` : '';
}

const processSuffix = (session: GdbSession, domain: number): string =>
  session.multiprocess ? `;process:${pidOf(domain).toString(16)}` : '';

const hexByte = (value: number): string => value.toString(16).padStart(2, '0');
