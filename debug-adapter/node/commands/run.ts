// `xenscope run`: boots xl.cfg files, a launch.json entry, or with --bare a kernel without Xen.
// The guest's console is stdout; everything else goes to stderr.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import {
  bareDeviceTree,
  type HeadlessEnd,
  type HeadlessRun,
  type Logger,
  startHeadless,
  UserError,
} from '../../../emulator/index.ts';
import { type LaunchConfiguration, parseLaunchConfiguration } from '../../configuration.ts';
import { type PreparedLaunch, prepareLaunch } from '../../launch.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { logToStderr, nodeHost } from '../node-host.ts';
import { attachTerminal } from '../terminal.ts';

interface RunOptions {
  readonly bare?: boolean;
  readonly machine?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  readonly printDtb?: boolean;
  readonly until: readonly string[];
  readonly type: readonly string[];
  readonly maxInstructions?: string;
  readonly maxSeconds?: string;
  readonly stats?: string;
  readonly cpu?: string;
  readonly seed?: string;
}

/** Instructions between two looks at the clock and the keyboard: some milliseconds. */
const TURN = 2_000_000;

const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];

export const runCommand = (): Command =>
  new Command('run')
    .description(
      'boot xl.cfg files or a launch.json entry (launch.json#NAME); with --bare a kernel without Xen',
    )
    .argument('<config...>', 'xl.cfg files, launch.json#NAME, or with --bare a kernel')
    .option('--until <text>', 'end when the console printed it; may repeat, met in order', collect, [])
    .option(
      '--type <text>',
      'type it once the --until before it was met (\\n is Enter); may repeat',
      collect,
      [],
    )
    .option('--max-instructions <n>', 'end with status 1 after so many instructions')
    .option('--max-seconds <n>', 'end with status 1 after so many seconds')
    .option('--stats <file>', 'write figures of the run as JSON')
    .option('--cpu <model>', 'core: a53 or max')
    .option('--seed <n>', 'everything random derives from it')
    .option('--bare', 'the kernel on the bare machine, without Xen')
    .option('--machine <list>', 'with --bare: gic=2|3,cpus=N,memory=SIZE,el=1|2,cpu=a53|max,kaslr-seed=N')
    .option('--initrd <file>', 'with --bare: initial RAM disk')
    .option('--append <text>', 'with --bare: kernel command line')
    .option('--dtb <file>', 'with --bare: device tree instead of the generated one')
    .option('--print-dtb', 'with --bare: write the generated device tree to stdout and end')
    .action(async (configs: string[], options: RunOptions, command: Command) => {
      process.exitCode = await run(configs, scriptOrder(options, command), options);
    });

/** Each --type belongs to the --until before it, so their order on the command line counts. */
function scriptOrder(options: RunOptions, command: Command): { until: string; type?: string }[] {
  const steps: { until: string; type?: string }[] = [];
  const raw = (command.parent as (Command & { rawArgs?: string[] }) | null)?.rawArgs ?? process.argv;
  let untils = 0;
  let types = 0;
  for (const argument of raw) {
    const name = argument.split('=')[0];
    if (name === '--until') {
      steps.push({ until: unescape(options.until[untils++] ?? '') });
    } else if (name === '--type') {
      const last = steps.at(-1);
      const text = unescape(options.type[types++] ?? '');
      if (!last)
        throw new UserError('--type stands before any --until', 'Say first what to wait for: --until TEXT.');
      last.type = (last.type ?? '') + text;
    }
  }
  return steps;
}

const unescape = (text: string): string =>
  text.replace(/\\(n|r|t|\\)/g, (_, letter: string) => ({ n: '\n', r: '\r', t: '\t' })[letter] ?? '\\');

