// qcow2 images, for reading: versions 2 and 3 with compressed clusters and backing files, as docs/interop/qcow2.txt of
// QEMU describes them. What is read is the active state; internal snapshots are other tables and change nothing in it.
//
// Left out, and refused: encryption, external data files, extended L2 entries. Reference counts matter to writers only.

import { UserError } from '../../base/errors.ts';
import { type DiskImage, openFile, RawImage, readFrom } from './disk-image.ts';
import type { HostFile, HostFiles } from './host-files.ts';

const MAGIC = 0x5146_49fb;
const HEADER_SIZE = 112;
const INCOMPATIBLE = { dirty: 1, corrupt: 2, externalData: 4, compressionType: 8, extendedL2: 16 } as const;
const EXTENSION_BACKING_FORMAT = 0xe279_2aca;
const ENTRY_SIZE = 8;
/** As QEMU: QCOW_MAX_L1_SIZE. */
const MAX_L1_BYTES = 32 << 20;
/** As QEMU: no more than this many images on top of each other are opened. */
const MAX_CHAIN = 64;
/** High words of entries: bits 55..32 of an offset, and the flag of a compressed cluster. */
const OFFSET_HIGH = 0x00ff_ffff;
const COMPRESSED = 0x4000_0000;
const ALL_ZEROS = 1;
/** What is kept of each image: L2 tables and unpacked clusters. */
const TABLES_KEPT = 64;
const CLUSTERS_KEPT = 16;

export function isQcow2(file: HostFile): boolean {
  const head = new Uint8Array(4);
  return readFrom(file, 0, head) === 4 && new DataView(head.buffer).getUint32(0) === MAGIC;
}

/** The file becomes the image's. Throws UserErrors; then only `file` is still open. */
export function openQcow2(files: HostFiles, file: HostFile, above: readonly string[] = []): DiskImage {
  const header = readHeader(file);
  const l1 = readL1(file, header);
  const backing = header.backing === undefined ? undefined : openBacking(files, file, header.backing, above);
  return new Qcow2Image(files, file, header, l1, backing);
}

// ---------------------------------------------------------------- the header

interface Header {
  readonly clusterBits: number;
  readonly size: number;
  readonly l1Size: number;
  readonly l1Offset: number;
  readonly compression: 'deflate-raw' | 'zstd';
  readonly backing?: { readonly name: string; readonly format?: string };
}

function readHeader(file: HostFile): Header {
  const bytes = new Uint8Array(HEADER_SIZE);
  const length = readFrom(file, 0, bytes);
  const view = new DataView(bytes.buffer);
  if (length < 72 || view.getUint32(0) !== MAGIC) throw damaged(file, 'it is no qcow2 image', 0);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw unsupported(file, `version ${version} of qcow2`);
  const headerLength = version === 3 ? view.getUint32(100) : 72;
  const features = version === 3 ? view.getUint32(76) : 0;
  const moreFeatures = version === 3 ? view.getUint32(72) : 0;
  if (view.getUint32(32) !== 0) throw unsupported(file, 'an encrypted image');
  if ((features & INCOMPATIBLE.externalData) !== 0) throw unsupported(file, 'an external data file');
  if ((features & INCOMPATIBLE.extendedL2) !== 0)
    throw unsupported(file, 'extended L2 entries (subclusters)');
  if ((features & INCOMPATIBLE.corrupt) !== 0) throw damaged(file, 'it is marked as corrupt', 72);
  if (moreFeatures !== 0 || features > 31) throw unsupported(file, 'an incompatible feature without a name');
  const compressionType =
    (features & INCOMPATIBLE.compressionType) !== 0 && headerLength > 104 ? view.getUint8(104) : 0;
  if (compressionType > 1) throw unsupported(file, `compression type ${compressionType}`);

  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) throw damaged(file, `its cluster_bits are ${clusterBits}`, 20);
  const size = number64(view, 24);
  const l1Size = view.getUint32(36);
  // One L1 entry leads to a cluster full of L2 entries.
  const perEntry = 2 ** (clusterBits + clusterBits - 3);
  if (
    !Number.isSafeInteger(size) ||
    l1Size * ENTRY_SIZE > MAX_L1_BYTES ||
    l1Size < Math.ceil(size / perEntry)
  ) {
    throw damaged(file, `its L1 table has ${l1Size} entries for ${size} bytes`, 36);
  }
  if (size === 0) throw damaged(file, 'it is a disk of 0 bytes', 24);
  const backing = readBacking(file, view, version === 3 ? headerLength : 72);
  return {
    clusterBits,
    size,
    l1Size,
    l1Offset: number64(view, 40),
    compression: compressionType === 1 ? 'zstd' : 'deflate-raw',
    ...(backing && { backing }),
  };
}

