// The bundled guest and the measured guest with and without the translator: the same console, the same number of
// instructions, the same state. And what one recorded is what the other repeats.

import { expect, test } from 'vitest';
import { WORKLOADS } from '../../../../debug-adapter/node/bench/workloads.ts';
import { InputLog, momentOf } from '../../../../emulator/machine/input-log.ts';
import type { MachineConfig } from '../../../../emulator/machine/messages.ts';
import { runToSnapshot, takeSnapshot } from '../../../../emulator/machine/snapshot.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { benchGuest } from '../../../tools/build-bench-guest.ts';
import { configured, fresh, helloGuest, runUntil, type TestMachine } from '../../machine/guests.ts';
import type { Translate } from './random-machine.ts';

const PROMPT = 'hello> ';
const THRESHOLDS = [1, 5000];
/** The guest is short, and hot places are found where pieces of the run end. */
const PIECE = 5000;

const withTranslator = (config: MachineConfig, translate: Translate): MachineConfig => ({
  ...config,
  translate: translate ?? false,
});

const regionsOf = ({ loaded }: TestMachine): number => loaded.machine.engine.statistics?.regions ?? 0;

/** What must be the same. */
function essence({ loaded, console }: TestMachine): object {
  loaded.machine.settle();
  return { ...momentOf(loaded), console, hash: stateHash(loaded) };
}

for (const [gic, vcpus] of [
  [2, 1],
  [3, 1],
  [3, 2],
] as const) {
  test.each(THRESHOLDS)(
    `the bundled guest on GICv${gic} with ${vcpus} vCPUs, threshold %i`,
    async (threshold) => {
      const config = await helloGuest(gic, vcpus);
      const results = [undefined, { threshold }].map((translate) => {
        const machine = fresh(withTranslator(config, translate));
        runUntil(machine, PROMPT, PIECE);
        const prompt = essence(machine);
        new InputLog(machine.loaded).enter({
          kind: 'console',
          domain: 1,
          bytes: new TextEncoder().encode('xs memory\necho translated\n'),
        });
        runUntil(machine, '\ntranslated', PIECE);
        expect(regionsOf(machine) > 0).toBe(translate !== undefined);
        return { prompt, end: essence(machine) };
      });
      expect(results[1]).toEqual(results[0]);
    },
  );
}

test.each([
  ['the translator', { threshold: 1 }, undefined],
  ['the interpreter', undefined, { threshold: 1 }],
] as const)('a snapshot that %s took is reached by the other', async (_name, first, second) => {
  const config = await helloGuest(3);
  const machine = fresh(withTranslator(config, first));
  runUntil(machine, PROMPT);
  const inputs = new InputLog(machine.loaded);
  inputs.enter({ kind: 'console', domain: 1, bytes: new TextEncoder().encode('xs\necho end\n') });
  runUntil(machine, '\nend');
  const other = fresh(withTranslator(config, second));
  runToSnapshot(other.loaded, takeSnapshot(machine.loaded, inputs));
  expect(regionsOf(machine) + regionsOf(other)).toBeGreaterThan(0);
});

const bare = WORKLOADS.filter(({ setting }) => setting === 'bare');

test.each(bare)('the workload $name', async ({ work }) => {
  const config = await configured({
    bare: { kernel: benchGuest, cmdline: `bench=${work}:1`, memory: 64, gicVersion: 3 },
  });
  const [interpreted, translated] = [undefined, { threshold: 1 }].map((translate) => {
    const machine = fresh(withTranslator(config, translate));
    runUntil(machine, '\n');
    expect(regionsOf(machine) > 0).toBe(translate !== undefined);
    return essence(machine);
  });
  expect(translated).toEqual(interpreted);
});
