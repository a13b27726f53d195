// `xenscope run` in a terminal, played by util-linux's `script`: keys pass through, one of them leaves, the
// terminal is as before afterwards, and a guest that idles costs next to nothing.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { external, testWith } from '../tools/external.ts';
import { CLI } from './command-line.ts';

const HELLO = join(import.meta.dirname, '../../media/samples/hello-xen/hello.cfg');
const CTRL_C = '\x03';
const ESCAPE = '\x1d';
/** Of the processor time of one core. */
const IDLE_SHARE = 0.05;

const terminal = await external("util-linux's script", () => {
  // The one of BSD takes other arguments.
  return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux') || undefined;
});

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

class Terminal {
  text = '';
  readonly ended: Promise<number | null>;

  /** A shell says its process id, runs the guest, and tells how it left the terminal. */
  constructor() {
    const guest = [...CLI, 'run', HELLO].map((part) => `'${part}'`).join(' ');
    const shell = `sh -c 'echo pid $$ pid; exec "$@"' sh ${guest}; echo status $?; stty -a; echo over`;
    const script = spawn('script', ['-qec', shell, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    script.stdout.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
    this.ended = new Promise((resolve) => script.on('close', resolve));
    child = script;
  }

  type(keys: string): void {
    child?.stdin?.write(keys);
  }

  /** Waits for a text behind what was seen before. */
  async until(text: string): Promise<string> {
    const deadline = performance.now() + 60_000;
    while (!this.text.includes(text)) {
      if (performance.now() > deadline) throw new Error(`'${text}' did not come, but: ${this.text}`);
      await sleep(20);
    }
    const seen = this.text;
    this.text = seen.slice(seen.indexOf(text) + text.length);
    return seen;
  }
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Seconds of processor time of a process: utime and stime of proc(5). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const isRestored = (stty: string): boolean => /(?<!-)\bicanon\b/.test(stty) && /(?<!-)\becho\b/.test(stty);

testWith([terminal], 'keys go to the guest, and Ctrl-] leaves', async () => {
  const screen = new Terminal();
  expect(await screen.until('hello> ')).toContain('press Ctrl-] to leave the console');
  screen.type('echo this\r');
  await screen.until('\nthis');
  await screen.until('hello> ');
  // Ctrl-C is a key like others.
  screen.type(`${CTRL_C}\r`);
  await screen.until('hello> ');
  screen.type(ESCAPE);
  const rest = await screen.until('over');
  expect(rest).toContain('the console was left while the guest was running');
  expect(rest).toContain('status 1');
  expect(isRestored(rest)).toBe(true);
  await screen.ended;
});

testWith([terminal], 'a guest that powers itself off gives the terminal back', async () => {
  const screen = new Terminal();
  await screen.until('hello> ');
  screen.type('poweroff\r');
  const rest = await screen.until('over');
  expect(rest).toContain('status 0');
  expect(isRestored(rest)).toBe(true);
  await screen.ended;
});

testWith([terminal], 'an idle guest costs little, and a signal restores the terminal', async () => {
  const screen = new Terminal();
  const pid = Number(/pid (\d+) pid/.exec(await screen.until('hello> '))?.[1]);
  // Start-up costs more, and others may be using this computer: one quiet window is enough.
  let share = 1;
  for (let window = 0; window < 4 && share >= IDLE_SHARE; window++) {
    const [cpu, wall] = [cpuSeconds(pid), performance.now()];
    await sleep(3000);
    share = (cpuSeconds(pid) - cpu) / ((performance.now() - wall) / 1000);
  }
  expect(share).toBeLessThan(IDLE_SHARE);

  process.kill(pid, 'SIGINT');
  const rest = await screen.until('over');
  expect(rest).toContain('status 130');
  expect(isRestored(rest)).toBe(true);
  await screen.ended;
});
