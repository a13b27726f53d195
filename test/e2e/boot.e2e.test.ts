// Debian's kernel boots to a shell that answers: as a domU under the embedded Xen, and bare.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { parseLaunchConfiguration } from '../../debug-adapter/configuration.ts';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { startHeadless } from '../../emulator/index.ts';
import { testWith } from '../tools/external.ts';
import { folder, run, type Run } from './console.ts';
import { answerTo, bare, debian, type Guest, PROMPT, typing, xlConfig } from './debian.ts';

const QUESTIONS = ['echo $((6*7))', 'nproc', 'cat /proc/interrupts', 'cat /proc/iomem', 'dmesg'];

function expectShell(result: Run, cpus: number): void {
  expect(result.errors).not.toContain('warning');
  expect(result.status).toBe(0);
  expect(answerTo('echo $((6*7))', result)).toBe('42\n');
  expect(answerTo('nproc', result)).toBe(`${cpus}\n`);
  const log = answerTo('dmesg', result);
  expect(log).toContain('] Booting Linux on physical CPU 0x0000000000');
  expect(log).toContain('] Run /init as init process');
  expect(log).toContain(`] smp: Brought up 1 node, ${cpus} CPU${cpus > 1 ? 's' : ''}`);
  expect(log).not.toMatch(/BUG|WARNING|Oops|unexpected|stall/);
}

describe('as a domU', () => {
  for (const gic of [2, 3] as const) {
    for (const vcpus of [1, 2, 4]) {
      testWith([debian], `GICv${gic}, ${vcpus} vCPUs`, async (guest: Guest) => {
        const config = join(folder, `gic${gic}-${vcpus}.cfg`);
        writeFileSync(config, xlConfig(guest, { gic, vcpus }));
        const result = await run([config, ...typing(...QUESTIONS)]);
        expectShell(result, vcpus);

        const interrupts = answerTo('cat /proc/interrupts', result);
        expect(interrupts).toMatch(/\d+ +xen-dyn +Edge +-event +xenbus$/m);
        expect(interrupts).toMatch(
          new RegExp(`${gic === 3 ? 'GICv3' : 'GIC-0'} +27 Level +arch_timer$`, 'm'),
        );
        expect(interrupts).toMatch(new RegExp(`${gic === 3 ? 'GICv3' : 'GIC-0'} +31 Level +events$`, 'm'));
        expect(interrupts).toMatch(/\d+ +xen-dyn-lateeoi +Edge +-event +hvc_console$/m);

        // As in the log of the same kernel under Debian's Xen 4.17.
        const log = answerTo('dmesg', result);
        for (const line of [
          'Machine model: XENVM-4.17',
          'Xen 4.17 support found',
          'Grant tables using version 1 layout',
          'Grant table initialized',
          'xen:events: Using FIFO-based ABI',
          'Xen: initializing cpu0',
          'arch_timer: cp15 timer(s) running at 62.50MHz (virt).',
          'psci: PSCIv1.1 detected in firmware.',
          'KASLR disabled due to lack of seed',
          'printk: console [hvc0] enabled',
        ]) {
          expect(log).toContain(line);
        }
      });
    }
  }
});

testWith(
  [debian],
  'what it and the toolstack wrote to xenstore is what the real ones wrote',
  async (guest: Guest) => {
    const config = join(folder, 'xenstore.cfg');
    writeFileSync(config, xlConfig(guest, { gic: 3, vcpus: 2 }).replace('"debian"', '"guest2"'));
    const configuration = parseLaunchConfiguration({ config }, 'the test');
    const { machine } = await prepareLaunch(
      nodeHost(() => {}),
      configuration,
    );
    const session = startHeadless(loadEngineModules(), machine, {
      script: [{ until: PROMPT }],
      output: () => {},
      log: { log: () => {} },
    });
    while (!session.turn(10_000_000));
    const { control } = session.loaded.saveMonitor() as SavedXenstore;
    const ours = control.xenstore.store.nodes
      .filter(({ path }) => path.startsWith('/local/domain/1/'))
      .map(
        ({ path, value, permissions }) => `${path} = "${String.fromCharCode(...value)}"   (${permissions})`,
      );
    // There, it was the second domain, with a terminal and an emulated UART more.
    const file = '../emulator/xen/toolstack/golden/xenstore-running-2vcpu-vuart.txt';
    const theirs = readFileSync(join(import.meta.dirname, file), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('/local/domain/2/') && !/device\/v|vuart|\/vm /.test(line))
      .map((line) => line.replace(/(domain|console)\/2\//g, '$1/1/').replace(/\b([nr])2\b/g, '$11'))
      .map((line) => line.replace('domid = "2"', 'domid = "1"').replace('"/dev/pts/0"', '""'));
    expect(ours.filter((line) => !line.includes('/vm ')).sort()).toEqual(theirs.sort());
  },
);

/** The part of the monitor's state that the test above looks at. */
interface SavedXenstore {
  readonly control: {
    readonly xenstore: {
      readonly store: {
        readonly nodes: readonly {
          readonly path: string;
          readonly value: readonly number[];
          readonly permissions: string;
        }[];
      };
    };
  };
}

describe('bare', () => {
  const machines = [
    { machine: 'gic=2', cpus: 1 },
    { machine: 'gic=2,cpus=4,memory=1G', cpus: 4 },
    { machine: 'gic=3,memory=256M', cpus: 1 },
    { machine: 'gic=3,cpus=4', cpus: 4 },
    { machine: 'gic=3,cpus=2,el=2', cpus: 2 },
    { machine: 'gic=2,el=2,cpu=max', cpus: 1 },
    { machine: 'gic=3,cpu=max', cpus: 1 },
  ];
  for (const { machine, cpus } of machines) {
    testWith([debian], machine, async (guest: Guest) => {
      const result = await run([...bare(guest, machine), ...typing(...QUESTIONS)]);
      expectShell(result, cpus);
      const log = answerTo('dmesg', result);
      const el = machine.includes('el=2') ? 2 : 1;
      expect(log).toContain(`CPU: All CPU(s) started at EL${el}`);
      expect(log.includes('CPU features: detected: LSE atomic instructions')).toBe(
        machine.includes('cpu=max'),
      );
      expect(answerTo('cat /proc/interrupts', result)).toMatch(/arch_timer$/m);
      expect(answerTo('cat /proc/iomem', result)).toContain('9000000.pl011');
    });
  }

  testWith([debian], 'a seed moves the kernel, and the same seed to the same place', async (guest: Guest) => {
    // The kernel takes the bits above 2 MiB.
    const text = async (seed: number): Promise<string> => {
      const lines = typing('grep -w _stext /proc/kallsyms', "dmesg | grep 'KASLR'");
      return (await run([...bare(guest, `gic=3,kaslr-seed=${seed}`), ...lines])).console;
    };
    const address = (console: string): string => /([0-9a-f]{16}) \w _stext/.exec(console)?.[1] ?? '';
    const one = await text(123_456_789_012_345);
    expect(one).toContain('KASLR enabled');
    expect(address(one)).toMatch(/^ffff/);
    expect(address(await text(123_456_789_012_345))).toBe(address(one));
    expect(address(await text(987_654_321_098_765))).not.toBe(address(one));
  });
});
