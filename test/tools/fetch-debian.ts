// Fetches Debian's newest arm64 packages that tests and benchmarks boot: the kernel, a static
// busybox, the Xen hypervisor and, on request, the kernel with its debug information.
//
// It needs apt-get and dpkg-deb but neither root nor the machine's package state: apt gets a
// state directory of its own with arm64 as the only architecture, and reads the sources that the
// machine has configured. No version is named here; whatever is newest is fetched and printed.
//
//   node test/tools/fetch-debian.ts [--debug-symbols] [--json]

import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DebianFiles {
  /** Package version of the kernel, for test output. */
  readonly kernelVersion: string;
  /** `uname -r` of the kernel. */
  readonly kernelRelease: string;
  readonly vmlinuz: string;
  readonly systemMap: string;
  readonly kernelConfig: string;
  /** A statically linked arm64 busybox. */
  readonly busybox: string;
  readonly xenVersion: string;
  /** The hypervisor as an Image; may be gzipped. */
  readonly xen: string;
  /** The folders of the kernel's modules for block and network devices; only when modules were asked for. */
  readonly blockModules?: string;
  readonly netModules?: string;
  /** The unstripped kernel; only when debug symbols were asked for. About 300 MB. */
  readonly vmlinux?: string;
}

export interface FetchOptions {
  readonly debugSymbols?: boolean;
  readonly modules?: boolean;
  readonly log?: (line: string) => void;
}

const TRIES = 3;
/** Package lists younger than this are not fetched again. */
const LISTS_FRESH_MS = 24 * 3600 * 1000;
const LOCK_WAIT_MS = 15 * 60 * 1000;

/** Where downloads live: outside the clone, so that a fresh clone does not fetch them again. */
export function cacheDirectory(): string {
  return process.env['XENSCOPE_CACHE'] ?? join(homedir(), '.cache', 'xenscope');
}

/** Fetches what is missing and returns the paths. Safe to call from several processes at once. */
export async function fetchDebian(options: FetchOptions = {}): Promise<DebianFiles> {
  const log = options.log ?? (() => {});
  const cache = join(cacheDirectory(), 'debian');
  mkdirSync(cache, { recursive: true });
  const unlock = await lock(join(cache, 'lock'));
  try {
    return await fetchLocked(cache, options, log);
  } finally {
    unlock();
  }
}

/** The kernel's modules for ext4 and what they need, in the order in which they are loaded. */
export async function fetchExt4Modules(log: (line: string) => void = () => {}): Promise<string[]> {
  const cache = join(cacheDirectory(), 'debian');
  mkdirSync(cache, { recursive: true });
  const unlock = await lock(join(cache, 'lock'));
  try {
    const apt = new Apt(join(cache, 'apt'));
    await apt.update(log);
    const kernelPackage = await apt.dependency('linux-image-arm64', /^linux-image-[\w.+-]+-arm64$/);
    const release = kernelPackage.replace('linux-image-', '');
    const places = ['lib', 'usr/lib'].map((lib) => `${lib}/modules/${release}/kernel`);
    const files = places.flatMap((place) => EXT4_MODULES.map((module) => `./${place}/${module}`));
    const { root } = await apt.unpacked(cache, kernelPackage, files, log, 'ext4');
    return EXT4_MODULES.map((module) => firstExisting(...places.map((place) => join(root, place, module))));
  } finally {
    unlock();
  }
}

const EXT4_MODULES = [
  'crypto/crc32c_generic.ko',
  'lib/crc16.ko',
  'fs/mbcache.ko',
  'fs/jbd2/jbd2.ko',
  'fs/ext4/ext4.ko',
];

/** One more package: the folder that it is unpacked in, and its version. */
export async function fetchDebianPackage(
  name: string,
  folders: readonly string[],
  log: (line: string) => void = () => {},
): Promise<{ readonly version: string; readonly root: string }> {
  const cache = join(cacheDirectory(), 'debian');
  mkdirSync(cache, { recursive: true });
  const unlock = await lock(join(cache, 'lock'));
  try {
    const apt = new Apt(join(cache, 'apt'));
    await apt.update(log);
    return await apt.unpacked(cache, name, folders, log);
  } finally {
    unlock();
  }
}