function readBacking(file: HostFile, view: DataView, extensions: number): Header['backing'] {
  const at = number64(view, 8);
  const length = view.getUint32(16);
  if (at === 0) return undefined;
  if (length === 0 || length > 1023) throw damaged(file, 'the name of its backing file is damaged', 16);
  const name = new TextDecoder().decode(exactly(file, at, length, 'the name of the backing file'));
  if (name.includes('\0')) throw damaged(file, 'the name of its backing file is damaged', at);
  const format = backingFormat(file, extensions, at);
  return { name, ...(format !== undefined && { format }) };
}

/** The header extensions stand between the header and the name of the backing file. */
function backingFormat(file: HostFile, from: number, end: number): string | undefined {
  for (let at = from; at + 8 <= end && at < 65536; ) {
    const head = new DataView(exactly(file, at, 8, 'a header extension').buffer);
    const type = head.getUint32(0);
    const length = head.getUint32(4);
    if (type === 0) return undefined;
    if (type === EXTENSION_BACKING_FORMAT && length < 16) {
      return new TextDecoder().decode(exactly(file, at + 8, length, 'a header extension'));
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function readL1(file: HostFile, { l1Size, l1Offset }: Header): DataView {
  return new DataView(exactly(file, l1Offset, l1Size * ENTRY_SIZE, 'the L1 table').buffer);
}

function openBacking(
  files: HostFiles,
  top: HostFile,
  { name, format }: NonNullable<Header['backing']>,
  above: readonly string[],
): DiskImage {
  if (
    /^(json:|\w[\w+.-]*:\/\/)/.test(name) ||
    (/^[a-z][a-z0-9+.-]+:/.test(name) && !name.startsWith('file:'))
  ) {
    throw unsupported(top, `the backing file '${name}', which is no file`);
  }
  const chain = [...above, top.path];
  const file = openFile(files, files.beside(top.path, name.replace(/^file:/, '')), false);
  try {
    if (chain.includes(file.path) || chain.length >= MAX_CHAIN) {
      throw damaged(top, `its chain of backing files does not end: '${name}'`, 8);
    }
    if (format !== undefined && format !== 'raw' && format !== 'qcow2') {
      throw unsupported(top, `a backing file of format '${format}'`);
    }
    if (format === 'qcow2' || (format === undefined && isQcow2(file))) return openQcow2(files, file, chain);
    return new RawImage(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

// ---------------------------------------------------------------- clusters

class Qcow2Image implements DiskImage {
  readonly size: number;
  readonly files: readonly HostFile[];
  private readonly file: HostFile;
  private readonly header: Header;
  private readonly clusterSize: number;
  private readonly l1: DataView;
  private readonly backing: DiskImage | undefined;
  private readonly unpack: HostFiles['unpack'];
  /** L2 tables by their offset, and unpacked clusters by that of their data; the one used last stands last. */
  private readonly tables = new Map<number, DataView>();
  private readonly clusters = new Map<number, Uint8Array>();

  constructor(
    { unpack }: HostFiles,
    file: HostFile,
    header: Header,
    l1: DataView,
    backing: DiskImage | undefined,
  ) {
    this.unpack = unpack;
    this.file = file;
    this.header = header;
    this.clusterSize = 2 ** header.clusterBits;
    this.size = header.size;
    this.l1 = l1;
    this.backing = backing;
    this.files = [file, ...(backing?.files ?? [])];
  }

  read(offset: number, target: Uint8Array): void {
    const { clusterSize } = this;
    for (let done = 0; done < target.length; ) {
      const within = (offset + done) % clusterSize;
      const count = Math.min(clusterSize - within, target.length - done);
      this.readPart(offset + done, within, target.subarray(done, done + count));
      done += count;
    }
  }

  /** `target` lies in one cluster. */
  private readPart(offset: number, within: number, target: Uint8Array): void {
    const table = this.tableOf(offset);
    const at = (Math.floor(offset / this.clusterSize) % (this.clusterSize / ENTRY_SIZE)) * ENTRY_SIZE;
    const high = table?.getUint32(at) ?? 0;
    const low = table?.getUint32(at + 4) ?? 0;
    if ((high & COMPRESSED) !== 0) {
      target.set(this.unpacked(high, low).subarray(within, within + target.length));
      return;
    }
    if ((low & ALL_ZEROS) !== 0) {
      target.fill(0);
      return;
    }
    const data = (high & OFFSET_HIGH) * 2 ** 32 + (low - (low % 512));
    if (data === 0) {
      this.readBacking(offset, target);
      return;
    }
    if (data % this.clusterSize !== 0)
      throw damaged(this.file, 'a cluster does not begin where clusters do', data);
    // A file may end within its last cluster.
    const count = readFrom(this.file, data + within, target);
    target.fill(0, count);
  }

  private readBacking(offset: number, target: Uint8Array): void {
    const count = Math.max(0, Math.min(target.length, (this.backing?.size ?? 0) - offset));
    if (count > 0) this.backing?.read(offset, target.subarray(0, count));
    target.fill(0, count);
  }

  private tableOf(offset: number): DataView | undefined {
    const { clusterSize } = this;
    const index = Math.floor(offset / (clusterSize * (clusterSize / ENTRY_SIZE)));
    const low = this.l1.getUint32(index * ENTRY_SIZE + 4);
    const at = (this.l1.getUint32(index * ENTRY_SIZE) & OFFSET_HIGH) * 2 ** 32 + (low - (low % 512));
    if (at === 0) return undefined;
    return kept(this.tables, TABLES_KEPT, at, () => {
      if (at % clusterSize !== 0)
        throw damaged(this.file, 'an L2 table does not begin where clusters do', at);
      return new DataView(exactly(this.file, at, clusterSize, 'an L2 table').buffer);
    });
  }

  private unpacked(high: number, low: number): Uint8Array {
    // The offset has 62 - (cluster_bits - 8) bits, the number of further sectors the rest.
    const { clusterBits, compression } = this.header;
    const entry = ((BigInt(high) << 32n) | BigInt(low)) & ((1n << 62n) - 1n);
    const offsetBits = BigInt(62 - (clusterBits - 8));
    const at = Number(entry & ((1n << offsetBits) - 1n));
    const length = (Number(entry >> offsetBits) + 1) * 512 - (at % 512);
    return kept(this.clusters, CLUSTERS_KEPT, at, () => {
      const packed = new Uint8Array(length);
      // The last sector may end with the file.
      const count = readFrom(this.file, at, packed);
      const { unpack, clusterSize } = this;
      if (!unpack) throw unsupported(this.file, 'a compressed image, which this host cannot unpack');
      let bytes: Uint8Array;
      try {
        bytes = unpack(compression, packed.subarray(0, count), clusterSize);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw damaged(this.file, `a compressed cluster cannot be unpacked: ${reason}`, at);
      }
      if (bytes.length === clusterSize) return bytes;
      throw damaged(this.file, `a compressed cluster has ${bytes.length} bytes`, at);
    });
  }
}

/** What is in the map, or comes into it; the one that was not used for longest goes. */
function kept<Value>(map: Map<number, Value>, most: number, key: number, make: () => Value): Value {
  const found = map.get(key);
  const value = found ?? make();
  if (found !== undefined) map.delete(key);
  else if (map.size >= most) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
  return value;
}

// ---------------------------------------------------------------- reading and refusing

function exactly(file: HostFile, offset: number, length: number, what: string): Uint8Array<ArrayBuffer> {
  if (offset + length > file.size) {
    throw damaged(
      file,
      `${what} (${length} bytes at offset ${offset}) lies behind the end of the file`,
      offset,
    );
  }
  const bytes = new Uint8Array(length);
  if (readFrom(file, offset, bytes) !== length) throw damaged(file, `${what} cannot be read`, offset);
  return bytes;
}

function number64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

const damaged = (file: HostFile, what: string, offset: number): UserError =>
  new UserError(`the qcow2 image cannot be used: ${what}`, 'Check it with qemu-img check.', {
    file: file.path,
    offset: Math.min(offset, Number.MAX_SAFE_INTEGER),
  });

const unsupported = (file: HostFile, what: string): UserError =>
  new UserError(
    `the qcow2 image is not supported in this version: ${what}`,
    'Make a plain one of it with qemu-img convert -O qcow2.',
    { file: file.path },
  );
