// What debugging Debian's kernel costs beside gdb-multiarch on QEMU: from the launch to the first stop at start_kernel,
// and a step with what an editor shows then. Both get the same kernel, bare, without address randomization, and are
// driven as editors drive them: ours by DAP, gdb by its machine interface.
//
//   node test/tools/gdb-costs.ts [--launches N] [--steps N] [--only launch|steps]
//
// CPU time is that of all processes of a side: gdb and QEMU, or ours. The page cache is cold for the files of the
// kernel only.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const ADAPTER = join(import.meta.dirname, '../../dist/xenscope.js');
const INIT = `${MOUNTS}while :; do cat /proc/version >/dev/null; done\n`;
const COMMAND_LINE = 'nokaslr cryptomgr.notests';
const MEGABYTES = 256;
/** Steps from a place before the guest is run to it again: neither leaves the functions that it calls. */
const STEPS_IN_A_ROW = 10;
/** Seconds after which a step is given up: not every function returns. */
const PATIENCE = 20;

interface Files {
  readonly vmlinuz: string;
  readonly vmlinux: string;
  readonly ramdisk: string;
}

interface Debugger {
  readonly name: string;
  readonly processes: readonly ChildProcess[];
  /** Loads the kernel, with its debug information or without, and runs to start_kernel. */
  launch(withSymbols: boolean): Promise<void>;
  runTo(name: string): Promise<void>;
  next(): Promise<void>;
  /** What an editor asks at a stop. */
  refresh(): Promise<void>;
  end(): void;
}

// ---------------------------------------------------------------- ours

class Ours implements Debugger {
  readonly name = 'xenscope dap';
  readonly processes: readonly ChildProcess[];
  private readonly files: Files;
  private readonly process;
  private readonly answers = new Map<number, (response: Dap.Response) => void>();
  private received = Buffer.alloc(0);
  private sent = 0;
  private events: Dap.Event[] = [];
  private heard = (): void => {};
  private thread = 0;

  constructor(files: Files) {
    this.files = files;
    this.process = spawn(process.execPath, [ADAPTER, 'dap'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process.stdout.on('data', (bytes: Buffer) => this.receive(bytes));
    this.processes = [this.process];
  }

  async launch(withSymbols: boolean): Promise<void> {
    const { vmlinuz, vmlinux, ramdisk } = this.files;
    await this.request('initialize', { adapterID: 'xen' });
    const launched = this.request('launch', {
      bare: { kernel: vmlinuz, ramdisk, memory: MEGABYTES, cmdline: COMMAND_LINE },
      ...(withSymbols && { symbols: vmlinux }),
      stopOnEntry: 'start_kernel',
    });
    await Promise.race([this.event('initialized'), launched]);
    await this.request('configurationDone', {});
    await launched;
    await this.stop();
  }

  async runTo(name: string): Promise<void> {
    await this.request('setFunctionBreakpoints', { breakpoints: [{ name }] });
    await this.go('continue');
    await this.request('setFunctionBreakpoints', { breakpoints: [] });
  }

  async next(): Promise<void> {
    await this.go('next');
  }

  async refresh(): Promise<void> {
    const threadId = this.thread;
    await this.request('threads', undefined);
    const { stackFrames } = await this.request<Dap.StackTraceResponse['body']>('stackTrace', {
      threadId,
      levels: 40,
    });
    const [frame] = stackFrames;
    if (!frame) return;
    const { scopes } = await this.request<Dap.ScopesResponse['body']>('scopes', { frameId: frame.id });
    for (const { variablesReference, expensive } of scopes) {
      if (!expensive) await this.request('variables', { variablesReference });
    }
  }

  end(): void {
    this.process.kill('SIGKILL');
  }

  private async go(command: 'next' | 'continue'): Promise<void> {
    await this.request(command, { threadId: this.thread });
    await this.stop();
  }

  private async stop(): Promise<void> {
    const stopped = await this.event('stopped');
    this.thread = (stopped as Dap.StoppedEvent).body.threadId ?? this.thread;
  }

  private async event(name: string): Promise<Dap.Event> {
    for (;;) {
      const index = this.events.findIndex(({ event }) => event === name);
      const found = this.events[index];
      if (found) {
        this.events = this.events.slice(index + 1);
        return found;
      }
      await new Promise<void>((resolve) => {
        this.heard = resolve;
      });
    }
  }

  private async request<Body>(command: string, args: unknown): Promise<Body> {
    const seq = ++this.sent;
    const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
    const response = await new Promise<Dap.Response>((resolve) => {
      this.answers.set(seq, resolve);
      this.process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    });
    if (!response.success) throw new Error(`${command}: ${response.message}`);
    return response.body as Body;
  }

  private receive(bytes: Buffer): void {
    this.received = Buffer.concat([this.received, bytes]);
    for (;;) {
      const header = this.received.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/.exec(this.received.toString('latin1', 0, header))?.[1]);
      const end = header + 4 + length;
      if (header < 0 || this.received.length < end) return;
      const message = JSON.parse(this.received.toString('utf8', header + 4, end)) as Dap.ProtocolMessage;
      this.received = this.received.subarray(end);
      if (message.type === 'event') {
        this.events.push(message as Dap.Event);
        this.heard();
      } else {
        const response = message as Dap.Response;
        this.answers.get(response.request_seq)?.(response);
        this.answers.delete(response.request_seq);
      }
    }
  }
}

// ---------------------------------------------------------------- gdb on QEMU

class Gdb implements Debugger {
  readonly name = 'gdb-multiarch on QEMU';
  readonly processes: readonly ChildProcess[];
  private readonly files: Files;
  private readonly port: number;
  private readonly gdb;
  private readonly qemu: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  static async start(files: Files): Promise<Gdb> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return new Gdb(files, port);
  }

