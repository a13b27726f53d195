// XENVER_* structures and XENFEAT_* bits. Xen public headers version.h, features.h.

import { out, struct, u32 } from './layout.ts';

export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_LEN = 1024;
export const XEN_CHANGESET_LEN = 64;
export const XEN_COMMANDLINE_LEN = 1024;
/** struct xen_compile_info: compiler[64], compile_by[16], compile_domain[32], compile_date[32]. */
export const XEN_COMPILE_INFO_LENGTHS = [64, 16, 32, 32] as const;

export const XENFEAT_writable_page_tables = 0;
export const XENFEAT_auto_translated_physmap = 2;
export const XENFEAT_dom0 = 11;
export const XENFEAT_memory_op_vnode_supported = 13;
export const XENFEAT_ARM_SMCCC_supported = 14;
export const XENFEAT_not_direct_mapped = 16;
export const XENFEAT_direct_mapped = 17;

export const xenFeatureInfo = struct('xen_feature_info', { submap_idx: u32, submap: out(u32) });
