// Files of disks, for a machine in this thread: kept open, read and written at once.

import {
  closeSync,
  constants as fileConstants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { HostFile, HostFiles } from '../../emulator/formats/disk-image/host-files.ts';
import { reasonOf } from './files.ts';

export const diskFiles: HostFiles = {
  open: (path, access) => openDiskFile(path, access),
  beside: (file, name) => resolve(dirname(file), name),
  unpack(compression, data, size) {
    // Most disks have nothing to unpack, and a machine cannot wait: loaded at once when it is needed.
    const { constants, inflateRawSync, zstdDecompressSync } = process.getBuiltinModule('node:zlib');
    // The data ends with its last sector, and what is packed somewhere before.
    if (compression === 'zstd') {
      return zstdDecompressSync(data.subarray(0, zstdFrameLength(data)), { maxOutputLength: size });
    }
    return inflateRawSync(data, { maxOutputLength: size, finishFlush: constants.Z_SYNC_FLUSH });
  },
};

/** Bytes of the first frame of zstd data (RFC 8878, section 3.1.1): zlib refuses what stands behind it. */
function zstdFrameLength(data: Uint8Array): number {
  const byte = (at: number): number => data[at] ?? 0;
  const descriptor = byte(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast && at < data.length; ) {
    const header = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16);
    isLast = (header & 1) !== 0;
    const isRepeated = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : header >> 3);
  }
  return at + ((descriptor & 4) !== 0 ? 4 : 0);
}

function openDiskFile(path: string, access: 'read' | 'write'): HostFile {
  const { O_RDONLY, O_RDWR, O_NONBLOCK } = fileConstants;
  let file: number;
  try {
    // A named pipe that nobody writes to would block for ever.
    file = openSync(path, (access === 'write' ? O_RDWR : O_RDONLY) | (O_NONBLOCK ?? 0));
  } catch (error) {
    throw new Error(reasonOf(error));
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new Error('it is not a file');
    return fileOf(file, realpathSync(path), status.size);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function fileOf(file: number, path: string, size: number): HostFile {
  let isOpen = true;
  return {
    path,
    size,
    stamp: () => {
      const { size: length, mtimeMs } = fstatSync(file);
      return `${length} bytes, ${new Date(mtimeMs).toISOString()}`;
    },
    read(offset, target) {
      let done = 0;
      while (done < target.length) {
        const count = readSync(file, target, done, target.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    },
    write(offset, bytes) {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      }
    },
    flush: () => fsyncSync(file),
    close: () => {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}
