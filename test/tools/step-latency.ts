// How long a step takes in Debian's kernel with its debug information, through the debug adapter and the worker, as an
// editor would do it: CPU time of the whole process from the request to `stopped`, and of what an editor asks then.
//
//   node test/tools/step-latency.ts [--steps N] [--slowest N]
//
// Half of the steps begin at start_kernel, half in a system call of a running system. A step over a call that
// executes millions of instructions takes their time, so the figures are also given for the other steps alone.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const THREAD = 257;
/** Steps that execute more are counted apart. */
const LONG = 100_000;
/** Milliseconds after which a step is given up: not every function returns. */
const PATIENCE = 20_000;
const INIT = `${MOUNTS}while :; do cat /proc/version >/dev/null; done\n`;

interface Measured {
  readonly command: string;
  readonly place: string;
  /** The innermost frame then. */
  readonly shown: string;
  /** Milliseconds of CPU. */
  readonly step: number;
  readonly refresh: number;
  readonly instructions: number;
}

async function measure(steps: number, slowest: number): Promise<void> {
  const files = await fetchDebian({ debugSymbols: true });
  if (files.vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: files.busybox, init: INIT });
  const client = new DirectClient(nodeHost(() => {}));
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    domains: [{ kernel: files.vmlinuz, ramdisk, cmdline: 'console=hvc0 cryptomgr.notests', memory: 256 }],
    symbols: files.vmlinux,
  } as Dap.LaunchRequestArguments);
  const measured: Measured[] = [];
  for (const place of ['start_kernel', 'do_sys_openat2']) {
    let shown = await runTo(client, place, measured.length === 0);
    const part: Measured[] = [];
    while (part.length < steps / 2) {
      // A program's last system call never comes back.
      if (shown.startsWith('0x')) shown = await runTo(client, place, false);
      const measure = await step(client, commandOf(part.length, shown.startsWith(place)), shown);
      shown = measure.shown;
      part.push(measure);
    }
    report(`from ${place}`, part, slowest);
    measured.push(...part);
  }
  report('all', measured, slowest);
  await client.send('disconnect', {});
}

/** Answers the innermost frame. */
async function runTo(client: DirectClient, place: string, isLaunch: boolean): Promise<string> {
  await client.send('setFunctionBreakpoints', { breakpoints: [{ name: place }] });
  const stopped = nextStop(client);
  if (isLaunch) await client.send('configurationDone', {});
  else await client.send('continue', { threadId: THREAD });
  lastInstructions = instructionsOf((await stopped).body.text);
  await client.send('setFunctionBreakpoints', { breakpoints: [] });
  return refresh(client);
}

/** Mostly over lines, now and then into and out of functions; not out of what may never return. */
function commandOf(n: number, isOutermost: boolean): 'next' | 'stepIn' | 'stepOut' {
  if (n % 25 === 24 && !isOutermost) return 'stepOut';
  return n % 5 === 4 ? 'stepIn' : 'next';
}

async function step(
  client: DirectClient,
  command: 'next' | 'stepIn' | 'stepOut',
  before: string,
): Promise<Measured> {
  const start = process.cpuUsage();
  const stop = nextStop(client);
  await client.send(command, { threadId: THREAD });
  const pause = setTimeout(() => void client.send('pause', { threadId: THREAD }), PATIENCE);
  const { body } = await stop;
  clearTimeout(pause);
  const stopped = process.cpuUsage(start);
  const shown = await refresh(client);
  const all = process.cpuUsage(start);
  const now = instructionsOf(body.text);
  const instructions = now - lastInstructions;
  lastInstructions = now;
  return {
    command,
    place: `${before} to ${shown}`,
    shown,
    step: milliseconds(stopped),
    refresh: milliseconds(all),
    instructions,
  };
}

let lastInstructions = 0;

const instructionsOf = (text: string | undefined): number => Number(/insn (\d+)/.exec(text ?? '')?.[1] ?? 0);

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

/** What an editor asks at a stop. Answers the innermost frame. */
async function refresh(client: DirectClient): Promise<string> {
  await client.send('threads', undefined as never);
  const top = await client.send('stackTrace', { threadId: THREAD, startFrame: 0, levels: 1 });
  await client.send('stackTrace', { threadId: THREAD, startFrame: 1, levels: 39 });
  const [frame] = top?.stackFrames ?? [];
  if (!frame) return 'nowhere';
  const scopes = await client.send('scopes', { frameId: frame.id });
  for (const { variablesReference, expensive } of scopes?.scopes ?? []) {
    if (!expensive) await client.send('variables', { variablesReference });
  }
  return frame.name;
}

async function nextStop(client: DirectClient): Promise<Dap.StoppedEvent> {
  return (await client.next(({ event }) => event === 'stopped')) as Dap.StoppedEvent;
}

function report(title: string, measured: readonly Measured[], slowest: number): void {
  const short = measured.filter(({ instructions }) => instructions <= LONG);
  console.log(`${title}: ${measured.length} steps, ${short.length} of them up to ${LONG} instructions`);
  for (const [name, list] of [
    ['all  ', measured],
    ['short', short],
  ] as const) {
    console.log(`  ${name} stopped ${percentiles(list.map((m) => m.step))}`);
    console.log(`  ${name} shown   ${percentiles(list.map((m) => m.refresh))}`);
  }
  const byTime = short.toSorted((a, b) => b.step - a.step).slice(0, slowest);
  const long = measured.filter(({ instructions }) => instructions > LONG);
  for (const { command, place, step: time, refresh: then, instructions } of [...byTime, ...long]) {
    const times = `${time.toFixed(1)} ms, ${then.toFixed(1)} ms`;
    console.log(`    ${times}: ${command} ${place}, ${instructions} instructions`);
  }
}

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2).padStart(7);
  return `p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  most ${at(1)} ms`;
}

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '500' }, slowest: { type: 'string', default: '5' } },
});
const folder = mkdtempSync(join(tmpdir(), 'xenscope-steps-'));
try {
  await measure(Number(values.steps), Number(values.slowest));
} finally {
  rmSync(folder, { recursive: true });
}
