// Several CPUs at work: interrupts between them, timers, sleeping and waking, CPUs that go and come
// back; and how a guest ends.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { testWith } from '../tools/external.ts';
import { folder, run } from './console.ts';
import { answerTo, bare, debian, type Guest, PROMPT, typing, xlConfig } from './debian.ts';

function domU(guest: Guest, gic: 2 | 3, vcpus: number): string {
  const config = join(folder, `smp-${gic}-${vcpus}.cfg`);
  // What ends ends the run.
  writeFileSync(config, `${xlConfig(guest, { gic, vcpus })}on_reboot = "destroy"\n`);
  return config;
}

const machines: Record<string, { cpus: number; argumentsFor: (guest: Guest) => string[] }> = {
  'bare, GICv3': { cpus: 2, argumentsFor: (guest) => bare(guest, 'gic=3,cpus=2') },
  'bare, GICv2': { cpus: 4, argumentsFor: (guest) => bare(guest, 'gic=2,cpus=4') },
  'domU, GICv3': { cpus: 4, argumentsFor: (guest) => [domU(guest, 3, 4)] },
  'domU, GICv2': { cpus: 2, argumentsFor: (guest) => [domU(guest, 2, 2)] },
};

for (const [name, { cpus, argumentsFor }] of Object.entries(machines)) {
  testWith([debian], `${cpus} CPUs work together (${name})`, async (guest: Guest) => {
    const result = await run([...argumentsFor(guest), ...typing('dmesg -n 1', 'sh /stress.sh')]);
    const answer = answerTo('sh /stress.sh', result);
    const works = Array.from({ length: cpus }, (_, cpu) => `cpu ${cpu} works\n`).join('');
    expect(answer).toBe(
      `cpus ${cpus}\nloops 3000\nsum 500500\nmoved\nslept\n${'online 0\n'.repeat(3)}online 0-${cpus - 1}\n${works}all done\n`,
    );
    expect(result.status).toBe(0);
  });
}

for (const [command, reason] of [
  ['poweroff -f', 'poweroff'],
  ['reboot -f', 'reboot'],
] as const) {
  for (const [name, argumentsFor] of Object.entries({
    'domU, GICv3': (guest: Guest) => [domU(guest, 3, 2)],
    'bare, GICv2': (guest: Guest) => bare(guest, 'gic=2,cpus=2'),
  })) {
    testWith([debian], `'${command}' ends the run (${name})`, async (guest: Guest) => {
      const end = ['--until', PROMPT, '--type', `${command}\\n`];
      const result = await run([...argumentsFor(guest), ...end]);
      // The text was met; that the guest then ended needs somebody who waits for more.
      expect(result.status).toBe(0);
      const waiting = await run([...argumentsFor(guest), ...end, '--until', 'never']);
      expect(waiting.status).toBe(1);
      expect(waiting.errors).toContain(`the guest ended (${reason}) before it printed 'never'`);
      expect(waiting.console).toMatch(
        reason === 'poweroff' ? /reboot: Power down/ : /reboot: Restarting system/,
      );
    });
  }
}
