// What a block backend stands in front of: an image that is only read, or nothing, and above it the sectors that
// were written. They stay in memory, or go into the image's file when the guest flushes its disk.

import { UserError } from '../../../base/errors.ts';
import type { DiskImage } from '../../../formats/disk-image/disk-image.ts';
import type { HostFile } from '../../../formats/disk-image/host-files.ts';
import { BLKIF_SECTOR_SIZE } from '../../abi/blkif.ts';

/** What is written comes into being this many bytes at a time. */
const CHUNK = 65536;
const SECTORS = CHUNK / BLKIF_SECTOR_SIZE;
const WORDS = SECTORS / 32;
/** The host's memory is not the guest's to fill: 2 GiB for each disk. */
const MOST_CHUNKS = 32768;
/** Chunks that were flushed, for the next ones. */
const SPARE_CHUNKS = 64;

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A bit for each sector that counts; the others are those of the image. */
  readonly written: Uint32Array;
}

export interface DiskOptions {
  /** Bytes: whole sectors. */
  readonly size: number;
  /** What is read where nothing was written; without it zeros. */
  readonly image?: DiskImage;
  /** Of the guest's view. */
  readonly sectorSize?: number;
  /** The image's file, where writes go through to it. */
  readonly writeThrough?: HostFile;
}

export class Disk {
  readonly sectorSize: number;
  private size: number;
  private readonly image: DiskImage | undefined;
  private readonly file: HostFile | undefined;
  private readonly chunks = new Map<number, Chunk>();
  private readonly spare: Chunk[] = [];
  /** By chunk, those that were discarded as a whole: zeros, whatever the image holds. */
  private zeroed: Uint32Array | undefined;
  /** What went into the file, as a digest: it decides what is read again. */
  private readonly flushed = new Uint32Array([DIGEST, DIGEST]);

  constructor({ size, image, sectorSize = BLKIF_SECTOR_SIZE, writeThrough }: DiskOptions) {
    this.size = size;
    this.image = image;
    this.sectorSize = sectorSize;
    this.file = writeThrough;
  }

  /** Of 512 bytes. */
  get sectors(): number {
    return Math.floor(this.size / BLKIF_SECTOR_SIZE);
  }

  /** A file has no way to give sectors back. */
  get canDiscard(): boolean {
    return this.file === undefined;
  }

  /** Precondition, as of write() and discard(): the bytes are there. Throws UserErrors of the image. */
  read(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const at = (offset + done) % CHUNK;
      const count = Math.min(CHUNK - at, target.length - done);
      const number = Math.floor((offset + done) / CHUNK);
      const part = count === target.length ? target : target.subarray(done, done + count);
      const chunk = this.chunks.get(number);
      if (chunk) this.readChunk(chunk, number, at, part);
      else this.readBelow(number, at, part);
      done += count;
    }
  }

  /** Whole sectors. False when there is no room for more. */
  write(offset: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const at = (offset + done) % CHUNK;
      const count = Math.min(CHUNK - at, bytes.length - done);
      const number = Math.floor((offset + done) / CHUNK);
      const chunk = this.chunks.get(number) ?? this.newChunk(number);
      if (!chunk) return false;
      chunk.bytes.set(count === bytes.length ? bytes : bytes.subarray(done, done + count), at);
      mark(chunk.written, at / BLKIF_SECTOR_SIZE, count / BLKIF_SECTOR_SIZE);
      done += count;
    }
    return true;
  }

  /** Sectors that nobody needs any more are zeros. False when there is no room to remember it. */
  discard(offset: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      const at = (offset + done) % CHUNK;
      const count = Math.min(CHUNK - at, length - done);
      const number = Math.floor((offset + done) / CHUNK);
      if (count === CHUNK) this.dropChunk(number);
      else if (!this.write(offset + done, NOTHING.subarray(0, count))) return false;
      done += count;
    }
    return true;
  }

  /** What was written is in the file, where it is to go there. Throws ordinary Errors of the host. */
  flush(): void {
    if (!this.file || this.chunks.size === 0) return;
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.chunks.get(number);
      if (!chunk) continue;
      for (let sector = 0; sector < SECTORS; ) {
        const run = runOf(chunk.written, sector);
        if (isMarked(chunk.written, sector)) {
          const from = sector * BLKIF_SECTOR_SIZE;
          const part = chunk.bytes.subarray(from, from + run * BLKIF_SECTOR_SIZE);
          this.file.write(number * CHUNK + from, part);
        }
        sector += run;
      }
      digest(this.flushed, number, chunk);
      this.chunks.delete(number);
      if (this.spare.length < SPARE_CHUNKS) this.spare.push(chunk);
    }
    this.file.flush();
  }

  /** More sectors at the end are zeros; fewer are gone. An image keeps its size. */
  resize(size: number): void {
    this.size = size;
  }

  /** Everything is written, and the files are closed. */
  close(): void {
    try {
      this.flush();
    } finally {
      for (const file of this.image?.files ?? []) file.close();
    }
  }

  save(): unknown {
    const content = new Uint32Array([DIGEST, DIGEST]);
    for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.chunks.get(number);
      if (chunk) digest(content, number, chunk);
    }
    return {
      size: this.size,
      sectorSize: this.sectorSize,
      chunks: this.chunks.size,
      content: [...content],
      zeroed: this.zeroed ? [...digestOf(this.zeroed)] : null,
      flushed: [...this.flushed],
    };
  }

  private readChunk({ bytes, written }: Chunk, number: number, at: number, target: Uint8Array): void {
    const first = at / BLKIF_SECTOR_SIZE;
    const end = first + target.length / BLKIF_SECTOR_SIZE;
    for (let sector = first; sector < end; ) {
      const run = Math.min(runOf(written, sector), end - sector);
      const from = sector * BLKIF_SECTOR_SIZE;
      const part =
        run === end - first ? target : target.subarray(from - at, from - at + run * BLKIF_SECTOR_SIZE);
      if (isMarked(written, sector)) part.set(bytes.subarray(from, from + part.length));
      else this.readBelow(number, from, part);
      sector += run;
    }
  }

  private readBelow(number: number, at: number, target: Uint8Array): void {
    const { image } = this;
    const offset = number * CHUNK + at;
    if (!image || offset >= image.size || (this.zeroed && isMarked(this.zeroed, number))) {
      target.fill(0);
      return;
    }
    const count = Math.min(target.length, image.size - offset);
    image.read(offset, count === target.length ? target : target.subarray(0, count));
    if (count < target.length) target.fill(0, count);
  }

  private newChunk(number: number): Chunk | undefined {
    if (this.chunks.size >= MOST_CHUNKS) {
      if (!this.file) return undefined;
      this.flush();
    }
    const spare = this.spare.pop();
    spare?.bytes.fill(0);
    spare?.written.fill(0);
    const chunk = spare ?? { bytes: new Uint8Array(CHUNK), written: new Uint32Array(WORDS) };
    this.chunks.set(number, chunk);
    return chunk;
  }

  private dropChunk(number: number): void {
    this.chunks.delete(number);
    if (!this.image) return;
    this.zeroed ??= new Uint32Array(Math.ceil(this.size / CHUNK / 32));
    mark(this.zeroed, number, 1);
  }
}

