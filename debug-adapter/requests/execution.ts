// Continue, pause and steps. They are answered at once; where they end is told by a stopped event.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { threadIdOf } from '../protocol.ts';
import { request } from '../request.ts';
import type { StopReport } from '../breakpoints/judge.ts';
import type { XenSession } from '../session.ts';
import { stepInstruction, stepIntoException, stepLine, stepOut } from '../execution/stepping.ts';
import type { StepContext, StepStop } from '../execution/step-context.ts';
import { isHypercall } from '../instructions/annotate.ts';
import { controlFlow } from '../instructions/instructions.ts';
import { leaving } from '../values/return-value.ts';

export const executionRequests = [
  request('continue', {
    capabilities: { supportsSingleThreadExecutionRequests: true },
    needs: 'stopped',
    handle(session, { threadId, singleThread = false }) {
      const { run } = session.machine;
      if (run.ended) throw errors.notLaunched();
      const vcpu = session.debuggee.vcpuOfThread(threadId);
      session.afterResponse(() => {
        session.running();
        run.continue(vcpu, singleThread);
      });
      return { allThreadsContinued: !singleThread };
    },
  }),

  request('pause', {
    needs: 'machine',
    urgent: true,
    handle(session, { threadId }) {
      // A panel may mean a domain that another session shows.
      const { debuggee, run } = session.machine;
      run.pause((debuggee.shown.length === 0 ? debuggee : debuggee.whole).vcpuOfThread(threadId));
      return undefined;
    },
  }),

  request('next', {
    capabilities: { supportsSteppingGranularity: true },
    needs: 'stopped',
    handle(session, args) {
      return step(session, args, (context) => planOf(context, args.granularity, false));
    },
  }),

  request('stepIn', {
    needs: 'stopped',
    async handle(session, args) {
      if (args.targetId !== undefined) return stepIntoTarget(session, args, args.targetId);
      const vcpu = session.debuggee.vcpuOfThread(args.threadId);
      const event = await hypervisorCallAt(session, vcpu);
      if (event !== undefined && !session.machine.run.ended) {
        session.afterResponse(() => {
          session.running();
          session.machine.run.stepIntoHypervisor(vcpu, event, args.singleThread);
        });
        return undefined;
      }
      return step(session, args, (context) => planOf(context, args.granularity, true));
    },
  }),

  request('stepOut', {
    needs: 'stopped',
    async handle(session, args) {
      const vcpu = session.debuggee.vcpuOfThread(args.threadId);
      const [, caller] = await session.debuggee.walk(vcpu, 2);
      // Nobody should run to a guess.
      if (!caller || caller.by === 'scan') throw errors.noCaller();
      // One generation for going on, one for the stop.
      const generation = session.handles.stopGeneration + 2;
      session.leaving = await leaving(session.debuggee, vcpu, generation);
      return step(session, args, stepOut);
    },
  }),

  request('terminateThreads', {
    capabilities: { supportsTerminateThreadsRequest: true },
    needs: 'machine',
    async handle(session, { threadIds = [] }) {
      if (!Array.isArray(threadIds)) throw errors.badArgument('terminateThreads', 'threadIds', 'a list');
      for (const threadId of threadIds) {
        const { domain, vcpu } = session.debuggee.vcpuOfThread(threadId);
        const action = { kind: 'vcpu-off', domain, vcpu } as const;
        await session.machine.client.request('act', { action });
      }
      session.afterResponse(() => session.changedByUser(['threads', 'stacks', 'variables']));
      return undefined;
    },
  }),

  request('threads', {
    needs: 'machine',
    async handle(session): Promise<Dap.ThreadsResponse['body']> {
      const vcpus = await session.machine.client.request('vcpus', {});
      const shown = vcpus.filter(({ domain }) => session.machine.shared.shows(session, domain));
      const threads: Dap.Thread[] = [];
      for (const vcpu of shown) {
        const task = vcpu.state === 'off' ? undefined : await taskName(session, vcpu);
        threads.push({ id: threadIdOf(vcpu.domain, vcpu.vcpu), name: threadName(vcpu, session, task) });
      }
      return { threads };
    },
  }),
];

type Plan = (context: StepContext<StopReport>) => Promise<StepStop<StopReport> | undefined>;

interface Stepped {
  readonly threadId: number;
  readonly singleThread?: boolean;
}

/** By instruction or by line; by statement when that is asked for, as nobody means it who says nothing. */
function planOf(
  context: StepContext<StopReport>,
  granularity: Dap.SteppingGranularity | undefined,
  into: boolean,
): Promise<StepStop<StopReport>> {
  if (granularity === 'instruction') return stepInstruction(context, !into);
  return stepLine(context, { into, statements: granularity === 'statement' });
}

function stepIntoTarget(session: XenSession, which: Stepped, targetId: number): undefined {
  const handle = session.handles.get(targetId);
  if (handle.kind !== 'step-target') throw errors.noSuchTarget();
  if (threadIdOf(handle.vcpu.domain, handle.vcpu.vcpu) !== which.threadId) throw errors.noSuchTarget();
  const { call } = handle;
  return step(session, which, (context) =>
    call === undefined ? stepIntoException(context) : stepLine(context, { into: true, target: call }),
  );
}

function step(session: XenSession, { threadId, singleThread = false }: Stepped, plan: Plan): undefined {
  const { run, debuggee } = session.machine;
  if (run.ended) throw errors.notLaunched();
  const vcpu = debuggee.vcpuOfThread(threadId);
  session.afterResponse(() => {
    session.running();
    run.step(vcpu, plan, singleThread);
  });
  return undefined;
}

/** The event that the instruction at which a vCPU stands is of, if it calls a hypervisor of ours. */
async function hypervisorCallAt({ debuggee }: XenSession, vcpu: VcpuId): Promise<string | undefined> {
  if (debuggee.isBare) return undefined;
  const { pc } = await debuggee.general(vcpu);
  const bytes = await debuggee.reader(vcpu)(pc, 4);
  if (bytes.length < 4) return undefined;
  const word = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (isHypercall(word)) return 'hypercall';
  const flow = controlFlow(word, pc);
  return flow.kind === 'exception' && (flow.name === 'hvc' || flow.name === 'smc') ? 'psci' : undefined;
}

/** The task that a vCPU which stands runs, as far as its operating system has been recognized. */
async function taskName(session: XenSession, vcpu: VcpuId): Promise<string | undefined> {
  const { debuggee, run } = session.machine;
  if (run.running) return undefined;
  return (await debuggee.knownGuestOs(vcpu.domain)?.currentTask(vcpu))?.name;
}

/** `d1 v0 · EL1 · swapper/0`, and what it waits for. */
function threadName(
  { domain, vcpu, el, state }: VcpuId & { el: number; state: string },
  session: XenSession,
  task: string | undefined,
): string {
  const who = session.debuggee.isBare ? `cpu ${vcpu}` : `d${domain} v${vcpu}`;
  if (state === 'off') return `${who} (off)`;
  const what = task === undefined ? `${who} · EL${el}` : `${who} · EL${el} · ${task}`;
  return state === 'running' ? what : `${what} (${state})`;
}
