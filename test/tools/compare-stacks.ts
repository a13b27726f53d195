// Call stacks of Debian's kernel at random stops, ours against gdb's. Both debug the same guest, which runs the same way
// each time: gdb through `xenscope gdbserver`, ours through the debug adapter.
//
//   node test/tools/compare-stacks.ts [--stops N] [--seed N]
//
// Where the vCPU stands after random numbers of instructions are the places of the breakpoints that both are given, one
// after the other. Compared are the functions of the kernel from the innermost on, inlined ones with their lines, down
// to where the kernel was entered: gdb knows nothing of exceptions and goes astray there.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { LocalMachineClient } from '../../debug-adapter/machine/machine-client.ts';
import { createMachineServer } from '../../debug-adapter/node/machine-server.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const THREAD = 257;
const VCPU = { domain: 1, vcpu: 0 };
const INIT = `${MOUNTS}while :; do cat /proc/version >/dev/null; done\n`;
/** Instructions between two samples, at most. */
const DISTANCE = 3_000_000;
const MAX_FRAMES = 64;
/** Functions at which the kernel is entered, or a task begins. */
const ENTRIES = /^(?:el[01]\w*_64_\w+|ret_from_fork|__primary_switched|secondary_startup|vectors)$/;

interface Files {
  readonly kernel: string;
  readonly vmlinux: string;
  readonly ramdisk: string;
  readonly config: string;
  readonly folder: string;
}

interface PlaceInSource {
  readonly name: string;
  readonly line: number;
}

type Stack = readonly PlaceInSource[];

async function compare(files: Files, stops: number, seed: number): Promise<void> {
  const addresses = await sampled(files, stops, seed);
  const ours = await ourStacks(files, addresses);
  const theirs = await stacksOfGdb(files, addresses);
  let frames = 0;
  let agreed = 0;
  let same = 0;
  const explained = new Map<string, number>();
  for (const [i, address] of addresses.entries()) {
    const [a = [], b = []] = [ours[i], theirs[i]];
    const why = explanation(a, b);
    if (why !== undefined) explained.set(why, (explained.get(why) ?? 0) + 1);
    frames += Math.max(a.length, b.length);
    // From the outermost on: what is missing within shifts the others.
    agreed += a.filter((frame, n) => isSame(frame, b[b.length - a.length + n])).length;
    if (why !== undefined || equal(a, b)) {
      if (why === undefined) same++;
      continue;
    }
    console.log(`differs at stop ${i}, 0x${address.toString(16)}`);
    for (const [who, stack] of [
      ['ours', a],
      ['gdb ', b],
    ] as const)
      console.log(`  ${who}: ${stack.map(({ name, line }) => `${name}:${line}`).join(' < ')}`);
  }
  for (const [why, count] of explained) console.log(`${count} times: ${why}`);
  console.log(`${same} of ${addresses.length} stacks are the same, ${agreed} of ${frames} frames`);
}

const isSame = (a: PlaceInSource, b: PlaceInSource | undefined): boolean =>
  a.name === b?.name && a.line === b.line;

const equal = (a: Stack, b: Stack): boolean =>
  a.length === b.length && a.every((frame, i) => isSame(frame, b[i]));

/** Differences that are meant to be. */
function explanation(ours: Stack, theirs: Stack): string | undefined {
  if (equal(ours, theirs)) return undefined;
  const more = theirs.length - ours.length;
  if (more > 0 && equal(ours, theirs.slice(more))) return 'ours shows an inlined function once it has begun';
  const [top, ...rest] = theirs;
  if (top?.line === 0 && ours[0]?.name === top.name && equal(ours.slice(1), rest)) {
    return 'ours has a line for the room that the tracer patches';
  }
  const names = ours.map(({ name }) => name);
  if (more >= 0 && names.every((name, i) => theirs[more + i]?.name === name)) {
    return 'the same functions, but gdb takes the line of a statement where the last row at an address begins none';
  }
  return undefined;
}

/** Addresses where the vCPU stands at random moments, in the kernel. */
async function sampled(files: Files, count: number, seed: number): Promise<bigint[]> {
  let machine: LocalMachineClient | undefined;
  const client = new DirectClient({
    ...nodeHost(() => {}),
    startMachine: async () => {
      machine = new LocalMachineClient(createMachineServer);
      return machine;
    },
  });
  await launchOn(client, files);
  await stopAt(client, 'start_kernel', 'configurationDone');
  if (!machine) throw new Error('there is no machine');
  const random = numbers(seed);
  const found: bigint[] = [];
  while (found.length < count) {
    const stopped = new Promise<void>((resolve) => {
      const { onEvent } = machine as LocalMachineClient;
      (machine as LocalMachineClient).onEvent = (event) => {
        if (event.event !== 'stopped') return;
        (machine as LocalMachineClient).onEvent = onEvent;
        resolve();
      };
    });
    await machine.request('setBreakpoints', { breakpoints: [] });
    await machine.request('step', { vcpu: VCPU, count: 1 + random(DISTANCE) });
    await stopped;
    const { general } = await machine.request('readRegisters', { vcpu: VCPU, groups: ['general'] });
    if (general && general.pc >> 55n !== 0n) found.push(general.pc);
  }
  await client.send('disconnect', {});
  return found;
}