async function fetchLocked(
  cache: string,
  { debugSymbols, modules }: FetchOptions,
  log: (line: string) => void,
): Promise<DebianFiles> {
  const apt = new Apt(join(cache, 'apt'));
  await apt.update(log);

  const kernelPackage = await apt.dependency('linux-image-arm64', /^linux-image-[\w.+-]+-arm64$/);
  const xenPackage = await apt.newestNamed('^xen-hypervisor-[0-9.]+-arm64$');
  const kernel = await apt.unpacked(cache, kernelPackage, ['./boot'], log);
  const busybox = await apt.unpacked(cache, 'busybox-static', ['./bin', './usr/bin'], log);
  const xen = await apt.unpacked(cache, xenPackage, ['./boot'], log);

  const kernelRelease = kernelPackage.replace('linux-image-', '');
  const files: DebianFiles = {
    kernelVersion: kernel.version,
    kernelRelease,
    vmlinuz: only(kernel.root, 'boot', /^vmlinuz-/),
    systemMap: only(kernel.root, 'boot', /^System\.map-/),
    kernelConfig: only(kernel.root, 'boot', /^config-/),
    busybox: firstExisting(join(busybox.root, 'bin/busybox'), join(busybox.root, 'usr/bin/busybox')),
    xenVersion: xen.version,
    xen: only(xen.root, 'boot', /^xen-[\d.]+-arm64$/),
  };
  return {
    ...files,
    ...(modules && (await driverModules(apt, cache, kernelPackage, kernelRelease, log))),
    ...(debugSymbols && { vmlinux: await debugKernel(apt, cache, kernelPackage, log) }),
  };
}

type Log = (line: string) => void;

async function debugKernel(apt: Apt, cache: string, kernelPackage: string, log: Log): Promise<string> {
  const symbols = await apt.unpacked(cache, `${kernelPackage}-dbg`, ['./usr/lib/debug/boot'], log);
  return only(symbols.root, 'usr/lib/debug/boot', /^vmlinux-/);
}

async function driverModules(
  apt: Apt,
  cache: string,
  kernelPackage: string,
  release: string,
  log: Log,
): Promise<{ blockModules: string; netModules: string }> {
  // Newer releases have /lib in /usr.
  const places = ['lib', 'usr/lib'].map((lib) => `${lib}/modules/${release}/kernel/drivers`);
  const folders = places.flatMap((place) => [`./${place}/block`, `./${place}/net`]);
  const { root } = await apt.unpacked(cache, kernelPackage, folders, log, 'drivers');
  const drivers = firstExisting(...places.map((place) => join(root, place)));
  return { blockModules: join(drivers, 'block'), netModules: join(drivers, 'net') };
}

/** apt with its own state: it neither sees nor changes what is installed on this machine. */
class Apt {
  private readonly directory: string;
  private readonly options: string[];

