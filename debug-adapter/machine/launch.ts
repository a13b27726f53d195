// From a launch configuration to a machine configuration: reads xl.cfg, opens files, loads kernels.
// The command line uses the same path, so that a file boots the same way everywhere.

import type { UserError } from '../../emulator/base/errors.ts';
import type { ByteSource } from '../../emulator/formats/byte-source.ts';
import { contentOf, readAll } from '../../emulator/formats/byte-source.ts';
import { isDiskRefusal, parseDiskSpec } from '../../emulator/formats/disk-spec.ts';
import { isVifRefusal, parseVifSpec, type VifSpec } from '../../emulator/formats/vif-spec.ts';
import { loadKernel } from '../../emulator/formats/kernel.ts';
import { readXlConfig } from '../../emulator/formats/xl-config/xl-config.ts';
import { parseCpuRanges } from '../../emulator/formats/xl-config/cpu-ranges.ts';
import type {
  XlAction,
  XlConfig,
  XlFile,
  XlScheduling,
  XlWarning,
} from '../../emulator/formats/xl-config/xl-config.ts';
import { MAX_DOMAIN_MEMORY, MAX_VCPUS, SCHEDULERS } from '../../emulator/machine/messages.ts';
import type {
  DiskConfig,
  DomainConfig,
  DomainScheduling,
  EndAction,
  GuestFile,
  GuestKernel,
  MachineConfig,
} from '../../emulator/machine/messages.ts';
import type { BareConfiguration, DomainConfiguration, LaunchConfiguration } from '../configuration.ts';
import { memoryBytes } from '../configuration.ts';
import * as errors from '../errors.ts';
import type { Host } from '../host.ts';
import type { ImageFiles, ProgramFile } from '../symbols/load-image.ts';

/** What the debugger must know of a domain's kernel beside the machine. */
export interface DomainSymbols {
  readonly kernelPath: string;
  readonly kernel: GuestKernel;
  readonly symbols: string | undefined;
  readonly sourceMap: Readonly<Record<string, string>>;
  /** A folder with all sources. */
  readonly sourceTree: string | undefined;
  /** What the guest loads beside its kernel. */
  readonly images: ImageFiles;
}

export interface PreparedLaunch {
  readonly machine: MachineConfig;
  /** In the order of the machine's domains; one entry on a bare machine. */
  readonly domains: readonly DomainSymbols[];
  readonly warnings: readonly XlWarning[];
}

type LaunchFiles = Pick<Host, 'openFile' | 'fileExists' | 'resolvePath' | 'decompress'>;

/** Kernels by path: domains of one kernel share what was read and unpacked. */
interface Files extends LaunchFiles {
  readonly kernels: Map<string, Promise<GuestKernel>>;
}

/** `base`: the directory that relative paths of the configuration start from; undefined: the working directory. */
export async function prepareLaunch(
  host: LaunchFiles,
  configuration: LaunchConfiguration,
  base?: string,
  { restarts = false }: { readonly restarts?: boolean } = {},
): Promise<PreparedLaunch> {
  const { cpu, seed, startTime, xen } = configuration;
  const files: Files = { ...host, kernels: new Map() };
  const common = { cpu, seed, ...(startTime !== undefined && { startTime: Date.parse(startTime) / 1000 }) };
  const symbols = {
    symbols: configuration.symbols && host.resolvePath(base, configuration.symbols),
    sourceMap: configuration.sourceMap ?? {},
    sourceTree: configuration.sourceTree && host.resolvePath(base, configuration.sourceTree),
    images: imageFiles(host, configuration, base),
  };

  if (configuration.bare) {
    const { config, symbols: own } = await bareMachine(files, configuration.bare, base, symbols);
    return { machine: { ...common, bare: config }, domains: [own], warnings: [] };
  }

  const prepared: { domain: DomainConfig; symbols: DomainSymbols; warnings: readonly XlWarning[] }[] = [];
  for (const domain of configuration.domains ?? []) {
    prepared.push({ ...(await inlineDomain(files, domain, base, symbols)), warnings: [] });
  }
  for (const file of listOf(configuration.config)) {
    prepared.push(await xlDomain(files, host.resolvePath(base, file), symbols, restarts));
  }
  return {
    machine: {
      ...common,
      ...xsmOf(xen?.cmdline),
      ...schedulingOf(xen),
      ...(restarts && { restarts }),
      domains: prepared.map(({ domain }) => domain),
    },
    domains: prepared.map(({ symbols: own }) => own),
    warnings: prepared.flatMap(({ warnings }) => warnings),
  };
}

