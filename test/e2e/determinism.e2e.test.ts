// Same files, same configuration, same inputs: the same run, bit for bit.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parseLaunchConfiguration } from '../../debug-adapter/configuration.ts';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { startHeadless } from '../../emulator/index.ts';
import { replay, momentOf } from '../../emulator/machine/input-log.ts';
import { loadMachine } from '../../emulator/machine/load.ts';
import { stateHash } from '../../emulator/machine/state-hash.ts';
import { testWith } from '../tools/external.ts';
import { type Figures, folder, run } from './console.ts';
import { bare, debian, type Guest, PROMPT, typing, xlConfig } from './debian.ts';
import { olderNode } from './other-node.ts';

/** What two runs must have in common. */
const essence = ({ instructions, virtualNanoseconds, stateHash }: Figures): object => ({
  instructions,
  virtualNanoseconds,
  stateHash,
});

function domU(guest: Guest, vcpus: number): string {
  const config = join(folder, `same-${vcpus}.cfg`);
  writeFileSync(config, xlConfig(guest, { gic: 3, vcpus }));
  return config;
}

const configurations: Record<string, (guest: Guest) => string[]> = {
  'a domU with one vCPU': (guest) => [domU(guest, 1)],
  'a domU with two vCPUs': (guest) => [domU(guest, 2)],
  'a bare machine with two CPUs': (guest) => bare(guest, 'gic=3,cpus=2'),
};

for (const [name, argumentsFor] of Object.entries(configurations)) {
  testWith([debian], `two runs of ${name} are one`, async (guest: Guest) => {
    const [one, two] = [
      await run([...argumentsFor(guest), ...typing()]),
      await run([...argumentsFor(guest), ...typing()]),
    ];
    expect(one.status).toBe(0);
    expect(essence(two.figures)).toEqual(essence(one.figures));
    expect(two.console).toBe(one.console);
  });

  testWith(
    [debian, olderNode],
    `an older Node runs ${name} the same way`,
    async (guest: Guest, node: string) => {
      const args = [...argumentsFor(guest), ...typing('echo $((6*7))')];
      const [one, other] = [await run(args), await run(args, node)];
      expect(one.status).toBe(0);
      expect(essence(other.figures)).toEqual(essence(one.figures));
      expect(other.console).toBe(one.console);
    },
  );
}

testWith([debian], 'another seed is another run', async (guest: Guest) => {
  const [one, other] = [
    await run([domU(guest, 1), ...typing()]),
    await run([domU(guest, 1), '--seed', '1', ...typing()]),
  ];
  expect(other.status).toBe(0);
  expect(other.figures.stateHash).not.toBe(one.figures.stateHash);
});

testWith([debian], 'keys at odd moments are replayed from the input log', async (guest: Guest) => {
  const configuration = parseLaunchConfiguration({ config: domU(guest, 2) }, 'the test');
  const { machine } = await prepareLaunch(
    nodeHost(() => {}),
    configuration,
  );
  const modules = loadEngineModules();
  let console = '';
  const session = startHeadless(modules, machine, {
    script: [],
    output: (_domain, bytes) => {
      console += new TextDecoder().decode(bytes);
    },
    log: { log: () => {} },
  });
  while (!console.includes(PROMPT)) session.turn(1_000_000);
  // A terminal of the host: idle time passes at a pace of its own, keys come whenever they like.
  let clock = 0;
  const keys = new TextEncoder().encode(
    'for i in 1 2 3; do echo line $i; sleep 0.01; done\nnproc; echo en""d\n',
  );
  for (let i = 0; i < keys.length || !console.includes('\nend'); i++) {
    if (i > 5000) throw new Error(`no answer; the console shows:\n${console}`);
    const idle = session.turnAtWallClock(50_000 + ((i * 7919) % 100_000), () => (clock += 0.31));
    clock += (i * 13) % 7;
    if (idle && 'end' in idle) idle.end();
    if (i < keys.length) session.type(keys.subarray(i, i + 1));
  }
  expect(console).toContain('line 3');
  expect(session.inputs.entries).toHaveLength(keys.length);

  const again = loadMachine(modules, machine, { console: () => {}, ended: () => {} }, { log: () => {} });
  session.loaded.machine.settle();
  replay(again, session.inputs.entries, momentOf(session.loaded));
  expect(stateHash(again)).toBe(stateHash(session.loaded));
});

/** So that a failure tells which kernel it was. */
testWith([debian], 'the kernel is the one that was fetched', (guest: Guest) => {
  expect(readFileSync(guest.vmlinuz).subarray(56, 60).toString('latin1')).toBe('ARMd');
});
