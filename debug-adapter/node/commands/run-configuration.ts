// From the arguments of `xenscope run` to a machine with its files read.

import { UserError } from '../../../emulator/base/errors.ts';
import type { MachineConfig } from '../../../emulator/index.ts';
import { readDtb } from '../../../emulator/formats/dtb.ts';
import { type LaunchConfiguration, parseLaunchConfiguration } from '../../configuration.ts';
import { type PreparedLaunch, prepareLaunch } from '../../machine/launch.ts';
import { openFile, openFileInPlace } from '../files.ts';
import { readLaunchEntry, splitLaunchEntry } from '../launch-file.ts';
import { logToStderr, nodeHost } from '../node-host.ts';

export interface GuestOptions {
  readonly bare?: boolean;
  readonly machine?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  readonly printDtb?: boolean;
  readonly cpu?: 'a53' | 'max';
  readonly xen?: string;
  readonly seed?: string;
  /** False after --no-translate. */
  readonly translate?: boolean;
  readonly translateThreshold?: string;
  readonly statsDetail?: boolean;
}

const COMMAND_LINE = 'the command line';

/** What stands in `--machine`: the pattern of each value, and its words. */
const MACHINE_KEYS: Readonly<Record<string, { readonly pattern: RegExp; readonly values: string }>> = {
  gic: { pattern: /^[23]$/, values: '2 or 3' },
  cpus: { pattern: /^[1-8]$/, values: '1 to 8' },
  memory: { pattern: /^\d+[KMG]?$/i, values: 'a size such as 512M' },
  el: { pattern: /^[12]$/, values: '1 or 2' },
  cpu: { pattern: /^(a53|max)$/, values: 'a53 or max' },
  'kaslr-seed': { pattern: /^(\d{1,15}|0x[0-9a-f]{1,13})$/i, values: 'a number below 2^52' },
};

export const MACHINE_HELP = 'gic=2|3,cpus=N,memory=SIZE,el=1|2,cpu=a53|max,kaslr-seed=N';

/** What a command line names, before any file of the guest is read. */
export interface NamedRun {
  readonly configuration: LaunchConfiguration;
  /** Where its relative paths start; undefined: the working directory. */
  readonly folder: string | undefined;
  /** Named in messages about the configuration. */
  readonly file: string | undefined;
}

export async function prepareRun(
  configs: readonly string[],
  options: GuestOptions,
  open = openFileInPlace,
  lifeCycle: { readonly restarts?: boolean } = {},
): Promise<PreparedLaunch> {
  const named = await prepareNamed(namedRun(configs, options), open, lifeCycle);
  const prepared = { ...named, machine: { ...named.machine, ...translation(options) } };
  const { bare } = prepared.machine;
  if (options.dtb === undefined || !bare) return prepared;
  const deviceTree = { name: options.dtb, bytes: await deviceTreeIn(options.dtb) };
  return { ...prepared, machine: { ...prepared.machine, bare: { ...bare, deviceTree } } };
}

/** How hot code is run, where the command line says it. */
function translation({
  translate,
  translateThreshold,
  statsDetail,
}: GuestOptions): Pick<MachineConfig, 'translate'> {
  if (translate === false) return { translate: false };
  const counts = statsDetail === true;
  if (translateThreshold === undefined) return counts ? { translate: { counts } } : {};
  const threshold = wholeNumber(translateThreshold, '--translate-threshold');
  if (threshold < 1) throw new UserError('--translate-threshold is 0', 'Give at least 1.');
  return { translate: { threshold, counts } };
}

/**
 * Opens the files of a run. A machine in this thread reads what is large by itself; for one elsewhere `open` is
 * `openFile`, which has it read before.
 */
export async function prepareNamed(
  { configuration, folder, file }: NamedRun,
  open = openFileInPlace,
  lifeCycle: { readonly restarts?: boolean } = {},
): Promise<PreparedLaunch> {
  try {
    const host = { ...nodeHost(logToStderr), openFile: open };
    return await prepareLaunch(host, configuration, folder, lifeCycle);
  } catch (error) {
    if (file === undefined || !(error instanceof UserError) || error.place.file !== undefined) throw error;
    throw new UserError(error.message, error.hint, { file });
  }
}

