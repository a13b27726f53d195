// Builds the guest of `xenscope bench` with Debian's cross compiler (package gcc-aarch64-linux-gnu). The result is
// reproducible, so that anybody can check the committed file against the sources.
//
//   node test/tools/build-bench-guest.ts [OUTPUT-FILE]

import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const folder = join(import.meta.dirname, '../../debug-adapter/node/bench/guest');
export const benchGuest = join(folder, 'bench.img');

const COMPILER = 'aarch64-linux-gnu-gcc';
const COMPILE = [
  '-std=gnu17',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-ffreestanding',
  '-fno-builtin',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  // The loops are what is measured, not a memset that they turn into.
  '-fno-tree-loop-distribute-patterns',
  '-march=armv8-a',
  '-mgeneral-regs-only',
  '-mno-outline-atomics',
  '-mbranch-protection=none',
];
const LINK = [
  '-nostdlib',
  '-static',
  '-no-pie',
  '-Wl,--build-id=none',
  '-Wl,--no-warn-rwx-segments',
  '-Wl,--fatal-warnings',
];

/** Builds the guest from its sources. */
export async function buildBenchGuest(output: string): Promise<void> {
  const source = join(folder, 'src');
  const work = await mkdtemp(join(tmpdir(), 'xenscope-bench-guest-'));
  try {
    const files = (await readdir(source)).filter((name) => /\.[cS]$/.test(name)).sort();
    const objects = files.map((name) => `${name.replace(/\.[cS]$/, '')}.o`);
    for (const [i, name] of files.entries()) {
      await run(COMPILER, [...COMPILE, '-c', name, '-o', join(work, objects[i] as string)], { cwd: source });
    }
    await run(COMPILER, [...LINK, `-Wl,-T,${join(source, 'kernel.ld')}`, ...objects, '-o', 'bench.elf'], {
      cwd: work,
    });
    await run('aarch64-linux-gnu-objcopy', ['-O', 'binary', 'bench.elf', 'bench.img'], { cwd: work });
    await copyFile(join(work, 'bench.img'), output);
    // Nobody runs it on this machine.
    await chmod(output, 0o644);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await buildBenchGuest(process.argv[2] ?? benchGuest);
}
