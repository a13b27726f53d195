// Compares locals and globals of Debian's kernel with what gdb says of them, at the same stops of two runs of the
// same machine: one asked by us, the other by gdb-multiarch through `xenscope gdbserver`. Counts agreement.
//
//   node test/tools/values-oracle.ts [--stops N] [--places N] [--globals N] [--seed N] [--show N]
//
// Outside CI: it needs Debian's kernel with debug information, gdb-multiarch with Python, and dist/.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseLaunchConfiguration } from '../../debug-adapter/configuration.ts';
import { Debuggee } from '../../debug-adapter/debuggee.ts';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadTarget } from '../../debug-adapter/symbols/load-target.ts';
import { LocalMachineClient } from '../../debug-adapter/machine/machine-client.ts';
import { createMachineServer } from '../../debug-adapter/node/machine-server.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { defined, globalValue } from '../../debug-adapter/values/names.ts';
import { scalarOf } from '../../debug-adapter/values/scalars.ts';
import { Scope } from '../../debug-adapter/values/scope.ts';
import { bare } from '../../debug-adapter/values/types.ts';
import { addressOf, Missing } from '../../debug-adapter/values/value.ts';
import type { TypedValue } from '../../debug-adapter/values/value.ts';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import type { Variable } from '../../emulator/formats/dwarf/model.ts';
import { roundTripsOf } from '../debug-adapter/support/round-trips.ts';
import type { RoundTrips } from '../debug-adapter/support/round-trips.ts';
import type { MachineEvent } from '../../emulator/machine/messages.ts';
import { writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const { values: options } = parseArgs({
  options: {
    stops: { type: 'string', default: '40' },
    places: { type: 'string', default: '200' },
    globals: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    show: { type: 'string', default: '20' },
  },
});
const VCPU = { domain: 1, vcpu: 0 };
const FRAMES = 5;
/** The stop at which globals are looked at. */
const GLOBALS_AT = 10;
const roundTrips: RoundTrips = { checked: 0, broken: [] };
const random = generator(Number(options.seed));

/** By name: a number, an address, or why there is none. */
type Answers = Readonly<Record<string, string>>;

interface Stop {
  readonly pc: string;
  /** `frame function name` to value. */
  readonly locals: Answers;
}

const folder = mkdtempSync(join(tmpdir(), 'xenscope-values-'));

async function main(): Promise<void> {
  const { vmlinux, vmlinuz, busybox } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error("Debian's kernel with debug information is not there");
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), {
    busybox,
    init: `${MOUNTS}while :; do cat /proc/version >/dev/null; done\n`,
  });
  const config = join(folder, 'guest.cfg');
  writeFileSync(
    config,
    `name = "debian"\nkernel = "${vmlinuz}"\nramdisk = "${ramdisk}"\nmemory = 256\nvcpus = 1\n` +
      'extra = "console=hvc0 cryptomgr.notests"\n',
  );
  const ours = await askOurs(config, vmlinux);
  const theirs = await askGdb(config, vmlinux, ours.places, ours.stops.length, Object.keys(ours.globals));
  const locals = new Tally('locals');
  for (const [i, stop] of ours.stops.entries()) {
    const other = theirs.stops[i];
    if (other?.pc !== stop.pc) {
      console.log(`stop ${i}: we are at ${stop.pc}, gdb at ${other?.pc}`);
      continue;
    }
    locals.compare(stop.locals, other.locals, `stop ${i}`);
  }
  locals.report();
  const globals = new Tally('globals');
  globals.compare(ours.globals, theirs.globals, 'global');
  globals.report();
  console.log(
    `expressions that lead back: ${roundTrips.checked - roundTrips.broken.length} of ${roundTrips.checked}`,
  );
  for (const text of roundTrips.broken.slice(0, Number(options.show))) console.log(`  ${text}`);
}

// ---------------------------------------------------------------- ours

