// Every workload of `xenscope bench` through the command line, with next to no work. Figures are not looked at.

import { expect, test } from 'vitest';
import { qemuVersion } from '../../debug-adapter/node/bench/processes.ts';
import { WORKLOADS } from '../../debug-adapter/node/bench/workloads.ts';
import { external, testWith } from '../tools/external.ts';
import { runCli } from './command-line.ts';

const LEAST = ['--pairs', '1', '--scale', '0.0001', '--json'];
/** Median, least and greatest. */
const FIGURES = { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) };

const qemu = await external('qemu-system-aarch64', qemuVersion);

test('every workload runs, alone', async () => {
  const { status, stdout, stderr } = await runCli('bench', '--no-qemu', ...LEAST);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { results, geometricMeans } = JSON.parse(stdout);
  expect(results.map(({ name }: { name: string }) => name)).toEqual(WORKLOADS.map(({ name }) => name));
  for (const result of results) {
    expect(result.answer).toMatch(/^2:[0-9a-f]{16}$/);
    expect(result.ours).toEqual(FIGURES);
  }
  expect(geometricMeans).toEqual({});
});

testWith([qemu], 'QEMU comes to the same checksums', async (version: string) => {
  const bare = WORKLOADS.filter(({ setting }) => setting === 'bare').map(({ name }) => name);
  const { status, stdout, stderr } = await runCli('bench', ...bare, ...LEAST);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { host, results } = JSON.parse(stdout);
  expect(host.qemu).toBe(version);
  expect(results).toHaveLength(bare.length);
  for (const result of results)
    expect(result).toMatchObject({ ours: FIGURES, qemu: FIGURES, speed: FIGURES });
});
