// Debian's kernel as a domain whose devices are busy: two vCPUs, a shell on the console, and a scratch disk that is
// written all the time. For tests and pictures of the panels.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHELL_INIT, writeInitramfs } from './build-initramfs.ts';
import { fetchDebian } from './fetch-debian.ts';

const INIT = SHELL_INIT.replace(
  'cd /root\n',
  `dmesg -n 1
insmod /xen-blkfront.ko
while [ ! -b /dev/xvda ]; do usleep 10000; done
while :; do dd if=/bin/busybox of=/dev/xvda bs=16k count=16 conv=fsync; usleep 100000; done >/dev/null 2>&1 &
cd /root
`,
);

/** What the shell asks with. */
export const PROMPT = '~ #';

/** An entry of launch.json, whose initramfs is written into the folder. */
export async function linuxDomain(folder: string): Promise<Record<string, unknown>> {
  const { kernelVersion, vmlinuz, busybox, blockModules } = await fetchDebian({ modules: true });
  console.log(`Debian's kernel ${kernelVersion}`);
  const files = { '/xen-blkfront.ko': readFileSync(join(blockModules ?? '', 'xen-blkfront.ko')) };
  const domain = {
    name: 'debian',
    kernel: vmlinuz,
    ramdisk: writeInitramfs(join(folder, 'initramfs.cpio'), { busybox, files, init: INIT }),
    cmdline: 'console=hvc0 cryptomgr.notests',
    memory: 256,
    vcpus: 2,
    disk: ['scratch:4M,raw,xvda,w'],
  };
  return { type: 'xen', request: 'launch', name: 'Debian', domains: [domain] };
}