async function askOurs(config: string, symbols: string) {
  const host = nodeHost(() => {});
  const launch = parseLaunchConfiguration({ config, symbols }, config);
  const prepared = await prepareLaunch(host, launch);
  const [about] = prepared.domains;
  if (!about) throw new Error('no domain');
  const client = new LocalMachineClient(createMachineServer);
  const info = await client.request('create', prepared.machine);
  const [domain] = info.domains;
  if (!domain) throw new Error('no domain');
  const target = await loadTarget(host, domain, about, () => {});
  const debuggee = new Debuggee(client, info, [target]);
  const { program } = target;
  if (!program) throw new Error('no debug information');

  const functions: bigint[] = [];
  const names = await program.names('', Number.POSITIVE_INFINITY);
  const code = names.filter(({ kind }) => kind === 'function');
  while (functions.length < Number(options.places)) {
    const { name } = code[Math.floor(random() * code.length)] ?? { name: '' };
    const [address] = target.addressesOf(name);
    const symbol = address === undefined ? undefined : target.symbolAt(address);
    if (address === undefined || symbol?.start !== address) continue;
    const length = Number(symbol.end - symbol.start) / 4;
    functions.push(address + 4n * BigInt(Math.floor(random() * Math.min(length, 64))));
  }
  const left = new Set(functions);
  const stops: Stop[] = [];
  const variables = names.filter(({ kind }) => kind === 'variable').map(({ name }) => name);
  let globals: Answers = {};
  while (stops.length < Number(options.stops) && left.size > 0) {
    const breakpoints = [...left].map((address, id) => ({ id, domain: 1, kind: 'va' as const, address }));
    await client.request('setBreakpoints', { breakpoints });
    const stopped = new Promise<MachineEvent>((resolve) => {
      const timer = setTimeout(() => resolve({ event: 'failed', body: { message: 'slow' } }), 60_000);
      client.onEvent = (event) => {
        if (event.event !== 'stopped' && event.event !== 'failed') return;
        clearTimeout(timer);
        resolve(event);
      };
    });
    debuggee.forgetRegisters();
    await client.request('run', {});
    const event = await stopped;
    if (event.event !== 'stopped') break;
    debuggee.forgetRegisters();
    await debuggee.learnSlide(VCPU);
    const { pc } = await debuggee.general(VCPU);
    left.delete(pc);
    stops.push({ pc: hex(pc), locals: await localsOf(debuggee) });
    await roundTripsAt(debuggee, roundTrips);
    if (stops.length === GLOBALS_AT) globals = await globalsOf(debuggee, variables);
  }
  // It may run on when nothing more is hit.
  await client.request('pause', {});
  client.dispose();
  return { stops, globals, places: functions };
}

/** Whether what variables say of themselves leads back to them, in the frames of a stop. */
async function roundTripsAt(debuggee: Debuggee, into: RoundTrips): Promise<void> {
  const frames = await debuggee.walk(VCPU, FRAMES);
  for (const [index, frame] of frames.entries()) {
    await roundTripsOf(new Scope(debuggee, { vcpu: VCPU, index, frame, inlined: 0 }), 1, into);
  }
}

async function localsOf(debuggee: Debuggee): Promise<Answers> {
  const answers: Record<string, string> = {};
  const frames = await debuggee.walk(VCPU, FRAMES);
  for (const [index, frame] of frames.entries()) {
    // From the inside out: a part of a function may be inlined into the rest of it, under the same name.
    for (let inlined = 15; inlined >= 0; inlined--) {
      const scope = new Scope(debuggee, { vcpu: VCPU, index, frame, inlined });
      const scopes = await scope.lexicalScopes();
      const seen = new Set<string>();
      for (const { variables } of scopes) {
        for (const variable of variables) {
          if (seen.has(variable.name) || isStatic(variable)) continue;
          seen.add(variable.name);
          const key = `${hex(frame.pc)} ${scopes.at(-1)?.name} ${variable.name}`;
          answers[key] = await answerOf(scope, () => scope.valueOf(variable));
        }
      }
    }
  }
  return answers;
}

/** An address alone; with DW_OP_stack_value behind it, it is the value of a local pointer. */
const isStatic = ({ kind, location }: Variable): boolean =>
  kind === 'static' && location.kind === 'expression' && location.expression.bytes.length === 9;

