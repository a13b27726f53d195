// One disk of xl's `disk` list, as xl-disk-configuration(5) has it: `/images/root.img,raw,xvda,w` or
// `vdev=xvda, format=qcow2, target=root.qcow2`. Two kinds of target are ours and not xl's: `scratch:4M`, a disk that
// is zeros at first, and `overlay:root.img`, an image whose changes stay in memory.

/** What is behind a disk. */
export type DiskSource =
  /** Zeros at first, in memory, gone with the machine. */
  | { readonly kind: 'scratch'; readonly size: number; readonly sectorSize: 512 | 4096 }
  | {
      readonly kind: 'image';
      readonly path: string;
      readonly format: 'raw' | 'qcow2';
      /** What the guest writes goes into the file; otherwise it stays in memory. */
      readonly writeThrough: boolean;
    }
  /** A drive without a medium. */
  | { readonly kind: 'empty' };

export interface DiskSpec {
  /** As it was written: `xvda`. */
  readonly vdev: string;
  /** The target as it was written, for xenstore and for messages. */
  readonly target: string;
  readonly source: DiskSource;
  readonly readOnly: boolean;
  readonly cdrom: boolean;
  /** False after `no-discard`: the backend does not offer to discard sectors. */
  readonly discard: boolean;
  /** False after `untrusted`: the frontend is asked to protect itself against the backend. */
  readonly trusted: boolean;
  /** Which backend xl would choose. */
  readonly backend: 'phy' | 'qdisk';
}

/** Why a text is no disk that can be had: what is wrong, and what to do. */
export interface DiskRefusal {
  readonly message: string;
  readonly hint: string;
  /** Right for xl, and not there yet. */
  readonly notModelled?: true;
}

/** The guest can fill a disk, and what it writes is kept in memory. */
export const LARGEST_SCRATCH_DISK = 256 * 2 ** 20;

export function parseDiskSpec(text: string): DiskSpec | DiskRefusal {
  const words: Words = { values: new Map(), flags: new Set() };
  const refusal = collect(text, words) ?? unsupportedWish(words);
  if (refusal) return refusal;
  const { values, flags } = words;

  const cdrom = values.get('devtype') === 'cdrom' || flags.has('cdrom');
  const access = values.get('access') ?? '';
  if (!/^(|r|ro|w|rw)$/.test(access)) return refused(`access '${access}' of a disk`, "Write 'r' or 'w'.");
  if (cdrom && access.includes('w'))
    return refused('a CD-ROM drive that is written', "Write 'r', or nothing.");
  const readOnly = cdrom || access === 'r' || access === 'ro';
  const source = sourceOf(words, cdrom, readOnly);
  if ('message' in source) return source;
  const vdev = values.get('vdev') ?? '';
  if (virtualDeviceNumber(vdev) === undefined) {
    return refused(
      vdev === '' ? 'a disk without a vdev' : `'${vdev}' is not a virtual disk`,
      `Name it as the guest will: xvda, xvdb, xvda1. ${EXAMPLE}`,
    );
  }
  const backend = backendOf(values.get('backendtype'), source);
  if (typeof backend === 'object') return backend;
  return {
    vdev,
    target: values.get('target') ?? '',
    source,
    readOnly,
    cdrom,
    discard: !flags.has('no-discard') && !readOnly,
    trusted: !flags.has('untrusted'),
    backend,
  };
}

export const isDiskRefusal = (result: DiskSpec | DiskRefusal): result is DiskRefusal => 'message' in result;

/** Whether a run takes the disk, or xl itself would not. */
export function isDiskModelled(text: string): boolean {
  const disk = parseDiskSpec(text);
  return !isDiskRefusal(disk) || !disk.notModelled;
}

/**
 * The number that stands for a virtual disk in xenstore (xen-vbd-interface(7)): Linux's device number for the
 * classic names, and for others bit 28 with disk and partition.
 */
