// Workloads of an unmodified Linux: boots, and programs of busybox over data that the guest makes itself.
//
// Kernel and busybox are named by who measures; nothing is fetched. Boots are measured as whole processes, programs
// by difference: one pass over the data in twice as many.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dom0lessCommand } from './dom0less.ts';
import { initramfs, markerInit, MOUNTS } from './initramfs.ts';
import { BenchFailure, configText, type GuestFiles, qemuBoard, type Subject } from './measure.ts';
import { ourProgram, type ProcessResult } from './processes.ts';

/** MiB. */
const MEMORY = 256;
const DATA = 32;
const END = 'reboot: Power down';
const WITHOUT_TESTS = 'cryptomgr.notests';

interface Boot {
  readonly name: string;
  readonly does: string;
  readonly setting: 'bare' | 'domU';
  readonly options: string;
}

const BOOTS: readonly Boot[] = [
  { name: 'linux', does: 'a boot of Linux', setting: 'bare', options: WITHOUT_TESTS },
  { name: 'linux-tests', does: 'with the tests of its crypto', setting: 'bare', options: '' },
  { name: 'linux-xen', does: 'a boot of Linux as a domU', setting: 'domU', options: WITHOUT_TESTS },
  { name: 'linux-tests-xen', does: 'with the tests of its crypto', setting: 'domU', options: '' },
];

interface Program {
  readonly name: string;
  /** Busybox's name for it. */
  readonly work: 'gzip' | 'sha256sum' | 'sort';
  readonly does: string;
  /** Passes over the data, and in the shorter run: their difference keeps QEMU busy for two seconds and more. */
  readonly units: number;
  readonly fewer: number;
}

const over = `over ${DATA} MiB in Linux`;

const PROGRAMS: readonly Program[] = [
  { name: 'linux-gzip', work: 'gzip', does: `gzip ${over}`, units: 2, fewer: 1 },
  { name: 'linux-sha256sum', work: 'sha256sum', does: `sha256sum ${over}, four times`, units: 5, fewer: 1 },
  { name: 'linux-sort', work: 'sort', does: `sort ${over}`, units: 2, fewer: 1 },
];

export const LINUX_WORKLOADS: readonly {
  readonly name: string;
  readonly group: string;
  readonly does: string;
}[] = [
  ...BOOTS.map(({ name, does }) => ({ name, group: 'boots', does })),
  ...PROGRAMS.map(({ name, does }) => ({ name, group: 'busybox', does })),
];

export interface LinuxFiles extends Omit<GuestFiles, 'guest'> {
  readonly kernel: string;
  /** An initial RAM disk that powers off by itself, for boots. */
  readonly initrd: string | undefined;
  /** A busybox for arm64 that is statically linked: initial RAM disks are made of it. */
  readonly busybox: string | undefined;
}

/** All that can be measured with these files. */
export function linuxSubjects(files: LinuxFiles, scale: number): Subject[] {
  const { busybox, scratch } = files;
  let { initrd } = files;
  if (initrd === undefined && busybox !== undefined) {
    initrd = join(scratch, 'marker.cpio');
    writeFileSync(initrd, initramfs({ busybox, init: markerInit('Linux is up') }));
  }
  return [
    ...(initrd === undefined ? [] : BOOTS.map((boot) => bootSubject(boot, initrd, files))),
    ...(busybox === undefined ? [] : programSubjects(busybox, files, scale)),
  ];
}

// ---- boots

function bootSubject(boot: Boot, initrd: string, { kernel, scratch, runOptions, xen }: LinuxFiles): Subject {
  const { name, does, setting, options } = boot;
  const appendTo = (console: string): string => `console=${console} ${options}`.trim();
  const append = appendTo('ttyAMA0');
  const common = {
    ...{ name, group: 'boots', does, units: 1, fewer: 0 },
    answer({ output }: ProcessResult) {
      if (output.includes(END)) return 'powered off';
      throw new BenchFailure(`${name}: Linux did not boot and power off`);
    },
  };
  if (setting === 'bare') return { ...common, ...bareSides(kernel, initrd, () => append, runOptions) };
  const config = join(scratch, `${name}.cfg`);
  writeFileSync(
    config,
    configText({ name, kernel, ramdisk: initrd, extra: appendTo('hvc0'), memory: MEMORY }),
  );
  return {
    ...common,
    ours: () => [...ourProgram(), 'run', config, ...runOptions],
    qemu:
      xen === undefined
        ? undefined
        : () => dom0lessCommand(xen, scratch, { name, kernel, initrd, append, memory: MEMORY }),
    qemuEndsAt: `${END}|Kernel panic`,
  };
}

