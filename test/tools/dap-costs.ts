// What a user waits for, through the debug adapter and the worker.
//
//   node test/tools/dap-costs.ts [stops] [pauses] [requests] [--rounds N]
//
// stops: breakpoints that never stop, on a line of the bundled guest's `trouble busy`, which is reached a million times
// and calls a function of about 50 instructions; CPU time as a ratio to the run without one, the least of the rounds.
// pauses: from the request to `stopped`, of guests that spin on two vCPUs: two domains with the bundled guest's `trouble
// spin`, and Debian with two busy processes. requests: those that have a budget, with Debian's debug information.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { guestFolder } from './build-guest.ts';
import { fetchDebian } from './fetch-debian.ts';

const PROMPT = 'hello> ';
const THREAD = 257;
const PAUSES = 100;
const TIMES = 40;
const SPINNING = `${MOUNTS}while :; do :; done &\necho both are busy\nwhile :; do :; done\n`;

async function launched(args: Record<string, unknown>): Promise<DirectClient> {
  const client = new DirectClient(nodeHost(() => {}));
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', { sessions: 'single', ...args } as Dap.LaunchRequestArguments);
  return client;
}

/** What a domain prints from now on, up to this text. */
function printed(client: DirectClient, domain: number, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    const forget = client.listen(({ event, body }) => {
      const data = body as { domain: number; text: string };
      if (event !== 'xen/consoleData' || data.domain !== domain) return;
      text += data.text;
      if (!text.includes(wanted)) return;
      forget();
      resolve();
    });
  });
}

async function type(client: DirectClient, domain: number, line: string, wanted: string): Promise<void> {
  const answer = printed(client, domain, wanted);
  await client.send('xen/console', { domain, text: `${line}\n` });
  await answer;
}

/** Milliseconds. */
async function cpuOf(action: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2).padStart(6);
  return `p50 ${at(0.5)}  p95 ${at(0.95)}  most ${at(1)} ms`;
}

// ---------------------------------------------------------------- stops

const SOURCE = join(guestFolder, 'src/trouble.c');

const WAYS: Readonly<Record<string, Omit<Dap.SourceBreakpoint, 'line'> | undefined>> = {
  without: undefined,
  'n == -1': { condition: 'n == -1' },
  'hash.a == 0': { condition: 'hash.a == 0' },
  '$hit == -1': { condition: '$hit == -1' },
  'hit count >2000000': { hitCondition: '>2000000' },
  'hit count %2000000': { hitCondition: '%2000000' },
  'n >= 0, hit count 2000000': { condition: 'n >= 0', hitCondition: '2000000' },
};

async function stops(rounds: number): Promise<void> {
  const client = await launched({
    config: join(guestFolder, 'hello.cfg'),
    symbols: join(guestFolder, 'hello-xen.elf'),
    sourceMap: { '/hello-xen': guestFolder },
  });
  const prompt = printed(client, 1, PROMPT);
  await client.send('configurationDone', {});
  await prompt;
  const stopped = client
    .next(({ event }) => event === 'stopped')
    .then(() => {
      throw new Error('nothing was to stop');
    });
  const line =
    1 +
    readFileSync(SOURCE, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('mix(&hash'));
  const best = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, how] of Object.entries(WAYS)) {
      const breakpoints = how ? [{ line, ...how }] : [];
      const answer = await client.send('setBreakpoints', { source: { path: SOURCE }, breakpoints });
      if (answer?.breakpoints.some(({ verified }) => !verified)) throw new Error(`${name} does not bind`);
      const run = cpuOf(() => type(client, 1, 'trouble busy', PROMPT));
      const time = await Promise.race([run, stopped]);
      best.set(name, Math.min(best.get(name) ?? Infinity, time));
    }
  }
  const base = best.get('without') ?? Number.NaN;
  console.log('a million rounds of the bundled guest with a breakpoint that never stops, CPU:');
  for (const [name, time] of best) {
    console.log(`  ${name.padEnd(28)} ${time.toFixed(1).padStart(6)} ms  ratio ${(time / base).toFixed(2)}`);
  }
  await client.send('disconnect', {});
}

