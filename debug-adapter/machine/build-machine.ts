// From a launch configuration to a machine at moment 0 with the symbols of its domains.

import type { MachineConfig, MachineEventSink } from '../../emulator/machine/messages.ts';
import type { LaunchConfiguration } from '../configuration.ts';
import { Debuggee } from '../debuggee.ts';
import { LoadedImages } from '../guest-os/loaded-images.ts';
import type { Host } from '../host.ts';
import { prepareLaunch } from './launch.ts';
import { ImageLoader } from '../symbols/load-image.ts';
import { type LoadedSymbols, loadTarget } from '../symbols/load-target.ts';
import type { MachineClient } from './machine-client.ts';
import type { Target } from '../symbols/target.ts';

export interface BuiltMachine {
  /** What it was made of. */
  readonly config: MachineConfig;
  readonly client: MachineClient;
  readonly debuggee: Debuggee;
}

/** Tells the user something. */
export type Say = (text: string, category?: 'console' | 'stderr') => void;

export async function buildMachine(
  host: Host,
  configuration: LaunchConfiguration,
  base: string | undefined,
  onEvent: MachineEventSink,
  say: Say,
  begins: (part: string) => void = () => {},
): Promise<BuiltMachine> {
  begins('Reading the kernels');
  const prepared = await prepareLaunch(host, configuration, base);
  for (const { message, place } of prepared.warnings) {
    say(`${place.file ?? 'configuration'}:${place.line ?? 1}: ${message}`, 'stderr');
  }
  begins('Starting the machine');
  const client = await host.startMachine();
  try {
    client.onEvent = onEvent;
    const info = await client.request('create', prepared.machine);
    const targets: Target[] = [];
    const symbols: LoadedSymbols = new Map();
    const report = (message: string): void => say(message, 'stderr');
    for (const [i, domain] of info.domains.entries()) {
      const about = prepared.domains[i];
      if (about) begins(`Reading the symbols of ${domain.name}`);
      if (about) targets.push(await loadTarget(host, domain, about, report, symbols));
    }
    for (const target of targets) announce(target, say);
    const files = new Map(
      info.domains.flatMap(({ domain }, i) => {
        const own = prepared.domains[i]?.images;
        return own ? [[domain, own] as const] : [];
      }),
    );
    const images = new LoadedImages(new ImageLoader(host, report), files, say);
    return {
      config: prepared.machine,
      client,
      debuggee: new Debuggee(client, info, targets, undefined, undefined, undefined, undefined, images),
    };
  } catch (error) {
    disposeOf(client);
    throw error;
  }
}

export function disposeOf(client: MachineClient): void {
  client.onEvent = () => {};
  client.dispose();
}

function announce({ symbols, info }: Target, say: Say): void {
  if (symbols) say(`Symbols of ${info.name}: ${symbols.description}`);
  else say(`No symbols for ${info.name}: give 'symbols' in the launch configuration`, 'stderr');
}
