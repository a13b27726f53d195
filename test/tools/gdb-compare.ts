// Call stacks of the debug adapter against those of gdb, at the very same stops of Debian's kernel: gdb looks at the
// machine of the debug session through our GDB remote server.
//
//   node test/tools/gdb-compare.ts [--stops N] [--seed N] [--mean INSTRUCTIONS] [--show N]
//
// gdb has no way through an exception: its stack ends there, and ours is compared that far. Functions are compared
// by name, inlined ones included, and places by file and line. Where both differ, llvm-symbolizer is asked.

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { GdbMachine } from '../../debug-adapter/gdb/machine.ts';
import { GdbServer } from '../../debug-adapter/gdb/server.ts';
import type { MachineClient } from '../../debug-adapter/machine/machine-client.ts';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { startWorkerMachine } from '../../debug-adapter/node/worker-host.ts';
import type {
  MachineConfig,
  MachineEventSink,
  MachineInfo,
  MachineRequestName,
  MachineRequests,
} from '../../emulator/machine/messages.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const THREAD = 257;
const INIT = `${MOUNTS}while :; do
  ls -lR /proc/1 >/dev/null 2>&1; cat /proc/meminfo /proc/interrupts >/tmp/x; sort /tmp/x | gzip >/tmp/y; rm /tmp/x
done\n`;
/** Frames that are compared. */
const DEPTH = 40;
/** How many inlined functions may begin at one place. */
const NESTED = Array.from({ length: 12 }, (_, i) => i);

interface Place {
  readonly name: string;
  /** `file.c:12`; empty where no line is known. */
  readonly line: string;
  /** Of our frames: where its code is, for a third opinion. */
  readonly lookup?: bigint;
}

interface Compared {
  readonly ours: readonly Place[];
  readonly gdb: readonly Place[];
  /** Index of the first frame that differs; undefined: none does. */
  readonly name: number | undefined;
  readonly line: number | undefined;
}

// ---------------------------------------------------------------- the machine of both

/** What `run` means here: so many instructions, and a pause. */
class SharedMachine implements MachineClient {
  onEvent: MachineEventSink = () => {};
  info: MachineInfo = { domains: [] };
  readonly inner: MachineClient;
  private readonly instructions: () => number;

  constructor(inner: MachineClient, instructions: () => number) {
    this.inner = inner;
    this.instructions = instructions;
    inner.onEvent = (event) => {
      const isStep = event.event === 'stopped' && event.body.reason === 'step';
      this.onEvent(isStep ? { event: 'stopped', body: { ...event.body, reason: 'pause' } } : event);
    };
  }

  get changes(): number {
    return this.inner.changes;
  }

  async request<Name extends MachineRequestName>(
    name: Name,
    args: MachineRequests[Name]['arguments'],
  ): Promise<MachineRequests[Name]['result']> {
    if (name === 'run') {
      const count = this.instructions();
      await this.inner.request('step', { vcpu: { domain: 1, vcpu: 0 }, count });
      return undefined as MachineRequests[Name]['result'];
    }
    const result = await this.inner.request(name, args);
    if (name === 'create') this.info = result as MachineInfo;
    return result;
  }

  dispose(): void {
    this.inner.dispose();
  }

  /** For gdb: it looks, and changes nothing. */
  reader(): MachineClient {
    const { inner } = this;
    return {
      get changes() {
        return inner.changes;
      },
      onEvent: () => {},
      dispose: () => {},
      request: (name, args) => {
        const isRead = ['vcpus', 'readRegisters', 'readMemory', 'statistics', 'translate'].includes(name);
        if (isRead) return this.inner.request(name, args);
        const answer = name === 'create' ? this.info : undefined;
        return Promise.resolve(answer as MachineRequests[typeof name]['result']);
      },
    };
  }
}