// ---------------------------------------------------------------- pauses

async function pauses(folder: string): Promise<void> {
  const kernel = join(guestFolder, 'hello-xen.elf');
  const two = ['front', 'back'].map((name) => ({ name, kernel, memory: 64 }));
  const bundled = await launched({ domains: two });
  const prompts = [1, 2].map((domain) => printed(bundled, domain, PROMPT));
  await bundled.send('configurationDone', {});
  await Promise.all(prompts);
  for (const domain of [1, 2]) await type(bundled, domain, 'trouble spin', 'for ever');
  await measurePauses('two domains of the bundled guest', bundled);

  const { vmlinuz, busybox } = await fetchDebian();
  const ramdisk = writeInitramfs(join(folder, 'spinning.cpio'), { busybox, init: SPINNING });
  const cmdline = 'console=hvc0 cryptomgr.notests';
  const linux = await launched({ domains: [{ kernel: vmlinuz, ramdisk, cmdline, memory: 256, vcpus: 2 }] });
  const busy = printed(linux, 1, 'both are busy');
  await linux.send('configurationDone', {});
  await busy;
  await measurePauses('Debian on two vCPUs', linux);
}

async function measurePauses(what: string, client: DirectClient): Promise<void> {
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let i = 0; i < PAUSES; i++) {
    // At another moment of a turn each time.
    await sleep(20 + (i % 17));
    const start = performance.now();
    cpus.push(
      await cpuOf(async () => {
        const stopped = client.next(({ event }) => event === 'stopped');
        await client.send('pause', { threadId: THREAD });
        await stopped;
      }),
    );
    walls.push(performance.now() - start);
    await client.send('continue', { threadId: THREAD });
  }
  console.log(`pause of ${what}, request to stopped: wall ${percentiles(walls)}; CPU ${percentiles(cpus)}`);
  await client.send('disconnect', {});
}

// ---------------------------------------------------------------- requests

async function requests(): Promise<void> {
  const { vmlinuz, vmlinux } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const domains = [{ kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 }];
  const client = await launched({ domains, symbols: vmlinux, stopOnEntry: 'start_kernel' });
  const stopped = client.next(({ event }) => event === 'stopped');
  await client.send('configurationDone', {});
  await stopped;
  const top = await client.send('stackTrace', { threadId: THREAD, levels: 1 });
  const [frame] = top?.stackFrames ?? [];
  const source = frame?.source;
  const memoryReference = frame?.instructionPointerReference;
  if (!source || memoryReference === undefined) throw new Error('the first stop has no source');

  const lines = Array.from({ length: 100 }, (_, i) => ({ line: 600 + 3 * i }));
  const asked: Readonly<Record<string, (time: number) => Promise<unknown>>> = {
    '100 breakpoints set': (time) =>
      client.send('setBreakpoints', {
        source,
        breakpoints: lines.map(({ line }) => ({ line: line + (time % 2) })),
      }),
    '4 KB read': (time) => client.send('readMemory', { memoryReference, offset: 4096 * time, count: 4096 }),
    '400 instructions disassembled': (time) =>
      client.send('disassemble', {
        memoryReference,
        instructionOffset: 400 * time - 200,
        instructionCount: 400,
        resolveSymbols: true,
      }),
  };
  for (const [name, ask] of Object.entries(asked)) {
    for (const again of ['', ', again']) {
      const walls: number[] = [];
      const cpus: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        const start = performance.now();
        cpus.push(
          await cpuOf(async () => {
            await ask(time);
          }),
        );
        walls.push(performance.now() - start);
      }
      console.log(`${name}${again}: wall ${percentiles(walls)}; CPU ${percentiles(cpus)}`);
    }
  }
  await client.send('disconnect', {});
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
});
const wants = (what: string): boolean => positionals.length === 0 || positionals.includes(what);
const folder = mkdtempSync(join(tmpdir(), 'xenscope-dap-'));
try {
  if (wants('stops')) await stops(Number(values.rounds));
  if (wants('pauses')) await pauses(folder);
  if (wants('requests')) await requests();
} finally {
  rmSync(folder, { recursive: true });
}