async function run(
  configs: readonly string[],
  script: readonly { until: string; type?: string }[],
  options: RunOptions,
): Promise<number> {
  const prepared = await prepare(configs, options);
  for (const { place, message } of prepared.warnings) {
    console.error(`xenscope: ${place.file ?? ''}:${place.line ?? 0}: warning: ${message}`);
  }
  if (options.printDtb) return printDeviceTree(prepared);
  const started = performance.now();
  const seconds = wholeNumber(options.maxSeconds, '--max-seconds');
  const instructions = wholeNumber(options.maxInstructions, '--max-instructions');
  const guest = startHeadless(loadEngineModules(), prepared.machine, {
    script,
    ...(instructions !== undefined && { maxInstructions: instructions }),
    ...(seconds !== undefined && { outOfTime: () => performance.now() - started > seconds * 1000 }),
    output: (_domain, bytes) => process.stdout.write(bytes),
    log: stderrLogger,
  });
  const end = await (script.length === 0 && process.stdin.isTTY ? interactive(guest) : headless(guest));
  if (options.stats !== undefined) writeStatistics(options.stats, guest, started);
  return report(end, guest, script.length > 0);
}

function headless(guest: HeadlessRun): HeadlessEnd {
  for (;;) {
    const end = guest.turn(TURN);
    if (end) return end;
  }
}

async function interactive(guest: HeadlessRun): Promise<HeadlessEnd> {
  const terminal = attachTerminal((bytes) => guest.type(bytes));
  try {
    for (;;) {
      const end = guest.turn(TURN / 10);
      if (end && end.kind !== 'bound') return end;
      if (terminal.left) return { kind: 'bound', why: 'the console was left' };
      await terminal.pause(end ? 50 : 0);
    }
  } finally {
    terminal.detach();
  }
}

function report(end: HeadlessEnd, guest: HeadlessRun, hasScript: boolean): number {
  switch (end.kind) {
    case 'met':
      return 0;
    case 'ended': {
      const waiting = guest.script.waitingFor;
      if (end.reason === 'poweroff' && !hasScript) return 0;
      const missing = waiting === undefined ? '' : ` before it printed '${waiting}'`;
      console.error(`xenscope: the guest ended (${end.reason})${missing}`);
      return 1;
    }
    case 'bound': {
      const waiting = guest.script.waitingFor;
      console.error(`xenscope: ${end.why}${waiting === undefined ? '' : `; '${waiting}' was not printed`}`);
      return 1;
    }
  }
}

// ---- configuration

async function prepare(configs: readonly string[], options: RunOptions): Promise<PreparedLaunch> {
  const host = nodeHost(logToStderr);
  const [first = ''] = configs;
  if (options.bare) {
    if (configs.length > 1) throw new UserError('--bare takes one kernel', 'Name one kernel file.');
    return withDeviceTree(await prepareLaunch(host, bareConfiguration(first, options)), options);
  }
  const hash = first.lastIndexOf('#');
  const common = {
    ...(options.cpu !== undefined && { cpu: options.cpu }),
    ...(options.seed !== undefined && { seed: Number(options.seed) }),
  };
  if (hash > 0 && first.slice(0, hash).endsWith('.json')) {
    const file = first.slice(0, hash);
    const entry = launchEntry(file, first.slice(hash + 1));
    const configuration = parseLaunchConfiguration({ ...substituted(entry, file), ...common }, file);
    return prepareLaunch(host, configuration, dirname(dirname(file)));
  }
  return prepareLaunch(host, parseLaunchConfiguration({ config: configs, ...common }, 'the command line'));
}

function bareConfiguration(kernel: string, options: RunOptions): LaunchConfiguration {
  const machine = machineOptions(options.machine ?? '');
  const bare = {
    kernel,
    cmdline: options.append ?? '',
    cpus: Number(machine['cpus'] ?? 1),
    memory: machine['memory'] ?? '512M',
    gicVersion: Number(machine['gic'] ?? 3),
    el: Number(machine['el'] ?? 1),
    ...(options.initrd !== undefined && { ramdisk: options.initrd }),
    ...(machine['kaslr-seed'] !== undefined && { kaslrSeed: Number(machine['kaslr-seed']) }),
  };
  return parseLaunchConfiguration(
    {
      bare,
      cpu: machine['cpu'] ?? options.cpu ?? 'a53',
      ...(options.seed !== undefined && { seed: Number(options.seed) }),
    },
    'the command line',
  );
}