/** What the embedded Xen has of Xen's command line: `xsm=`. */
function xsmOf(cmdline = ''): Pick<MachineConfig, 'xsm'> {
  const policy = cmdline
    .split(/\s+/)
    .findLast((word) => word.startsWith('xsm='))
    ?.slice('xsm='.length);
  if (policy === undefined) return {};
  if (policy === 'silo' || policy === 'dummy') return { xsm: policy };
  throw errors.unknownXsm(policy);
}

/** The keys of `xen`, and what of Xen's command line says the same: `maxcpus=`, `sched=`, `sched_ratelimit_us=`. */
function schedulingOf({
  cpus,
  scheduler,
  ratelimit,
  pools,
  cmdline = '',
}: NonNullable<LaunchConfiguration['xen']> = {}): Pick<MachineConfig, 'scheduling'> {
  const words = new Map(
    cmdline.split(/\s+/).map((word) => [word.split('=')[0], word.slice(word.indexOf('=') + 1)]),
  );
  const numberOf = (word: string): number | undefined => {
    const text = words.get(word);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) throw errors.badXenOption(word, text, 'a number');
    return Number(text);
  };
  const sched = words.get('sched');
  const known = SCHEDULERS.find((name) => name === sched);
  if (sched !== undefined && !known)
    throw errors.badXenOption('sched', sched, `one of ${SCHEDULERS.join(', ')}`);
  const all = {
    cpus: cpus ?? numberOf('maxcpus'),
    scheduler: scheduler ?? known,
    ratelimit: ratelimit ?? numberOf('sched_ratelimit_us'),
    pools,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return Object.keys(given).length > 0 ? { scheduling: given } : {};
}

type SymbolKeys = Omit<DomainSymbols, 'kernelPath' | 'kernel'>;

function imageFiles(
  host: LaunchFiles,
  { moduleFolders = [], programs = [] }: Pick<LaunchConfiguration, 'moduleFolders' | 'programs'>,
  base: string | undefined,
  common: ImageFiles = { moduleFolders: [], programs: [] },
): ImageFiles {
  const own = programs.map((one): ProgramFile => {
    const { file, guest } = typeof one === 'string' ? { file: one, guest: one.split(/[/\\]/).at(-1) } : one;
    return { file: host.resolvePath(base, file), guest: guest ?? file };
  });
  return {
    moduleFolders: [...moduleFolders.map((path) => host.resolvePath(base, path)), ...common.moduleFolders],
    programs: [...own, ...common.programs],
  };
}

async function bareMachine(host: Files, bare: BareConfiguration, base: string | undefined, keys: SymbolKeys) {
  const kernelPath = host.resolvePath(base, bare.kernel);
  const kernel = await kernelFile(host, kernelPath, 'bare.kernel');
  const memory = memoryBytes(bare.memory);
  const ramdisk =
    bare.ramdisk && (await guestFile(host, host.resolvePath(base, bare.ramdisk), 'bare.ramdisk', memory));
  return {
    config: {
      kernel,
      ...(ramdisk && { ramdisk }),
      cmdline: bare.cmdline,
      memory,
      cpus: bare.cpus,
      gicVersion: bare.gicVersion,
      el: bare.el,
      ...(bare.kaslrSeed !== undefined && { kaslrSeed: BigInt(bare.kaslrSeed) }),
    },
    symbols: { kernelPath, kernel, ...keys },
  };
}

async function inlineDomain(
  host: Files,
  domain: DomainConfiguration,
  base: string | undefined,
  keys: SymbolKeys,
): Promise<{ domain: DomainConfig; symbols: DomainSymbols }> {
  const disks = (domain.disk ?? []).map((text) => {
    const disk = diskOf(domain.name, text);
    return withImage(disk, (path) => host.resolvePath(base, path));
  });
  const vifs = (domain.vif ?? []).map((text) => vifOf(domain.name, text));
  const kernelPath = host.resolvePath(base, domain.kernel);
  const kernel = await kernelFile(host, kernelPath, 'kernel');
  const memory = memoryBytes(domain.memory);
  const ramdisk =
    domain.ramdisk && (await guestFile(host, host.resolvePath(base, domain.ramdisk), 'ramdisk', memory));
  return {
    domain: {
      name: domain.name,
      kernel,
      ...(ramdisk && { ramdisk }),
      cmdline: domain.cmdline,
      memory,
      vcpus: domain.vcpus,
      gicVersion: domain.gicVersion,
      ...(disks.length > 0 && { disks }),
      ...(vifs.length > 0 && { vifs }),
      scheduling: domainScheduling(domain.name, domain),
    },
    symbols: {
      kernelPath,
      kernel,
      symbols: domain.symbols ? host.resolvePath(base, domain.symbols) : keys.symbols,
      sourceMap: { ...keys.sourceMap, ...domain.sourceMap },
      sourceTree: domain.sourceTree ? host.resolvePath(base, domain.sourceTree) : keys.sourceTree,
      images: imageFiles(host, domain, base, keys.images),
    },
  };
}

