// struct shared_info, vcpu_info and vcpu_runstate_info on Arm64. Xen public headers xen.h, vcpu.h;
// offsets as the compiler lays them out for LP64.

export const EVTCHN_PENDING_OFFSET = 0x30;
export const EVTCHN_MASK_OFFSET = 0x230;
export const WC_VERSION_OFFSET = 0x430;
export const WC_SEC_OFFSET = 0x434;
export const WC_NSEC_OFFSET = 0x438;
export const WC_SEC_HI_OFFSET = 0x43c;

export const VCPU_INFO_SIZE = 48;
export const EVTCHN_UPCALL_PENDING_OFFSET = 0;
export const EVTCHN_PENDING_SEL_OFFSET = 8;

export const RUNSTATE_INFO_SIZE = 48;
export const RUNSTATE_STATE_OFFSET = 0;
export const RUNSTATE_ENTRY_TIME_OFFSET = 8;
export const RUNSTATE_TIMES_OFFSET = 16;

export const RUNSTATES = ['running', 'runnable', 'blocked', 'offline'] as const;
export type Runstate = (typeof RUNSTATES)[number];

/** 2-level ABI: 64 words of 64 bits. */
export const EVTCHN_2L_CHANNELS = 4096;
