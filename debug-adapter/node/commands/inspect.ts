// `xenscope inspect`: boots a guest as `run` does, as far as it is told, and shows what the inspections of the
// emulator see there. Views are stdout; the guest's console goes to stderr, if it is asked for.

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import {
  type AnyInspection,
  argumentValue,
  createInspector,
  type HeadlessEnd,
  type HeadlessRun,
  inspectionNamed,
  inspections,
  type LoadedMachine,
  loadMachine,
  type MachineInspector,
  runToSnapshot,
  startHeadless,
  takeSnapshot,
} from '../../../emulator/index.ts';
import { diskFiles } from '../disk-files.ts';
import { DomainConsoles } from '../domain-consoles.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { reasonOf } from '../files.ts';
import { logToStderr } from '../node-host.ts';
import { readSnapshot, SNAPSHOT_EXTENSION, writeSnapshot } from '../../machine/snapshot-file.ts';
import type { SetStatus } from './status.ts';
import {
  addGuestOptions,
  type Bounds,
  boundsOf,
  type HeadlessGuestOptions,
  scriptOf,
} from './guest-options.ts';
import { namedRun, prepareNamed, prepareRun } from './run-configuration.ts';

interface InspectOptions extends HeadlessGuestOptions {
  readonly view: readonly string[];
  readonly set: readonly string[];
  readonly domain?: string;
  readonly vcpu?: string;
  readonly console?: boolean;
  readonly save?: string;
  readonly json?: boolean;
}

/** Instructions between two looks at the clock on the wall. */
const TURN = 2_000_000;

const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];

export const inspectCommand = (setStatus: SetStatus): Command =>
  addGuestOptions(
    new Command('inspect').description(
      'boot a guest as `run` does, up to --until or a bound, and show what its hypervisor and machine hold then',
    ),
  )
    .argument(
      '<config...>',
      `xl.cfg files, launch.json#NAME, a snapshot (${SNAPSHOT_EXTENSION}), or with --bare a kernel`,
    )
    .option('--view <name>', 'what to show; may repeat (default: domains)', collect, [])
    .option('--domain <n>', 'of which domain (default: the first)')
    .option('--vcpu <n>', 'of which vCPU (default: 0)')
    .option('--set <key=value>', 'a further argument of the views; may repeat', collect, [])
    .option('--console', "show the guest's console on stderr")
    .option('--save <file>', `also save how to come to this state (${SNAPSHOT_EXTENSION})`)
    .option('--json', 'print JSON')
    .addHelpText('after', () => `\nViews:\n${inspections.map(described).join('')}`)
    .action(async (configs: string[], options: InspectOptions, command: Command) => {
      setStatus(await inspect(configs, options, command));
    });

function described({ name, doc, arguments: specs }: (typeof inspections)[number]): string {
  const further = Object.entries(specs as AnyInspection['arguments'])
    .filter(([key]) => key !== 'domain' && key !== 'vcpu')
    .map(([key, spec]) => `      --set ${key}=…  ${spec.doc}\n`);
  return `  ${name.padEnd(16)} ${doc}\n${further.join('')}`;
}

async function inspect(
  configs: readonly string[],
  options: InspectOptions,
  command: Command,
): Promise<number> {
  const wanted = (options.view.length > 0 ? options.view : ['domains']).map((name) => {
    const row = inspectionNamed(name);
    return { row, args: argumentsFor(row, options) };
  });
  checkUsed(
    wanted.map(({ row }) => row),
    options,
  );
  const subject = isSnapshot(configs)
    ? await fromSnapshot(configs, options)
    : await afterRun(configs, options, command);
  const views = wanted.map(({ row, args }) => ({ row, view: subject.inspector.inspect(row.name, args) }));
  process.stdout.write(options.json ? asJson(subject.loaded, views) : asText(views));
  subject.loaded.close?.();
  return subject.status;
}

interface Inspectable {
  readonly loaded: LoadedMachine;
  readonly inspector: MachineInspector;
  readonly status: number;
}

async function afterRun(
  configs: readonly string[],
  options: InspectOptions,
  command: Command,
): Promise<Inspectable> {
  const bounds = boundsOf(options);
  const prepared = await prepareRun(configs, options);
  const consoles = new DomainConsoles(prepared.machine.domains?.length ?? 1, (bytes) =>
    process.stderr.write(bytes),
  );
  const guest = startHeadless(loadEngineModules(), prepared.machine, {
    script: scriptOf(options, command),
    ...bounds,
    output: (domain, bytes) => {
      if (options.console) consoles.write(domain, bytes);
    },
    log: { log: (level, source, message) => logToStderr(level, `${source}: ${message}`) },
    files: diskFiles,
  });
  const inspector = createInspector(guest.loaded);
  const status = reached(run(guest, bounds), guest) ? 0 : 1;
  consoles.close();
  if (options.save !== undefined) save(options.save, configs, options, guest);
  return { loaded: guest.loaded, inspector, status };
}

// ---- snapshots

