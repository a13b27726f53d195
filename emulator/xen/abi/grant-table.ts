// Grant tables, version 1: entries, statuses and the structures of GNTTABOP_*. Xen public header
// grant_table.h.

import { at, frame, i16, out, pointer, struct, u16, u32, u64 } from './layout.ts';

export const GRANT_ENTRY_SIZE = 8;
export const GRANT_ENTRIES_PER_FRAME = 4096 / GRANT_ENTRY_SIZE;
export const GRANT_FLAGS_OFFSET = 0;
export const GRANT_DOMID_OFFSET = 2;
export const GRANT_FRAME_OFFSET = 4;

export const GTF_type_mask = 3;
export const GTF_permit_access = 1;
export const GTF_readonly = 1 << 2;
export const GTF_reading = 1 << 3;
export const GTF_writing = 1 << 4;
export const GTF_sub_page = 1 << 8;

export const GNTMAP_device_map = 1;
export const GNTMAP_host_map = 2;
export const GNTMAP_readonly = 4;
export const GNTMAP_application_map = 8;
export const GNTMAP_contains_pte = 16;

export const GNTCOPY_source_gref = 1;
export const GNTCOPY_dest_gref = 2;

export const GNTTAB_CACHE_CLEAN = 1;
export const GNTTAB_CACHE_INVAL = 2;

/** GNTST_*, by name. */
export const grantStatus = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  bad_virt_addr: -5,
  bad_dev_addr: -6,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
  bad_copy_arg: -10,
  address_too_big: -11,
  eagain: -12,
  no_space: -13,
} as const;
export type GrantStatus = keyof typeof grantStatus;

export const gnttabMapGrantRef = struct('gnttab_map_grant_ref', {
  host_addr: u64,
  flags: u32,
  ref: u32,
  dom: u16,
  status: out(i16),
  handle: out(u32),
  dev_bus_addr: out(u64),
});
export const gnttabUnmapGrantRef = struct('gnttab_unmap_grant_ref', {
  host_addr: u64,
  dev_bus_addr: u64,
  handle: u32,
  status: out(i16),
});
export const gnttabUnmapAndReplace = struct('gnttab_unmap_and_replace', {
  host_addr: u64,
  new_addr: u64,
  handle: u32,
  status: out(i16),
});
export const gnttabSetupTable = struct('gnttab_setup_table', {
  dom: u16,
  nr_frames: u32,
  status: out(i16),
  frame_list: pointer,
});
export const gnttabTransfer = struct('gnttab_transfer', {
  mfn: frame,
  domid: u16,
  ref: u32,
  status: out(i16),
});
export const gnttabCopy = struct('gnttab_copy', {
  // A grant reference or a frame number, as the flags say.
  source_ref: at(0, u32),
  source_gmfn: at(0, frame),
  source_domid: at(8, u16),
  source_offset: at(10, u16),
  dest_ref: at(16, u32),
  dest_gmfn: at(16, frame),
  dest_domid: at(24, u16),
  dest_offset: at(26, u16),
  len: at(32, u16),
  flags: at(34, u16),
  status: out(at(36, i16)),
});
export const gnttabQuerySize = struct('gnttab_query_size', {
  dom: u16,
  nr_frames: out(u32),
  max_nr_frames: out(u32),
  status: out(i16),
});
export const gnttabSetVersion = struct('gnttab_set_version', { version: out(u32) });
export const gnttabGetStatusFrames = struct('gnttab_get_status_frames', {
  nr_frames: u32,
  dom: u16,
  status: out(i16),
  frame_list: pointer,
});
export const gnttabGetVersion = struct('gnttab_get_version', { dom: u16, version: out(at(4, u32)) });
export const gnttabSwapGrantRef = struct('gnttab_swap_grant_ref', {
  ref_a: u32,
  ref_b: u32,
  status: out(i16),
});
export const gnttabCacheFlush = struct('gnttab_cache_flush', {
  dev_bus_addr: u64,
  offset: u16,
  length: u16,
  op: u32,
});
