// An uncompressed initramfs (cpio newc) with busybox and an /init script.
//
// The archive is reproducible: fixed times, owners and inode numbers. It needs no root, because device nodes are
// entries of the archive and never files here.

import { readFileSync } from 'node:fs';

export interface InitramfsOptions {
  /** An arm64 busybox that is statically linked. */
  readonly busybox: string;
  /** Text of /init; by default a shell on the console. */
  readonly init?: string;
  /** Further files: absolute path in the guest to content. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export const MOUNTS = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root PS1='~ # '
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
`;

/** A shell with job control on whatever console the kernel chose, prompting `~ # `. */
export const SHELL_INIT = `${MOUNTS}cd /root
exec setsid cttyhack sh
`;

/** Prints a marker, then powers the machine off. */
export const markerInit = (marker: string): string => `${MOUNTS}echo '${marker.replaceAll("'", `'\\''`)}'
poweroff -f
`;

const FILE = 0o100000;
const DIRECTORY = 0o040000;
const CHARACTER_DEVICE = 0o020000;

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly data?: Uint8Array;
  readonly device?: readonly [major: number, minor: number];
}

export function initramfs(options: InitramfsOptions): Uint8Array {
  const text = new TextEncoder();
  const directories = ['bin', 'dev', 'proc', 'root', 'sys', 'tmp'];
  const entries: Entry[] = directories.map((name) => ({ name, mode: DIRECTORY | 0o755 }));
  // The kernel opens /dev/console for /init before anything could mount devtmpfs.
  entries.push({ name: 'dev/console', mode: CHARACTER_DEVICE | 0o600, device: [5, 1] });
  entries.push({ name: 'dev/null', mode: CHARACTER_DEVICE | 0o666, device: [1, 3] });
  entries.push({ name: 'bin/busybox', mode: FILE | 0o755, data: readFileSync(options.busybox) });
  entries.push({ name: 'init', mode: FILE | 0o755, data: text.encode(options.init ?? SHELL_INIT) });
  const known = new Set(directories);
  for (const [path, data] of Object.entries(options.files ?? {})) {
    const name = path.replace(/^\//, '');
    for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1)) {
      const parent = name.slice(0, slash);
      if (!known.has(parent)) entries.push({ name: parent, mode: DIRECTORY | 0o755 });
      known.add(parent);
    }
    entries.push({ name, mode: FILE | 0o755, data });
  }
  return cpio(entries);
}

/** The newc format: Linux `Documentation/driver-api/early-userspace/buffer-format.rst`. */
function cpio(entries: readonly Entry[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const push = (bytes: Uint8Array): void => {
    const padding = -bytes.length & 3;
    chunks.push(bytes, new Uint8Array(padding));
    length += bytes.length + padding;
  };
  [...entries, { name: 'TRAILER!!!', mode: 0 }].forEach((entry: Entry, index) => {
    const [major, minor] = entry.device ?? [0, 0];
    const nameSize = entry.name.length + 1;
    const links = (entry.mode & 0o170000) === DIRECTORY ? 2 : 1;
    const size = entry.data?.length ?? 0;
    // inode, mode, uid, gid, links, mtime, size, device, special device, name size, checksum
    const fields = [index + 1, entry.mode, 0, 0, links, 0, size, 0, 0, major, minor, nameSize, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    push(new TextEncoder().encode(`${header}${entry.name}\0`));
    if (entry.data !== undefined) push(entry.data);
  });
  const archive = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    archive.set(chunk, at);
    at += chunk.length;
  }
  return archive;
}
