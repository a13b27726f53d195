// Data and instruction aborts: the fault of the MMU becomes an exception with its syndrome.
// DDI 0487, AArch64.Abort() and the ISS encoding of a Data Abort.

import { HPFAR_EL2, PSTATE_EL, TLB_BASE, TLB_EMPTY } from '../memory/layout';
import { faultIpa, faultIsWrite, faultOnWalk, faultStage2, faultStatus, faultVa } from '../mmu/fault.as';
import {
  EC_DATA_ABORT,
  EC_INSTRUCTION_ABORT,
  EC_PC_ALIGNMENT,
  EC_SP_ALIGNMENT,
  VECTOR_SYNC,
  defaultTarget,
  syndrome,
  takeException,
} from './exceptions.as';
import { currentPc, currentWord } from './pstate.as';

const ISS_CM: i32 = 1 << 8;
const ISS_S1PTW: i32 = 1 << 7;
const ISS_WNR: i32 = 1 << 6;

function target(): i32 {
  return faultStage2 ? 2 : defaultTarget();
}

function saveIpa(): void {
  if (faultStage2) store<i64>(HPFAR_EL2, ((faultIpa >>> 12) & 0xff_ffff_ffff) << 4);
}

@inline
function sameLevel(el: i32): i32 {
  return load<i32>(PSTATE_EL) == el ? 1 : 0;
}

/** The access of the current instruction failed. */
export function dataAbort(): void {
  const to = target();
  let iss = faultStatus;
  if (faultIsWrite) iss |= ISS_WNR;
  if (faultOnWalk) iss |= ISS_S1PTW;
  if (faultStage2 && !faultOnWalk) iss |= transferSyndrome(currentWord());
  saveIpa();
  takeException(to, VECTOR_SYNC, syndrome(EC_DATA_ABORT + sameLevel(to), iss), faultVa, currentPc());
}

/** The same for cache maintenance and address translation instructions: CM and WnR are set. */
export function maintenanceAbort(): void {
  const to = target();
  let iss = faultStatus | ISS_CM | ISS_WNR;
  if (faultOnWalk) iss |= ISS_S1PTW;
  saveIpa();
  takeException(to, VECTOR_SYNC, syndrome(EC_DATA_ABORT + sameLevel(to), iss), faultVa, currentPc());
}

/** Fetching at pc failed. */
export function instructionAbort(pc: i64): void {
  const to = target();
  const iss = faultStatus | (faultOnWalk ? ISS_S1PTW : 0);
  saveIpa();
  takeException(to, VECTOR_SYNC, syndrome(EC_INSTRUCTION_ABORT + sameLevel(to), iss), faultVa, pc);
}

/** Whether the current instruction accesses memory through SP: a load or store that is no literal one. */
function goesThroughSp(word: i32): bool {
  if ((word & 0x0a00_0000) != 0x0800_0000 || ((word >>> 5) & 31) != 31) return false;
  return (word & 0x3b00_0000) != 0x1800_0000;
}

/**
 * Called by every access of the slow path before anything else: answers true, with the exception taken, when
 * SP is misaligned and the access goes through it.
 */
@inline
export function stackFault(): bool {
  return load<i32>(TLB_BASE) == TLB_EMPTY && takeStackFault();
}

function takeStackFault(): bool {
  if (!goesThroughSp(currentWord())) return false;
  takeException(defaultTarget(), VECTOR_SYNC, syndrome(EC_SP_ALIGNMENT, 0), 0, currentPc());
  return true;
}

export function pcAlignmentFault(pc: i64): void {
  takeException(defaultTarget(), VECTOR_SYNC, syndrome(EC_PC_ALIGNMENT, 0), pc, pc);
}

/**
 * ISV, SAS, SSE, SRT, SF and AR of a stage 2 fault: only for a load or store of one general
 * register without write-back that is not exclusive; 0 for everything else.
 */
export function transferSyndrome(word: i32): i32 {
  // Load/store register (unscaled, unprivileged, register offset, unsigned offset), not SIMD&FP.
  if ((word & 0x3f000000) == 0x39000000) return singleRegister(word);
  if ((word & 0x3f200000) == 0x38000000) {
    const mode = (word >> 10) & 3;
    return mode == 0 || mode == 2 ? singleRegister(word) : 0;
  }
  if ((word & 0x3f200c00) == 0x38200800) return singleRegister(word);
  // Load-acquire, store-release: size 001000 1 L 0 Rs 1 Rt2 Rn Rt, and LORelease forms.
  if ((word & 0x3fa00000) == 0x08800000) {
    const size = (word >> 30) & 3;
    const ordered = (word >> 15) & 1;
    return pack(size, 0, word & 31, size == 3 ? 1 : 0, ordered);
  }
  // LDAPR and LDAPUR, STLUR.
  if ((word & 0x3ffffc00) == 0x38bfc000) {
    const size = (word >> 30) & 3;
    return pack(size, 0, word & 31, size == 3 ? 1 : 0, 1);
  }
  // Load register (literal).
  if ((word & 0x3f000000) == 0x18000000 && (word >>> 30) != 3) {
    const opc = word >>> 30;
    return pack(opc == 1 ? 3 : 2, opc == 2 ? 1 : 0, word & 31, opc == 0 ? 0 : 1, 0);
  }
  return 0;
}

function singleRegister(word: i32): i32 {
  const size = (word >> 30) & 3;
  const opc = (word >> 22) & 3;
  // size 3 with opc 2 is a prefetch; it does not fault.
  const signed = opc >= 2 ? 1 : 0;
  const sixtyFour = signed ? (opc == 2 ? 1 : 0) : size == 3 ? 1 : 0;
  return pack(size, signed, word & 31, sixtyFour, 0);
}

/** ISV 24, SAS 23:22, SSE 21, SRT 20:16, SF 15, AR 14. */
function pack(size: i32, signed: i32, rt: i32, sixtyFour: i32, ordered: i32): i32 {
  return (1 << 24) | (size << 22) | (signed << 21) | (rt << 16) | (sixtyFour << 15) | (ordered << 14);
}
