// The block protocol. Xen public header io/blkif.h. The constants are those of arm-abi, which x86_64 shares; where the
// frontend is a 32-bit x86 program its structures are packed otherwise, which `blkifLayouts` tells.

import { PAGE_SIZE } from '../../base/address.ts';
import { ringSize } from './ring.ts';

/** union of blkif_request and blkif_response: what a slot of the ring is. */
export const BLKIF_SLOT_SIZE = 112;
export const BLKIF_RING_SIZE = ringSize(PAGE_SIZE, BLKIF_SLOT_SIZE);

// struct blkif_request
export const BLKIF_REQUEST_OPERATION_OFFSET = 0;
export const BLKIF_REQUEST_NR_SEGMENTS_OFFSET = 1;
export const BLKIF_REQUEST_HANDLE_OFFSET = 2;
export const BLKIF_REQUEST_ID_OFFSET = 8;
export const BLKIF_REQUEST_SECTOR_OFFSET = 16;
export const BLKIF_REQUEST_SEGMENTS_OFFSET = 24;

// struct blkif_request_segment
export const BLKIF_SEGMENT_SIZE = 8;
export const BLKIF_SEGMENT_GREF_OFFSET = 0;
export const BLKIF_SEGMENT_FIRST_SECTOR_OFFSET = 4;
export const BLKIF_SEGMENT_LAST_SECTOR_OFFSET = 5;
export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;

// struct blkif_request_discard: flag where others have nr_segments
export const BLKIF_DISCARD_FLAG_OFFSET = 1;
export const BLKIF_DISCARD_SECURE = 1;

// struct blkif_request_indirect
export const BLKIF_INDIRECT_OPERATION_OFFSET = 1;
export const BLKIF_INDIRECT_NR_SEGMENTS_OFFSET = 2;
export const BLKIF_SEGMENTS_PER_INDIRECT_PAGE = PAGE_SIZE / BLKIF_SEGMENT_SIZE;

// struct blkif_response
export const BLKIF_RESPONSE_ID_OFFSET = 0;
export const BLKIF_RESPONSE_OPERATION_OFFSET = 8;
export const BLKIF_RESPONSE_STATUS_OFFSET = 10;

export const BLKIF_OP_READ = 0;
export const BLKIF_OP_WRITE = 1;
export const BLKIF_OP_WRITE_BARRIER = 2;
export const BLKIF_OP_FLUSH_DISKCACHE = 3;
export const BLKIF_OP_DISCARD = 5;
export const BLKIF_OP_INDIRECT = 6;

export const BLKIF_RSP_OKAY = 0;
export const BLKIF_RSP_ERROR = -1;
export const BLKIF_RSP_EOPNOTSUPP = -2;

/** Sectors of the protocol have this size whatever the device's are. */
export const BLKIF_SECTOR_SIZE = 512;
export const BLKIF_SECTORS_PER_PAGE = PAGE_SIZE / BLKIF_SECTOR_SIZE;

/** VDISK_* of the backend's node `info`. */
export const VDISK_CDROM = 1;
export const VDISK_READONLY = 4;

/** Where the members are that do not stand at the same place for every frontend. */
export interface BlkifLayout {
  readonly slotSize: number;
  readonly id: number;
  readonly sector: number;
  readonly segments: number;
  readonly discardSectors: number;
  readonly indirectReferences: number;
}

const native: BlkifLayout = {
  slotSize: BLKIF_SLOT_SIZE,
  id: BLKIF_REQUEST_ID_OFFSET,
  sector: BLKIF_REQUEST_SECTOR_OFFSET,
  segments: BLKIF_REQUEST_SEGMENTS_OFFSET,
  discardSectors: 24,
  indirectReferences: 28,
};

/** By the name of the ABI in the frontend's node `protocol` (io/protocols.h); 64 bits have 4 bytes' alignment on x86. */
export const blkifLayouts: Readonly<Record<string, BlkifLayout>> = {
  'arm-abi': native,
  'x86_64-abi': native,
  'x86_32-abi': {
    slotSize: 108,
    id: 4,
    sector: 12,
    segments: 20,
    discardSectors: 20,
    indirectReferences: 24,
  },
};
