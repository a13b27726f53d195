// Traps and firmware calls that are served within run() and those that leave it: the same run. Where a caller's limit
// ends with the instruction that traps, run() is left.

import { expect, test } from 'vitest';
import { momentOf } from '../../../emulator/machine/input-log.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { benchGuest } from '../../tools/build-bench-guest.ts';
import { configured, fresh } from './guests.ts';

/** The guest sets up its page tables first. */
const END = 330_000;

/** What there is after so many instructions, executed at most `piece` at a time. */
async function afterPieces(work: string, setting: 'bare' | 'domU', piece: number): Promise<object> {
  const common = { kernel: benchGuest, cmdline: `bench=${work}:2`, memory: 64, gicVersion: 3 };
  const config = await configured(
    setting === 'bare' ? { bare: common } : { domains: [{ ...common, name: 'bench' }] },
  );
  const domains = config.domains?.map((domain) => ({ ...domain, vuart: true }));
  const guest = fresh({ ...config, ...(domains && { domains }) });
  const { machine } = guest.loaded;
  while (machine.engine.instructions < END) {
    machine.runSlice(Math.min(piece, END - machine.engine.instructions));
  }
  machine.settle();
  const { trap = 0, firmware = 0 } = machine.exits;
  expect(trap + firmware).toBeGreaterThan(1000);
  return { ...momentOf(guest.loaded), hash: stateHash(guest.loaded), trap, firmware };
}

test.each([
  ['hypercall', 'bare'],
  ['hypercall', 'domU'],
  ['mmio', 'domU'],
  ['timer', 'domU'],
] as const)('%s, %s', async (work, setting) => {
  const whole = await afterPieces(work, setting, END);
  expect(await afterPieces(work, setting, 1)).toEqual(whole);
  expect(await afterPieces(work, setting, 13)).toEqual(whole);
});
