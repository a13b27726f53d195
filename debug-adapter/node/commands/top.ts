// `xenscope top` and `xenscope sched`: boot guests as `run` does and say who had which share of the physical CPUs, in
// virtual time: interval by interval, or at the end with what the scheduler knows.

import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import {
  createInspector,
  type HeadlessEnd,
  type HeadlessRun,
  inspectionNamed,
  startHeadless,
} from '../../../emulator/index.ts';
import { diskFiles } from '../disk-files.ts';
import { DomainConsoles } from '../domain-consoles.ts';
import { loadEngineModules } from '../engine-modules.ts';
import { logToStderr } from '../node-host.ts';
import { addGuestOptions, boundsOf, type HeadlessGuestOptions, scriptOf } from './guest-options.ts';
import { prepareRun, wholeNumber } from './run-configuration.ts';
import { type Sample, sharesBetween, sharesText, takeSample } from './shares.ts';
import type { SetStatus } from './status.ts';

interface TopOptions extends HeadlessGuestOptions {
  readonly interval?: string;
  readonly console?: boolean;
  readonly json?: boolean;
}

/** Instructions between two looks at the virtual clock: a millisecond, unless time is skipped. */
const TURN = 1_000_000;
/** Virtual milliseconds. */
const INTERVAL = 100;

export const topCommand = (setStatus: SetStatus): Command =>
  addOptions(
    new Command('top').description(
      'boot guests as `run` does and show, in intervals of virtual time, which share of the CPUs each domain and vCPU had',
    ),
  )
    .option('--interval <ms>', `virtual milliseconds (default: ${INTERVAL})`)
    .option('--json', 'print JSON, a line for each interval')
    .action(async (configs: string[], options: TopOptions, command: Command) => {
      setStatus(await top(configs, options, command));
    });

export const schedCommand = (setStatus: SetStatus): Command =>
  addOptions(
    new Command('sched').description(
      'boot guests as `run` does, up to --until or a bound, and show physical CPUs, pools, queues and shares then',
    ),
  )
    .option('--json', 'print JSON')
    .action(async (configs: string[], options: TopOptions, command: Command) => {
      setStatus(await sched(configs, options, command));
    });

const addOptions = (command: Command): Command =>
  addGuestOptions(command)
    .argument('<config...>', 'xl.cfg files, or launch.json#NAME')
    .option('--console', "show the guests' consoles on stderr");

async function top(configs: readonly string[], options: TopOptions, command: Command): Promise<number> {
  const interval =
    1e6 * (options.interval === undefined ? INTERVAL : wholeNumber(options.interval, '--interval'));
  if (interval === 0) throw new UserError('--interval is 0', 'Give at least 1 millisecond.');
  const show = (from: Sample, to: Sample): void => {
    const shares = sharesBetween(from, to);
    process.stdout.write(options.json ? `${JSON.stringify(shares)}\n` : `${sharesText(shares)}\n`);
  };
  let last: Sample | undefined;
  const { guest, status } = await boot(configs, options, command, (running) => {
    last ??= takeSample(running);
    if (running.loaded.machine.clock.nanoseconds() - last.now < interval) return;
    const now = takeSample(running);
    show(last, now);
    last = now;
  });
  const end = takeSample(guest);
  if (last && end.now > last.now) show(last, end);
  guest.loaded.close?.();
  return status;
}

async function sched(configs: readonly string[], options: TopOptions, command: Command): Promise<number> {
  const { guest, status } = await boot(configs, options, command, () => {});
  const row = inspectionNamed('scheduler');
  const view = createInspector(guest.loaded).inspect('scheduler', {});
  process.stdout.write(options.json ? `${JSON.stringify(view, null, 2)}\n` : row.text(view));
  guest.loaded.close?.();
  return status;
}

async function boot(
  configs: readonly string[],
  options: TopOptions,
  command: Command,
  look: (guest: HeadlessRun) => void,
): Promise<{ guest: HeadlessRun; status: number }> {
  if (options.bare) throw new UserError('a bare machine has no scheduler', 'Name xl.cfg files.');
  const bounds = boundsOf(options);
  const prepared = await prepareRun(configs, options, undefined, { restarts: true });
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
  let end: HeadlessEnd | undefined;
  for (look(guest); !end; look(guest)) end = guest.turn(TURN);
  consoles.close();
  return { guest, status: statusOf(end, guest) };
}

/** A bound is what was asked for when nothing else was. */
function statusOf(end: HeadlessEnd, { script: { waitingFor } }: HeadlessRun): number {
  if (waitingFor === undefined) return 0;
  const why = end.kind === 'ended' ? `the guests ended (${end.reason})` : end.kind === 'bound' ? end.why : '';
  process.stderr.write(`xenscope: ${why} before '${waitingFor}' was printed\n`);
  return 1;
}