function domainScheduling(
  name: string,
  { pool, cpus, cpusSoft, cpuWeight, cap, vcpus, period, budget, extratime, slot }: DomainConfiguration,
): DomainScheduling {
  const sets = (
    key: string,
    value: string | readonly string[] | undefined,
  ): readonly number[] | undefined => {
    if (value === undefined) return undefined;
    return Array.from({ length: vcpus }, (_, vcpu) => {
      const text = typeof value === 'string' ? value : (value[vcpu] ?? 'all');
      return parseCpuRanges(text) || fail(errors.badCpus(name, key, text));
    });
  };
  return schedulingWith({
    pool,
    cpus: sets('cpus', cpus),
    cpusSoft: sets('cpusSoft', cpusSoft),
    weight: cpuWeight,
    cap,
    period,
    budget,
    extratime,
    slot,
  });
}

/** Times in microseconds become nanoseconds; what is not given stays the scheduler's default. */
function schedulingWith({
  pool,
  cpus,
  cpusSoft,
  weight,
  cap,
  period,
  budget,
  extratime,
  slot,
}: { [Key in keyof XlScheduling]: XlScheduling[Key] | undefined } & {
  budget?: number | undefined;
  slot?: number | undefined;
}): DomainScheduling {
  const parameters = {
    ...(weight !== undefined && { weight }),
    ...(cap !== undefined && { cap }),
    ...(period !== undefined && { period: period * 1000 }),
    ...(budget !== undefined && { budget: budget * 1000 }),
    ...(extratime !== undefined && { extratime }),
    ...(slot !== undefined && { slot: slot * 1000 }),
  };
  return {
    parameters,
    ...(pool !== undefined && { pool }),
    ...(cpus && { hardAffinity: cpus }),
    ...(cpusSoft && { softAffinity: cpusSoft }),
  };
}

function fail(error: Error): never {
  throw error;
}

function vifOf(domain: string, text: string): VifSpec {
  const vif = parseVifSpec(text);
  if (isVifRefusal(vif)) throw errors.badVif(domain, vif.message, vif.hint);
  return vif;
}

function diskOf(domain: string, text: string): DiskConfig {
  const disk = parseDiskSpec(text);
  if (isDiskRefusal(disk)) throw errors.badDisk(domain, disk.message, disk.hint);
  return disk;
}

/** With the image's path as the host finds it. */
function withImage(disk: DiskConfig, resolve: (path: string) => string): DiskConfig {
  const { source } = disk;
  return source.kind === 'image' ? { ...disk, source: { ...source, path: resolve(source.path) } } : disk;
}

async function xlDomain(host: Files, file: string, keys: SymbolKeys, restarts: boolean) {
  const source = await opened(host, file, 'config');
  if (source.size > MAX_XL_SIZE) throw errors.notAnXlConfig(file);
  const text = new TextDecoder().decode(await readAll(source));
  if (text.includes('\0')) throw errors.notAnXlConfig(file);
  const { config, warnings, placeOf } = readXlConfig(text, file);
  checkMachine(config, placeOf);
  const near = async (path: string): Promise<string> => {
    // xl takes relative paths from its working directory; beside the file is what people mean.
    const beside = host.resolvePath(host.resolvePath(file, '..'), path);
    if (await host.fileExists(beside)) return beside;
    const here = host.resolvePath(undefined, path);
    return (await host.fileExists(here)) ? here : beside;
  };
  const kernelPath = await near(config.kernel.path);
  const kernel = await placed(config.kernel.place, () => kernelFile(host, kernelPath, 'kernel'));
  const { ramdisk } = config;
  const memory = config.memory * MIB;
  const disk =
    ramdisk &&
    (await placed(ramdisk.place, async () => guestFile(host, await near(ramdisk.path), 'ramdisk', memory)));
  const disks: DiskConfig[] = [];
  for (const one of config.disks) {
    const image = one.source.kind === 'image' ? await near(one.source.path) : '';
    disks.push(withImage(one, () => image));
  }
  const domain: DomainConfig = {
    name: config.name,
    kernel,
    ...(disk && { ramdisk: disk }),
    cmdline: config.cmdline,
    memory,
    vcpus: config.vcpus,
    gicVersion: config.gicVersion ?? 3,
    maximumMemory: config.maxmem * MIB,
    ...(config.uuid !== undefined && { uuid: bytesOfUuid(config.uuid) }),
    ...(config.vuart && { vuart: true }),
    ...(disks.length > 0 && { disks }),
    ...(config.vifs.length > 0 && { vifs: config.vifs }),
    scheduling: schedulingWith(config.scheduling),
    actions: actionsOf(config, placeOf),
  };
  const all = [...warnings, ...withoutEffect(config, placeOf, restarts)];
  return { domain, symbols: { kernelPath, kernel, ...keys }, warnings: all };
}

