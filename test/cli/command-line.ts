// The command line from a test: in this process for what ends soon, as a program of its own for the rest.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import { runProgram } from '../../debug-adapter/node/program.ts';
import { codeOf } from '../emulator/machine/hostile/hostile-guests.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** In this process. */
export async function runCli(...args: readonly string[]): Promise<Result> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      text[name] += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      return true;
    }),
  );
  try {
    return { status: await runProgram(args), ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** As a program, run from its sources. */
export const CLI = [process.execPath, join(ROOT, 'debug-adapter/node/cli.ts')] as const;

/** As a program of its own; `input` goes to its stdin. */
export function runCliProcess(args: readonly string[]): Promise<Result> {
  const [program, ...first] = CLI;
  const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, ...text })));
}

/** A directory of this test file, and a way to put files into it. */
export function scratchFolder(): {
  readonly path: string;
  file(name: string, content: string | Uint8Array): string;
} {
  const path = mkdtempSync(join(tmpdir(), 'xenscope-cli-'));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    file: (name, content) => {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
  };
}

const IMAGE_HEADER_SIZE = 64;

/** An arm64 Image (Linux, booting.rst) of code that may stand anywhere. */
export function imageOf(code: Uint8Array): Uint8Array {
  const image = new Uint8Array(IMAGE_HEADER_SIZE + code.length);
  const view = new DataView(image.buffer);
  // B to the code behind the header.
  view.setUint32(0, 0x14000000 | (IMAGE_HEADER_SIZE >> 2), true);
  view.setBigUint64(16, BigInt(image.length), true);
  view.setUint32(56, 0x644d5241, true);
  image.set(code, IMAGE_HEADER_SIZE);
  return image;
}

/** One of the hostile guests as a kernel file. */
export const hostileImage = (name: string): Uint8Array => imageOf(codeOf(name));
