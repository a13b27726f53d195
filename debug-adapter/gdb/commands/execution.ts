// Continue and steps, and the stop replies that end them.
//
// gdb takes it that an AArch64 watchpoint is reported before the access, as hardware does: it executes one more
// instruction before it looks at the value. The machine stops behind the access, so that step has been taken when
// gdb asks for it, and is answered at once. lldb asks (qHostInfo), and is told.

import type { VcpuId } from '../../../emulator/machine/messages.ts';
import type { AddressRange } from '../../execution/step-context.ts';
import { badPacket, type Command, EINVAL, GdbError } from '../command.ts';
import { parseAddress } from '../packets.ts';
import { PC, SP, X29 } from '../registers.ts';
import { type Resume, SIGABRT, SIGTRAP, type Stop, type ThreadStop } from '../run-control.ts';
import type { GdbSession } from '../session.ts';
import { parseThreadId, pidOf, sameVcpu } from '../thread-ids.ts';

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
      return resume(session, { kind: 'step', vcpu: session.general, alone: false });
    },
  },
  {
    name: 'S',
    doc: 'The same with a signal',
    handle: async (session, args) => {
      await jump(session, args.split(';')[1] ?? '');
      return resume(session, { kind: 'step', vcpu: session.general, alone: false });
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

/**
 * Of the actions the first that fits a thread counts for it. A step is carried out for one thread; the others go on
 * meanwhile, unless the packet names this one alone (`set scheduler-locking`, and steps over a breakpoint).
 */
function planOf(session: GdbSession, args: string): Resume {
  const resumed: { readonly vcpu: VcpuId; readonly action: string; readonly named: boolean }[] = [];
  const stopped: VcpuId[] = [];
  for (const text of args.split(';')) {
    const [action = '', ...rest] = text.split(':');
    if (!/^[cCsSrt]/.test(action)) throw badPacket('vCont');
    const id = rest.join(':');
    for (const vcpu of id === '' ? session.threads : session.threadsOf(id)) {
      const isTaken = [...stopped, ...resumed.map((other) => other.vcpu)].some((other) =>
        sameVcpu(other, vcpu),
      );
      if (isTaken) continue;
      if (action.startsWith('t')) stopped.push(vcpu);
      else resumed.push({ vcpu, action, named: typeof parseThreadId(id)?.tid === 'number' });
    }
  }
  const [first] = resumed;
  if (!first) throw new GdbError(EINVAL, 'vCont resumes no thread');
  const alone = first.named && resumed.length === 1;
  const steps = resumed.filter(({ action }) => !/^[cC]/.test(action));
  const step = steps.find(({ vcpu }) => sameVcpu(vcpu, session.general)) ?? steps[0];
  if (!step) return { kind: 'continue', ...(alone && { only: first.vcpu }) };
  const range = step.action.startsWith('r') ? { range: rangeOf(step.action.slice(1)) } : {};
  return { kind: 'step', vcpu: step.vcpu, alone, ...range };
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
  }
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