async function globalsOf(debuggee: Debuggee, names: readonly string[]): Promise<Answers> {
  const [frame] = await debuggee.walk(VCPU, 1);
  if (!frame) throw new Error('no frame');
  const scope = new Scope(debuggee, { vcpu: VCPU, index: 0, frame, inlined: 0 });
  const answers: Record<string, string> = {};
  const locals = new Set((await scope.locals()).map(({ name }) => name));
  while (Object.keys(answers).length < Number(options.globals)) {
    const name = names[Math.floor(random() * names.length)] ?? '';
    const definitions = (await scope.program?.variables(name)) ?? [];
    // Names of several things mean different ones to different debuggers.
    const placed = defined(definitions);
    if (placed.length !== 1 || locals.has(name) || !/^(?!__UNIQUE_ID)\w+$/.test(name)) continue;
    const value = await globalValue(scope, name);
    if (!value) continue;
    const address = addressOf(value);
    const tpidr = (await debuggee.systemRegister(VCPU, 'TPIDR_EL1')) ?? 0n;
    // gdb shows the pattern that a CPU's copy was made of.
    if (address !== undefined && (await scope.isPerCpu(BigInt.asUintN(64, address - tpidr)))) continue;
    answers[name] = await answerOf(scope, async () => value);
  }
  return answers;
}

async function answerOf(scope: Scope, valueOf: () => Promise<TypedValue>): Promise<string> {
  try {
    const value = await valueOf();
    const type = await bare(value.type);
    if (type.kind === 'structure' || type.kind === 'array') {
      const address = addressOf(value);
      if (value.storage.kind === 'missing') throw new Missing(value.storage.reason);
      return address === undefined ? 'elsewhere' : `at ${hex(address)}`;
    }
    const scalar = await scalarOf(value, scope.memory);
    return scalar.kind === 'float' ? String(scalar.value) : String(scalar.value);
  } catch (error) {
    if (!(error instanceof Missing)) return `error: ${String(error)}`;
    if (/optimised out|not saved|frame of its function/.test(error.message)) return 'optimised out';
    return error.message.replace(/ 0x.*/, '');
  }
}

// ---------------------------------------------------------------- gdb's

const SCRIPT = `
import gdb, json
asked = json.load(open(PATH))
gdb.execute('set pagination off'); gdb.execute('set confirm off'); gdb.execute('set backtrace past-main on')
def answer(value):
    try:
        if value.is_optimized_out: return 'optimised out'
        t = value.type.strip_typedefs()
        if t.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION, gdb.TYPE_CODE_ARRAY):
            return 'elsewhere' if value.address is None else 'at ' + hex(int(value.address) & (2**64 - 1))
        if t.code == gdb.TYPE_CODE_FLT: return str(float(value))
        return str(int(value))
    except gdb.MemoryError: return 'unreadable'
    except gdb.error as e:
        text = str(e)
        if 'optimized out' in text or 'not saved' in text or 'not available' in text: return 'optimised out'
        return 'error: ' + text
def locals_of():
    answers = {}
    frame = gdb.newest_frame(); real = 0; n = 0
    while frame is not None and real < FRAMES and n < 60:
        n += 1
        try:
            block = frame.block(); seen = set()
            while block is not None:
                for symbol in block:
                    if not (symbol.is_variable or symbol.is_argument): continue
                    if symbol.addr_class == gdb.SYMBOL_LOC_STATIC or symbol.name in seen: continue
                    if symbol.addr_class == gdb.SYMBOL_LOC_LABEL: continue
                    seen.add(symbol.name)
                    try: value = answer(symbol.value(frame))
                    except gdb.error as e: value = 'error: ' + str(e)
                    answers[hex(frame.pc()) + ' ' + str(frame.function()) + ' ' + symbol.name] = value
                if block.function is not None: break
                block = block.superblock
        except RuntimeError: pass
        if frame.type() != gdb.INLINE_FRAME: real += 1
        try: frame = frame.older()
        except gdb.error: frame = None
    return answers
gdb.execute('target remote ' + asked['address'])
points = {p: gdb.Breakpoint('*' + p, gdb.BP_HARDWARE_BREAKPOINT) for p in asked['places']}
stops = []
globals_ = {}
for i in range(asked['stops']):
    gdb.execute('continue')
    pc = hex(gdb.newest_frame().pc())
    if pc in points: points.pop(pc).delete()
    stops.append({'pc': pc, 'locals': locals_of()})
    if len(stops) != GLOBALS_AT: continue
    for name in asked['globals']:
        try: globals_[name] = answer(gdb.parse_and_eval(name))
        except gdb.error as e: globals_[name] = 'error: ' + str(e)
json.dump({'stops': stops, 'globals': globals_}, open(PATH + '.answers', 'w'))
gdb.execute('kill')
`;

