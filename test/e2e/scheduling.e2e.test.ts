// Debian guests that share one physical CPU: what they see of it, and what becomes of them when they reboot or are asked
// to give up memory.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { prepareRun } from '../../debug-adapter/node/commands/run-configuration.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { startHeadless } from '../../emulator/index.ts';
import { testWith } from '../tools/external.ts';
import { folder } from './console.ts';
import { debian, type Guest, PROMPT, xlConfig } from './debian.ts';

function configOf(guest: Guest, name: string, more = ''): string {
  const config = join(folder, `${name}.cfg`);
  writeFileSync(config, `${xlConfig(guest, { gic: 3 }).replace('"debian"', `"${name}"`)}${more}\n`);
  return config;
}

/** Machines whose shells are asked one after the other. */
async function shells(configs: string[], xen: string) {
  const prepared = await prepareRun(configs, { xen }, undefined, { restarts: true });
  const printed = new Map<number, string>();
  const guest = startHeadless(loadEngineModules(), prepared.machine, {
    script: [],
    output: (domain, bytes) =>
      printed.set(domain, (printed.get(domain) ?? '') + new TextDecoder().decode(bytes)),
    log: { log: () => {} },
  });
  const until = (domain: number, text: string): string => {
    for (let turns = 0; !printed.get(domain)?.includes(text); turns++) {
      const end = guest.turn(1_000_000);
      if (end || turns > 5000)
        throw new Error(`no '${text}' (${JSON.stringify(end)}): ${printed.get(domain)}`);
    }
    return printed.get(domain) ?? '';
  };
  const type = (domain: number, line: string): void => {
    printed.set(domain, '');
    guest.type(new TextEncoder().encode(`${line}\n`), domain);
  };
  const ask = (domain: number, line: string): string => {
    type(domain, `${line}; echo END$((1+1))`);
    return until(domain, 'END2');
  };
  return { guest, until, type, ask };
}

/** The eighth figure of the first line of /proc/stat, in hundredths of a second. */
const stealIn = (text: string): number => Number(/^cpu +(?:\d+ +){7}(\d+)/m.exec(text)?.[1]);

testWith([debian], 'two guests at 256 and 512 see as stolen what the other one ran', async (guest: Guest) => {
  const configs = [configOf(guest, 'light'), configOf(guest, 'heavy', 'cpu_weight = 512')];
  const machine = await shells(configs, 'maxcpus=1');
  for (const domain of [1, 2]) machine.until(domain, PROMPT);
  const times = (): readonly { running: number; runnable: number }[] =>
    machine.guest.loaded.view!.scheduler().vcpus.map((vcpu) => vcpu.times);
  for (const domain of [1, 2]) machine.type(domain, 'while true; do :; done &');
  machine.guest.turn(20_000_000);
  const before = times();
  for (let i = 0; i < 30; i++) machine.guest.turn(10_000_000);
  const shares = times().map(({ running }, index) => running - before[index]!.running);
  const whole = shares[0]! + shares[1]!;
  expect(Math.abs(shares[0]! / whole - 1 / 3)).toBeLessThan(0.02);
  expect(Math.abs(shares[1]! / whole - 2 / 3)).toBeLessThan(0.02);
  for (const domain of [1, 2]) {
    const stolen = stealIn(machine.ask(domain, 'head -1 /proc/stat')) / 100;
    // Linux counts in ticks.
    expect(Math.abs(stolen - times()[domain - 1]!.runnable / 1e9)).toBeLessThan(0.05);
  }
});

testWith(
  [debian],
  'a guest reboots while the other one runs on, and both give memory back',
  async (guest: Guest) => {
    const machine = await shells([configOf(guest, 'one'), configOf(guest, 'two')], 'maxcpus=1');
    for (const domain of [1, 2]) machine.until(domain, PROMPT);
    machine.type(1, 'reboot -f');
    machine.until(3, PROMPT);
    expect(machine.ask(2, 'cat /proc/uptime')).toMatch(/^\d+\.\d+ /m);
    const pagesOf = (domain: number): number =>
      machine.guest.loaded.view!.domains().find(({ id }) => id === domain)!.pages;
    const full = pagesOf(3);
    const aim = (mebibytes: number): void => {
      const path = '/local/domain/3/memory/target';
      const action = { kind: 'write-xenstore', path, value: String(mebibytes * 1024) } as const;
      machine.guest.inputs.enter({ kind: 'action', action });
      machine.ask(3, 'sleep 2');
    };
    aim(200);
    expect(full - pagesOf(3)).toBe(56 * 256);
    aim(256);
    expect(pagesOf(3)).toBe(full);
  },
);
