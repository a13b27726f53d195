// Does what a block request asks for: drivers/block/xen-blkback/blkback.c, dispatch_rw_block_io() and its siblings.
// A request was copied out of the ring before, and so is every page of indirect segments, so what a frontend changes
// meanwhile changes nothing. All checks come before the first byte is moved.

import { UserError } from '../../../base/errors.ts';
import {
  BLKIF_DISCARD_FLAG_OFFSET,
  BLKIF_DISCARD_SECURE,
  BLKIF_INDIRECT_NR_SEGMENTS_OFFSET,
  BLKIF_INDIRECT_OPERATION_OFFSET,
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_DISCARD,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_INDIRECT,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_OP_WRITE_BARRIER,
  BLKIF_REQUEST_NR_SEGMENTS_OFFSET,
  BLKIF_REQUEST_OPERATION_OFFSET,
  BLKIF_RSP_EOPNOTSUPP,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_SIZE,
  BLKIF_SECTORS_PER_PAGE,
  BLKIF_SEGMENT_FIRST_SECTOR_OFFSET,
  BLKIF_SEGMENT_GREF_OFFSET,
  BLKIF_SEGMENT_LAST_SECTOR_OFFSET,
  BLKIF_SEGMENT_SIZE,
  BLKIF_SEGMENTS_PER_INDIRECT_PAGE,
  type BlkifLayout,
} from '../../abi/blkif.ts';
import type { GrantMapping } from '../frontend-domain.ts';
import type { Disk } from './disk.ts';
import type { QueueGrants } from './grants.ts';

/** MAX_INDIRECT_SEGMENTS of xen-blkback. */
export const MAX_INDIRECT_SEGMENTS = 256;

export interface BlockDevice {
  readonly disk: Disk;
  readonly readOnly: boolean;
  readonly cdrom: boolean;
  /** Whether sectors may be discarded, as far as the disk can. */
  readonly discard: boolean;
  /** The image failed: not the guest's fault, and the guest sees an error of the disk. */
  readonly failed: (error: unknown) => void;
}

/** Room for one request: where its data goes. Made once for each queue. */
export class Requests {
  /** Bytes that the last request moved. */
  moved = 0;
  private readonly device: BlockDevice;
  private readonly layout: BlkifLayout;
  private readonly grants: QueueGrants;
  private count = 0;
  private readonly pages: GrantMapping[] = [];
  private readonly first = new Uint8Array(MAX_INDIRECT_SEGMENTS);
  private readonly last = new Uint8Array(MAX_INDIRECT_SEGMENTS);

  constructor(device: BlockDevice, layout: BlkifLayout, grants: QueueGrants) {
    this.device = device;
    this.layout = layout;
    this.grants = grants;
  }

  /** Returns BLKIF_RSP_*. */
  perform(request: DataView): number {
    this.moved = 0;
    try {
      switch (request.getUint8(BLKIF_REQUEST_OPERATION_OFFSET)) {
        case BLKIF_OP_READ:
        case BLKIF_OP_WRITE:
        case BLKIF_OP_WRITE_BARRIER:
        case BLKIF_OP_FLUSH_DISKCACHE:
        case BLKIF_OP_INDIRECT:
          return this.readOrWrite(request);
        case BLKIF_OP_DISCARD:
          return this.discard(request);
        default:
          return BLKIF_RSP_EOPNOTSUPP;
      }
    } catch (error) {
      // Of the image or its file: everything else is our mistake.
      if (!(error instanceof UserError)) throw error;
      this.device.failed(error);
      return BLKIF_RSP_ERROR;
    } finally {
      this.grants.release();
      this.pages.length = 0;
    }
  }

  /** What the response says that it answers: of an indirect request what it was for. */
  operationOf(request: DataView): number {
    const operation = request.getUint8(BLKIF_REQUEST_OPERATION_OFFSET);
    return operation === BLKIF_OP_INDIRECT ? request.getUint8(BLKIF_INDIRECT_OPERATION_OFFSET) : operation;
  }

  private readOrWrite(request: DataView): number {
    const { disk, readOnly } = this.device;
    const operation = this.operationOf(request);
    const isIndirect = request.getUint8(BLKIF_REQUEST_OPERATION_OFFSET) === BLKIF_OP_INDIRECT;
    if (isIndirect && operation !== BLKIF_OP_READ && operation !== BLKIF_OP_WRITE) return BLKIF_RSP_ERROR;
    const isRead = operation === BLKIF_OP_READ;
    const flushes = operation === BLKIF_OP_FLUSH_DISKCACHE || operation === BLKIF_OP_WRITE_BARRIER;
    if (!isRead && readOnly) return BLKIF_RSP_ERROR;

    const sectors = isIndirect ? this.takeIndirect(request, isRead) : this.takeDirect(request, isRead);
    if (sectors === undefined || (sectors === 0 && !flushes)) return BLKIF_RSP_ERROR;
    const start = this.placeOf(request, sectors);
    if (start === undefined) return BLKIF_RSP_ERROR;
    if (sectors > 0 && !this.transfer(isRead, start)) return BLKIF_RSP_ERROR;
    // What was written before is safe by now, and so is what the request brought itself.
    if (flushes) this.flush(disk);
    return BLKIF_RSP_OKAY;
  }

