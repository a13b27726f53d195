// `xenscope bench`: measures the emulator, against QEMU where it is installed. Nothing here judges a figure.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import {
  BenchFailure,
  geometricMean,
  guestSubject,
  type Measurement,
  measure,
  type Subject,
  type Summary,
} from '../bench/measure.ts';
import { LINUX_WORKLOADS, type LinuxFiles, linuxSubjects } from '../bench/linux.ts';
import { qemuVersion } from '../bench/processes.ts';
import { WORKLOADS } from '../bench/workloads.ts';
import type { SetStatus } from './status.ts';
import { wholeNumber } from './run-configuration.ts';

interface BenchOptions {
  readonly list?: boolean;
  readonly pairs: string;
  readonly scale: string;
  readonly json?: boolean;
  readonly guest?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly busybox?: string;
  readonly xen?: string;
  readonly qemu: boolean;
  readonly translate: boolean;
  readonly translateThreshold?: string;
}

/** From the bundle, or from the source itself. */
const GUEST_PLACES = ['../debug-adapter/node/bench/guest/bench.img', '../bench/guest/bench.img'];

export const benchCommand = (setStatus: SetStatus): Command =>
  new Command('bench')
    .description('measure the emulator, against QEMU where it is installed')
    .argument('[name...]', 'workloads (default: all)')
    .option('--list', 'name the workloads and end')
    .option('--pairs <n>', 'measurements of each side, in turn', '5')
    .option('--scale <factor>', 'so many times the usual work', '1')
    .option('--json', 'print JSON')
    .option('--guest <file>', 'Image of the measured guest, instead of the one in the repository')
    .option('--kernel <file>', 'measure Linux: its kernel')
    .option('--initrd <file>', 'for boots: its initial RAM disk, which powers off by itself')
    .option(
      '--busybox <file>',
      'instead: a static busybox for arm64, of which initial RAM disks are made; its programs are measured as well',
    )
    .option(
      '--xen <file>',
      "compare domains with QEMU and this Xen at EL2 (Image; Debian's package xen-hypervisor-4.17-arm64 " +
        'has it as /boot/xen-4.17-arm64)',
    )
    .option('--no-qemu', 'measure this side alone')
    .option('--no-translate', 'interpret everything')
    .option('--translate-threshold <n>', 'translate what is reached so often')
    .addHelpText(
      'after',
      '\nTimes are processor seconds of whole processes, all threads. Those of workloads are the difference of two\n' +
        'runs, so that start-up does not count; those of a boot are not. `speed` is the time of QEMU over ours.\n' +
        'Domains are compared with dom0less domains of a Xen at EL2 of QEMU, if there is one.\n' +
        'Status: 0 when every guest answered the same on both sides, 1 when one did not.',
    )
    .action((names: string[], options: BenchOptions) => setStatus(bench(names, options)));