/** A disk without an image. */
export const scratchDisk = (size: number, sectorSize: number = BLKIF_SECTOR_SIZE): Disk =>
  new Disk({ size, sectorSize });

/** The image of a disk is what its user chose; its last sector may be a part of one. */
export function imageDisk(image: DiskImage, writeThrough: boolean): Disk {
  const [file] = image.files;
  const size = image.size - (image.size % BLKIF_SECTOR_SIZE);
  if (size === 0) {
    throw new UserError('is smaller than a sector of 512 bytes', 'Give the image the size of the disk.', {
      ...(file && { file: file.path }),
    });
  }
  return new Disk({ size, image, ...(writeThrough && file && { writeThrough: file }) });
}

const NOTHING = new Uint8Array(CHUNK);

// ---------------------------------------------------------------- bits

function mark(bits: Uint32Array, first: number, count: number): void {
  for (let bit = first; bit < first + count; bit++) {
    bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }
}

const isMarked = (bits: Uint32Array, bit: number): boolean =>
  ((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;

/** How many bits from this one on are the same, within a chunk. */
function runOf(bits: Uint32Array, first: number): number {
  const wanted = isMarked(bits, first);
  const whole = wanted ? 0xffff_ffff : 0;
  let bit = first;
  while (bit < SECTORS) {
    if ((bit & 31) === 0 && bits[bit >>> 5] === whole) bit += 32;
    else if (isMarked(bits, bit) === wanted) bit++;
    else break;
  }
  return bit - first;
}

// ---------------------------------------------------------------- digests

// FNV-1a and a second lane over 32-bit words: enough to tell two runs apart, and fast.
const DIGEST = 0x811c_9dc5;

function digest(state: Uint32Array, number: number, { bytes, written }: Chunk): void {
  mix(state, Uint32Array.of(number));
  mix(state, written);
  mix(state, new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
}

function digestOf(words: Uint32Array): Uint32Array {
  const state = new Uint32Array([DIGEST, DIGEST]);
  mix(state, words);
  return state;
}

function mix(state: Uint32Array, words: Uint32Array): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  for (const word of words) {
    a = Math.imul(a ^ word, 0x0100_0193);
    b = Math.imul((b << 7) ^ (b >>> 25) ^ word, 0x85eb_ca6b);
  }
  state[0] = a;
  state[1] = b;
}
