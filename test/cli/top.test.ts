// `xenscope top` and `xenscope sched`: shares of virtual time of guests that share a physical CPU.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, scratchFolder } from './command-line.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');
const folder = scratchFolder();

/** The bundled guest under another name, with further keys. */
function config(name: string, more = ''): string {
  const text = readFileSync(join(SAMPLE, 'hello.cfg'), 'utf8')
    .replace(/^name.*$/m, `name = "${name}"`)
    .replace(/^kernel.*$/m, `kernel = "${join(SAMPLE, 'hello-xen.elf')}"`);
  return folder.file(`${name}.cfg`, `${text}\n${more}\n`);
}

const BOUND = ['--max-instructions', '3000000'];

test('top shows intervals of virtual time that follow each other, as lines of JSON too', async () => {
  const args = ['top', config('a'), config('b'), '--xen', 'maxcpus=1', '--interval', '1', ...BOUND];
  const { status, stdout } = await runCli(...args, '--json');
  expect(status).toBe(0);
  const intervals = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(intervals.length).toBeGreaterThan(1);
  for (const [index, { fromNanoseconds, toNanoseconds, cpus, domains }] of intervals.entries()) {
    expect(fromNanoseconds).toBe(index === 0 ? 0 : intervals[index - 1].toNanoseconds);
    expect(toNanoseconds).toBeGreaterThan(fromNanoseconds);
    const ran = domains.reduce((sum: number, domain: { ran: number }) => sum + domain.ran, 0);
    expect(ran).toBeCloseTo(cpus[0], 9);
  }
  const text = await runCli(...args);
  expect(text.stdout.split('\n')[1]).toBe('domain name        ran   waited');
  expect(text.stdout).toMatch(/^d2 +b +\d+\.\d % +\d+\.\d %$/m);
});

test('sched shows CPUs, pools and vCPUs as they are at the end', async () => {
  const args = [
    'sched',
    config('a', 'cpu_weight = 512'),
    config('b', 'cap = 30'),
    '--xen',
    'maxcpus=1',
    ...BOUND,
  ];
  const { status, stdout } = await runCli(...args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Pool-0 +credit2 +0/m);
  expect(stdout).toMatch(/weight 512/);
  expect(stdout).toMatch(/cap 30/);
  expect(JSON.parse((await runCli(...args, '--json')).stdout).vcpus).toHaveLength(2);
});

const HELLO = join(SAMPLE, 'hello.cfg');

test.each([
  [['--bare', 'x'], 'a bare machine has no scheduler'],
  [['x.cfg', '--interval', '0'], '--interval is 0'],
  [[HELLO, '--xen', 'sched=best'], "'sched=best' of Xen's command line is not understood"],
  [[HELLO, '--xen', 'maxcpus=many'], "'maxcpus=many' of Xen's command line is not understood"],
])('top %j is refused', async (args, message) => {
  const { status, stderr } = await runCli('top', ...args);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});