async function serveGdb(machine: MachineClient): Promise<{ readonly port: number; close(): void }> {
  const gdbMachine = await GdbMachine.start(machine, {
    config: { cpu: 'a53', seed: 0 } satisfies MachineConfig,
    loadTargets: async () => [],
    symbolFiles: [],
    onStop: () => {},
    onEvent: () => {},
  });
  const server = new GdbServer(gdbMachine, { once: true });
  const listening = createServer((socket) => {
    const connection = server.connect({
      write: (bytes) => void socket.write(bytes),
      close: () => socket.destroySoon(),
      bug: (error) => console.error(error),
    });
    socket.on('data', (chunk: Uint8Array) => {
      // The machine has run behind the server's back.
      gdbMachine.debuggee.forgetRegisters();
      connection?.receive(chunk);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return { port: (listening.address() as AddressInfo).port, close: () => void listening.close() };
}

// ---------------------------------------------------------------- gdb

class Gdb {
  private readonly process: ChildProcessWithoutNullStreams;
  private text = '';
  private wake: () => void = () => {};

  constructor(vmlinux: string) {
    this.process = spawn('gdb-multiarch', ['-nx', '-q', vmlinux]);
    this.process.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
      this.wake();
    });
    this.process.stderr.resume();
  }

  /** What these lines print. */
  async run(...lines: readonly string[]): Promise<string> {
    this.text = '';
    this.process.stdin.write(`${lines.join('\n')}\necho \\n@done\\n\n`);
    while (!this.text.includes('\n@done\n')) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.text.slice(0, this.text.indexOf('\n@done\n')).replaceAll('(gdb) ', '');
  }

  end(): void {
    this.process.kill();
  }
}

/** Of `#1  0x1234 in name (arguments…) at dir/file.c:12`. */
function gdbPlaces(text: string): Place[] {
  return [...text.matchAll(/^#\d+ +(?:0x[0-9a-f]+ in )?(\S+) \((.*)$/gm)].map(([, name = '', rest = '']) => ({
    name: plain(name),
    line: placeOf(/ at (\S+:\d+)$/.exec(rest)?.[1] ?? ''),
  }));
}

/** Compilers make copies of functions, which debug information knows by the name of the source. */
const plain = (name: string): string => name.replace(/\.(?:constprop|isra|part|cold).*$/, '');

const placeOf = (path: string): string => path.split('/').at(-1) ?? '';

// ---------------------------------------------------------------- the adapter

/** Up to the first exception. */
function ourPlaces(frames: readonly Dap.StackFrame[]): Place[] {
  const end = frames.findIndex(({ presentationHint }) => presentationHint === 'label');
  const innermost = pcOf(frames[0]);
  return frames.slice(0, end < 0 ? frames.length : end).map((frame) => {
    const { name, source, line } = frame;
    const place = source?.origin === undefined ? `${source?.path ?? ''}:${line}` : source.origin;
    const pc = pcOf(frame);
    return {
      name: plain(name.replace(/ \[inlined\]$|\+0x[0-9a-f]+$/, '')),
      line: placeOf(place).replace('disassembly', ''),
      // Behind a call lies what is returned to.
      lookup: pc === innermost ? pc : pc - 1n,
    };
  });
}

const pcOf = (frame: Dap.StackFrame | undefined): bigint =>
  BigInt(/0x[0-9a-f]+$/.exec(frame?.instructionPointerReference ?? '')?.[0] ?? 0);

function compare(ours: readonly Place[], theirs: readonly Place[], isCut: boolean): Compared {
  const length = isCut ? ours.length : Math.max(ours.length, theirs.length);
  const differs = (key: keyof Place): number | undefined => {
    for (let i = 0; i < Math.min(length, DEPTH); i++) if (ours[i]?.[key] !== theirs[i]?.[key]) return i;
    return undefined;
  };
  return { ours, gdb: theirs, name: differs('name'), line: differs('line') };
}

/**
 * Where an inlined function is about to begin, gdb shows its caller after a step or an interrupt, and the function
 * when it looks anew; we show the caller. So a stack may be that of gdb without its first inlined functions.
 */
function closest(ours: readonly Place[], theirs: readonly Place[], isCut: boolean): Compared {
  const all = NESTED.map((hidden) => compare(ours, theirs.slice(hidden), isCut));
  const [first] = all;
  return all.find(({ name }) => name === undefined) ?? (first as Compared);
}

// ---------------------------------------------------------------- the run

async function run(stops: number, seed: number, mean: number, show: number): Promise<void> {
  const files = await fetchDebian({ debugSymbols: true });
  if (files.vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: files.busybox, init: INIT });
  const random = randomNumbers(seed);
  const shared = new SharedMachine(
    await startWorkerMachine(ADAPTER),
    () => 1 + Math.floor(2 * mean * random()),
  );
  const client = new DirectClient({ ...nodeHost(() => {}), startMachine: async () => shared });
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    domains: [{ kernel: files.vmlinuz, ramdisk, cmdline: 'console=hvc0 cryptomgr.notests', memory: 256 }],
    symbols: files.vmlinux,
  } as Dap.LaunchRequestArguments);
  const server = await serveGdb(shared.reader());
  const gdb = new Gdb(files.vmlinux);
  await gdb.run('set pagination off', 'set width 0', `target remote 127.0.0.1:${server.port}`);

  const all: Compared[] = [];
  let skipped = 0;
  let alone = 0;
  for (let i = 0; all.length < stops; i++) {
    const stopped = client.next(({ event }) => event === 'stopped');
    if (i === 0) await client.send('configurationDone', {});
    else await client.send('continue', { threadId: THREAD });
    await stopped;
    const answer = await client.send('stackTrace', { threadId: THREAD, levels: DEPTH });
    const frames = answer?.stackFrames ?? [];
    const ours = ourPlaces(frames);
    // Programs have no symbols here, and nothing to compare.
    if (ours[0] === undefined || ours[0].name.startsWith('0x')) {
      skipped++;
      continue;
    }
    const text = await gdb.run(
      'maintenance flush register-cache',
      'maintenance flush dcache',
      `backtrace ${DEPTH}`,
    );
    const isCut = frames.some(({ presentationHint }) => presentationHint === 'label');
    const theirs = gdbPlaces(text);
    if (theirs[0]?.name === '??') alone++;
    else all.push(closest(ours, theirs, isCut));
  }
  report(all, { skipped, alone }, show, files.vmlinux);
  gdb.end();
  server.close();
  await client.send('disconnect', {});
}