async function askGdb(
  config: string,
  vmlinux: string,
  places: readonly bigint[],
  stops: number,
  globals: readonly string[],
): Promise<{ readonly stops: readonly Stop[]; readonly globals: Answers }> {
  const program = join(import.meta.dirname, '../../dist/xenscope.js');
  const server = spawn(
    process.execPath,
    [program, 'gdbserver', config, '--listen', '127.0.0.1:0', '--once'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    server.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
    server.on('exit', () => reject(new Error(`the server ended: ${text}`)));
  });
  const path = join(folder, 'asked.json');
  writeFileSync(path, JSON.stringify({ address, places: places.map(hex), stops, globals }));
  const script = join(folder, 'ask.py');
  writeFileSync(
    script,
    SCRIPT.replaceAll('PATH', JSON.stringify(path))
      .replaceAll('FRAMES', String(FRAMES))
      .replaceAll('GLOBALS_AT', String(GLOBALS_AT)),
  );
  // Asynchronous waiting would do as well, but nothing else is to be done.
  const { stderr } = spawnSync('gdb-multiarch', ['-batch', '-x', script, vmlinux], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 1_200_000,
  });
  server.kill('SIGKILL');
  try {
    return JSON.parse(readFileSync(`${path}.answers`, 'utf8')) as Awaited<ReturnType<typeof askGdb>>;
  } catch {
    throw new Error(`gdb gave no answers: ${stderr.slice(-2000)}`);
  }
}

// ---------------------------------------------------------------- counting

class Tally {
  private readonly title: string;
  private same = 0;
  /** gdb does not follow a call to the instructions for tracers before a function (-fpatchable-function-entry). */
  private onlyOurs = 0;
  /** Labels, and variables of blocks without code here: gdb lists them as optimised out. */
  private onlyListed = 0;
  private readonly different: string[] = [];
  private readonly kinds = new Map<string, number>();

  constructor(title: string) {
    this.title = title;
  }

  compare(ours: Answers, theirs: Answers, where: string): void {
    for (const [key, value] of Object.entries(theirs)) {
      const own = ours[key] ?? 'nothing';
      const isSame = sameAnswer(own, value);
      if (isSame) this.same++;
      else if (own === 'nothing' && value === 'optimised out') this.onlyListed++;
      else if (value === 'optimised out' && /^-?\d/.test(own)) this.onlyOurs++;
      else this.different.push(`  ${where}: ${key}: we say ${own}, gdb ${value}`);
      const kind = /^-?\d/.test(value) ? 'number' : (value.split(' ')[0] ?? '');
      this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + (isSame ? 1 : 0));
    }
  }

  report(): void {
    console.log(`${this.title}: ${this.same} of ${this.same + this.different.length} agree`);
    console.log(`  known to us and not to gdb: ${this.onlyOurs}; listed by gdb alone: ${this.onlyListed}`);
    console.log(`  agreed: ${[...this.kinds].map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
    for (const text of this.different.slice(0, Number(options.show))) console.log(text);
  }
}

/** A signed and an unsigned reading of a pointer are the same pointer. */
function sameAnswer(ours: string, theirs: string): boolean {
  // gdb takes a pointer that was optimised out for a null pointer when it is asked for its number.
  if (ours === theirs || (ours === 'synthetic pointer' && theirs === '0')) return true;
  if (!/^-?\d+$/.test(ours) || !/^-?\d+$/.test(theirs)) return Number(ours) === Number(theirs);
  return BigInt.asUintN(64, BigInt(ours)) === BigInt.asUintN(64, BigInt(theirs));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