export function virtualDeviceNumber(vdev: string): number | undefined {
  const plain = /^d(\d{1,7})(?:p(\d{1,3}))?$/.exec(vdev);
  if (plain) return xvdNumber(Number(plain[1]), Number(plain[2] ?? 0));
  if (/^(0x[0-9a-f]{1,8}|[1-9]\d{0,9})$/i.test(vdev)) {
    const number = Number(vdev);
    return number < 2 ** 29 ? number : undefined;
  }
  const named = /^(xvd|hd|sd)([a-z]{1,4})(\d{1,3})?$/.exec(vdev);
  if (!named) return undefined;
  const [, kind, letters = '', digits = '0'] = named;
  const disk = [...letters].reduce((number, letter) => number * 26 + (letter.charCodeAt(0) - 96), 0) - 1;
  const partition = Number(digits);
  if (kind === 'xvd') return xvdNumber(disk, partition);
  if (kind === 'sd') return disk < 16 && partition < 16 ? (8 << 8) | (disk << 4) | partition : undefined;
  const major = disk < 2 ? 3 : 22;
  return disk < 4 && partition < 64 ? (major << 8) | ((disk & 1) << 6) | partition : undefined;
}

function xvdNumber(disk: number, partition: number): number | undefined {
  if (disk < 16 && partition < 16) return (202 << 8) | (disk << 4) | partition;
  if (disk >= 2 ** 20 || partition >= 256) return undefined;
  return 2 ** 28 + disk * 256 + partition;
}

// ---------------------------------------------------------------- the words of the text

interface Words {
  readonly values: Map<string, string>;
  readonly flags: Set<string>;
}

const EXAMPLE = "Write it as in 'disk.img,raw,xvda,w' or 'scratch:4M,raw,xvda,w'.";
const POSITIONS = ['target', 'format', 'vdev', 'access'] as const;
const KEYS = new Set<string>([
  ...POSITIONS,
  ...['devtype', 'backendtype', 'backend', 'script', 'specification', 'grant_usage'],
]);
const FLAGS = new Set([
  ...['cdrom', 'discard', 'no-discard', 'direct-io-safe', 'trusted', 'untrusted', 'no-colo'],
]);
/** Old ways to say a format, in front of the target, where no format follows; `phy:` and `file:` are raw. */
const PREFIX = /^(raw|qcow2?|vhd|qed|phy|file):(.*)$/s;

function collect(text: string, { values, flags }: Words): DiskRefusal | undefined {
  let position = 0;
  for (let at = 0; at <= text.length; ) {
    // The target takes the rest of the text where it is named, commas included.
    const takesRest = /^\s*target\s*=/.test(text.slice(at));
    const comma = takesRest ? -1 : text.indexOf(',', at);
    const part = text.slice(at, comma < 0 ? undefined : comma).trim();
    at = comma < 0 ? text.length + 1 : comma + 1;
    const [, key, value] = /^([a-z_-]+)\s*=\s*(.*)$/s.exec(part) ?? [];
    if (key !== undefined && value !== undefined) {
      if (!KEYS.has(key))
        return refused(`'${key}' of a disk is not supported in this version`, EXAMPLE, true);
      values.set(key, value);
      continue;
    }
    if (FLAGS.has(part)) {
      flags.add(part);
      continue;
    }
    while (position < POSITIONS.length && values.has(POSITIONS[position] ?? '')) position++;
    const name = POSITIONS[position++];
    if (name === undefined) return refused(`'${part}' of a disk is not understood`, EXAMPLE);
    if (part === '') continue;
    const [, format, rest] = name === 'target' ? (PREFIX.exec(part) ?? []) : [];
    if (format !== undefined) values.set('format', /^(phy|file)$/.test(format) ? 'raw' : format);
    const [, device, kind] = name === 'vdev' ? (/^(.*):(cdrom|disk)$/.exec(part) ?? []) : [];
    if (kind !== undefined) values.set('devtype', kind);
    values.set(name, rest ?? device ?? part);
  }
  return undefined;
}

