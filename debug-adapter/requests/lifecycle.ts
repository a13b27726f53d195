// From initialize to disconnect.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { parseLaunchConfiguration } from '../configuration.ts';
import type { LaunchConfiguration } from '../configuration.ts';
import { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';
import { prepareLaunch } from '../launch.ts';
import { loadTarget } from '../load-target.ts';
import { request } from '../request.ts';
import { momentText, RunControl } from '../run-control.ts';
import type { Launched, XenSession } from '../session.ts';
import type { Target } from '../target.ts';
import { exceptionFilters, placePanics, resolveAgain } from './breakpoints.ts';

const START = momentText({ instructions: 0, virtualNanoseconds: 0 });

export const lifecycleRequests = [
  request('initialize', {
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
      session.launched = await start(session, configuration, typeof base === 'string' ? base : undefined);
      // Default filters hold for clients that say nothing about them; a run without debugging has none.
      if ((args as Dap.LaunchRequestArguments).noDebug) session.exceptionFilters = new Set();
      await placePanics(session);
      // Breakpoints can be taken from now on; nothing runs before configurationDone.
      session.afterResponse(() => session.tell('initialized'));
      return undefined;
    },
  }),

  request('attach', {
    needs: 'nothing',
    handle() {
      throw errors.attachUnsupported();
    },
  }),

  request('configurationDone', {
    capabilities: { supportsConfigurationDoneRequest: true },
    needs: 'machine',
    handle(session) {
      session.afterResponse(() => begin(session));
      return undefined;
    },
  }),

  request('restart', {
    capabilities: { supportsRestartRequest: true },
    needs: 'machine',
    async handle(session, args) {
      const { configuration, base } = session.machine;
      const changed = (args as { arguments?: unknown }).arguments;
      const next = changed === undefined ? configuration : parseLaunchConfiguration(changed, 'launch.json');
      // The old machine goes first: two of them may not fit the memory.
      session.endMachine();
      session.launched = await start(session, next, base);
      await resolveAgain(session);
      session.afterResponse(() => begin(session));
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
    capabilities: { supportTerminateDebuggee: true },
    needs: 'nothing',
    urgent: true,
    handle(session) {
      session.endMachine();
      session.afterResponse(() => session.disconnected());
      return undefined;
    },
  }),
];

/** Builds the machine at moment 0 and finds its symbols. */
async function start(
  session: XenSession,
  configuration: LaunchConfiguration,
  base: string | undefined,
): Promise<Launched> {
  const { host } = session;
  const prepared = await prepareLaunch(host, configuration, base);
  for (const { message, place } of prepared.warnings) {
    session.say(`${place.file ?? 'configuration'}:${place.line ?? 1}: ${message}`, 'stderr');
  }
  const client = await host.startMachine();
  try {
    client.onEvent = (event) => session.machineEvent(event);
    const info = await client.request('create', prepared.machine);
    const targets: Target[] = [];
    const report = (message: string): void => session.say(message, 'stderr');
    for (const [i, domain] of info.domains.entries()) {
      const about = prepared.domains[i];
      if (about) targets.push(await loadTarget(host, domain, about, report));
    }
    for (const target of targets) announce(session, target);
    const debuggee = new Debuggee(client, info, targets);
    const run = new RunControl(debuggee, session.breakpoints, {
      stopped: (report, moment) => session.stopped(report, momentText(moment)),
      ended: (ended) => session.ended(ended),
      failed: (message) => session.failed(message),
    });
    session.focus = debuggee.vcpus[0] ?? session.focus;
    // Terminate and disconnect do not wait for a launch.
    if (session.closed) throw errors.notLaunched();
    return { configuration, base, client, debuggee, run };
  } catch (error) {
    client.onEvent = () => {};
    client.dispose();
    throw error;
  }
}

function announce(session: XenSession, target: Target): void {
  const { symbols } = target;
  if (symbols) session.say(`Symbols of ${target.info.name}: ${symbols.description}`);
  else
    session.say(`No symbols for ${target.info.name}: give 'symbols' in the launch configuration`, 'stderr');
}

/** Lets the machine go, as far as stopOnEntry says. */
function begin(session: XenSession): void {
  const { configuration, debuggee, run } = session.machine;
  const { stopOnEntry } = configuration;
  if (stopOnEntry === true) {
    const vcpu = debuggee.vcpus[0] ?? session.focus;
    session.stopped({ reason: 'entry', vcpu, description: 'Paused on entry', hitBreakpointIds: [] }, START);
    return;
  }
  session.running();
  if (stopOnEntry === false) {
    run.continue(debuggee.vcpus[0] ?? session.focus);
    return;
  }
  const places = debuggee.targets.flatMap((target) =>
    target.addressesOf(stopOnEntry).flatMap((link) => target.map.breakpointsFor(0, target.domain, link)),
  );
  if (places.length === 0) session.say(errors.noEntrySymbol(stopOnEntry).toString(), 'important');
  run.runToEntry(places, `Paused on entry of ${stopOnEntry}`);
}