/** Both sides on the bare board. */
function bareSides(
  kernel: string,
  initrd: string,
  append: (units: number) => string,
  runOptions: readonly string[],
): Pick<Subject, 'ours' | 'qemu'> {
  const guest = (units: number): string[] => ['--initrd', initrd, '--append', append(units)];
  const machine = `gic=3,memory=${MEMORY}M`;
  return {
    ours: (units) => [
      ...[...ourProgram(), 'run', '--bare', kernel, '--machine', machine, ...guest(units)],
      ...runOptions,
    ],
    qemu: (units) => [
      ...[...qemuBoard(MEMORY), '-kernel', kernel],
      ...guest(units).map((part) => part.replace(/^--/, '-')),
    ],
  };
}

// ---- programs

/**
 * `bench=WORK:PASSES:MIB` on the command line says what to do. Binary data is busybox itself again and again, which
 * a compressor does not notice in its window of 32 KiB; text is lines with their letters changed in each copy.
 */
const INIT = `${MOUNTS}mount -t tmpfs tmpfs /tmp
dmesg -n 1
for word in $(cat /proc/cmdline); do
  case $word in bench=*) word=\${word#bench=}; work=\${word%%:*}; word=\${word#*:};; *) continue;; esac
  passes=\${word%:*} size=\${word#*:}
done
letters=abcdefghijklmnopqrstuvwxyz
dd if=/bin/busybox of=/tmp/part bs=1M count=1 2>/dev/null
for copy in $(seq $size); do
  if [ $work = sort ]; then tr a-z $letters </lines; else cat /tmp/part; fi
  letters=\${letters#?}\${letters%\${letters#?}}
done >/tmp/data
for pass in $(seq $passes); do
  case $work in
    gzip) gzip -c /tmp/data;;
    sha256sum) sha256sum /tmp/data;;
    sort) sort /tmp/data;;
  esac >/tmp/result
done
echo "$work $passes $(sha256sum </tmp/result | cut -c1-16)"
poweroff -f
`;

function programSubjects(busybox: string, files: LinuxFiles, scale: number): Subject[] {
  const { kernel, scratch, runOptions } = files;
  const initrd = join(scratch, 'programs.cpio');
  writeFileSync(initrd, initramfs({ busybox, init: INIT, files: { '/lines': lines(1 << 20) } }));
  const size = Math.max(1, Math.round(DATA * scale));
  return PROGRAMS.map(({ name, work, does, units, fewer }) => ({
    ...{ name, group: 'busybox', does, units, fewer },
    ...bareSides(
      kernel,
      initrd,
      (passes) => `console=ttyAMA0 ${WITHOUT_TESTS} bench=${work}:${passes}:${size}`,
      runOptions,
    ),
    answer({ output }) {
      const [, passes, checksum] = new RegExp(`^${work} (\\d+) ([0-9a-f]{16})$`, 'm').exec(output) ?? [];
      if (checksum === undefined) throw new BenchFailure(`${name}: no checksum in '${output.trim()}'`);
      return `${passes}:${checksum}`;
    },
  }));
}

/** So many bytes of lines of small letters, the same in every run. */
function lines(bytes: number): Uint8Array {
  const SHORTEST = 16;
  const [A, NEWLINE] = [0x61, 0x0a];
  const text = new Uint8Array(bytes);
  let state = 1;
  // Numerical Recipes' linear congruential generator; its upper bits are good enough.
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let left = 0;
  for (let at = 0; at < bytes; at++) {
    const isEnd = left === 0 && at > 0;
    text[at] = isEnd || at === bytes - 1 ? NEWLINE : A + random(26);
    if (isEnd || at === 0) left = SHORTEST + random(32);
    else left--;
  }
  return text;
}