function actionsOf(config: XlConfig, placeOf: XlFile['placeOf']): NonNullable<DomainConfig['actions']> {
  const action = (key: string, value: XlAction): EndAction => {
    if (value !== 'soft-reset') return value;
    throw errors.noSoftReset(placeOf(key), key);
  };
  return {
    poweroff: action('on_poweroff', config.onPoweroff),
    reboot: action('on_reboot', config.onReboot),
    crash: action('on_crash', config.onCrash),
    watchdog: action('on_watchdog', config.onWatchdog),
  };
}

/** No configuration is larger: what is was named by mistake. */
const MAX_XL_SIZE = 1 << 20;
const MIB = 1 << 20;
/** What no machine can give is told with the line that asks for it. */
function checkMachine({ vcpus, memory }: XlConfig, placeOf: XlFile['placeOf']): void {
  if (vcpus > MAX_VCPUS) throw errors.tooManyVcpus(placeOf('vcpus'), vcpus, MAX_VCPUS);
  if (memory * MIB > MAX_DOMAIN_MEMORY) {
    throw errors.tooMuchMemory(placeOf('memory'), memory, MAX_DOMAIN_MEMORY / MIB);
  }
}

/** Keys that xl honours and a run here does not: said, unless they ask for what happens anyway. */
function withoutEffect(config: XlConfig, placeOf: XlFile['placeOf'], restarts: boolean): XlWarning[] {
  const events = [
    ['on_poweroff', config.onPoweroff],
    ['on_reboot', config.onReboot],
    ['on_crash', config.onCrash],
    ['on_watchdog', config.onWatchdog],
    ['on_soft_reset', config.onSoftReset],
  ] as const;
  const warnings = (restarts ? [] : events)
    .filter(([key, action]) => placeOf(key).line !== undefined && !ENDS_THE_RUN.has(action))
    .map(([key, action]) => ({
      message: `'${key}' has no effect: the run ends there, so '${action}' does not happen`,
      place: placeOf(key),
    }));
  if (config.maxvcpus > config.vcpus) {
    const message = `'maxvcpus' has no effect: vCPUs cannot be added to a running domain`;
    warnings.push({ message, place: placeOf('maxvcpus') });
  }
  return warnings;
}

const ENDS_THE_RUN: ReadonlySet<string> = new Set(['destroy', 'preserve']);

const bytesOfUuid = (uuid: string): Uint8Array =>
  Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

/** A file that cannot be opened is the fault of the line that names it; a damaged one is its own. */
async function placed<T>(place: UserError['place'], action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof errors.AdapterError && error.number === errors.MISSING_FILE) {
      throw errors.missingFileAt(place, error.place.file ?? '', error);
    }
    throw error;
  }
}

function kernelFile(host: Files, path: string, key: string): Promise<GuestKernel> {
  const loading = host.kernels.get(path) ?? loadedKernel(host, path, key);
  host.kernels.set(path, loading);
  return loading;
}

async function loadedKernel(host: LaunchFiles, path: string, key: string): Promise<GuestKernel> {
  return { name: path, kernel: await loadKernel(await opened(host, path, key), host.decompress) };
}

async function guestFile(host: LaunchFiles, path: string, key: string, memory: number): Promise<GuestFile> {
  const source = await opened(host, path, key);
  if (source.size >= memory) throw errors.tooLargeForMemory(path, source.size, memory);
  return { name: path, bytes: await contentOf(source) };
}

async function opened(host: LaunchFiles, path: string, key: string): Promise<ByteSource> {
  try {
    return await host.openFile(path);
  } catch (error) {
    throw errors.missingFile(path, key, error instanceof Error ? error.message : String(error));
  }
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;
