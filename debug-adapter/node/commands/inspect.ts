// `xenscope inspect`: boots a guest as `run` does, as far as it is told, and shows what the inspections of the
// emulator see there. Views are stdout; the guest's console goes to stderr, if it is asked for.

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
  startHeadless,
} from '../../../emulator/index.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { logToStderr } from '../node-host.ts';
import type { SetStatus } from '../program.ts';
import {
  addGuestOptions,
  type Bounds,
  boundsOf,
  type HeadlessGuestOptions,
  scriptOf,
} from './guest-options.ts';
import { prepareRun } from './run-configuration.ts';

interface InspectOptions extends HeadlessGuestOptions {
  readonly view: readonly string[];
  readonly set: readonly string[];
  readonly domain?: string;
  readonly vcpu?: string;
  readonly console?: boolean;
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
    .argument('<config...>', 'xl.cfg files, launch.json#NAME, or with --bare a kernel')
    .option('--view <name>', 'what to show; may repeat (default: domains)', collect, [])
    .option('--domain <n>', 'of which domain (default: the first)')
    .option('--vcpu <n>', 'of which vCPU (default: 0)')
    .option('--set <key=value>', 'a further argument of the views; may repeat', collect, [])
    .option('--console', "show the guest's console on stderr")
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
  const bounds = boundsOf(options);
  const prepared = await prepareRun(configs, options);
  const guest = startHeadless(loadEngineModules(), prepared.machine, {
    script: scriptOf(options, command),
    ...bounds,
    output: (_domain, bytes) => {
      if (options.console) process.stderr.write(bytes);
    },
    log: { log: (level, source, message) => logToStderr(level, `${source}: ${message}`) },
  });
  const inspector = createInspector(guest.loaded);
  const end = run(guest, bounds);
  const views = wanted.map(({ row, args }) => ({ row, view: inspector.inspect(row.name, args) }));
  process.stdout.write(options.json ? asJson(guest, views) : asText(views));
  return reached(end, guest) ? 0 : 1;
}

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

function asJson(guest: HeadlessRun, views: readonly Shown[]): string {
  const { engine, clock } = guest.loaded.machine;
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