const MACHINE_KEYS = ['gic', 'cpus', 'memory', 'el', 'cpu', 'kaslr-seed'];

function machineOptions(text: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const part of text.split(',').filter((item) => item !== '')) {
    const [key = '', value] = part.split('=');
    if (value === undefined || !MACHINE_KEYS.includes(key)) {
      throw new UserError(
        `--machine: '${part}' is not understood`,
        `Give KEY=VALUE with KEY one of ${MACHINE_KEYS.join(', ')}.`,
      );
    }
    result[key] = value;
  }
  if (result['memory'] !== undefined && !/^\d+[KMG]?$/i.test(result['memory'])) {
    throw new UserError(`--machine: memory '${result['memory']}' is not a size`, 'Give a size such as 512M.');
  }
  return result;
}

/** --dtb FILE replaces the tree of the board. */
function withDeviceTree(prepared: PreparedLaunch, options: RunOptions): PreparedLaunch {
  const { bare } = prepared.machine;
  if (options.dtb === undefined || !bare) return prepared;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(options.dtb);
  } catch (error) {
    throw new UserError(`cannot be read: ${(error as Error).message}`, 'Check --dtb.', { file: options.dtb });
  }
  const deviceTree = { name: options.dtb, bytes };
  return { ...prepared, machine: { ...prepared.machine, bare: { ...bare, deviceTree } } };
}

function printDeviceTree({ machine }: PreparedLaunch): number {
  if (!machine.bare) throw new UserError('--print-dtb needs --bare', 'Add --bare and name a kernel.');
  process.stdout.write(bareDeviceTree(machine.bare, machine.cpu, machine.seed));
  return 0;
}

function launchEntry(file: string, name: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot be read: ${(error as Error).message}`, 'Check the path.', { file });
  }
  let parsed: { configurations?: Record<string, unknown>[] };
  try {
    // launch.json may have comments and trailing commas.
    const plain = text.replace(
      /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
      (_, string: string) => string ?? '',
    );
    parsed = JSON.parse(plain.replace(/,(\s*[}\]])/g, '$1'));
  } catch (error) {
    throw new UserError(`is not JSON: ${(error as Error).message}`, 'Mend the syntax.', { file });
  }
  const entries = parsed.configurations ?? [];
  const entry = entries.find((candidate) => candidate['name'] === name);
  if (entry) return entry;
  const names = entries.map((candidate) => `'${String(candidate['name'])}'`).join(', ');
  throw new UserError(`has no configuration '${name}'`, `It has ${names === '' ? 'none' : names}.`, { file });
}

/** ${workspaceFolder} is the folder that holds .vscode. */
function substituted(entry: Record<string, unknown>, file: string): Record<string, unknown> {
  const folder = dirname(dirname(resolve(file)));
  return JSON.parse(JSON.stringify(entry).replaceAll('${workspaceFolder}', folder.replaceAll('\\', '/')));
}

// ---- figures

function writeStatistics(file: string, guest: HeadlessRun, started: number): void {
  const usage = process.cpuUsage();
  const { instructions, virtualNanoseconds, stateHash, exits } = guest.statistics();
  const figures = {
    instructions,
    virtualNanoseconds,
    wallSeconds: (performance.now() - started) / 1000,
    cpuSeconds: (usage.user + usage.system) / 1e6,
    stateHash,
    exits,
  };
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}

const stderrLogger: Logger = {
  log: (level, source, message) => {
    if (level !== 'debug') process.stderr.write(`xenscope: ${source}: ${message}\n`);
  },
};

function wholeNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new UserError(`${option} is '${text}'`, 'Give a whole number.');
}
