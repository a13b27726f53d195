// `xenscope run`: boots xl.cfg files, a launch.json entry, or with --bare a kernel without Xen.
// The guest's console is stdout; everything else goes to stderr.

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import {
  bareDeviceTree,
  type HeadlessEnd,
  type HeadlessRun,
  type Logger,
  startHeadless,
} from '../../../emulator/index.ts';
import type { PreparedLaunch } from '../../machine/launch.ts';
import { captureTo } from '../capture.ts';
import { ConsoleOutput } from '../console-output.ts';
import { diskFiles } from '../disk-files.ts';
import { DomainConsoles } from '../domain-consoles.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { reasonOf } from '../files.ts';
import type { SetStatus } from './status.ts';
import { attachTerminal } from '../terminal.ts';
import {
  addGuestOptions,
  boundsOf,
  type HeadlessGuestOptions,
  type ScriptStep,
  scriptOf,
} from './guest-options.ts';
import { prepareRun } from './run-configuration.ts';

interface RunOptions extends HeadlessGuestOptions {
  readonly stats?: string;
  readonly capture?: string;
}

type RunEnd = HeadlessEnd | { readonly kind: 'left' };

/** Instructions between two looks at the reader of the console: some ten milliseconds. */
const TURN = 2_000_000;
/** The same while somebody may be typing. */
const SHORT_TURN = 200_000;

export const runCommand = (setStatus: SetStatus): Command =>
  addGuestOptions(
    new Command('run').description(
      'boot xl.cfg files or a launch.json entry (launch.json#NAME); with --bare a kernel without Xen',
    ),
  )
    .argument('<config...>', 'xl.cfg files, launch.json#NAME, or with --bare a kernel')
    .option('--stats <file>', 'write figures of the run as JSON')
    .option('--stats-detail', 'with --stats: count in translated code too, and profile the guest; slower')
    .option('--capture <file>', 'write the packets of all bridges, as pcapng for Wireshark')
    .option('--print-dtb', 'with --bare: write the generated device tree to stdout and end')
    .addHelpText(
      'after',
      '\nWithout --until, in a terminal, keys go to the guest; Ctrl-] leaves.\n' +
        'Of several domains, each line says whose it is. Any of them may print what --until waits for, and what\n' +
        '--type types goes there; keys go to the first. The run ends when the last domain has ended; one whose\n' +
        'on_reboot, on_poweroff or on_crash says restart (on_reboot does unless it is given) is made again.\n' +
        'Status: 0 when every --until was met or, without one, when the machine powers itself off;\n' +
        '1 when it ends otherwise or reaches a bound before that; 2 for unusable arguments or input.',
    )
    .action(async (configs: string[], options: RunOptions, command: Command) => {
      setStatus(await run(configs, scriptOf(options, command), options));
    });

async function run(
  configs: readonly string[],
  script: readonly ScriptStep[],
  options: RunOptions,
): Promise<number> {
  const started = performance.now();
  const bounds = boundsOf(options);

  const prepared = await prepareRun(configs, options, undefined, { restarts: true });
  for (const { place, message } of prepared.warnings) {
    say(`${place.file ?? ''}:${place.line ?? 1}: warning: ${message}`);
  }
  if (options.printDtb) return printDeviceTree(prepared);
  if (options.stats !== undefined) checkWritable(options.stats);
  if (options.capture !== undefined) checkWritable(options.capture);

  const output = new ConsoleOutput();
  const domains = prepared.machine.domains?.length ?? 1;
  const consoles = new DomainConsoles(domains, (bytes) => output.write(bytes));
  const guest = startHeadless(loadEngineModules(), prepared.machine, {
    script,
    ...bounds,
    output: (domain, bytes) => consoles.write(domain, bytes),
    ended: (domain, reason) => {
      if (domains > 1) say(`domain d${domain} ended (${reason})`);
    },
    created: (domain, name, replaces) =>
      say(`domain d${domain} is '${name}'${replaces === undefined ? '' : `, in the place of d${replaces}`}`),
    log: stderrLogger,
    files: diskFiles,
  });
  const endCapture =
    options.capture === undefined
      ? () => {}
      : captureTo(options.capture, guest.loaded, prepared.machine.startTime ?? 0);
  const isInteractive = script.length === 0 && isatty(0);
  const end = await (isInteractive
    ? interactive(guest, output, consoles)
    : headless(guest, output, bounds.outOfTime));
  endCapture();
  guest.close();
  consoles.close();
  output.close();
  if (options.stats !== undefined) writeStatistics(options.stats, guest, started);
  return report(end, guest);
}