/** Park and Miller's generator, from 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function report(
  all: readonly Compared[],
  { skipped, alone }: { readonly skipped: number; readonly alone: number },
  show: number,
  vmlinux: string,
): void {
  const same = all.filter(({ name }) => name === undefined);
  const sameLines = same.filter(({ line }) => line === undefined);
  const frames = all.reduce((sum, { ours }) => sum + ours.length, 0);
  const sameFrames = all.reduce((sum, { ours, name }) => sum + (name ?? ours.length), 0);
  const percent = (part: number, whole: number): string =>
    `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
  console.log(`stacks with the same functions: ${percent(same.length, all.length)}`);
  console.log(`  with the same lines as well:  ${percent(sameLines.length, all.length)}`);
  console.log(`frames before the first difference: ${percent(sameFrames, frames)}`);
  console.log(`stops in programs without symbols, not compared: ${skipped}`);
  console.log(`stops before the MMU is on, of which gdb knows nothing: ${alone}`);
  const different = all.filter(({ name, line }) => (name ?? line) !== undefined);
  const opinions = different.map((one) => thirdOpinion(one, vmlinux));
  for (const side of ['ours', 'gdb', 'neither'] as const) {
    const count = opinions.filter((opinion) => opinion.side === side).length;
    console.log(`first difference, llvm-symbolizer sides with ${side}: ${count}`);
  }
  for (const [n, one] of different.slice(0, show).entries()) {
    const at = one.name ?? one.line ?? 0;
    console.log(`\nfrom frame ${at}, for ${opinions[n]?.side}:`);
    console.log(`     ${opinions[n]?.chain.map(written).join(' < ')}`);
    for (let i = Math.max(at - 2, 0); i < at + 3; i++) {
      console.log(`  ${i}  ${written(one.ours[i]).padEnd(60)} | ${written(one.gdb[i])}`);
    }
  }
}

interface Opinion {
  readonly side: 'ours' | 'gdb' | 'neither';
  readonly chain: readonly Place[];
}

/** The functions and lines that another tool sees where the first difference is. */
function thirdOpinion({ ours, gdb, name, line }: Compared, vmlinux: string): Opinion {
  const at = Math.min(name ?? Number.POSITIVE_INFINITY, line ?? Number.POSITIVE_INFINITY);
  const lookup = ours[at]?.lookup;
  if (lookup === undefined) return { side: 'neither', chain: [] };
  const first = ours.findIndex((place) => place.lookup === lookup);
  const count = ours.filter((place) => place.lookup === lookup).length;
  const chain = symbolized(vmlinux, lookup);
  const isChain = (places: readonly Place[]): boolean =>
    NESTED.some((hidden) => {
      const shown = hidden === 0 || first === 0 ? chain.slice(hidden) : [];
      return (
        shown.length > 0 &&
        shown.every((place, i) => places[i]?.name === place.name && places[i]?.line === place.line)
      );
    });
  if (isChain(ours.slice(first, first + count))) return { side: 'ours', chain };
  return { side: isChain(gdb.slice(first)) ? 'gdb' : 'neither', chain };
}

function symbolized(vmlinux: string, address: bigint): Place[] {
  const text = execFileSync('llvm-symbolizer-14', [`--obj=${vmlinux}`, `0x${address.toString(16)}`], {
    encoding: 'utf8',
  });
  const lines = text.trim().split('\n');
  return Array.from({ length: lines.length >> 1 }, (_, i) => ({
    name: plain(lines[2 * i] ?? ''),
    line: placeOf((lines[2 * i + 1] ?? '').replace(/:\d+$/, '')),
  }));
}

const written = (place: Place | undefined): string => (place ? `${place.name} ${place.line}` : '-');

const ADAPTER = join(import.meta.dirname, '../../debug-adapter/node');
const folder = mkdtempSync(join(tmpdir(), 'xenscope-gdb-compare-'));
try {
  const { values } = parseArgs({
    options: {
      stops: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      mean: { type: 'string', default: '2000000' },
      show: { type: 'string', default: '10' },
    },
  });
  await run(Number(values.stops), Number(values.seed), Number(values.mean), Number(values.show));
} finally {
  rmSync(folder, { recursive: true });
}
