// Debian's kernel with the translator off, on, and translating whatever is reached at all: the same console, the same
// number of instructions, the same state.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { testWith } from '../tools/external.ts';
import { type Figures, folder, run } from './console.ts';
import { bare, debian, type Guest, typing, xlConfig } from './debian.ts';

interface TranslatedFigures extends Figures {
  readonly translator?: { readonly regions: number };
}

const settings: Readonly<Record<string, readonly string[]>> = {
  off: ['--no-translate'],
  'where it is worth it': ['--translate-threshold', '10000'],
  'with a threshold of 1': ['--translate-threshold', '1'],
};

function domU(guest: Guest, gic: 2 | 3, vcpus: number): string[] {
  const config = join(folder, `translated-${gic}-${vcpus}.cfg`);
  writeFileSync(config, xlConfig(guest, { gic, vcpus }));
  return [config];
}

const configurations: Readonly<Record<string, (guest: Guest) => string[]>> = {
  'a bare machine': (guest) => bare(guest, 'gic=3,cpus=1'),
  'a bare machine with two CPUs': (guest) => bare(guest, 'gic=2,cpus=2'),
  'a domU': (guest) => domU(guest, 3, 1),
  'a domU with two vCPUs': (guest) => domU(guest, 2, 2),
};

for (const [name, argumentsFor] of Object.entries(configurations)) {
  testWith([debian], `${name} comes to the same state however it is run`, async (guest: Guest) => {
    const commands = ['echo $((6*7))', 'dmesg | sha256sum | cut -c1-8', 'ls -lR /proc/self | wc -l'];
    const results = [];
    for (const options of Object.values(settings)) {
      const { status, errors, console, figures } = await run([
        ...argumentsFor(guest),
        ...typing(...commands),
        ...options,
      ]);
      expect(status, errors).toBe(0);
      const { instructions, virtualNanoseconds, stateHash, translator }: TranslatedFigures = figures;
      results.push({ instructions, virtualNanoseconds, stateHash, console });
      // Else the interpreter was compared with itself.
      if (results.length > 1) expect(translator?.regions).toBeGreaterThan(100);
    }
    for (const [i, result] of results.entries()) {
      expect(result, Object.keys(settings)[i]).toEqual(results[0]);
    }
  });
}
