// Debian's block frontend and ext4 on images of the host: what a guest writes is in the file when it has powered off, and
// nowhere else; qcow2 images hold what QEMU's tools find in them.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian, fetchExt4Modules } from '../tools/fetch-debian.ts';
import { folder, run } from './console.ts';
import { answerTo, PROMPT } from './debian.ts';

const tool = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hashOf = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** What the shell is told: a terminal breaks long lines. */
const SCRIPTS = {
  queues: 'cat /sys/block/xvda/queue/max_segments; ls /sys/block/xvda/mq | wc -l\n',
  write:
    'mount -t ext4 /dev/xvda /mnt\n' +
    'dd if=/dev/urandom of=/mnt/file bs=64k count=64 conv=fsync 2>/dev/null; md5sum /mnt/file\n',
  look: 'mount -t ext4 /dev/xvda /mnt && md5sum /mnt/file\n',
  sums: 'for d in a b c d; do dd if=/dev/xvd$d bs=64k 2>/dev/null | md5sum; done\n',
  change: 'for d in a b c d; do dd if=/dev/urandom of=/dev/xvd$d bs=64k count=3 conv=fsync; done 2>&1\n',
};

const guest = await external("Debian's arm64 kernel with ext4", async () => {
  const { vmlinuz, busybox, blockModules } = await fetchDebian({ modules: true });
  const modules = [join(blockModules ?? '', 'xen-blkfront.ko'), ...(await fetchExt4Modules())];
  const load = modules.map((path) => `insmod /${basename(path)}`).join('\n');
  const files = Object.fromEntries(modules.map((path) => [`/${basename(path)}`, readFileSync(path)]));
  const script = `dmesg -n 1\n${load}\nwhile [ ! -b /dev/xvda ]; do usleep 10000; done\nmkdir /mnt\n`;
  const scripts = Object.fromEntries(
    Object.entries({ load: script, ...SCRIPTS }).map(([name, text]) => [
      `/${name}.sh`,
      new TextEncoder().encode(text),
    ]),
  );
  return {
    kernel: vmlinuz,
    ramdisk: writeInitramfs(join(folder, 'ext4.cpio'), {
      busybox,
      files: { ...files, ...scripts },
    }),
  };
});
const ext4 = await external('mkfs.ext4, e2fsck and debugfs (e2fsprogs)', () => {
  tool('mkfs.ext4', '-V');
  return true;
});
const qemu = await external('qemu-img (qemu-utils)', () => tool('qemu-img', '--version') !== '');

/** A file system of 24 MiB. */
function makeFileSystem(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(24 << 20));
  tool(
    'mkfs.ext4',
    '-q',
    '-F',
    '-U',
    '1b7c8e9a-0000-4000-8000-000000000001',
    '-E',
    'hash_seed=1b7c8e9a-0000-4000-8000-000000000002',
    path,
  );
  return path;
}

interface Domain {
  readonly kernel: string;
  readonly ramdisk: string;
}

function configuration(
  name: string,
  { kernel, ramdisk }: Domain,
  disks: readonly string[],
  vcpus = 2,
): string {
  const file = join(folder, `${name}.cfg`);
  const list = disks.map((disk) => `"${disk}"`).join(', ');
  writeFileSync(
    file,
    `name = "debian"\nkernel = "${kernel}"\nramdisk = "${ramdisk}"\nextra = "console=hvc0 cryptomgr.notests"\n` +
      `memory = 256\nvcpus = ${vcpus}\ngic_version = "v3"\ndisk = [ ${list} ]\n`,
  );
  return file;
}

/** Types each line at the prompt; the last one ends the guest. */
const typed = (...lines: readonly string[]): string[] => [
  ...lines.flatMap((line) => ['--until', PROMPT, '--type', `${line}\\n`]),
  '--until',
  'reboot: ',
];

const END = 'umount /mnt; poweroff -f';