  constructor(directory: string) {
    this.directory = directory;
    for (const part of ['state/lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(directory, part), { recursive: true });
    }
    const status = join(directory, 'status');
    if (!existsSync(status)) writeFileSync(status, '');
    this.options = Object.entries({
      'Dir::State': join(directory, 'state'),
      'Dir::State::status': status,
      'Dir::Cache': join(directory, 'cache'),
      'APT::Architecture': 'arm64',
      'APT::Architectures': 'arm64',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::http::Timeout': '30',
      'Acquire::https::Timeout': '30',
    }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  }

  /** Refreshes the lists. Without a network, older lists still serve what is in the cache. */
  async update(log: (line: string) => void): Promise<void> {
    const stamp = join(this.directory, 'updated');
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < LISTS_FRESH_MS) return;
    try {
      await tries('apt-get update', log, () => this.run('apt-get', ['update']));
      writeFileSync(stamp, '');
    } catch (error) {
      if (!existsSync(stamp)) throw error;
      log(`package lists could not be refreshed, using those of ${statSync(stamp).mtime.toISOString()}`);
    }
  }

  async dependency(name: string, pattern: RegExp): Promise<string> {
    const text = await this.run('apt-cache', ['depends', '--important', name]);
    const found = [...text.matchAll(/^\s*Depends: (\S+)$/gm)]
      .map((match) => match[1] ?? '')
      .find((d) => pattern.test(d));
    if (found === undefined) throw new Error(`the machine's package sources offer no ${name} for arm64`);
    return found;
  }

  async newestNamed(pattern: string): Promise<string> {
    const names = (await this.run('apt-cache', ['search', '--names-only', pattern])).split('\n');
    const sorted = names.flatMap((line) => line.split(' - ')[0] || []).sort(compareNumerically);
    const newest = sorted.at(-1);
    if (newest === undefined) throw new Error(`the machine's package sources offer no package ${pattern}`);
    return newest;
  }

  /** Downloads a package and unpacks the named folders of it, once for each version and `part`. */
  async unpacked(
    cache: string,
    name: string,
    folders: readonly string[],
    log: (line: string) => void,
    part?: string,
  ): Promise<{ version: string; root: string }> {
    const policy = await this.run('apt-cache', ['policy', name]);
    const version = /Candidate: (\S+)/.exec(policy)?.[1];
    if (version === undefined || version === '(none)') {
      throw new Error(`the machine's package sources offer no ${name} for arm64`);
    }
    const root = join(cache, `${name}_${version.replace(':', '%3a')}${part === undefined ? '' : `.${part}`}`);
    if (existsSync(root)) return { version, root };

    log(`fetching ${name} ${version}`);
    const work = `${root}.${process.pid}.part`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, 'root'), { recursive: true });
    await tries(`download of ${name}`, log, () =>
      this.run('apt-get', ['download', `${name}=${version}`], work),
    );
    const deb = only(work, '.', /\.deb$/);
    await unpack(deb, folders, join(work, 'root'));
    renameSync(join(work, 'root'), root);
    rmSync(work, { recursive: true, force: true });
    return { version, root };
  }

  private async run(program: string, args: readonly string[], cwd = this.directory): Promise<string> {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { stdout } = await run(program, [...this.options, ...args], { cwd, env, maxBuffer: 64 << 20 });
    return stdout;
  }
}

async function unpack(deb: string, folders: readonly string[], into: string): Promise<void> {
  // tar refuses a name that is absent, so ask for those the package has.
  const script =
    'present=""; for f in $3; do case "$(dpkg-deb --contents "$1" | grep -m1 -E " $f(/|$)")" in "") ;; *) present="$present $f";; esac; done; dpkg-deb --fsys-tarfile "$1" | tar -x --no-same-owner -C "$2" $present';
  await run('sh', ['-c', script, 'unpack', deb, into, folders.join(' ')]);
}

async function tries(
  what: string,
  log: (line: string) => void,
  action: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await action();
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
      log(`${what}, try ${attempt} of ${TRIES}: ${reason}`);
      if (attempt === TRIES) throw new Error(`${what} failed ${TRIES} times: ${reason}`);
      await sleep(2000 * attempt);
    }
  }
}

/** A lock file naming its owner; one whose owner is gone is taken over. */
async function lock(path: string): Promise<() => void> {
  for (const deadline = Date.now() + LOCK_WAIT_MS; ; ) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch {
      if (!ownerLives(path)) rmSync(path, { force: true });
      else if (Date.now() > deadline) throw new Error(`another process has held ${path} for too long`);
      else await sleep(200);
    }
  }
}

function ownerLives(path: string): boolean {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    // The owner may have created the file and not yet written its number.
    if (!(owner > 0)) return Date.now() - statSync(path).mtimeMs < 5000;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function only(root: string, folder: string, pattern: RegExp): string {
  const found = readdirSync(join(root, folder))
    .filter((name) => pattern.test(name))
    .sort(compareNumerically);
  const last = found.at(-1);
  if (last === undefined) throw new Error(`no ${pattern} in ${join(root, folder)}`);
  return join(root, folder, last);
}

function firstExisting(...paths: string[]): string {
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`none of ${paths.join(', ')} exists`);
  return found;
}

function compareNumerically(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = await fetchDebian({
    debugSymbols: process.argv.includes('--debug-symbols'),
    log: (line) => console.error(line),
  });
  if (process.argv.includes('--json')) console.log(JSON.stringify(files, null, 2));
  else for (const [key, value] of Object.entries(files)) console.log(`${key}: ${value}`);
}