export function namedRun(configs: readonly string[], options: GuestOptions): NamedRun {
  if (options.bare) {
    if (options.xen !== undefined) throw new UserError('--xen contradicts --bare', 'Leave one of them out.');
    const [kernel = ''] = configs;
    if (configs.length > 1) throw new UserError('--bare takes one kernel', 'Name one kernel file.');
    return { configuration: bareConfiguration(kernel, options), folder: undefined, file: undefined };
  }
  for (const [name, value] of [
    ['--machine', options.machine],
    ['--initrd', options.initrd],
    ['--append', options.append],
    ['--dtb', options.dtb],
    ['--print-dtb', options.printDtb],
  ] as const) {
    if (value !== undefined) throw new UserError(`${name} needs --bare`, 'Add --bare and name a kernel.');
  }
  const common = {
    ...(options.cpu !== undefined && { cpu: options.cpu }),
    ...(options.seed !== undefined && { seed: wholeNumber(options.seed, '--seed') }),
    ...(options.xen !== undefined && { xen: { cmdline: options.xen } }),
  };
  const entries = configs.map(splitLaunchEntry).filter((entry) => entry !== undefined);
  const [entry] = entries;
  if (!entry) {
    const configuration = parseLaunchConfiguration({ config: configs, ...common }, COMMAND_LINE);
    return { configuration, folder: undefined, file: undefined };
  }
  if (configs.length > 1) {
    throw new UserError(
      `${configs.length} configurations are named, one of them in ${entry.file}`,
      'An entry of a launch.json stands alone.',
    );
  }
  const { configuration, folder } = readLaunchEntry(entry.file, entry.name);
  const checked = parseLaunchConfiguration({ ...configuration, ...common }, entry.file);
  return { configuration: checked, folder, file: entry.file };
}

export function wholeNumber(text: string, option: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new UserError(`${option} is '${text}'`, 'Give a whole number.');
}

// ---- the bare machine

function bareConfiguration(kernel: string, options: GuestOptions): LaunchConfiguration {
  const machine = machineOptions(options.machine ?? '');
  const cpu = machine.get('cpu');
  if (cpu !== undefined && options.cpu !== undefined && cpu !== options.cpu) {
    throw new UserError(`--cpu ${options.cpu} contradicts cpu=${cpu} of --machine`, 'Give one of them.');
  }
  const seed = machine.get('kaslr-seed');
  const bare = {
    kernel,
    cmdline: options.append ?? '',
    cpus: Number(machine.get('cpus') ?? 1),
    memory: machine.get('memory') ?? '512M',
    gicVersion: Number(machine.get('gic') ?? 3),
    el: Number(machine.get('el') ?? 1),
    ...(options.initrd !== undefined && { ramdisk: options.initrd }),
    ...(seed !== undefined && { kaslrSeed: Number(seed) }),
  };
  return parseLaunchConfiguration(
    {
      bare,
      cpu: cpu ?? options.cpu ?? 'a53',
      ...(options.seed !== undefined && { seed: wholeNumber(options.seed, '--seed') }),
    },
    COMMAND_LINE,
  );
}

function machineOptions(text: string): Map<string, string> {
  const result = new Map<string, string>();
  for (const part of text.split(',').filter((item) => item !== '')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    const known = MACHINE_KEYS[key];
    if (!known) {
      throw new UserError(
        `--machine: '${key}' is not known`,
        `Give KEY=VALUE with KEY one of ${Object.keys(MACHINE_KEYS).join(', ')}.`,
      );
    }
    if (!known.pattern.test(value)) {
      throw new UserError(`--machine: ${key} is '${value}'`, `It must be ${known.values}.`);
    }
    if (result.has(key)) throw new UserError(`--machine: ${key} is given twice`, 'Keep one of them.');
    result.set(key, value);
  }
  return result;
}

/** Larger than any tree, smaller than what an allocation would fail at. */
const MAX_TREE_SIZE = 2 << 20;

async function deviceTreeIn(file: string): Promise<Uint8Array> {
  const refuse = (message: string): never => {
    throw new UserError(message, 'Give a compiled device tree (.dtb) with --dtb.', { file });
  };
  const source = await openFile(file).catch((error: Error) => refuse(`cannot be read: ${error.message}`));
  if (source.size > MAX_TREE_SIZE) return refuse('is larger than a device tree can be (2 MiB)');
  const bytes = await source.read(0, source.size);
  readDtb(bytes, file);
  return bytes;
}
