// Builds the bundled guest, media/samples/hello-xen, with Debian's cross compiler (package
// gcc-aarch64-linux-gnu). The result is reproducible: no path of this machine, no time and no random
// name gets into it, so that anybody can check the committed files against the sources.
//
//   node test/tools/build-guest.ts [OUTPUT-FOLDER]

import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const guestFolder = join(import.meta.dirname, '../../media/samples/hello-xen');
export const guestFiles = ['hello-xen.elf', 'hello-xen.img'] as const;

/** The directory that debug information names instead of the real one; `sourceMap` leads back. */
const RECORDED_FOLDER = '/hello-xen';

const COMPILER = 'aarch64-linux-gnu-gcc';
const COMPILE = [
  '-std=c17',
  '-Og',
  '-gdwarf-5',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  // Every function keeps a frame record, so that a call stack is whole wherever it is looked at.
  '-fno-omit-frame-pointer',
  '-mno-omit-leaf-frame-pointer',
  // Call frame information goes into .debug_frame, for debuggers only.
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  '-fno-common',
  '-march=armv8-a',
  '-mgeneral-regs-only',
  // With the MMU off, memory is Device memory, where unaligned accesses fault.
  '-mstrict-align',
  '-mno-outline-atomics',
  '-mbranch-protection=none',
];
const LINK = [
  '-nostdlib',
  '-static',
  '-no-pie',
  '-Wl,--build-id=sha1',
  '-Wl,-z,max-page-size=4096',
  '-Wl,--no-warn-rwx-segments',
  '-Wl,--fatal-warnings',
];

/** The compiler's version, such as `12.2.0`; undefined where there is none. */
export async function guestCompiler(): Promise<string | undefined> {
  try {
    const { stdout } = await run(COMPILER, ['-dumpfullversion']);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Builds the guest from the sources of `folder` and puts ELF and Image into `output`. */
export async function buildGuest(folder: string, output: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'xenscope-guest-'));
  try {
    const sources = (await readdir(join(folder, 'src'))).filter((name) => /\.[cS]$/.test(name)).sort();
    const objects: string[] = [];
    for (const source of sources) {
      const object = `${source.replace(/\.[cS]$/, '')}.o`;
      objects.push(object);
      const map = [`-ffile-prefix-map=${folder}=${RECORDED_FOLDER}`, `-frandom-seed=${source}`];
      const files = ['-c', `src/${source}`, '-o', join(work, object)];
      await run(COMPILER, [...COMPILE, ...map, ...files], { cwd: folder });
    }
    const [elf, image] = guestFiles;
    const script = join(folder, 'src/kernel.ld');
    await run(COMPILER, [...LINK, `-Wl,-T,${script}`, ...objects, '-o', elf], { cwd: work });
    await run('aarch64-linux-gnu-objcopy', ['-O', 'binary', elf, image], { cwd: work });
    for (const name of guestFiles) {
      await copyFile(join(work, name), join(output, name));
      // Nobody runs them on this machine.
      await chmod(join(output, name), 0o644);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if ((await guestCompiler()) === undefined) {
    console.error(`${COMPILER} is not installed. On Debian: apt-get install gcc-aarch64-linux-gnu`);
    process.exit(1);
  }
  await buildGuest(guestFolder, process.argv[2] ?? guestFolder);
}
