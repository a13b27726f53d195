// The programs that `xenscope bench` runs in Linux, with little data and alone. Figures are not looked at.

import { expect } from 'vitest';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { external, testWith } from '../tools/external.ts';
import { runCli } from './command-line.ts';

const debian = await external("Debian's arm64 kernel", () => fetchDebian());
const PROGRAMS = ['linux-gzip', 'linux-sha256sum', 'linux-sort'];

testWith([debian], 'programs of busybox answer for each pass', async ({ vmlinuz, busybox }) => {
  const files = ['--kernel', vmlinuz, '--busybox', busybox];
  const least = ['--no-qemu', '--pairs', '1', '--scale', '0.03', '--json'];
  const { status, stdout, stderr } = await runCli('bench', ...PROGRAMS, ...files, ...least);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const results = JSON.parse(stdout).results as { name: string; units: number; answer: string }[];
  expect(results.map(({ name }) => name)).toEqual(PROGRAMS);
  for (const { units, answer } of results) expect(answer).toMatch(new RegExp(`^${units}:[0-9a-f]{16}$`));
});
