// Continue, pause and steps. They are answered at once; where they end is told by a stopped event.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { threadIdOf } from '../protocol.ts';
import { request } from '../request.ts';
import type { StopReport } from '../judge.ts';
import type { XenSession } from '../session.ts';
import { stepInstruction, stepLine, stepOut } from '../stepping.ts';
import type { StepContext, StepStop } from '../stepping.ts';

export const executionRequests = [
  request('continue', {
    needs: 'stopped',
    handle(session, { threadId }) {
      const { run } = session.machine;
      if (run.ended) throw errors.notLaunched();
      const vcpu = session.debuggee.vcpuOfThread(threadId);
      session.afterResponse(() => {
        session.running();
        run.continue(vcpu);
      });
      return { allThreadsContinued: true };
    },
  }),

  request('pause', {
    needs: 'machine',
    urgent: true,
    handle(session, { threadId }) {
      session.machine.run.pause(session.debuggee.vcpuOfThread(threadId));
      return undefined;
    },
  }),

  request('next', {
    capabilities: { supportsSteppingGranularity: true },
    needs: 'stopped',
    handle(session, { threadId, granularity }) {
      return step(session, threadId, (context) =>
        granularity === 'instruction'
          ? stepInstruction(context, true)
          : stepLine(context, { into: false, statements: granularity === 'statement' }),
      );
    },
  }),

  request('stepIn', {
    needs: 'stopped',
    handle(session, { threadId, granularity }) {
      return step(session, threadId, (context) =>
        granularity === 'instruction'
          ? stepInstruction(context, false)
          : stepLine(context, { into: true, statements: granularity === 'statement' }),
      );
    },
  }),

  request('stepOut', {
    needs: 'stopped',
    async handle(session, { threadId }) {
      const vcpu = session.debuggee.vcpuOfThread(threadId);
      if ((await session.debuggee.walk(vcpu, 2)).length < 2) throw errors.noCaller();
      return step(session, threadId, stepOut);
    },
  }),

  request('threads', {
    needs: 'machine',
    async handle(session): Promise<Dap.ThreadsResponse['body']> {
      const vcpus = await session.machine.client.request('vcpus', {});
      return {
        threads: vcpus
          .filter(({ domain }) => session.machine.shared.shows(session, domain))
          .map((vcpu) => ({
            id: threadIdOf(vcpu.domain, vcpu.vcpu),
            name: threadName(vcpu, session),
          })),
      };
    },
  }),
];

type Plan = (context: StepContext<StopReport>) => Promise<StepStop<StopReport> | undefined>;

function step(session: XenSession, threadId: number, plan: Plan): undefined {
  const { run, debuggee } = session.machine;
  if (run.ended) throw errors.notLaunched();
  const vcpu = debuggee.vcpuOfThread(threadId);
  session.afterResponse(() => {
    session.running();
    run.step(vcpu, plan);
  });
  return undefined;
}

/** `d1 v0 · EL1`, and what it waits for. */
function threadName(
  { domain, vcpu, el, state }: VcpuId & { el: number; state: string },
  session: XenSession,
): string {
  const who = session.debuggee.isBare ? `cpu ${vcpu}` : `d${domain} v${vcpu}`;
  if (state === 'off') return `${who} (off)`;
  return state === 'running' ? `${who} · EL${el}` : `${who} · EL${el} (${state})`;
}
