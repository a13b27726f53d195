// The images that the disks of all domains are made from: opens them, keeps two disks from writing one file, and
// knows what a snapshot has to know of them.

import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HostFiles } from '../../formats/disk-image/host-files.ts';
import { openDiskImage } from '../../formats/disk-image/open-image.ts';
import type { DiskSpec } from '../../formats/disk-spec.ts';
import { Disk, imageDisk, scratchDisk } from '../backends/block/disk.ts';
import type { BlockDevice } from '../backends/block/requests.ts';

/** A file as it was when the machine opened it. */
export interface FileStamp {
  readonly path: string;
  readonly stamp: string;
  /** The guest's writes go into it. */
  readonly isWritten: boolean;
}

interface Use {
  readonly paths: readonly string[];
  readonly written: string | undefined;
}

export class DiskStore {
  private readonly files: HostFiles;
  private readonly log: Logger;
  private readonly uses = new Set<Use>();
  private readonly opened: FileStamp[] = [];

  constructor(files: HostFiles, log: Logger) {
    this.files = files;
    this.log = log;
  }

  /** Undefined for an empty drive. Throws a UserError where the image cannot be had. */
  open({ source, vdev, readOnly, cdrom, discard }: DiskSpec): OpenDisk | undefined {
    if (source.kind === 'empty') return undefined;
    const common = {
      readOnly,
      cdrom,
      discard,
      failed: (error: unknown) =>
        this.log.log('error', 'xen', `disk ${vdev}: ${error instanceof Error ? String(error) : 'failed'}`),
    };
    if (source.kind === 'scratch') {
      return { device: { ...common, disk: scratchDisk(source.size, source.sectorSize) }, release: () => {} };
    }
    const { path, format, writeThrough } = source;
    const image = openDiskImage(this.files, { path, format, writable: writeThrough });
    const paths = image.files.map((file) => file.path);
    const use: Use = { paths, written: writeThrough ? paths[0] : undefined };
    try {
      this.checkShared(use, path);
      const disk: Disk = imageDisk(image, writeThrough);
      this.uses.add(use);
      for (const file of image.files) {
        const isWritten = file.path === use.written;
        this.opened.push({ path: file.path, stamp: file.stamp(), isWritten });
      }
      return { device: { ...common, disk }, release: () => this.uses.delete(use) };
    } catch (error) {
      for (const file of image.files) file.close();
      throw error;
    }
  }

  /** All or none. */
  openAll(disks: readonly DiskSpec[]): { readonly disk: DiskSpec; readonly opened: OpenDisk | undefined }[] {
    const opened: { readonly disk: DiskSpec; readonly opened: OpenDisk | undefined }[] = [];
    try {
      for (const disk of disks) opened.push({ disk, opened: this.open(disk) });
      return opened;
    } catch (error) {
      for (const one of opened) {
        one.opened?.device.disk.close();
        one.opened?.release();
      }
      throw error;
    }
  }

  /** Every file that was ever opened, as it was then. */
  get stamps(): readonly FileStamp[] {
    return this.opened;
  }

  /** As check_sharing() of Xen's block script: whoever writes is alone. */
  private checkShared({ paths, written }: Use, path: string): void {
    for (const other of this.uses) {
      const meets =
        (written !== undefined && other.paths.includes(written)) ||
        (other.written !== undefined && paths.includes(other.written));
      if (!meets) continue;
      throw new UserError(
        'is another disk already, and one of the two is written',
        "Make a copy, or give both read only ('r') or as 'overlay:…'.",
        { file: path },
      );
    }
  }
}

export interface OpenDisk {
  readonly device: BlockDevice;
  /** Its files may be used by others; they are closed by then. */
  release(): void;
}
