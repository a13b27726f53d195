// Debian's kernel with the translator off, on, and translating whatever is reached at all: the same console, the same
// number of instructions, the same state.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { testWith } from '../tools/external.ts';
import { type Figures, folder, run } from './console.ts';
import { bare, debian, type Guest, typing, xlConfig } from './debian.ts';

interface TranslatedFigures extends Figures {
  readonly translator?: { readonly executed: number };
}

type Settings = Readonly<Record<string, readonly string[]>>;

const settings: Settings = {
  off: ['--no-translate'],
  'as usual': [],
  early: ['--translate-threshold', '10000'],
};
/** Takes many times as long. */
const everything: Settings = { 'with a threshold of 1': ['--translate-threshold', '1'] };
const TRANSLATED_WHOLLY = ['a bare machine', 'a domU with two vCPUs'];

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

/** Programs, pipes, and code that is patched while it is hot: every function of the kernel for its tracer, and back. */
const SESSION = [
  'echo $((6*7))',
  'dmesg | sha256sum | cut -c1-8',
  'ls -lR /proc/self | wc -l',
  'for n in 1 2 3; do gzip -c /bin/busybox | gunzip | md5sum; done | sort -u | wc -l',
  "seq 9000 | sort -r | awk '{ sum += $1 * NR } END { print sum }'",
  "dmesg | sed 's/[0-9]\\+/N/g' | tr a-z b-za | sort | uniq -c | sort -rn | md5sum | cut -c1-8",
];
const PATCHED = 'a bare machine with two CPUs';
const PATCHES = [
  'mount -t tracefs trace /tmp && cd /tmp',
  'for n in 1 2; do echo function > current_tracer; ls -lR /proc/self | wc -l; echo nop > current_tracer; done',
  'cd /root',
];

for (const [name, argumentsFor] of Object.entries(configurations)) {
  testWith([debian], `${name} comes to the same state however it is run`, async (guest: Guest) => {
    const commands = name === PATCHED ? [...SESSION, ...PATCHES] : SESSION;
    const all = TRANSLATED_WHOLLY.includes(name) ? { ...settings, ...everything } : settings;
    const results = [];
    for (const options of Object.values(all)) {
      const { status, errors, console, figures } = await run([
        ...argumentsFor(guest),
        ...typing(...commands),
        ...options,
      ]);
      expect(status, errors).toBe(0);
      const { instructions, virtualNanoseconds, stateHash, translator }: TranslatedFigures = figures;
      results.push({ instructions, virtualNanoseconds, stateHash, console });
      // Else the interpreter was compared with itself.
      if (results.length > 1) expect(translator?.executed).toBeGreaterThan(instructions / 10);
    }
    for (const [i, result] of results.entries()) {
      expect(result, Object.keys(all)[i]).toEqual(results[0]);
    }
  });
}
