// From a machine configuration to a machine with its guests loaded, at moment 0.

import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { EngineModules } from '../engine/engine.ts';
import { type HostFiles, noHostFiles } from '../formats/disk-image/host-files.ts';
import { createBareMachine } from './bare.ts';
import type { GuestEvents, LoadedMachine } from './guest.ts';
import type { MachineConfig } from './messages.ts';
import { createXenMachine } from './xen-machine.ts';

/** Throws a UserError for a configuration that cannot be built. `files`: where the images of disks are. */
export function loadMachine(
  modules: EngineModules,
  config: MachineConfig,
  events: GuestEvents,
  log: Logger,
  files: HostFiles = noHostFiles,
): LoadedMachine {
  try {
    if (config.bare) return createBareMachine(modules, config, config.bare, events, log);
    const [domain, ...others] = config.domains ?? [];
    if (!domain) throw new UserError('there is nothing to boot', "Give 'config', 'domains' or 'bare'.");
    return createXenMachine(modules, config, [domain, ...others], events, log, files);
  } catch (error) {
    // A WebAssembly memory of that size, or an array: the only allocations that depend on the configuration.
    if (!(error instanceof RangeError && /memory|allocat/i.test(error.message))) throw error;
    const wanted = config.bare?.memory ?? config.domains?.reduce((sum, { memory }) => sum + memory, 0) ?? 0;
    throw new UserError(
      `this computer cannot give the machine its ${Math.floor(wanted / (1 << 20))} MiB of memory`,
      'Give the guest less memory, or close other programs.',
    );
  }
}
