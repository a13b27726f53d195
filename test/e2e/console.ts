// Runs of the command line, as people start them.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const cli = join(import.meta.dirname, '../../debug-adapter/node/cli.ts');

/** Files of one test file; gone when it ends. */
export const folder = mkdtempSync(join(tmpdir(), 'xenscope-e2e-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export interface Figures {
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  readonly cpuSeconds: number;
  readonly stateHash: string;
}

export interface Run {
  readonly status: number;
  /** The guest's console, without carriage returns. */
  readonly console: string;
  readonly errors: string;
  readonly figures: Figures;
}

let runs = 0;

/** `xenscope run …` with the Node of the tests, or another. */
export async function run(args: readonly string[], node = process.execPath): Promise<Run> {
  const statistics = join(folder, `figures-${runs++}.json`);
  const child = spawn(node, [cli, 'run', ...args, '--stats', statistics, '--max-seconds', '120'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const status = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  let figures: Figures;
  try {
    figures = JSON.parse(readFileSync(statistics, 'utf8')) as Figures;
  } catch {
    throw new Error(`the run ended with status ${status} before it began:\n${errors}`);
  }
  return { status, console: output.replaceAll('\r', ''), errors, figures };
}
