// Opens the image of a disk in the format that its configuration names. Formats are not guessed: what a guest writes
// to a raw disk must not become the header of another format.

import { UserError } from '../../base/errors.ts';
import { type DiskImage, openFile, RawImage } from './disk-image.ts';
import type { HostFiles } from './host-files.ts';
import { isQcow2, openQcow2 } from './qcow2.ts';

export interface ImageRequest {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly writable: boolean;
}

/** Opens an image with everything it is based on. Throws UserErrors; nothing stays open then. */
export function openDiskImage(files: HostFiles, { path, format, writable }: ImageRequest): DiskImage {
  const file = openFile(files, path, writable);
  try {
    if (format === 'qcow2') return openQcow2(files, file);
    if (isQcow2(file)) {
      throw new UserError('is a qcow2 image, and the format is raw', "Write 'qcow2' as the disk's format.", {
        file: path,
      });
    }
    if (file.size === 0)
      throw new UserError('is empty', 'Give the image the size of the disk.', { file: path });
    return new RawImage(file);
  } catch (error) {
    file.close();
    throw error;
  }
}
