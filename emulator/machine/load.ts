// From a machine configuration to a machine with its guests loaded, at moment 0.

import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { EngineModules } from '../engine/engine.ts';
import { createBareMachine } from './bare.ts';
import type { GuestEvents, LoadedMachine } from './guest.ts';
import type { MachineConfig } from './messages.ts';
import { createXenMachine } from './xen-machine.ts';

/** Throws a UserError for a configuration that cannot be built. */
export function loadMachine(
  modules: EngineModules,
  config: MachineConfig,
  events: GuestEvents,
  log: Logger,
): LoadedMachine {
  if (config.bare) return createBareMachine(modules, config, config.bare, events, log);
  const [domain, ...others] = config.domains ?? [];
  if (!domain) throw new UserError('there is nothing to boot', "Give 'config', 'domains' or 'bare'.");
  if (others.length > 0) {
    throw new UserError(`${others.length + 1} domains were given`, 'One domain can run at a time so far.');
  }
  return createXenMachine(modules, config, domain, events, log);
}
