// What a disk is made from: the bytes of an image, which are only read, and a file that takes writes where the user
// wants that.

import { UserError } from '../../base/errors.ts';
import type { HostFile, HostFiles } from './host-files.ts';

export interface DiskImage {
  /** Bytes: as many as the guest sees. */
  readonly size: number;
  /** Fills `target` from `offset` on. Throws a UserError when the image is damaged or cannot be read any more. */
  read(offset: number, target: Uint8Array): void;
  /** The files that it is made of, with the image itself first. */
  readonly files: readonly HostFile[];
}

/** A plain file: what lies behind its end is zeros. */
export class RawImage implements DiskImage {
  readonly size: number;
  readonly files: readonly HostFile[];
  private readonly file: HostFile;

  constructor(file: HostFile, size = file.size) {
    this.file = file;
    this.size = size;
    this.files = [file];
  }

  read(offset: number, target: Uint8Array): void {
    const count = readFrom(this.file, offset, target);
    if (count < target.length) target.fill(0, count);
  }
}

export function openFile(files: HostFiles, path: string, writable: boolean): HostFile {
  try {
    return files.open(path, writable ? 'write' : 'read');
  } catch (error) {
    throw new UserError(
      `the image cannot be opened: ${reasonOf(error)}`,
      writable ? "Name a file that may be written, or make the disk read only ('r')." : 'Name a file.',
      { file: path },
    );
  }
}

export function readFrom(file: HostFile, offset: number, target: Uint8Array): number {
  try {
    return file.read(offset, target);
  } catch (error) {
    throw new UserError(`the image cannot be read any more: ${reasonOf(error)}`, 'Leave it where it is.', {
      file: file.path,
    });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
