// The configurations that people start from: the examples that Debian installs with xl. Each finding was
// looked at, and is true of an Arm guest; another one would be a mistake of the table or of the rules.

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { external, testWith } from '../tools/external.ts';
import { fetchDebianPackage } from '../tools/fetch-debian.ts';
import { runCli } from './command-line.ts';

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly line: number;
  readonly message: string;
}

const utilities = await external("Debian's xen-utils-common", () =>
  fetchDebianPackage('xen-utils-common', ['./etc/xen'], console.log),
);

/** Code and what it is about, by file. Whether /boot/vmlinuz is there depends on the computer. */
const JUDGED: Readonly<Record<string, readonly string[]>> = {
  'xlexample.hvm': [
    // An Arm host refuses the type, and emulates no screen.
    "not-on-arm error: Arm has no guests of type 'hvm'",
    "x86-only warning: 'sdl' is for x86 guests",
  ],
  'xlexample.pvhlinux': [],
  'xlexample.pvlinux': [],
};

testWith(
  [utilities],
  'the examples of Debian’s xen-utils have the findings that are true of them',
  async ({ version, root }) => {
    console.log(`xen-utils-common ${version}`);
    const files = Object.keys(JUDGED).map((name) => join(root, 'etc/xen', name));
    for (const file of files) expect(existsSync(file), file).toBe(true);

    const { status, stdout } = await runCli('check', '--json', '--no-files', ...files);
    const checked = JSON.parse(stdout) as { file: string; findings: Finding[] }[];
    for (const { file, findings } of checked) {
      const judged = JUDGED[basename(file)] ?? [];
      const found = findings.map(({ code, severity, message }) => `${code} ${severity}: ${message}`);
      expect(found.length, file).toBe(judged.length);
      for (const [i, text] of judged.entries()) expect(found[i]).toContain(text);
    }
    // The one for HVM cannot be a guest on Arm.
    expect(status).toBe(1);
    expect((await runCli('check', '--no-files', ...files.slice(1))).status).toBe(0);
  },
);
