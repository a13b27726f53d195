// Whole processes and the processor time they take.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../../emulator/base/errors.ts';

export const QEMU = 'qemu-system-aarch64';

export interface ProcessResult {
  /** Of the process and all its threads, user and system. */
  readonly cpuSeconds: number;
  readonly output: string;
  readonly errors: string;
  readonly status: number;
}

/** Runs a program to its end. Its time is what the shell's `times` tells of children. */
export const measureProcess = (command: readonly string[]): ProcessResult =>
  measureScript('"$@" </dev/null; status=$?; times >&3; exit $status', command, {});

/**
 * As measureProcess() for a program that would go on: it is ended at the first line of its output that matches, an
 * extended regular expression of sed. The status is 0 also when there was none.
 */
export function measureUntil(line: string, command: readonly string[]): ProcessResult {
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-bench-'));
  const script =
    'mkfifo "$PIPE"; "$@" </dev/null >"$PIPE" & sed -u -E "/$LINE/q" <"$PIPE"; kill $!; wait $!; times >&3; exit 0';
  try {
    return measureScript(script, command, { LINE: line, PIPE: join(folder, 'output') });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measureScript(
  script: string,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): ProcessResult {
  const { stdout, stderr, output, status } = spawnSync('sh', ['-c', script, 'sh', ...command], {
    encoding: 'utf8',
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
  const [, children = ''] = (output[3] ?? '').trim().split('\n');
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  const cpuSeconds = parts.reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0);
  return { cpuSeconds, output: stdout.replaceAll('\r', ''), errors: stderr, status: status ?? 1 };
}

/** QEMU's version, such as `7.2.22`; undefined where it is not installed. */
export function qemuVersion(): string | undefined {
  const { stdout, status } = spawnSync(QEMU, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/version (\S+)/.exec(stdout)?.[1] ?? 'unknown') : undefined;
}

/** The command line of this program: the bundle, or the sources where they are run as they are. */
export function ourProgram(here: string = import.meta.dirname): string[] {
  const program = ['cli.js', '../cli.ts'].map((name) => join(here, name)).find(existsSync);
  if (program === undefined) throw new UserError('the command line is not there', 'Run `npm run build`.');
  return [process.execPath, program];
}
