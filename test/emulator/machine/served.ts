// Drives the machine's server without a host: what it is asked, what it tells, turn by turn.

import { join } from 'node:path';
import { expect } from 'vitest';
import { openFile } from '../../../debug-adapter/node/files.ts';
import { ElfFile } from '../../../emulator/formats/elf.ts';
import { SymbolTable } from '../../../emulator/formats/symbols.ts';
import { createInspector } from '../../../emulator/index.ts';
import type { MachineConfig, MachineEvents } from '../../../emulator/machine/messages.ts';
import { MachineServerImplementation } from '../../../emulator/machine/server.ts';
import { guestFolder } from '../../tools/build-guest.ts';
import { modules } from './guests.ts';

/** Of a symbol of the bundled guest. */
export async function addressOf(name: string): Promise<bigint> {
  const elf = await ElfFile.open(await openFile(join(guestFolder, 'hello-xen.elf')));
  const [address] = (await SymbolTable.fromElf(elf)).addressesOf(name);
  if (address === undefined) throw new Error(`the guest has no ${name}`);
  return address;
}

/** A server whose host turns when it is told to; idle time is skipped. */
export function served(config: MachineConfig) {
  const queue: (() => void)[] = [];
  const told: { name: keyof MachineEvents; event: unknown }[] = [];
  let clock = 0;
  const { requests } = new MachineServerImplementation(
    modules,
    {
      now: () => (clock += 6),
      defer: (action) => queue.push(action),
      sleep: (milliseconds, action) => {
        queue.push(() => {
          clock += milliseconds;
          action();
        });
        return () => {};
      },
      emit: (name, event) => told.push({ name, event }),
    },
    createInspector,
  );
  void requests.create(config);
  const events = <Name extends keyof MachineEvents>(name: Name): MachineEvents[Name][] =>
    told.filter((one) => one.name === name).map(({ event }) => event as MachineEvents[Name]);
  const turnsUntil = (isDone: () => boolean, most = 5000): void => {
    for (let i = 0; i < most && !isDone(); i++) queue.shift()?.();
    expect(isDone()).toBe(true);
  };
  return {
    requests,
    told,
    events,
    text: (domain: number): string =>
      events('console')
        .filter((one) => one.domain === domain)
        .map(({ bytes }) => new TextDecoder('latin1').decode(bytes))
        .join(''),
    turnsUntil,
  };
}
