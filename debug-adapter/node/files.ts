// Files and decompression for the readers of foreign formats, by Node's own means.

import { closeSync, constants as fileConstants, fstatSync, openSync, readSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ByteSource, Decompress } from '../../emulator/formats/byte-source.ts';

/**
 * A file for positioned reads. It is opened for each read, so nothing has to be closed when a session
 * ends; readers ask for whole tables, not for bytes.
 */
export async function openFile(path: string): Promise<ByteSource> {
  const size = withFile(path, (file) => {
    const status = fstatSync(file);
    if (!status.isFile()) throw new Error('it is not a file');
    return status.size;
  });
  return {
    name: path,
    size,
    read: async (offset, length) => withFile(path, (file) => readAt(file, offset, length)),
  };
}

/** A file for a machine in the same thread, which reads large ones into its own memory. */
export async function openFileInPlace(path: string): Promise<ByteSource> {
  return {
    ...(await openFile(path)),
    readInto: (offset, target) => withFile(path, (file) => fill(target, file, offset)),
  };
}

function readAt(file: number, offset: number, length: number): Uint8Array {
  const { size } = fstatSync(file);
  const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
  return bytes.subarray(0, fill(bytes, file, offset));
}

/** Up to the end of the file; returns how many bytes there were. */
function fill(bytes: Uint8Array, file: number, offset: number): number {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(file, bytes, done, bytes.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function withFile<T>(path: string, action: (file: number) => T): T {
  let file: number;
  try {
    // A named pipe that nobody writes to would block for ever.
    file = openSync(path, fileConstants.O_RDONLY | (fileConstants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new Error(reasonOf(error));
  }
  try {
    return action(file);
  } finally {
    closeSync(file);
  }
}

/** Links to folders are not followed: they may lead round. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map(({ parentPath, name }) => join(parentPath, name));
  } catch (error) {
    throw new Error(reasonOf(error));
  }
}

/** `no such file` instead of `ENOENT: no such file or directory, open '/…'`. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is not a directory',
  };
  return known[code ?? ''] ?? message;
}

/** Most guests have nothing to unpack: the means are loaded when they are needed. */
export const decompress: Decompress = async (compression, data, limit) => {
  if (compression === 'xz') return unpackXz(data, limit);
  const { constants, gunzip, inflate, zstdDecompress } = await import('node:zlib');
  switch (compression) {
    case 'gzip':
      return promisify(gunzip)(data, { maxOutputLength: limit });
    case 'zlib':
      return promisify(inflate)(data, { maxOutputLength: limit });
    case 'zstd':
      // Kernels packed with --ultra use windows that are refused unless asked for.
      return promisify(zstdDecompress)(data, {
        maxOutputLength: limit,
        params: { [constants.ZSTD_d_windowLogMax]: 31 },
      });
  }
};

async function unpackXz(data: Uint8Array, limit: number): Promise<Uint8Array> {
  const xz = await import('xz-decompress');
  // A UMD module: a bundle sees its names, Node its default export.
  const { XzReadableStream } = 'default' in xz ? (xz.default as typeof xz) : xz;
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(data);
      controller.close();
    },
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The stream's chunks are views of its WebAssembly memory: they are copied before the next one.
  for await (const chunk of new XzReadableStream(input) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) throw new Error(`it unpacks to more than ${limit} bytes`);
    chunks.push(chunk.slice());
  }
  const result = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    result.set(chunk, at);
    at += chunk.length;
  }
  return result;
}