  /** Byte offset of the first sector; undefined where some of them do not exist, or do not fit the device's sectors. */
  private placeOf(request: DataView, sectors: number): number | undefined {
    const { disk } = this.device;
    const { sector } = this.layout;
    const start = request.getUint32(sector + 4, true) * 2 ** 32 + request.getUint32(sector, true);
    if (sectors === 0) return 0;
    if (start + sectors > disk.sectors) return undefined;
    return (start * BLKIF_SECTOR_SIZE) % disk.sectorSize === 0 ? start * BLKIF_SECTOR_SIZE : undefined;
  }

  /** Maps what the request's segments name; returns how many sectors they are. */
  private takeDirect(request: DataView, isRead: boolean): number | undefined {
    const count = request.getUint8(BLKIF_REQUEST_NR_SEGMENTS_OFFSET);
    if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST) return undefined;
    this.count = 0;
    return this.takeSegments(request, this.layout.segments, count, isRead);
  }

  private takeIndirect(request: DataView, isRead: boolean): number | undefined {
    const count = request.getUint16(BLKIF_INDIRECT_NR_SEGMENTS_OFFSET, true);
    if (count > MAX_INDIRECT_SEGMENTS) return undefined;
    this.count = 0;
    let sectors = 0;
    for (let done = 0; done < count; done += BLKIF_SEGMENTS_PER_INDIRECT_PAGE) {
      const index = done / BLKIF_SEGMENTS_PER_INDIRECT_PAGE;
      const reference = request.getUint32(this.layout.indirectReferences + index * 4, true);
      const page = this.grants.map(reference, true)?.page;
      if (!page) return undefined;
      const length = Math.min(count - done, BLKIF_SEGMENTS_PER_INDIRECT_PAGE);
      const segments = page.read(0, length * BLKIF_SEGMENT_SIZE);
      const taken = this.takeSegments(new DataView(segments.buffer), 0, length, isRead);
      if (taken === undefined) return undefined;
      sectors += taken;
    }
    return sectors;
  }

  private takeSegments(from: DataView, offset: number, count: number, isRead: boolean): number | undefined {
    const unit = this.device.disk.sectorSize / BLKIF_SECTOR_SIZE;
    let sectors = 0;
    for (let index = 0; index < count; index++) {
      const at = offset + index * BLKIF_SEGMENT_SIZE;
      const first = from.getUint8(at + BLKIF_SEGMENT_FIRST_SECTOR_OFFSET);
      const last = from.getUint8(at + BLKIF_SEGMENT_LAST_SECTOR_OFFSET);
      if (first > last || last >= BLKIF_SECTORS_PER_PAGE || (last - first + 1) % unit !== 0) return undefined;
      const mapping = this.grants.map(from.getUint32(at + BLKIF_SEGMENT_GREF_OFFSET, true), !isRead);
      if (!mapping) return undefined;
      this.pages[this.count] = mapping;
      this.first[this.count] = first;
      this.last[this.count] = last;
      this.count++;
      sectors += last - first + 1;
    }
    return sectors;
  }

  private transfer(isRead: boolean, start: number): boolean {
    const { disk } = this.device;
    let place = start;
    for (let index = 0; index < this.count; index++) {
      const page = this.pages[index]?.page;
      if (!page) return false;
      const first = this.first[index] ?? 0;
      const length = ((this.last[index] ?? 0) - first + 1) * BLKIF_SECTOR_SIZE;
      const at = first * BLKIF_SECTOR_SIZE;
      if (isRead) disk.read(place, page.writable(at, length));
      else if (!disk.write(place, page.bytes(at, length))) return false;
      place += length;
    }
    this.moved = place - start;
    return true;
  }

  private discard(request: DataView): number {
    const { disk, readOnly, discard } = this.device;
    if (readOnly) return BLKIF_RSP_ERROR;
    const isSecure = (request.getUint8(BLKIF_DISCARD_FLAG_OFFSET) & BLKIF_DISCARD_SECURE) !== 0;
    // Linux discards as usual where it cannot do it securely. A frontend that was told so asks for what nobody gives.
    if (!discard || !disk.canDiscard || isSecure) return BLKIF_RSP_EOPNOTSUPP;
    const at = this.layout.discardSectors;
    const sectors = request.getUint32(at + 4, true) * 2 ** 32 + request.getUint32(at, true);
    const start = this.placeOf(request, sectors);
    const length = sectors * BLKIF_SECTOR_SIZE;
    if (start === undefined || length % disk.sectorSize !== 0) return BLKIF_RSP_ERROR;
    return disk.discard(start, length) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
  }

  private flush(disk: Disk): void {
    try {
      disk.flush();
    } catch (error) {
      throw new UserError(
        `the image cannot be written: ${error instanceof Error ? error.message : String(error)}`,
        'Make room on the disk of this computer.',
      );
    }
  }
}
