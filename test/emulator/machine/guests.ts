// Small machines for the tests of this folder: the bundled guest, which boots in an instant, uses
// console, xenstore and timer, and waits for interrupts in between.

import { parseLaunchConfiguration } from '../../../debug-adapter/configuration.ts';
import { prepareLaunch } from '../../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../../debug-adapter/node/node-host.ts';
import type { HostFiles } from '../../../emulator/formats/disk-image/host-files.ts';
import type { EngineModules } from '../../../emulator/index.ts';
import type { LoadedMachine } from '../../../emulator/machine/guest.ts';
import { loadMachine } from '../../../emulator/machine/load.ts';
import type { MachineConfig } from '../../../emulator/machine/messages.ts';
import { guestFolder } from '../../tools/build-guest.ts';

export const modules: EngineModules = loadEngineModules();

/** The machine configuration of a launch configuration. */
export async function configured(configuration: Record<string, unknown>): Promise<MachineConfig> {
  const parsed = parseLaunchConfiguration(configuration, 'the test');
  return (
    await prepareLaunch(
      nodeHost(() => {}),
      parsed,
      guestFolder,
    )
  ).machine;
}

export const helloGuest = (gicVersion: 2 | 3, vcpus = 1): Promise<MachineConfig> =>
  configured({ domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 16, gicVersion, vcpus }] });

export interface TestMachine {
  readonly loaded: LoadedMachine;
  console: string;
}

/** A machine at moment 0. */
export function fresh(
  config: MachineConfig,
  ended: (reason: string) => void = () => {},
  files?: HostFiles,
): TestMachine {
  const machine: TestMachine = {
    console: '',
    loaded: loadMachine(
      modules,
      config,
      {
        console: (_domain, byte) => {
          machine.console += String.fromCharCode(byte);
        },
        ended: (_domain, reason) => ended(reason),
      },
      { log: () => {} },
      files,
    ),
  };
  return machine;
}

/** Runs it until the console shows the text, so many instructions at a time; idle time is skipped. */
export function runUntil(test: TestMachine, text: string, piece = Number.MAX_SAFE_INTEGER): void {
  const { machine } = test.loaded;
  for (let slices = 0; !test.console.includes(text); slices++) {
    if (slices > 10_000) throw new Error(`'${text}' did not come; the console shows:\n${test.console}`);
    const end = machine.runSlice(piece);
    if (end.kind === 'idle') machine.skipTo(end.deadline);
  }
}

/** Runs on until domain 0's backends have answered everything, and some more for the guest to take it. */
export function runUntilAnswered({ loaded: { machine, view } }: TestMachine): void {
  const isWaiting = (): boolean =>
    view?.daemons?.devices().some(({ rings }) => rings.some((ring) => ring.answersAt !== undefined)) ?? false;
  for (let quiet = 0; quiet < 3; ) {
    quiet = isWaiting() ? 0 : quiet + 1;
    const end = machine.runSlice(Number.MAX_SAFE_INTEGER);
    if (end.kind !== 'idle') continue;
    if (!isWaiting()) return;
    machine.skipTo(end.deadline);
  }
}