async function ourStacks(files: Files, addresses: readonly bigint[]): Promise<Stack[]> {
  const client = new DirectClient(nodeHost(() => {}));
  await launchOn(client, files);
  await stopAt(client, 'start_kernel', 'configurationDone');
  const stacks: Stack[] = [];
  for (const address of addresses) {
    await client.send('setFunctionBreakpoints', { breakpoints: [] });
    await client.send('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: `d1/va:0x${address.toString(16)}` }],
    });
    const stopped = client.next(({ event }) => event === 'stopped');
    await client.send('continue', { threadId: THREAD });
    await stopped;
    const answer = await client.send('stackTrace', { threadId: THREAD, levels: MAX_FRAMES });
    const stack: PlaceInSource[] = [];
    for (const { name, line, source, presentationHint } of answer?.stackFrames ?? []) {
      if (presentationHint === 'label') break;
      const [symbol = ''] = name.replace(' [inlined]', '').split('+');
      const origin = /:(\d+)$/.exec(source?.origin ?? '')?.[1];
      stack.push({ name: plain(symbol), line: Number(origin ?? line) });
    }
    stacks.push(upToEntry(stack));
  }
  await client.send('disconnect', {});
  return stacks;
}

async function stacksOfGdb(files: Files, addresses: readonly bigint[]): Promise<Stack[]> {
  const server = spawn(process.execPath, [
    join(import.meta.dirname, '../../debug-adapter/node/cli.ts'),
    'gdbserver',
    '--listen',
    '127.0.0.1:0',
    '--once',
    files.config,
  ]);
  try {
    let said = '';
    const port = await new Promise<string>((resolve, reject) => {
      const listen = (part: Buffer): void => {
        said += part.toString();
        const found = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      };
      server.stdout.on('data', listen);
      server.stderr.on('data', listen);
      server.on('exit', () => reject(new Error(`gdbserver ended: ${said}`)));
    });
    const script = join(files.folder, 'stacks.py');
    const answers = join(files.folder, 'stacks.json');
    writeFileSync(script, pythonFor(addresses, answers));
    const commands = ['set pagination off', 'set confirm off', `target extended-remote 127.0.0.1:${port}`];
    await promisify(execFile)(
      'gdb-multiarch',
      ['-nx', '-batch', ...commands.flatMap((text) => ['-ex', text]), '-x', script, files.vmlinux],
      { maxBuffer: 1 << 28 },
    );
    const stacks = JSON.parse(readFileSync(answers, 'utf8')) as PlaceInSource[][];
    return stacks.map((stack) => upToEntry(stack.map(({ name, line }) => ({ name: plain(name), line }))));
  } finally {
    server.kill();
  }
}

const pythonFor = (addresses: readonly bigint[], answers: string): string => `
import gdb, json
def run_to(place):
    b = gdb.Breakpoint('*' + place, type=gdb.BP_HARDWARE_BREAKPOINT)
    gdb.execute('continue', to_string=True)
    b.delete()
run_to('start_kernel')
stacks = []
for address in [${addresses.map((address) => `'0x${address.toString(16)}'`).join(', ')}]:
    run_to(address)
    stack = []
    frame = gdb.newest_frame()
    while frame is not None and len(stack) < ${MAX_FRAMES}:
        stack.append({'name': frame.name() or '', 'line': frame.find_sal().line})
        try:
            frame = frame.older()
        except gdb.error:
            break
    stacks.append(stack)
open(${JSON.stringify(answers)}, 'w').write(json.dumps(stacks))
gdb.execute('kill')
`;

/** GCC's copies of a function have suffixes, which DWARF leaves out and the symbol table does not. */
const plain = (name: string): string => name.replace(/\.(?:constprop|isra|part|cold)\b.*$/, '');

function upToEntry(stack: Stack): Stack {
  const end = stack.findIndex(({ name }) => ENTRIES.test(name));
  return end < 0 ? stack : stack.slice(0, end);
}

async function launchOn(client: DirectClient, files: Files): Promise<void> {
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', { config: files.config, symbols: files.vmlinux } as Dap.LaunchRequestArguments);
}

async function stopAt(client: DirectClient, name: string, command: 'configurationDone'): Promise<void> {
  await client.send('setFunctionBreakpoints', { breakpoints: [{ name }] });
  const stopped = client.next(({ event }) => event === 'stopped');
  await client.send(command, {});
  await stopped;
}

/** The same numbers for the same seed. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % limit;
  };
}

const { values } = parseArgs({
  options: { stops: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const folder = mkdtempSync(join(tmpdir(), 'xenscope-stacks-'));
try {
  const debian = await fetchDebian({ debugSymbols: true });
  if (debian.vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: debian.busybox, init: INIT });
  const config = join(folder, 'debian.cfg');
  const lines = [
    'name = "debian"',
    `kernel = "${debian.vmlinuz}"`,
    `ramdisk = "${ramdisk}"`,
    'extra = "console=hvc0 cryptomgr.notests"',
    'memory = 256',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const files = { kernel: debian.vmlinuz, vmlinux: debian.vmlinux, ramdisk, config, folder };
  await compare(files, Number(values.stops), Number(values.seed));
} finally {
  rmSync(folder, { recursive: true });
}
