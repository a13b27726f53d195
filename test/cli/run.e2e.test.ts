// `xenscope run` as a program: what comes out, when it ends, and with which status.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLI, hostileImage, runCliProcess, scratchFolder } from './command-line.ts';

const scratch = scratchFolder();
const ROOT = join(import.meta.dirname, '../..');
const HELLO = join(ROOT, 'media/samples/hello-xen/hello.cfg');
const flood = scratch.file('flood', hostileImage('console_flood'));
const masked = scratch.file('masked', hostileImage('masked_loop'));
const storm = scratch.file('storm', hostileImage('hvc_storm'));
const waiting = scratch.file('waiting', hostileImage('wfi_for_ever'));
const off = scratch.file('off', hostileImage('power_off_loop'));
const lost = scratch.file('lost', hostileImage('jump_to_nowhere'));

test('the bundled guest answers what is typed, and powers itself off', async () => {
  const stats = join(scratch.path, 'stats.json');
  const script = ['--until', 'hello> ', '--type', 'poweroff\\n', '--until', 'poweroff'];
  const { status, stdout } = await runCliProcess(['run', HELLO, ...script, '--stats', stats]);
  expect(status).toBe(0);
  expect(stdout).toContain('hello> poweroff');
  const figures = JSON.parse(readFileSync(stats, 'utf8')) as Record<string, unknown>;
  // `translator` is there when it is on.
  expect(Object.keys(figures).filter((key) => key !== 'translator')).toEqual([
    'instructions',
    'virtualNanoseconds',
    'wallSeconds',
    'cpuSeconds',
    'residentBytes',
    'stateHash',
    'touchedBytes',
    'exits',
    'accesses',
    'exceptions',
    'exceptionReturns',
    'mmu',
  ]);
  expect(figures['stateHash']).toMatch(/^[0-9a-f]{32}$/);
});

test('a text that never comes', async () => {
  const { status, stderr } = await runCliProcess([
    'run',
    HELLO,
    '--until',
    'hello> ',
    '--type',
    'poweroff\\n',
    '--until',
    'no such text',
  ]);
  expect(status).toBe(1);
  expect(stderr).toContain("the guest ended (poweroff) before it printed 'no such text'");
});

test.each([
  ['without a script, a guest that powers itself off is a success', off, 0, ''],
  ['a guest that waits for nothing is a failure', waiting, 1, 'every CPU is off or waits for an interrupt'],
  ['a guest in an endless exception is a failure', lost, 1, 'the exception vector of the guest at 0x200'],
])('%s', async (_title, kernel, wanted, message) => {
  const { status, stderr } = await runCliProcess(['run', '--bare', kernel]);
  expect(status).toBe(wanted);
  expect(stderr).toContain(message);
});

test.each([
  ['that loops with interrupts masked', masked],
  ['that calls the firmware without end', storm],
  ['that prints without end', flood],
])('--max-seconds ends a guest %s', async (_title, kernel) => {
  const start = performance.now();
  const { status, stderr } = await runCliProcess(['run', '--bare', kernel, '--max-seconds', '1']);
  expect(status).toBe(1);
  expect(stderr).toBe('xenscope: the time is up\n');
  expect(performance.now() - start).toBeLessThan(15_000);
});

test('a pipe gets every byte, however slowly it is read', async () => {
  const instructions = 6_000_002;
  const bytes = (instructions - 2 - 1) / 2;
  const args = ['run', '--bare', flood, '--max-instructions', String(instructions)];
  const { stdout } = await runCliProcess(args);
  // The Image's own branch is one instruction, two set up, then a byte for every other one.
  expect(stdout).toBe('#'.repeat(Math.ceil(bytes)));

  const [program, ...first] = CLI;
  const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let received = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    received += chunk.length;
    child.stdout.pause();
    setTimeout(() => child.stdout.resume(), 2);
  });
  await new Promise((resolve) => child.on('close', resolve));
  expect(received).toBe(stdout.length);
});

test('a reader that goes away ends the run', async () => {
  const [program, ...first] = CLI;
  const child = spawn(program, [...first, 'run', '--bare', flood], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdout.once('data', () => child.stdout.destroy());
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'xenscope: nobody reads the output any more\n',
  });
});

test('the installed program runs itself again where Node is too old', async () => {
  const installed = join(ROOT, 'dist/cli.js');
  expect(existsSync(installed), 'dist/cli.js: npm run build').toBe(true);
  // This Node claims to be an older one.
  const old = scratch.file(
    'old.mjs',
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });",
  );
  const run = (program: string): Promise<{ status: number | null; stderr: string }> =>
    new Promise((resolve) => {
      const args = ['--import', old, program, '--help'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
      child.on('close', (status) => resolve({ status, stderr }));
    });
  expect(await run(installed)).toEqual({ status: 0, stderr: '' });
  const alone = scratch.file('alone.mjs', readFileSync(installed));
  expect(await run(alone)).toEqual({
    status: 2,
    stderr: 'xenscope: needs Node.js 22.15 or newer, and this is 20.0.0: install a newer one.\n',
  });
});