function bench(names: readonly string[], options: BenchOptions): number {
  if (options.list) {
    for (const { name, does, group } of [...WORKLOADS, ...LINUX_WORKLOADS])
      say(`${name.padEnd(15)} ${group.padEnd(9)} ${does}`);
    return 0;
  }
  const pairs = wholeNumber(options.pairs, '--pairs');
  if (pairs < 1) throw new UserError('--pairs is 0', 'Give at least 1.');
  const scratch = mkdtempSync(join(tmpdir(), 'xenscope-bench-'));
  try {
    const subjects = subjectsOf(names, options, scratch);
    const version = options.qemu ? qemuVersion() : undefined;
    const host = { cpu: cpus()[0]?.model ?? 'unknown', node: process.versions.node, qemu: version ?? null };
    if (!options.json) printHead(host, pairs);
    const results: Measurement[] = [];
    for (const subject of subjects) {
      const result = measure(subject, { pairs, withQemu: version !== undefined });
      results.push(result);
      if (!options.json) say(lineOf(result));
    }
    const means = meansOf(results);
    if (options.json) say(JSON.stringify({ host, pairs, results, geometricMeans: means }, null, 2));
    else
      for (const [group, mean] of Object.entries(means))
        say(`geometric mean of ${group}: ${mean.toFixed(2)}`);
    return 0;
  } catch (error) {
    if (!(error instanceof BenchFailure)) throw error;
    process.stderr.write(`xenscope: ${error.message}\n`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function subjectsOf(names: readonly string[], options: BenchOptions, scratch: string): Subject[] {
  const scale = Number(options.scale);
  if (!(scale > 0 && scale <= 1000)) {
    throw new UserError(`--scale is '${options.scale}'`, 'Give a positive number such as 0.1.');
  }
  const { kernel } = options;
  const named = (name: string): boolean => names.includes(name);
  const isKnown = (name: string): boolean =>
    [...WORKLOADS, ...LINUX_WORKLOADS].some((workload) => workload.name === name);
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined) {
    throw new UserError(`there is no workload '${unknown}'`, '`xenscope bench --list` names them.');
  }
  const runOptions = [
    ...(options.translate ? [] : ['--no-translate']),
    ...(options.translateThreshold === undefined
      ? []
      : ['--translate-threshold', options.translateThreshold]),
  ];
  const chosen = WORKLOADS.filter(({ name }) => (names.length === 0 ? kernel === undefined : named(name)));
  const xen = options.xen === undefined ? undefined : present(options.xen);
  const files = { scratch, runOptions, xen };
  const guest = chosen.length > 0 ? guestImage(options.guest) : '';
  const linux =
    kernel === undefined ? [] : linuxSubjects({ ...files, ...linuxFiles(kernel, options) }, scale);
  const missing = LINUX_WORKLOADS.find(
    ({ name }) => named(name) && !linux.some((other) => other.name === name),
  );
  if (missing) {
    throw new UserError(`'${missing.name}' needs a kernel and busybox`, 'Give --kernel and --busybox.');
  }
  return [
    ...chosen.map((workload) => guestSubject(workload, scale, { ...files, guest })),
    ...linux.filter(({ name }) => names.length === 0 || named(name)),
  ];
}

function linuxFiles(
  kernel: string,
  { initrd, busybox }: BenchOptions,
): Pick<LinuxFiles, 'kernel' | 'initrd' | 'busybox'> {
  if (initrd === undefined && busybox === undefined) {
    throw new UserError('a boot of Linux needs an initial RAM disk', 'Give --busybox, or --initrd.');
  }
  return {
    kernel: present(kernel),
    initrd: initrd === undefined ? undefined : present(initrd),
    busybox: busybox === undefined ? undefined : present(busybox),
  };
}

function guestImage(named: string | undefined): string {
  if (named !== undefined) return present(named);
  const found = GUEST_PLACES.map((place) => join(import.meta.dirname, place)).find(existsSync);
  if (found !== undefined) return found;
  throw new UserError(
    'the measured guest is not part of this installation',
    'Run from a checkout of the repository, or name its Image with --guest.',
  );
}

function present(file: string): string {
  if (!existsSync(file)) throw new UserError('does not exist', 'Name another file.', { file });
  return resolve(file);
}

/** Of the speeds, for each group that was compared. */
function meansOf(results: readonly Measurement[]): Record<string, number> {
  const speeds = new Map<string, number[]>();
  for (const { group, speed } of results) {
    if (speed) speeds.set(group, [...(speeds.get(group) ?? []), speed.median]);
  }
  return Object.fromEntries([...speeds].map(([group, list]) => [group, geometricMean(list)]));
}

// ---- text

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function printHead(host: { cpu: string; node: string; qemu: string | null }, pairs: number): void {
  say(`${host.cpu}, Node ${host.node}, ${host.qemu === null ? 'without QEMU' : `QEMU ${host.qemu}`}`);
  say(`medians of ${pairs} pairs, and the least and greatest; processor seconds\n`);
  const columns = host.qemu === null ? ['ours'] : ['ours', 'QEMU', 'speed'];
  say(`${''.padEnd(15)} ${columns.map((title) => title.padEnd(22)).join(' ')}`.trimEnd());
}

const lineOf = ({ name, ours, qemu, speed }: Measurement): string =>
  [name.padEnd(15), ...[ours, qemu, speed].flatMap((value) => (value ? [cell(value)] : []))]
    .join(' ')
    .trimEnd();

const cell = ({ median, min, max }: Summary): string =>
  `${median.toFixed(2).padStart(6)} (${min.toFixed(2)} ${max.toFixed(2)})`.padEnd(22);
