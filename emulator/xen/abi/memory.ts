// XENMEM_* structures and map spaces. Xen public header memory.h.

import { frame, out, pointer, struct, u16, u32, u64 } from './layout.ts';

export const xenMemoryReservation = struct('xen_memory_reservation', {
  extent_start: pointer,
  nr_extents: u64,
  extent_order: u32,
  mem_flags: u32,
  domid: u16,
});
export const xenMemoryDomain = struct('xen_memory_domain', { domid: u16 });
export const xenAddToPhysmap = struct('xen_add_to_physmap', {
  domid: u16,
  size: u16,
  space: u32,
  idx: u64,
  gpfn: u64,
});
export const xenAddToPhysmapBatch = struct('xen_add_to_physmap_batch', {
  domid: u16,
  space: u16,
  size: u16,
  foreign_domid: u16,
  idxs: pointer,
  gpfns: pointer,
  errs: pointer,
});
export const xenRemoveFromPhysmap = struct('xen_remove_from_physmap', { domid: u16, gpfn: frame });
export const xenMemAcquireResource = struct('xen_mem_acquire_resource', {
  domid: u16,
  type: u16,
  id: u32,
  nr_frames: out(u32),
  pad: u32,
  frame: u64,
  frame_list: pointer,
});
export const xenVnumaTopologyInfo = struct('xen_vnuma_topology_info', {
  domid: u16,
  pad: u16,
  nr_vnodes: u32,
  nr_vcpus: u32,
  nr_vmemranges: u32,
  vdistance: pointer,
  vcpu_to_vnode: pointer,
  vmemrange: pointer,
});

export const XENMAPSPACE_shared_info = 0;
export const XENMAPSPACE_grant_table = 1;
export const XENMAPSPACE_gmfn_range = 3;
export const XENMAPSPACE_gmfn_foreign = 4;
export const XENMAPSPACE_dev_mmio = 5;

/** The low bits of the command; a continuation's first extent stands above them. */
export const MEMOP_EXTENT_SHIFT = 6;
export const MEMOP_CMD_MASK = 0x3f;

export const XENMEMF_populate_on_demand = 1 << 16;
/** INVALID_GFN. */
export const INVALID_GFN = 0xffff_ffff_ffff_ffffn;