testWith(
  [guest, ext4],
  'an ext4 image is whole after the guest has written and powered off',
  async (domain) => {
    const image = makeFileSystem('root.img');
    const before = statSync(image).size;
    const config = configuration('ext4', domain, [`${image},raw,xvda,w`]);
    const result = await run([config, ...typed('sh /load.sh', 'sh /queues.sh', 'sh /write.sh', END)]);
    expect(result.status).toBe(0);
    // Two vCPUs, two queues; indirect segments are used up to the frontend's own limit.
    expect(answerTo('sh /queues.sh', result)).toBe('32\n2\n');
    const hash = /^([0-9a-f]{32}) {2}\/mnt\/file$/m.exec(result.console)?.[1];
    expect(tool('e2fsck', '-fn', image)).toMatch(/root\.img: 12\/\d+ files/);
    const content = join(folder, 'file');
    tool('debugfs', '-R', `dump /file ${content}`, image);
    expect(hashOf(readFileSync(content))).toBe(hash);
    expect(statSync(image).size).toBe(before);
  },
);

testWith(
  [guest, ext4],
  'what was synchronized is there after a crash, and the next guest finds it',
  async (domain) => {
    const image = makeFileSystem('crash.img');
    const config = configuration('crash', domain, [`${image},raw,xvda,w`], 1);
    const crash = await run([config, ...typed('sh /load.sh', 'sh /write.sh', 'reboot -f')]);
    const hash = /^([0-9a-f]{32}) {2}\/mnt\/file$/m.exec(crash.console)?.[1];
    expect(hash).toBeDefined();
    const again = await run([config, ...typed('sh /load.sh', 'sh /look.sh', END)]);
    expect(answerTo('sh /look.sh', again)).toBe(`${hash}  /mnt/file\n`);
    expect(tool('e2fsck', '-fn', image)).toContain('crash.img: 12/');
  },
);

testWith(
  [guest, ext4],
  'an overlay leaves the image alone, and two runs of it are the same',
  async (domain) => {
    const image = makeFileSystem('base.img');
    const before = hashOf(readFileSync(image));
    const config = configuration('overlay', domain, [`overlay:${image},raw,xvda,w`]);
    const lines = typed('sh /load.sh', 'sh /write.sh', END);
    const first = await run([config, ...lines]);
    expect(first.status).toBe(0);
    expect(hashOf(readFileSync(image))).toBe(before);
    // A copy of the image is the same disk.
    copyFileSync(image, join(folder, 'copy.img'));
    const second = await run([config, ...lines]);
    expect(second.figures.stateHash).toBe(first.figures.stateHash);
    expect(second.figures.instructions).toBe(first.figures.instructions);
  },
);

testWith([guest, qemu], 'qcow2 images hold what QEMU finds in them, and are not written', async (domain) => {
  const raw = join(folder, 'content.raw');
  const bytes = new Uint8Array(6 << 20);
  for (let at = 0; at < bytes.length; at++)
    bytes[at] = at % 3 === 0 ? at >>> 12 : (at * 2_654_435_761) >>> 24;
  bytes.fill(0, 1 << 20, 3 << 20);
  writeFileSync(raw, bytes);
  const path = (name: string): string => join(folder, name);
  tool('qemu-img', 'convert', '-O', 'qcow2', '-c', raw, path('zlib.qcow2'));
  tool('qemu-img', 'convert', '-O', 'qcow2', '-c', '-o', 'compression_type=zstd', raw, path('zstd.qcow2'));
  tool('qemu-img', 'convert', '-O', 'qcow2', '-o', 'compat=0.10', raw, path('old.qcow2'));
  tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'zlib.qcow2', '-F', 'qcow2', path('top.qcow2'), '8M');
  tool('qemu-io', '-c', 'write -q -P 0x5a 3000000 123456', path('top.qcow2'));
  const names = ['zlib', 'zstd', 'old', 'top'];
  const before = names.map((name) => hashOf(readFileSync(path(`${name}.qcow2`))));
  const disks = names.map((name, at) => `${path(`${name}.qcow2`)},qcow2,xvd${'abcd'[at]},w`);
  const config = configuration('qcow2', domain, disks);
  const result = await run([config, ...typed('sh /load.sh', 'sh /sums.sh', 'sh /change.sh', 'poweroff -f')]);
  const expected = names.map((name) => {
    tool('qemu-img', 'convert', '-O', 'raw', path(`${name}.qcow2`), raw);
    return `${hashOf(readFileSync(raw))}  -\n`;
  });
  expect(answerTo('sh /sums.sh', result)).toBe(expected.join(''));
  expect(names.map((name) => hashOf(readFileSync(path(`${name}.qcow2`))))).toEqual(before);
});