const isSnapshot = (configs: readonly string[]): boolean =>
  configs.some((file) => file.endsWith(SNAPSHOT_EXTENSION));

async function fromSnapshot(configs: readonly string[], options: InspectOptions): Promise<Inspectable> {
  const [file = ''] = configs;
  if (configs.length > 1) throw new UserError('a snapshot stands alone', 'Name one snapshot.');
  const decides = (['bare', 'cpu', 'seed', 'save', 'maxInstructions', 'maxSeconds'] as const).find(
    (key) => options[key] !== undefined,
  );
  if (decides !== undefined || options.until.length > 0) {
    throw new UserError('a snapshot is a moment of a run', 'Give only --view and its arguments with it.', {
      file,
    });
  }
  const { launch, folder, snapshot } = readSnapshot(await readText(file), file);
  const { machine } = await prepareNamed({ configuration: launch, folder, file });
  const log = { log: () => {} };
  const events = {
    console: (_domain: number, byte: number) => {
      if (options.console) process.stderr.write(Uint8Array.of(byte));
    },
    ended: () => {},
  };
  const loaded = loadMachine(loadEngineModules(), machine, events, log, diskFiles);
  const inspector = createInspector(loaded);
  for (const path of runToSnapshot(loaded, snapshot)) {
    logToStderr('warn', `${path} has changed since the snapshot was taken, where its run did not look`);
  }
  return { loaded, inspector, status: 0 };
}

function save(
  file: string,
  configs: readonly string[],
  options: InspectOptions,
  { loaded, inputs }: HeadlessRun,
): void {
  if (!file.endsWith(SNAPSHOT_EXTENSION)) {
    throw new UserError(`--save is '${file}'`, `Give a name that ends in ${SNAPSHOT_EXTENSION}.`);
  }
  if (options.dtb !== undefined) {
    throw new UserError('--save does not keep the device tree of --dtb', 'Leave one of them out.');
  }
  const { configuration, folder } = namedRun(configs, options);
  const text = writeSnapshot({
    launch: configuration,
    folder: folder ?? process.cwd(),
    snapshot: takeSnapshot(loaded, inputs),
  });
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UserError(`cannot be written: ${reasonOf(error)}`, 'Name another file with --save.', { file });
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot be read: ${reasonOf(error)}`, 'Name a snapshot.', { file });
  }
}

// ---- runs

function run(guest: HeadlessRun, { maxInstructions, outOfTime }: Bounds): HeadlessEnd {
  if (guest.script.waitingFor === undefined && maxInstructions === undefined && !outOfTime()) {
    // Without anything to wait for, the machine as it is built.
    return { kind: 'met' };
  }
  for (;;) {
    const end = guest.turn(TURN);
    if (end) return end;
  }
}

/** A bound is what was asked for when nothing else was. */
function reached(end: HeadlessEnd, { script }: HeadlessRun): boolean {
  const { waitingFor } = script;
  if (waitingFor === undefined) return true;
  const why = end.kind === 'ended' ? `the guest ended (${end.reason})` : end.kind === 'bound' ? end.why : '';
  process.stderr.write(`xenscope: ${why} before it printed '${waitingFor}'; this is how it stands\n`);
  return false;
}

interface Shown {
  readonly row: AnyInspection;
  readonly view: unknown;
}

const asText = (views: readonly Shown[]): string =>
  views.map(({ row, view }) => (views.length > 1 ? `== ${row.name}\n` : '') + row.text(view)).join('\n');

function asJson({ machine }: LoadedMachine, views: readonly Shown[]): string {
  const { engine, clock } = machine;
  const result = {
    instructions: engine.instructions,
    virtualNanoseconds: clock.nanoseconds(),
    views: views.map(({ row, view }) => ({ name: row.name, view })),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

// ---- arguments of the views

/** What was given and the row takes. */
function argumentsFor(row: AnyInspection, options: InspectOptions): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [key, text] of given(options)) {
    const spec = row.arguments[key];
    if (spec) args[key] = argumentValue(key, text, spec.kind);
  }
  return args;
}

function given(options: InspectOptions): [key: string, value: string][] {
  const pairs = options.set.map((text): [string, string] => {
    const equals = text.indexOf('=');
    if (equals <= 0) throw new UserError(`--set is '${text}'`, 'Give KEY=VALUE.');
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  if (options.domain !== undefined) pairs.push(['domain', options.domain]);
  if (options.vcpu !== undefined) pairs.push(['vcpu', options.vcpu]);
  return pairs;
}

/** An argument that no view takes is a mistake. */
function checkUsed(rows: readonly AnyInspection[], options: InspectOptions): void {
  for (const [key] of given(options)) {
    if (rows.some((row) => key in row.arguments)) continue;
    const known = [...new Set(rows.flatMap((row) => Object.keys(row.arguments)))];
    throw new UserError(
      `${rows.map(({ name }) => `'${name}'`).join(' and ')} takes no '${key}'`,
      known.length === 0 ? 'It takes no arguments.' : `Known: ${known.join(', ')}.`,
    );
  }
}
