// The socket through which every reader of a foreign format gets its bytes. The host implements
// it over files; tests and unpacked sections are in memory.
//
// Files from outside are hostile until proven otherwise. A reader asks for ranges through
// `readExactly` or a `Cursor`, which compare what the file claims with what there is before
// anything is allocated, and report the offset.

import { UserError } from '../base/errors.ts';

export interface ByteSource {
  /** As the user knows it: the path of the file, or `path(section)`. */
  readonly name: string;
  readonly size: number;
  /** The bytes at [offset, offset + length), fewer where the source ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Where the host can: puts bytes from `offset` on into `target` at once, so that large ones are nowhere else
   * before. Returns how many there were.
   */
  readonly readInto?: (offset: number, target: Uint8Array) => number;
}

/** Bytes that are somewhere, or a part of a source that is read where it is to stand. */
export type Content = Uint8Array | StoredBytes;

/** A part of a source that can be read into memory of the caller. */
export class StoredBytes {
  readonly length: number;
  private readonly source: ByteSource;
  private readonly offset: number;

  constructor(source: ByteSource, offset: number, length: number) {
    this.source = source;
    this.offset = offset;
    this.length = length;
  }

  subarray(start: number, end: number): StoredBytes {
    return new StoredBytes(this.source, this.offset + start, end - start);
  }

  /** `target` is as long as these bytes. Throws a UserError when the source is no longer what it was. */
  copyTo(target: Uint8Array): void {
    const { source, offset, length } = this;
    let count: number | undefined;
    try {
      count = source.readInto?.(offset, target);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError(`the file cannot be read any more: ${reason}`, UNCHANGED, {
        file: source.name,
      });
    }
    if (count === length) return;
    throw new UserError(
      `the file ended after ${offset + (count ?? 0)} bytes, where ${offset + length} were expected`,
      UNCHANGED,
      { file: source.name },
    );
  }
}

const UNCHANGED = 'Leave the files of a guest as they are while it starts.';

/** In memory, whatever it was before. */
export function bytesOf(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content;
  const bytes = new Uint8Array(content.length);
  content.copyTo(bytes);
  return bytes;
}

export type Compression = 'gzip' | 'zlib' | 'zstd' | 'xz';

/**
 * Unpacks one compressed stream; bytes behind its end are ignored. The host implements it. It
 * fails with an ordinary Error on damaged data, and on output larger than `limit` bytes.
 */
export type Decompress = (compression: Compression, data: Uint8Array, limit: number) => Promise<Uint8Array>;

/** For readers that have no way to decompress: says so. */
export const noDecompress: Decompress = async (compression) => {
  throw new Error(`this build cannot decompress ${compression}`);
};

export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, Math.min(bytes.length, offset + length)),
  };
}

/** Reads a range that the format promises; a source that ends before is truncated. */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
    throw truncated(source, what, offset, length);
  }
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) throw truncated(source, what, offset, length);
  return bytes;
}

export async function readAll(source: ByteSource): Promise<Uint8Array> {
  return readExactly(source, 0, source.size, 'the file');
}

/** All of a source, unread where that is possible. */
export async function contentOf(source: ByteSource): Promise<Content> {
  return source.readInto ? new StoredBytes(source, 0, source.size) : readAll(source);
}

function truncated(source: ByteSource, what: string, offset: number, length: number): UserError {
  return new UserError(
    `${what} needs ${length} bytes at offset ${offset}, but the file has ${source.size} bytes`,
    'The file is truncated or damaged: copy or build it again.',
    { file: source.name, offset: Math.max(0, Math.min(offset, source.size)) },
  );
}

/** Decompresses and turns the host's failure into an error about the file. */
export async function decompressPart(
  decompress: Decompress,
  compression: Compression,
  data: Uint8Array,
  limit: number,
  place: { file: string; offset: number },
): Promise<Uint8Array> {
  try {
    return await decompress(compression, data, limit);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `the ${compression} data could not be decompressed: ${reason}`,
      'The file is truncated or damaged: copy or build it again.',
      place,
    );
  }
}
