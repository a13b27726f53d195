// The disks of all domains: opens the images that they are made from, keeps two disks from writing one file, and knows
// what a snapshot has to know of the files. A disk outlives its domain: one that is made again, as after a reboot, finds
// what its predecessor wrote.

import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HostFile, HostFiles } from '../../formats/disk-image/host-files.ts';
import { openDiskImage } from '../../formats/disk-image/open-image.ts';
import type { DiskSpec } from '../../formats/disk-spec.ts';
import { type Disk, imageDisk, scratchDisk } from '../backends/block/disk.ts';
import type { BlockDevice } from '../backends/block/requests.ts';

/** A file as it was when the machine opened it. */
export interface FileStamp {
  readonly path: string;
  readonly stamp: string;
  /** The guest's writes go into it. */
  readonly isWritten: boolean;
}

export interface OpenDisk {
  readonly device: BlockDevice;
  /** Its domain is gone: the disk waits for another one of the same configuration. */
  letGo(): void;
  /** It was detached: what it holds is in its file, or lost. */
  drop(): void;
}

interface KeptDisk {
  readonly disk: Disk;
  readonly files: readonly HostFile[];
  /** The file that the guest writes to. */
  readonly written: string | undefined;
  inUse: boolean;
}

export class DiskStore {
  private readonly files: HostFiles;
  private readonly log: Logger;
  /** By what they were configured as: the same object is the same disk. */
  private readonly kept = new Map<DiskSpec, KeptDisk>();
  private readonly opened: FileStamp[] = [];

  constructor(files: HostFiles, log: Logger) {
    this.files = files;
    this.log = log;
  }

  /** Undefined for an empty drive. Throws a UserError where the image cannot be had. */
  open(spec: DiskSpec): OpenDisk | undefined {
    if (spec.source.kind === 'empty') return undefined;
    const known = this.kept.get(spec);
    const kept = known ?? this.make(spec);
    if (this.isShared(kept, spec)) {
      if (!known) for (const file of kept.files) file.close();
      throw shared(spec);
    }
    this.kept.set(spec, kept);
    kept.inUse = true;
    const { disk } = kept;
    const failed = (error: unknown): void => this.failed(spec, error);
    return {
      device: { disk, readOnly: spec.readOnly, cdrom: spec.cdrom, discard: spec.discard, failed },
      letGo: () => {
        kept.inUse = false;
        this.attempt(spec, () => disk.flush());
      },
      drop: () => {
        this.kept.delete(spec);
        this.attempt(spec, () => disk.close());
      },
    };
  }

  /** All or none. */
  openAll(disks: readonly DiskSpec[]): { readonly disk: DiskSpec; readonly opened: OpenDisk | undefined }[] {
    const opened: { readonly disk: DiskSpec; readonly opened: OpenDisk | undefined }[] = [];
    try {
      for (const disk of disks) opened.push({ disk, opened: this.open(disk) });
      return opened;
    } catch (error) {
      for (const one of opened) one.opened?.letGo();
      throw error;
    }
  }

  /** The machine ends. */
  close(): void {
    for (const [spec, { disk }] of this.kept) this.attempt(spec, () => disk.close());
    this.kept.clear();
  }

  /** Every file that was ever opened, as it was then. */
  get stamps(): readonly FileStamp[] {
    return this.opened;
  }

  /** Of disks that no device has: the others are saved there. */
  save(): unknown {
    return [...this.kept].flatMap(([{ vdev }, { disk, inUse }]) =>
      inUse ? [] : [{ vdev, disk: disk.save() }],
    );
  }

  private make({ source }: DiskSpec): KeptDisk {
    if (source.kind === 'empty') throw new UserError('an empty drive is no disk', 'Name an image.');
    if (source.kind === 'scratch') {
      return {
        disk: scratchDisk(source.size, source.sectorSize),
        files: [],
        written: undefined,
        inUse: false,
      };
    }
    const { path, format, writeThrough } = source;
    const image = openDiskImage(this.files, { path, format, writable: writeThrough });
    try {
      const written = writeThrough ? image.files[0]?.path : undefined;
      const kept: KeptDisk = {
        disk: imageDisk(image, writeThrough),
        files: image.files,
        written,
        inUse: false,
      };
      for (const file of image.files) {
        this.opened.push({ path: file.path, stamp: file.stamp(), isWritten: file.path === written });
      }
      return kept;
    } catch (error) {
      for (const file of image.files) file.close();
      throw error;
    }
  }

  /** As check_sharing() of Xen's block script: whoever writes is alone. */
  private isShared(wanted: KeptDisk, { readOnly }: DiskSpec): boolean {
    const paths = new Set(wanted.files.map(({ path }) => path));
    for (const other of this.kept.values()) {
      if (!other.inUse) continue;
      const meets =
        other === wanted
          ? !readOnly
          : other.files.some(({ path }) => path === wanted.written) ||
            (other.written !== undefined && paths.has(other.written));
      if (meets) return true;
    }
    return false;
  }

  private attempt(spec: DiskSpec, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failed(spec, error);
    }
  }

  private failed({ vdev, target }: DiskSpec, error: unknown): void {
    const reason = error instanceof Error ? String(error) : 'it failed';
    this.log.log('error', 'xen', `disk ${vdev} ('${target}'): ${reason}`);
  }
}

const shared = ({ source, target }: DiskSpec): UserError =>
  new UserError(
    'is another disk already, and one of the two is written',
    "Make a copy, or give both read only ('r') or as 'overlay:…'.",
    { file: source.kind === 'image' ? source.path : target },
  );
