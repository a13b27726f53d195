// CPU seconds of a guest's boot, as a domain here and on the bare board `virt` of QEMU, in turn:
//
//   node debug-adapter/node/bench/boot.ts KERNEL INITRAMFS [PAIRS]
//
// The initramfs powers off by itself. Whole processes are measured, start-up included; without QEMU
// only this side. The first pair warms the file caches and is not counted.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const QEMU = 'qemu-system-aarch64';
const MEMORY = 256;

const [kernel, initramfs, pairs = '5'] = process.argv.slice(2);
if (kernel === undefined || initramfs === undefined || !/^[1-9]\d*$/.test(pairs)) {
  console.error('usage: node debug-adapter/node/bench/boot.ts KERNEL INITRAMFS [PAIRS]');
  process.exit(2);
}
const program = join(import.meta.dirname, '../../../dist/cli.js');
if (!existsSync(program)) {
  console.error('the emulator is not built: run `npm run build`');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'xenscope-bench-'));
try {
  measure(ourCommand(resolve(kernel), resolve(initramfs)), qemuCommand(resolve(kernel), resolve(initramfs)));
} finally {
  rmSync(folder, { recursive: true });
}

function measure(ours: readonly string[], qemu: readonly string[]): void {
  const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
  const seconds: { ours: number[]; qemu: number[]; ratio: number[] } = { ours: [], qemu: [], ratio: [] };
  for (let pair = 0; pair <= Number(pairs); pair++) {
    const a = cpuSeconds(ours);
    const b = hasQemu ? cpuSeconds(qemu) : Number.NaN;
    if (pair === 0) continue;
    seconds.ours.push(a);
    seconds.qemu.push(b);
    seconds.ratio.push(a / b);
  }
  console.log('              min  median     max');
  for (const [name, values] of Object.entries(seconds)) {
    if (hasQemu || name === 'ours') console.log(`${name.padEnd(9)} ${summary(values)}`);
  }
}

/** User and system time of the process, as the shell's `times` tells it. */
function cpuSeconds(command: readonly string[]): number {
  const script = '"$@" </dev/null >/dev/null 2>&1 || echo "status $?" >&2; times';
  const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(`${command[0]}: ${stderr.trim()}`);
  const [, children = ''] = stdout.trim().split('\n');
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0);
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] as number;
  return [sorted[0] as number, middle, sorted.at(-1) as number]
    .map((value) => value.toFixed(2).padStart(7))
    .join(' ');
}

function ourCommand(kernelPath: string, initramfsPath: string): string[] {
  const config = join(folder, 'guest.cfg');
  const lines = {
    name: '"guest"',
    kernel: JSON.stringify(kernelPath),
    ramdisk: JSON.stringify(initramfsPath),
    extra: '"console=hvc0 cryptomgr.notests"',
    memory: MEMORY,
    vcpus: 1,
  };
  const text = Object.entries(lines).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(config, text.join(''));
  return [process.execPath, program, 'run', config];
}

function qemuCommand(kernelPath: string, initramfsPath: string): string[] {
  const machine = ['-M', 'virt,gic-version=3', '-cpu', 'cortex-a53', '-accel', 'tcg,thread=single'];
  const devices = ['-m', String(MEMORY), '-nographic', '-nic', 'none'];
  const guest = ['-kernel', kernelPath, '-initrd', initramfsPath];
  return [QEMU, ...machine, ...devices, ...guest, '-append', 'console=ttyAMA0 cryptomgr.notests'];
}
