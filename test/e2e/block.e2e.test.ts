// Debian's block frontend on scratch disks, in domains of both GICs: what it makes of the backend's keys, what
// it writes and reads again, and a disk that it may not write to.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { folder, run } from './console.ts';
import { answerTo, typing } from './debian.ts';

const SCRIPT = `
dmesg -n 1
insmod /xen-blkfront.ko
sleep 1
dmesg | grep -o 'blkfront: xvda: .*'
cd /sys/block/xvda
echo sectors $(cat size), read only $(cat ro), segments $(cat queue/max_segments), $(cat queue/write_cache)
echo "driver $(basename $(readlink -f device/driver)), device $(cat device/nodename), $(cat device/modalias)"
copy() { dd if=$1 bs=64k count=20 2>/dev/null | md5sum; }
dd if=/bin/busybox of=/dev/xvda bs=64k count=20 2>&1 | head -n 2
sync
# What is read below comes from the disk.
echo 3 > /proc/sys/vm/drop_caches
[ "$(copy /dev/xvda)" = "$(copy /bin/busybox)" ] && echo read back
echo behind it $(dd if=/dev/xvda bs=64k skip=20 2>/dev/null | tr -d '\\000' | wc -c)
# Beyond one ring: many small requests, out of order.
for block in 900 17 512 3 1023 44; do
  echo block $block | dd of=/dev/xvda bs=4k seek=$block conv=sync 2>/dev/null
done
sync
echo 3 > /proc/sys/vm/drop_caches
for block in 17 1023 3; do dd if=/dev/xvda bs=4k skip=$block count=1 2>/dev/null | head -n 1; done
echo ports $(grep -c blkif /proc/interrupts)
echo xvdb sectors $(cat /sys/block/xvdb/size), read only $(cat /sys/block/xvdb/ro)
dd if=/bin/busybox of=/dev/xvdb bs=4k count=1 2>&1 | head -n 1
echo all done
`;

interface BlockGuest {
  readonly kernel: string;
  readonly ramdisk: string;
}

const blockGuest = await external(
  "Debian's arm64 kernel with its block frontend",
  async (): Promise<BlockGuest> => {
    const { kernelVersion, vmlinuz, busybox, blockModules } = await fetchDebian({ modules: true });
    console.log(`Debian's kernel ${kernelVersion}`);
    const files = {
      '/xen-blkfront.ko': readFileSync(join(blockModules ?? '', 'xen-blkfront.ko')),
      '/disk.sh': new TextEncoder().encode(SCRIPT),
    };
    return { kernel: vmlinuz, ramdisk: writeInitramfs(join(folder, 'block.cpio'), { busybox, files }) };
  },
);

function domain({ kernel, ramdisk }: BlockGuest, gicVersion: 2 | 3, vcpus: number): string {
  const disk = ['scratch:4M,raw,xvda,w', 'scratch:64K,raw,xvdb,r'];
  const cmdline = 'console=hvc0 cryptomgr.notests';
  const domains = [{ name: 'debian', kernel, ramdisk, cmdline, memory: 256, gicVersion, vcpus, disk }];
  const file = join(folder, `block-${gicVersion}.json`);
  const configuration = { type: 'xen', request: 'launch', name: 'debian', domains };
  writeFileSync(file, JSON.stringify({ version: '0.2.0', configurations: [configuration] }));
  return `${file}#debian`;
}

// The first line and those of the device are what the same kernel prints under Debian's Xen 4.17.
for (const [gic, vcpus] of [
  [3, 2],
  [2, 1],
] as const) {
  testWith([blockGuest], `Linux writes a scratch disk and reads it again (GICv${gic})`, async (guest) => {
    const result = await run([domain(guest, gic, vcpus), ...typing('sh /disk.sh')]);
    expect(answerTo('sh /disk.sh', result)).toBe(`\
blkfront: xvda: flush diskcache: enabled; persistent grants: enabled; indirect descriptors: enabled; bounce buffer: enabled
sectors 8192, read only 0, segments 32, write back
driver vbd, device device/vbd/51712, xen:vbd
20+0 records in
20+0 records out
read back
behind it 0
block 17
block 1023
block 3
ports ${2 * vcpus}
xvdb sectors 128, read only 1
dd: error writing '/dev/xvdb': Operation not permitted
all done
`);
    expect(result.status).toBe(0);
  });
}