async function headless(
  guest: HeadlessRun,
  output: ConsoleOutput,
  outOfTime: () => boolean,
): Promise<RunEnd> {
  for (;;) {
    const end = guest.turn(TURN);
    if (end) return end;
    await output.settle(outOfTime);
    if (output.problem !== undefined) return { kind: 'bound', why: output.problem };
  }
}

/** Idle time passes as on the wall clock, so that the guest's clock is right and an idle guest costs little. */
async function interactive(
  guest: HeadlessRun,
  output: ConsoleOutput,
  consoles: DomainConsoles,
): Promise<RunEnd> {
  const terminal = attachTerminal();
  try {
    for (;;) {
      const result = guest.turnAtWallClock(SHORT_TURN, () => performance.now());
      if (result && 'kind' in result) return result;
      if (result) consoles.settle();
      await terminal.pause(result?.milliseconds ?? 0);
      result?.end();
      if (terminal.left) return { kind: 'left' };
      if (output.problem !== undefined) return { kind: 'bound', why: output.problem };
      for (const bytes of terminal.take()) guest.type(bytes);
    }
  } finally {
    terminal.detach();
  }
}

/** Says how the run ended, unless it ended as asked for; returns the exit status. */
function report(end: RunEnd, { script }: HeadlessRun): number {
  const waiting = script.waitingFor;
  switch (end.kind) {
    case 'met':
      return 0;
    case 'left':
      say('the console was left while the guest was running');
      return 1;
    case 'ended':
      if (end.reason === 'poweroff' && waiting === undefined) return 0;
      say(`the guest ended (${end.reason})${waiting === undefined ? '' : ` before it printed '${waiting}'`}`);
      return 1;
    case 'bound':
      say(`${end.why}${waiting === undefined ? '' : `; '${waiting}' was not printed`}`);
      return 1;
  }
}

function printDeviceTree({ machine }: PreparedLaunch): number {
  if (machine.bare) process.stdout.write(bareDeviceTree(machine.bare, machine.cpu, machine.seed));
  return 0;
}

const say = (text: string): void => {
  process.stderr.write(`xenscope: ${text}\n`);
};

const stderrLogger: Logger = {
  log: (level, source, message) => {
    if (level !== 'debug') say(`${source}: ${message}`);
  },
};

// ---- figures

/** Known before the guest has run for minutes. */
function checkWritable(file: string): void {
  try {
    const status = statSync(file, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new Error('it is a directory');
    accessSync(status ? file : dirname(file), constants.W_OK);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function writeStatistics(file: string, guest: HeadlessRun, started: number): void {
  const usage = process.cpuUsage();
  const wallSeconds = (performance.now() - started) / 1000;
  const residentBytes = process.memoryUsage.rss();
  const { instructions, virtualNanoseconds, ...more } = guest.statistics();
  const cpuSeconds = (usage.user + usage.system) / 1e6;
  const figures = { instructions, virtualNanoseconds, wallSeconds, cpuSeconds, residentBytes, ...more };
  try {
    writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  } catch (error) {
    throw unwritable(file, error);
  }
}

const unwritable = (file: string, error: unknown): UserError =>
  new UserError(`cannot be written: ${reasonOf(error)}`, 'Name another file with --stats.', {
    file,
  });
