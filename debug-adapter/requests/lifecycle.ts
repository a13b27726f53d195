// From initialize to disconnect.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { parseAttachConfiguration, parseLaunchConfiguration } from '../configuration.ts';
import * as errors from '../errors.ts';
import { request } from '../request.ts';
import { exceptionFilters } from '../breakpoints/exception-filters.ts';
import { SharedMachine } from '../machine/shared-machine.ts';
import type { XenSession } from '../session.ts';
import { resolveAgain } from './exceptions.ts';

export const lifecycleRequests = [
  request('initialize', {
    capabilities: { supportsANSIStyling: true },
    needs: 'nothing',
    handle(session, args) {
      session.client = args;
      const announced = session.requests.map(({ capabilities }) => capabilities ?? {});
      return Object.assign(
        { exceptionBreakpointFilters: exceptionFilters },
        ...announced,
      ) as Dap.Capabilities;
    },
  }),

  request('launch', {
    needs: 'nothing',
    progress: 'Starting the machine',
    async handle(session, args) {
      if (session.launched) throw errors.alreadyLaunched();
      const configuration = parseLaunchConfiguration(args, 'launch.json');
      const base = (args as { __base?: unknown }).__base;
      await SharedMachine.launch(session, configuration, typeof base === 'string' ? base : undefined);
      // Default filters hold for clients that say nothing about them; a run without debugging has none.
      if ((args as Dap.LaunchRequestArguments).noDebug) session.exceptionFilters = [];
      await resolveAgain(session);
      // Breakpoints can be taken from now on; nothing runs before configurationDone.
      session.afterResponse(() => {
        session.tell('initialized');
        tellProcess(session, 'launch');
        session.launched?.shared.startSessions();
      });
      return undefined;
    },
  }),

  request('attach', {
    needs: 'nothing',
    async handle(session, args) {
      if (session.launched) throw errors.alreadyLaunched();
      const { machine, domain, suspend } = parseAttachConfiguration(args, 'launch.json');
      // Named by the adapter itself, when it asked the client for this session.
      const own = (args as { __machine?: unknown }).__machine;
      const isPart = typeof own === 'string';
      session.suspends = suspend && !isPart;
      await session.machines.find(isPart ? own : machine).attach(session, domain, isPart);
      await resolveAgain(session);
      session.afterResponse(() => {
        session.tell('initialized');
        tellProcess(session, 'attach');
      });
      return undefined;
    },
  }),

  request('configurationDone', {
    capabilities: { supportsConfigurationDoneRequest: true },
    needs: 'machine',
    handle(session) {
      session.afterResponse(() => session.launched?.shared.configured(session));
      return undefined;
    },
  }),

  request('cancel', {
    capabilities: { supportsCancelRequest: true },
    needs: 'nothing',
    urgent: true,
    handle(session, { requestId, progressId }) {
      if (requestId !== undefined) session.queue.giveUp(requestId);
      if (progressId !== undefined) session.queue.giveUpProgress(progressId);
      return undefined;
    },
  }),

  request('restart', {
    capabilities: { supportsRestartRequest: true },
    needs: 'machine',
    progress: 'Starting the machine again',
    async handle(session, args) {
      const { shared } = session.machine;
      const changed = (args as { arguments?: unknown }).arguments;
      await shared.restart(
        session,
        changed === undefined ? undefined : parseLaunchConfiguration(changed, 'launch.json'),
      );
      session.afterResponse(() => {
        session.launched?.shared.startSessions();
        shared.configured(session);
      });
      return undefined;
    },
  }),

  request('terminate', {
    capabilities: { supportsTerminateRequest: true },
    needs: 'nothing',
    urgent: true,
    handle(session) {
      session.afterResponse(() => {
        const { shared } = session;
        if (shared) {
          void shared.terminate(session);
          return;
        }
        // Maybe one is being started.
        session.queue.giveUpAll();
        session.tell('terminated');
      });
      return undefined;
    },
  }),

  request('disconnect', {
    capabilities: { supportTerminateDebuggee: true, supportSuspendDebuggee: true },
    needs: 'nothing',
    urgent: true,
    async handle(session, args) {
      session.afterResponse(() => session.disconnected());
      const { terminateDebuggee, suspendDebuggee = false } = (args ?? {}) as Dap.DisconnectArguments;
      // Of a machine that goes on for others.
      if (suspendDebuggee) session.launched?.run.pause(session.focus);
      if (terminateDebuggee && session.shared) await soon(session.shared.endShown(session));
      session.endMachine({ keeps: terminateDebuggee === false, suspends: suspendDebuggee });
      return undefined;
    },
  }),
];

/** Milliseconds: who says goodbye does not wait for a machine that does not answer. */
const GOODBYE = 900;

async function soon(done: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GOODBYE);
  });
  await Promise.race([done.catch(() => {}), late]);
  clearTimeout(timer);
}

/** What is debugged: the domains that this session shows, or the machine. */
function tellProcess(session: XenSession, startMethod: 'launch' | 'attach'): void {
  const { launched } = session;
  if (!launched) return;
  const { info, shown } = launched.debuggee;
  const names = info.domains.filter(({ domain }) => shown.includes(domain)).map(({ name }) => name);
  const name = names.length > 0 ? names.join(', ') : launched.shared.description;
  session.tell('process', { name, isLocalProcess: true, startMethod, pointerSize: 64 });
}