/** What xl knows, and there is nothing here to do it. */
function unsupportedWish({ values }: Words): DiskRefusal | undefined {
  const here: Readonly<Record<string, RegExp>> = {
    devtype: /^(disk|cdrom)$/,
    backendtype: /^(phy|qdisk)$/,
    backend: /^(0|Domain-0)$/,
    script: /^(\/etc\/xen\/scripts\/)?block$/,
    specification: /^xen$/,
    grant_usage: /^$/,
  };
  for (const [key, pattern] of Object.entries(here)) {
    const value = values.get(key);
    if (value === undefined || pattern.test(value)) continue;
    return refused(`'${key}=${value}' of a disk is not supported in this version`, SERVED, true);
  }
  return undefined;
}

const SERVED = 'Disks are served by domain 0: raw and qcow2 files, and scratch disks.';

// ---------------------------------------------------------------- the target

const SCRATCH = /^scratch:(.*?)(?:@(512|4096))?$/;
const OVERLAY = /^overlay:(.*)$/s;
const ELSEWHERE = /^(iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|https?|rbd|sheepdog):/;

function sourceOf({ values }: Words, cdrom: boolean, readOnly: boolean): DiskSource | DiskRefusal {
  const target = values.get('target') ?? '';
  const format = values.get('format') || 'raw';
  const [, size, sectorSize] = SCRATCH.exec(target) ?? [];
  if (!FORMATS.has(format)) return refused(`format '${format}' of a disk`, "Write 'raw' or 'qcow2'.");
  if (!SUPPORTED.has(format)) {
    return refused(`format '${format}' of a disk is not supported in this version`, CONVERT, true);
  }
  if (format === 'empty' || (target === '' && cdrom)) {
    if (cdrom && target === '') return { kind: 'empty' };
    return refused('a disk without a medium', "Only a CD-ROM drive can be empty: ',empty,hdc,r,cdrom'.");
  }
  if (target === '') return refused('a disk without a target', EXAMPLE);
  if (size !== undefined) {
    if (format !== 'raw') return refused(`format '${format}' of a scratch disk`, EXAMPLE);
    const bytes = bytesOf(size);
    if (bytes !== undefined)
      return { kind: 'scratch', size: bytes, sectorSize: sectorSize === '4096' ? 4096 : 512 };
    return refused(
      `'${size}' is not the size of a scratch disk`,
      'Give a number of MiB or a size such as 64K or 4M, from 4K to 256M.',
    );
  }
  if (ELSEWHERE.test(target)) {
    return refused(`disk '${target}' is not supported in this version`, SERVED, true);
  }
  const image = OVERLAY.exec(target)?.[1];
  if (image === '') return refused('an overlay of no image', "Write it as in 'overlay:disk.img,raw,xvda,w'.");
  const isRaw = format === 'raw';
  return {
    kind: 'image',
    path: image ?? target,
    format: isRaw ? 'raw' : 'qcow2',
    writeThrough: isRaw && image === undefined && !readOnly,
  };
}

const SUPPORTED = new Set(['raw', 'qcow2', 'empty']);
const FORMATS = new Set([...SUPPORTED, 'qcow', 'vhd', 'qed']);
const CONVERT = 'Make another image of it: qemu-img convert -O qcow2.';

/** libxl__device_disk_set_backend(): block devices and raw files by the kernel, other formats by QEMU. */
function backendOf(wanted: string | undefined, source: DiskSource): 'phy' | 'qdisk' | DiskRefusal {
  const isQcow2 = source.kind === 'image' && source.format === 'qcow2';
  if (wanted === 'phy' && isQcow2) {
    return refused("'backendtype=phy' of a qcow2 image", "Leave it out, or write 'backendtype=qdisk'.");
  }
  return wanted === 'qdisk' || isQcow2 ? 'qdisk' : 'phy';
}

/** MiB, or a size with its unit. */
function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,9})([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
  const bytes = Number(digits) * (units[unit.toUpperCase()] ?? 2 ** 20);
  return bytes >= 4096 && bytes % 4096 === 0 && bytes <= LARGEST_SCRATCH_DISK ? bytes : undefined;
}

const refused = (message: string, hint: string, notModelled = false): DiskRefusal => ({
  message,
  hint,
  ...(notModelled && { notModelled: true }),
});