  private constructor(files: Files, port: number) {
    this.files = files;
    this.port = port;
    const { vmlinuz, ramdisk } = files;
    const machine = ['-M', 'virt,gic-version=3', '-cpu', 'cortex-a53', '-accel', 'tcg,thread=single'];
    const guest = ['-kernel', vmlinuz, '-initrd', ramdisk, '-append', COMMAND_LINE, '-m', String(MEGABYTES)];
    const others = ['-display', 'none', '-serial', 'null', '-monitor', 'none', '-nic', 'none'];
    const server = ['-S', '-gdb', `tcp:127.0.0.1:${port}`];
    this.qemu = spawn('qemu-system-aarch64', [...machine, ...guest, ...others, ...server], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.gdb = spawn('gdb-multiarch', ['-nx', '-q', '--interpreter=mi3'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.lines = linesOf(this.gdb.stdout)[Symbol.asyncIterator]();
    this.processes = [this.gdb, this.qemu];
  }

  async launch(withSymbols: boolean): Promise<void> {
    await this.command('-gdb-set confirm off');
    await this.command('-gdb-set pagination off');
    // Without it there is no name to stop at.
    if (!withSymbols) await this.command('-gdb-set architecture aarch64');
    else await this.command(`-file-exec-and-symbols ${this.files.vmlinux}`);
    await this.command(`-target-select remote 127.0.0.1:${this.port}`);
    await this.runTo('start_kernel');
  }

  async runTo(name: string): Promise<void> {
    await this.command(`-break-insert -t ${name}`);
    await this.go('-exec-continue');
  }

  next(): Promise<void> {
    return this.go('-exec-next');
  }

  async refresh(): Promise<void> {
    await this.command('-thread-info');
    await this.command('-stack-list-frames 0 39');
    await this.command('-stack-list-variables --simple-values');
  }

  end(): void {
    this.gdb.kill('SIGKILL');
    this.qemu.kill('SIGKILL');
  }

  private async go(command: string): Promise<void> {
    await this.command(command);
    const pause = setTimeout(() => this.gdb.kill('SIGINT'), PATIENCE * 1000);
    await this.line((line) => line.startsWith('*stopped'));
    clearTimeout(pause);
  }

  private async command(text: string): Promise<void> {
    this.gdb.stdin.write(`${text}\n`);
    const answer = await this.line((line) => /^\^(done|running|connected|error)/.test(line));
    if (answer.startsWith('^error')) throw new Error(`${text}: ${answer}`);
  }

  private async line(wanted: (line: string) => boolean): Promise<string> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error('gdb ended');
      if (wanted(value)) return value;
    }
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const text of stream) {
    const lines = (rest + (text as string)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

// ---------------------------------------------------------------- figures

/** Milliseconds of CPU of all threads that live. */
function cpuOf({ processes }: Debugger): number {
  let nanoseconds = 0;
  for (const { pid } of processes) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8');
      nanoseconds += Number(text.split(' ')[0]);
    }
  }
  return nanoseconds / 1e6;
}

/** Seconds of CPU by process, threads that have ended included. */
function secondsOf({ processes }: Debugger): number[] {
  return processes.map(({ pid }) => {
    const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user + system) / 100;
  });
}

/** Takes a file out of the page cache. */
function forget(file: string): void {
  execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
}

const create = (files: Files): readonly (() => Promise<Debugger>)[] => [
  async () => new Ours(files),
  () => Gdb.start(files),
];

async function launches(files: Files, count: number): Promise<void> {
  console.log(`launch to the stop at start_kernel: CPU of each process and wall, least of ${count}`);
  for (const cache of ['cold', 'warm']) {
    for (const start of create(files)) {
      let best: { name: string; cpu: readonly number[]; wall: number } | undefined;
      let bare: number | undefined;
      for (let i = 0; i < count; i++) {
        if (cache === 'cold') for (const file of [files.vmlinux, files.vmlinuz]) forget(file);
        const begin = performance.now();
        const subject = await start();
        try {
          await subject.launch(true);
          const wall = performance.now() - begin;
          const cpu = secondsOf(subject);
          if (!best || sum(cpu) < sum(best.cpu)) best = { name: subject.name, cpu, wall };
        } finally {
          subject.end();
        }
        if (subject instanceof Ours) bare = Math.min(bare ?? Infinity, await bootAlone(files));
      }
      if (!best) return;
      const parts = best.cpu.map((seconds) => seconds.toFixed(2)).join(' + ');
      const beyond =
        bare === undefined
          ? ''
          : `, ${(sum(best.cpu) - bare).toFixed(2)} s more than without debug information`;
      console.log(
        `  ${cache}  ${best.name}: ${parts} s CPU${beyond}, ${(best.wall / 1000).toFixed(2)} s wall`,
      );
    }
  }
}

/** The same without debug information: start_kernel is known by the kernel's own names. */
async function bootAlone(files: Files): Promise<number> {
  const subject = new Ours(files);
  try {
    await subject.launch(false);
    return sum(secondsOf(subject));
  } finally {
    subject.end();
  }
}

async function steps(files: Files, count: number): Promise<void> {
  for (const start of create(files)) {
    const subject = await start();
    try {
      await subject.launch(true);
      const measured: { step: number; wall: number; shown: number }[] = [];
      for (const place of ['start_kernel', 'do_sys_openat2']) {
        const half = measured.length + count / 2;
        while (measured.length < half) {
          if (place !== 'start_kernel') await subject.runTo(place);
          await subject.refresh();
          const row = place === 'start_kernel' ? half : STEPS_IN_A_ROW;
          for (let i = 0; i < row && measured.length < half; i++) measured.push(await one(subject));
        }
      }
      console.log(`${subject.name}, ${measured.length} steps by line:`);
      console.log(`  to the stop, CPU    ${percentiles(measured.map(({ step }) => step))}`);
      console.log(`  to the stop, wall   ${percentiles(measured.map(({ wall }) => wall))}`);
      console.log(`  and shown, CPU      ${percentiles(measured.map(({ shown }) => shown))}`);
    } finally {
      subject.end();
    }
  }
}

async function one(subject: Debugger): Promise<{ step: number; wall: number; shown: number }> {
  const cpu = cpuOf(subject);
  const begin = performance.now();
  await subject.next();
  const wall = performance.now() - begin;
  const step = cpuOf(subject) - cpu;
  await subject.refresh();
  return { step, wall, shown: cpuOf(subject) - cpu };
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2).padStart(7);
  const mean = (sum(values) / values.length).toFixed(2);
  return `p50 ${at(0.5)}  p95 ${at(0.95)}  most ${at(1)}  mean ${mean} ms`;
}

const { values } = parseArgs({
  options: {
    launches: { type: 'string', default: '2' },
    steps: { type: 'string', default: '160' },
    only: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'xenscope-gdb-'));
try {
  const { vmlinuz, vmlinux, busybox } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox, init: INIT });
  const files = { vmlinuz, vmlinux, ramdisk };
  if (values.only !== 'steps') await launches(files, Number(values.launches));
  if (values.only !== 'launch') await steps(files, Number(values.steps));
} finally {
  rmSync(folder, { recursive: true });
}
