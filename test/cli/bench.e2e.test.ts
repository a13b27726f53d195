// Every workload of `xenscope bench` through the command line, with next to no work. Figures are not looked at.

import { expect, test } from 'vitest';
import { WORKLOADS } from '../../debug-adapter/node/bench/workloads.ts';
import { runCli } from './command-line.ts';

const LEAST = ['--pairs', '1', '--scale', '0.0001', '--json'];
/** Median, least and greatest. */
const FIGURES = { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) };

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
