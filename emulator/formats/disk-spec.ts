// One disk of xl's `disk` list: xl-disk-configuration(5), with the one kind of target that there is here, a
// scratch disk: `scratch:4M,raw,xvda,w` or `vdev=xvda, target=scratch:4M`.

export interface DiskSpec {
  /** As it was written: `xvda`. */
  readonly vdev: string;
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
}

/** Why a text is no disk that can be had: what is wrong, and what to do. */
export interface DiskRefusal {
  readonly message: string;
  readonly hint: string;
}

/** The guest can fill a disk, and what it writes is kept in memory. */
export const LARGEST_SCRATCH_DISK = 256 * 2 ** 20;

export function parseDiskSpec(text: string): DiskSpec | DiskRefusal {
  const values = new Map<string, string>();
  const refusal = collect(text, values);
  if (refusal) return refusal;

  const format = values.get('format') ?? 'raw';
  if (format !== '' && format !== 'raw') return refused(`format '${format}' of a disk`, EXAMPLE);
  const target = values.get('target') ?? '';
  const size = SCRATCH.exec(target)?.[1];
  if (size === undefined) {
    return refused(
      target === '' ? 'a disk without a target' : `disk '${target}' is not supported in this version`,
      `Scratch disks are what there is: zeros at first, gone at the end. ${EXAMPLE}`,
    );
  }
  const bytes = bytesOf(size);
  if (bytes === undefined) {
    return refused(
      `'${size}' is not the size of a scratch disk`,
      'Give a number of MiB or a size such as 64K or 4M, from 4K to 256M.',
    );
  }
  const vdev = values.get('vdev') ?? '';
  if (virtualDeviceNumber(vdev) === undefined) {
    return refused(
      vdev === '' ? 'a disk without a vdev' : `'${vdev}' is not a virtual disk`,
      `Name it as the guest will: xvda, xvdb, xvda1. ${EXAMPLE}`,
    );
  }
  const access = values.get('access') ?? 'rw';
  if (!/^(|r|ro|w|rw)$/.test(access)) return refused(`access '${access}' of a disk`, "Write 'r' or 'w'.");
  return { vdev, size: bytes, readOnly: access.startsWith('r') && access !== 'rw' };
}

/** Whether a scratch disk is meant, well written or not. */
export const isScratchDisk = (text: string): boolean => /(?:^|[,=])\s*scratch:/.test(text);

export const isDiskRefusal = (result: DiskSpec | DiskRefusal): result is DiskRefusal => 'message' in result;

/**
 * The number that stands for a virtual disk in xenstore (xen-vbd-interface(7)): Linux's device number for the
 * classic names, and for others bit 28 with disk and partition.
 */
export function virtualDeviceNumber(vdev: string): number | undefined {
  const plain = /^d(\d{1,7})(?:p(\d{1,3}))?$/.exec(vdev);
  if (plain) return xvdNumber(Number(plain[1]), Number(plain[2] ?? 0));
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

const EXAMPLE = "Write it as in 'scratch:4M,raw,xvda,w'.";
const POSITIONS = ['target', 'format', 'vdev', 'access'] as const;
/** What xl knows and this does too, or need not. */
const KEYS = new Set<string>([...POSITIONS, 'devtype', 'backendtype', 'specification']);
const HARMLESS: Readonly<Record<string, string>> = {
  devtype: 'disk',
  backendtype: 'phy',
  specification: 'xen',
};
const FLAGS = new Set(['discard', 'no-discard', 'direct-io-safe', 'trusted']);
const SCRATCH = /^scratch:(.*)$/;

function collect(text: string, values: Map<string, string>): DiskRefusal | undefined {
  let position = 0;
  for (const part of text.split(',').map((item) => item.trim())) {
    const [, key, value] = /^([a-z-]+)\s*=\s*(.*)$/.exec(part) ?? [];
    if (key !== undefined && value !== undefined) {
      if (!KEYS.has(key)) return refused(`'${key}' of a disk is not supported in this version`, EXAMPLE);
      if (key in HARMLESS && HARMLESS[key] !== value) {
        return refused(`'${key}=${value}' of a disk is not supported in this version`, EXAMPLE);
      }
      values.set(key, value);
      continue;
    }
    if (FLAGS.has(part)) continue;
    const name = POSITIONS[position++];
    if (name === undefined) return refused(`'${part}' of a disk is not understood`, EXAMPLE);
    if (part !== '') values.set(name, part);
  }
  return undefined;
}

/** MiB, or a size with its unit. */
function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,9})([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
  const bytes = Number(digits) * (units[unit.toUpperCase()] ?? 2 ** 20);
  return bytes >= 4096 && bytes <= LARGEST_SCRATCH_DISK ? bytes : undefined;
}

const refused = (message: string, hint: string): DiskRefusal => ({ message, hint });
