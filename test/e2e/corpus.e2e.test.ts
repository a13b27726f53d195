// Instruction cases recorded under QEMU: through `xenscope cases`, and from inside, by an Image that
// runs them at EL0 behind the MMU and judges for itself.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { featureSet } from '../../emulator/cpu/features.ts';
import { folder, run } from './console.ts';

const cli = join(import.meta.dirname, '../../debug-adapter/node/cli.ts');
const corpus = join(import.meta.dirname, 'corpus');
const image = join(corpus, 'selfcheck.Image.gz');

const features = gunzipSync(readFileSync(join(corpus, 'cases.jsonl.gz')))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { feat: string }).feat.split('+'));

/** What the Cortex-A53 has of the extensions that cases name. */
const A53 = ['base', 'aes', 'crc32', 'pmull', 'sha1', 'sha256'];

async function cases(cpu: string): Promise<Record<string, number>> {
  const args = [cli, 'cases', '--cpu', cpu, join(corpus, 'cases.jsonl.gz')];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const lines = stdout.trimEnd().split('\n');
  // A line for each mismatch comes before the total.
  expect(lines.slice(0, -1)).toEqual([]);
  return JSON.parse(lines.at(-1) ?? '');
}

test('the core with every feature does what every case says', async () => {
  expect(features.length).toBeGreaterThan(2500);
  expect(await cases('max')).toEqual({ cases: features.length, ok: features.length, bad: 0, skipped: 0 });
});

test('the default core does what the cases of its features say', async () => {
  expect(featureSet('a53').has('FEAT_SHA256') && !featureSet('a53').has('FEAT_LSE')).toBe(true);
  const ok = features.filter((names) => names.every((name) => A53.includes(name))).length;
  expect(await cases('a53')).toEqual({ cases: features.length, ok, bad: 0, skipped: features.length - ok });
});

for (const [machine, verdict] of [
  ['cpu=max,el=1', 'RESULT: PASS 1560 ok 0 bad 0 unsupported'],
  ['cpu=max,el=2', 'RESULT: PASS 1560 ok 0 bad 0 unsupported'],
  ['cpu=max,el=2,gic=2,cpus=2', 'RESULT: PASS 1560 ok 0 bad 0 unsupported'],
  ['cpu=a53,el=1', ' ok 0 bad '],
] as const) {
  test(`the self-checking Image on ${machine}`, async () => {
    const { status, console } = await run(['--bare', image, '--machine', machine]);
    expect(console.trimEnd().split('\n').at(-1)).toContain(verdict);
    expect(console).not.toContain('FAIL');
    expect(status).toBe(0);
  });
}

for (const gic of [2, 3]) {
  test(`the self-checking Image as a domU on GICv${gic}`, async () => {
    const config = join(folder, `selfcheck-${gic}.cfg`);
    const lines = ['name = "selfcheck"', `kernel = "${image}"`, 'memory = 64', `gic_version = "v${gic}"`];
    writeFileSync(config, [...lines, 'vuart = "sbsa_uart"', ''].join('\n'));
    const { status, console } = await run([config, '--cpu', 'max']);
    expect(console.trimEnd().split('\n').at(-1)).toBe('RESULT: PASS 1560 ok 0 bad 0 unsupported');
    expect(status).toBe(0);
  });
}
