// From initialize to disconnect.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { parseAttachConfiguration, parseLaunchConfiguration } from '../configuration.ts';
import * as errors from '../errors.ts';
import { request } from '../request.ts';
import { exceptionFilters } from '../breakpoints/exception-filters.ts';
import { SharedMachine } from '../machine/shared-machine.ts';
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
        session.launched?.shared.startSessions(session);
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
      session.machines.find(isPart ? own : machine).attach(session, domain, isPart);
      await resolveAgain(session);
      session.afterResponse(() => session.tell('initialized'));
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
    handle(session, { requestId }) {
      if (requestId !== undefined) session.giveUp(requestId);
      return undefined;
    },
  }),

  request('restart', {
    capabilities: { supportsRestartRequest: true },
    needs: 'machine',
    async handle(session, args) {
      const { shared } = session.machine;
      const changed = (args as { arguments?: unknown }).arguments;
      await shared.restart(
        session,
        changed === undefined ? undefined : parseLaunchConfiguration(changed, 'launch.json'),
      );
      session.afterResponse(() => shared.begin());
      return undefined;
    },
  }),

  request('terminate', {
    capabilities: { supportsTerminateRequest: true },
    needs: 'nothing',
    urgent: true,
    handle(session) {
      session.endMachine();
      session.afterResponse(() => session.tell('terminated'));
      return undefined;
    },
  }),

  request('disconnect', {
    capabilities: { supportTerminateDebuggee: true, supportSuspendDebuggee: true },
    needs: 'nothing',
    urgent: true,
    async handle(session, args) {
      const { terminateDebuggee, suspendDebuggee } = (args ?? {}) as Dap.DisconnectArguments;
      // Of a machine that goes on for others.
      if (suspendDebuggee) session.launched?.run.pause(session.focus);
      if (terminateDebuggee) await session.launched?.shared.endShown(session).catch(() => {});
      session.endMachine();
      session.afterResponse(() => session.disconnected());
      return undefined;
    },
  }),
];
