// VCPUOP_* structures. Xen public header vcpu.h.

import { frame, pointer, struct, u32 } from './layout.ts';

export const vcpuRegisterVcpuInfo = struct('vcpu_register_vcpu_info', { mfn: frame, offset: u32, rsvd: u32 });
export const vcpuRegisterRunstateMemoryArea = struct('vcpu_register_runstate_memory_area', { v: pointer });

/** VMASST_TYPE_runstate_update_flag: the only assist that Xen on Arm knows. */
export const VMASST_RUNSTATE_UPDATE_FLAG = 5;
