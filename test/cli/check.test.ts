// `xenscope check`: findings as text and as JSON, and what they mean for the exit status.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, scratchFolder } from './command-line.ts';

const scratch = scratchFolder();
const { file } = scratch;

file('kernel', 'a kernel');
const GOOD = 'name = "a"\nkernel = "kernel"\nmemory = 64\n';
const good = file('good.cfg', GOOD);
const warned = file('warned.cfg', `${GOOD}memroy = 1\nnomigrate = 1\n`);
const wrong = file('wrong.cfg', `${GOOD}vcpus = 9\ngic_version = "v2"\n`);
const missing = file('missing.cfg', 'name = "a"\nkernel = "gone"\nmemory = 64\n');

test('a good file is silent and succeeds', async () => {
  expect(await runCli('check', good)).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('findings are written as compilers write them; only errors make it fail', async () => {
  const { status, stdout, stderr } = await runCli('check', good, warned);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    `${warned}:4:1: warning: 'memroy' is not a key of xl.cfg, and xl drops it. Did you mean 'memory'? [unknown-key]`,
    `${warned}:5:1: hint: 'nomigrate' has no effect in Xenscope: domains do not migrate. Nothing is wrong for Xen. [without-effect]`,
    '',
  ]);
  const failed = await runCli('check', warned, wrong);
  expect(failed.status).toBe(1);
  expect(failed.stdout.split('\n').slice(2)).toEqual([
    `${wrong}:4:9: error: 'vcpus' is 9, and GICv2 serves 8. Give fewer, or set gic_version = "v3". [impossible-vcpus]`,
    `${wrong}:5:15: note: the version of the interrupt controller`,
    '',
  ]);
});

test('as JSON, every file has its findings', async () => {
  const { status, stdout } = await runCli('check', '--json', good, wrong);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toEqual([
    { file: good, findings: [] },
    {
      file: wrong,
      findings: [
        {
          code: 'impossible-vcpus',
          severity: 'error',
          line: 4,
          column: 9,
          endLine: 4,
          endColumn: 10,
          message: "'vcpus' is 9, and GICv2 serves 8",
          hint: 'Give fewer, or set gic_version = "v3".',
          related: [{ line: 5, column: 15, message: 'the version of the interrupt controller' }],
        },
      ],
    },
  ]);
});

test('files that are named are looked for, unless that is not wanted', async () => {
  const { status, stdout } = await runCli('check', missing);
  expect(status).toBe(1);
  expect(stdout).toContain(`${missing}:2:10: error: 'gone' (kernel) is not there. `);
  expect(await runCli('check', '--no-files', missing)).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('what is no xl.cfg is refused, and nothing written', async () => {
  const folder = join(scratch.path, 'folder');
  mkdirSync(folder);
  const refused: [string, RegExp][] = [
    [join(scratch.path, 'nowhere'), /nowhere: cannot be read: no such file/],
    [folder, /folder: cannot be read: it is not a file/],
    [file('binary.cfg', new Uint8Array([0x7f, 0x45, 0, 0])), /binary\.cfg: this is not a text file/],
    [file('tree.dts', '/dts-v1/;\n/ { };\n'), /tree\.dts: this is a device tree, not an xl\.cfg file/],
    [file('large.cfg', '#'.repeat((1 << 20) + 1)), /large\.cfg: is larger than an xl\.cfg file can be/],
  ];
  for (const [path, message] of refused) {
    const { status, stdout, stderr } = await runCli('check', wrong, path);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^xenscope: [^\n]+\n$/);
  }
  expect(await runCli('check')).toMatchObject({ status: 2 });
  expect(await runCli('check', '--nonsense', good)).toMatchObject({ status: 2 });
});

test('what stands in a file does not drive the terminal', async () => {
  const { stdout } = await runCli('check', file('escape.cfg', `${GOOD}on_crash = "\x1b[31mred\x07"\n`));
  expect(stdout).toContain("'on_crash' cannot be '");
  expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
});
