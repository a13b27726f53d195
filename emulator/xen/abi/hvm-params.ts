// HVM parameters that Xen on Arm knows. Xen public header hvm/params.h; who may read and write
// them: Xen arch/arm/hvm.c.

import { out, struct, u16, u32, u64 } from './layout.ts';

export const HVM_PARAM_CALLBACK_IRQ = 0;
export const HVM_PARAM_STORE_PFN = 1;
export const HVM_PARAM_STORE_EVTCHN = 2;
export const HVM_PARAM_CONSOLE_PFN = 17;
export const HVM_PARAM_CONSOLE_EVTCHN = 18;
export const HVM_PARAM_MONITOR_RING_PFN = 28;

export const GUEST_READABLE_PARAMS: readonly number[] = [
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_CONSOLE_EVTCHN,
];
export const TOOLSTACK_PARAMS: readonly number[] = [...GUEST_READABLE_PARAMS, HVM_PARAM_MONITOR_RING_PFN];

/** HVM_PARAM_CALLBACK_IRQ for a PPI: type 2 in bits 63..56, level low (2) in bits 15..8. */
export const callbackPpi = (intid: number): bigint => (2n << 56n) | (2n << 8n) | BigInt(intid);

export const xenHvmParam = struct('xen_hvm_param', { domid: u16, index: u32, value: out(u64) });
