// Debian's newest arm64 kernel with a busybox initramfs, and what its shell is told.

import { join } from 'node:path';
import { type External, external } from '../tools/external.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { type DebianFiles, fetchDebian } from '../tools/fetch-debian.ts';
import { folder, type Run } from './console.ts';
import { STRESS } from './guest-scripts.ts';

export interface Guest extends DebianFiles {
  readonly initramfs: string;
}

export const debian: External<Guest> = await external("Debian's arm64 kernel", async () => {
  const files = await fetchDebian();
  console.log(`Debian's kernel ${files.kernelRelease} (${files.kernelVersion})`);
  const scripts = { '/stress.sh': new TextEncoder().encode(STRESS) };
  return {
    ...files,
    initramfs: writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: files.busybox, files: scripts }),
  };
});

/** Waits for the prompt before and after each line that is typed. */
export function typing(...lines: readonly string[]): string[] {
  return [...lines.flatMap((line) => ['--until', PROMPT, '--type', `${line}\\n`]), '--until', PROMPT];
}

export const PROMPT = '~ # ';
const CMDLINE = 'cryptomgr.notests';

/** What boots the kernel on the bare machine; `machine` as --machine takes it. */
export const bare = (guest: Guest, machine: string, more = ''): string[] => [
  '--bare',
  guest.vmlinuz,
  '--initrd',
  guest.initramfs,
  '--append',
  `console=ttyAMA0 ${CMDLINE} ${more}`,
  '--machine',
  machine,
];

/** Text of an xl.cfg for the kernel. */
export const xlConfig = (guest: Guest, settings: { gic: 2 | 3; vcpus?: number }): string => `
name = "debian"
kernel = "${guest.vmlinuz}"
ramdisk = "${guest.initramfs}"
extra = "console=hvc0 ${CMDLINE}"
memory = 256
vcpus = ${settings.vcpus ?? 1}
gic_version = "v${settings.gic}"
`;

/** What a command printed: the lines between the one that echoes it and the next prompt. */
export function answerTo(line: string, { console }: Run): string {
  const from = console.indexOf(line);
  if (from < 0) throw new Error(`'${line}' was not typed; the console shows:\n${console}`);
  const rest = console.slice(from + line.length);
  const end = rest.indexOf(PROMPT);
  return rest.slice(rest.indexOf('\n') + 1, end < 0 ? undefined : end);
}
