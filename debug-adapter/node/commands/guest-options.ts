// Options that commands share which run a guest without a debugger: what to boot, and how far.

import { type Command, Option } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { type GuestOptions, MACHINE_HELP, wholeNumber } from './run-configuration.ts';

export interface RunBounds {
  readonly until: readonly string[];
  readonly type: readonly string[];
  readonly maxInstructions?: string;
  readonly maxSeconds?: string;
}

export interface ScriptStep {
  readonly until: string;
  type?: string;
}

export interface HeadlessGuestOptions extends GuestOptions, RunBounds {}

const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];

export function addGuestOptions(command: Command): Command {
  return addBootOptions(
    command
      .option('--until <text>', 'end when the console printed it; may repeat, met in order', collect, [])
      .option(
        '--type <text>',
        'type it once the --until before it was met (\\n is Enter); may repeat',
        collect,
        [],
      )
      .option('--max-instructions <n>', 'end with status 1 after so many instructions')
      .option('--max-seconds <n>', 'end with status 1 after so many seconds'),
  );
}

/** What is booted, without how far. */
export function addBootOptions(command: Command): Command {
  return command
    .addOption(new Option('--cpu <model>', 'core (default: a53)').choices(['a53', 'max']))
    .option('--xen <text>', "Xen's command line: sched=NAME maxcpus=N sched_ratelimit_us=N xsm=silo|dummy")
    .option('--seed <n>', 'everything random derives from it (default: 0)')
    .addOption(new Option('--no-translate', 'interpret everything').hideHelp())
    .addOption(new Option('--translate-threshold <n>', 'translate what is reached so often').hideHelp())
    .option('--bare', 'the kernel on the bare machine, without Xen')
    .option('--machine <list>', `with --bare: ${MACHINE_HELP}`)
    .option('--initrd <file>', 'with --bare: initial RAM disk')
    .option('--append <text>', 'with --bare: kernel command line')
    .option('--dtb <file>', 'with --bare: device tree instead of the generated one');
}

/** Each --type belongs to the --until before it, so their order on the command line counts. */
export function scriptOf(options: RunBounds, command: Command): ScriptStep[] {
  const steps: ScriptStep[] = [];
  const raw = (command.parent as (Command & { rawArgs?: string[] }) | null)?.rawArgs ?? process.argv;
  let untils = 0;
  let types = 0;
  for (const argument of raw) {
    const name = argument.split('=')[0];
    if (name === '--until' && untils < options.until.length) {
      const until = unescape(options.until[untils++] ?? '');
      if (until === '') throw new UserError('--until is empty', 'Give a text that the guest prints.');
      steps.push({ until });
    } else if (name === '--type' && types < options.type.length) {
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

export interface Bounds {
  readonly maxInstructions?: number;
  outOfTime(): boolean;
}

/** Real time counts from now. */
export function boundsOf({ maxInstructions, maxSeconds }: RunBounds): Bounds {
  const seconds = maxSeconds === undefined ? undefined : wholeNumber(maxSeconds, '--max-seconds');
  const started = performance.now();
  return {
    ...(maxInstructions !== undefined && {
      maxInstructions: wholeNumber(maxInstructions, '--max-instructions'),
    }),
    outOfTime: () => seconds !== undefined && performance.now() - started > seconds * 1000,
  };
}
