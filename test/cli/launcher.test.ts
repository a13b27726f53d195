// The installed program under a Node that is too old for the emulator. The age is pretended: the launcher
// asks for nothing but the version.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildFolder } from '../tools/build.ts';

const OLD = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`;

function run(program: string, ...args: string[]) {
  return spawnSync(process.execPath, ['--import', OLD, program, ...args], { encoding: 'utf8' });
}

test("an older Node runs the program again under the repository's own", () => {
  const { status, stdout, stderr } = run(join(buildFolder, 'cli.js'), '--version');
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' });
});

test('the status of the program under the other Node is its own', () => {
  expect(run(join(buildFolder, 'cli.js'), 'no-such-command').status).toBe(2);
});

test('where there is no other Node, the message says which one it takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-launcher-'));
  try {
    copyFileSync(join(buildFolder, 'cli.js'), join(folder, 'cli.js'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const { status, stdout, stderr } = run(join(folder, 'cli.js'), '--version');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'xenscope: needs Node.js 22.15 or newer, and this is 20.20.2: install a newer one.\n',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
