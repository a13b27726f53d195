// `xenscope bench` with next to no work: what it runs, checks and prints. Its figures are not looked at.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { geometricMean, summary } from '../../debug-adapter/node/bench/measure.ts';
import { LINUX_WORKLOADS } from '../../debug-adapter/node/bench/linux.ts';
import { WORKLOADS } from '../../debug-adapter/node/bench/workloads.ts';
import { benchGuest, buildBenchGuest } from '../tools/build-bench-guest.ts';
import { guestCompiler } from '../tools/build-guest.ts';
import { external, testWith } from '../tools/external.ts';
import { imageOf, runCli, scratchFolder } from './command-line.ts';

const folder = scratchFolder();
const LEAST = ['--pairs', '1', '--scale', '0.0001'];

const compiler = await external('aarch64-linux-gnu-gcc', guestCompiler);

test('a measurement as JSON', async () => {
  const { status, stdout, stderr } = await runCli('bench', 'alu', '--no-qemu', '--json', ...LEAST);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    host: { cpu: expect.any(String), node: process.versions.node, qemu: null },
    pairs: 1,
    results: [
      {
        name: 'alu',
        group: 'loops',
        units: 2,
        answer: expect.stringMatching(/^2:[0-9a-f]{16}$/),
        ours: { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) },
      },
    ],
    geometricMeans: {},
  });
});

test('the text form names host, columns and every workload that was asked for', async () => {
  const { status, stdout } = await runCli('bench', 'alu', 'mmio-xen', '--no-qemu', ...LEAST);
  expect(status).toBe(0);
  expect(stdout).toMatch(/, Node [\d.]+, without QEMU\nmedians of 1 pairs/);
  expect(stdout).toMatch(/\nalu +\d+\.\d\d \(\d+\.\d\d \d+\.\d\d\)\nmmio-xen +\d+\.\d\d/);
});

test('a guest that prints no checksum fails the run', async () => {
  // WFI, for ever: nothing will wake it up.
  const guest = folder.file(
    'silent.img',
    imageOf(Uint8Array.of(0x7f, 0x20, 0x03, 0xd5, 0xff, 0xff, 0xff, 0x17)),
  );
  const { status, stderr } = await runCli('bench', 'alu', '--guest', guest, '--no-qemu', ...LEAST);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^xenscope: alu: /);
});

test('--list names the workloads', async () => {
  const { status, stdout } = await runCli('bench', '--list');
  expect(status).toBe(0);
  const all = [...WORKLOADS, ...LINUX_WORKLOADS];
  expect(stdout.trim().split('\n')).toHaveLength(all.length);
  for (const { name, does } of all) expect(stdout).toMatch(new RegExp(`^${name} .*${does}$`, 'm'));
});

test.each([
  [['nonsense'], "there is no workload 'nonsense'"],
  [['--pairs', '0'], '--pairs is 0'],
  [['--pairs', 'x'], "--pairs is 'x'"],
  [['--scale', '-1'], "--scale is '-1'"],
  [['--kernel', 'Image'], 'a boot of Linux needs an initial RAM disk'],
  [['--kernel', '/nowhere/Image', '--initrd', '/dev/null'], '/nowhere/Image: does not exist'],
  [['linux-gzip'], "'linux-gzip' needs a kernel and busybox"],
  [['--guest', '/nowhere/bench.img'], '/nowhere/bench.img: does not exist'],
  [['--xen', '/nowhere/xen'], '/nowhere/xen: does not exist'],
])('%j is refused', async (args, complaint) => {
  const { status, stdout, stderr } = await runCli('bench', ...args);
  expect(status).toBe(2);
  expect(stdout).not.toContain('median');
  expect(stderr).toContain(complaint);
});

test('medians and means', () => {
  expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(summary([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(geometricMean([1, 4])).toBeCloseTo(2);
});

/** What the committed file was made with. */
const COMMITTED_BY = '12.2.0';

testWith([compiler], 'the committed guest is what its sources give', async (version: string) => {
  const built = join(folder.path, 'bench.img');
  await buildBenchGuest(built);
  // Another compiler makes other code of the same sources.
  if (version === COMMITTED_BY) expect(readFileSync(built).equals(readFileSync(benchGuest))).toBe(true);
});
