// The fault of the last translation or access. Transient: read right after the call that failed.

/** Fault status codes: the low bits of ISS.DFSC and ISS.IFSC; a level is added. DDI 0487, EncodeLDFSC(). */
export const FAULT_ADDRESS_SIZE: i32 = 0x00;
export const FAULT_TRANSLATION: i32 = 0x04;
export const FAULT_ACCESS_FLAG: i32 = 0x08;
export const FAULT_PERMISSION: i32 = 0x0c;
export const FAULT_EXTERNAL: i32 = 0x10;
export const FAULT_EXTERNAL_ON_WALK: i32 = 0x14;
export const FAULT_ALIGNMENT: i32 = 0x21;
export const FAULT_UNSUPPORTED_EXCLUSIVE: i32 = 0x35;

export const ACCESS_READ: i32 = 1;
export const ACCESS_WRITE: i32 = 2;
export const ACCESS_EXECUTE: i32 = 4;

/** Not 0 when the last translation or access failed. */
export let faulted: i32 = 0;
/** Fault status code with its level. */
export let faultStatus: i32 = 0;
/** Where the access failed: not its first byte when it is the second page that is missing. */
export let faultVa: i64 = 0;
export let faultIsWrite: i32 = 0;
/** The fault is one of stage 2: it goes to EL2, with faultIpa in HPFAR_EL2. */
export let faultStage2: i32 = 0;
/** A stage 2 fault on the access to a stage 1 table. */
export let faultOnWalk: i32 = 0;
export let faultIpa: i64 = 0;

export function clearFault(): void {
  faulted = 0;
}

export function stage1Fault(status: i32, va: i64, isWrite: i32): void {
  faulted = 1;
  faultStatus = status;
  faultVa = va;
  faultIsWrite = isWrite;
  faultStage2 = 0;
  faultOnWalk = 0;
  faultIpa = 0;
}

export function stage2Fault(status: i32, va: i64, isWrite: i32, ipa: i64, onWalk: i32): void {
  faulted = 1;
  faultStatus = status;
  faultVa = va;
  faultIsWrite = isWrite;
  faultStage2 = 1;
  faultOnWalk = onWalk;
  faultIpa = ipa;
}
