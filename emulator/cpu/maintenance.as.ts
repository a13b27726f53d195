// System instructions: cache maintenance by VA, DC ZVA, address translation, TLB invalidation.
// Whether the current EL may execute them is settled before (see system-access.as.ts).

import {
  EL2_EMBEDDED,
  PAR_EL1,
  PROGRAM_ADDRESS,
  PROGRAM_FAILURE,
  PROGRAM_FAULT,
  PSTATE_EL,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  TLB_READ_TAG,
  TLB_SIZE,
  TLB_WRITE_TAG,
} from '../memory/layout';
import { dataIsDevice, fastHost, refetchUnlessResident, translateData, zeroPa } from '../mmu/access.as';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  FAULT_EXTERNAL_ON_WALK,
  FAULT_PERMISSION,
  clearFault,
  faultOnWalk,
  faultStage2,
  faultStatus,
  faulted,
} from '../mmu/fault.as';
import {
  asidOfOperand,
  flushAllEl2,
  flushAsid,
  flushEl1,
  flushVa,
  flushVaEl2,
  flushVmid,
  flushVmidStage1,
  vaOfOperand,
} from '../mmu/tlb-invalidation.as';
import {
  currentVmid,
  hostOf,
  isDevice,
  isRam,
  outAttributes,
  outPa,
  outShareability,
  translate,
  translateStage1,
} from '../mmu/walk.as';
import { dataAbort, maintenanceAbort } from './aborts.as';
import { alignmentFault, loadHost } from './guest-access.as';
import { dataTlb, hcrBit } from './pstate.as';
import {
  INDEX_AT_S12E0R,
  INDEX_AT_S12E0W,
  INDEX_AT_S12E1R,
  INDEX_AT_S12E1W,
  INDEX_AT_S1E0R,
  INDEX_AT_S1E0W,
  INDEX_AT_S1E1RP,
  INDEX_AT_S1E1W,
  INDEX_AT_S1E1WP,
  INDEX_AT_S1E2R,
  INDEX_AT_S1E2W,
  INDEX_TLBI_ALLE1,
  INDEX_TLBI_ALLE1IS,
  INDEX_TLBI_ALLE2,
  INDEX_TLBI_ALLE2IS,
  INDEX_TLBI_ASIDE1,
  INDEX_TLBI_ASIDE1IS,
  INDEX_TLBI_IPAS2E1IS,
  INDEX_TLBI_IPAS2LE1IS,
  INDEX_TLBI_VAAE1,
  INDEX_TLBI_VAAE1IS,
  INDEX_TLBI_VAALE1,
  INDEX_TLBI_VAALE1IS,
  INDEX_TLBI_VAE1,
  INDEX_TLBI_VAE1IS,
  INDEX_TLBI_VAE2,
  INDEX_TLBI_VAE2IS,
  INDEX_TLBI_VALE1,
  INDEX_TLBI_VALE1IS,
  INDEX_TLBI_VALE2,
  INDEX_TLBI_VALE2IS,
  INDEX_TLBI_VMALLE1,
  INDEX_TLBI_VMALLE1IS,
  INDEX_TLBI_VMALLS12E1IS,
} from './sysregs/indexes';

const HCR_FB: i32 = 9;

/** DC ZVA: clears the 64-byte block that contains va. On Device memory it faults as if unaligned. */
export function zeroBlockChecked(va: i64): void {
  const host = fastHost(va & ~63, 64, TLB_WRITE_TAG);
  if (host != 0) {
    for (let i: usize = 0; i < 64; i += 8) store<i64>(host + i, 0);
    return;
  }
  const el = load<i32>(PSTATE_EL);
  const pan = load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT;
  if (!translateData(va, dataTlb(), el, pan, ACCESS_WRITE, 1)) return dataAbort();
  if (dataIsDevice) return alignmentFault(va, 1);
  translateData(va & ~63, dataTlb(), el, pan, ACCESS_WRITE, 1);
  zeroPa(va & ~63);
  if (faulted) dataAbort();
}

/**
 * DC by VA and IC IVAU: memory is coherent here, so what remains are their faults. EL0 needs read
 * permission; EL1 and EL2 take no permission faults, and PAN does not apply.
 */
export function cacheByVa(va: i64, needsWrite: bool): void {
  const el = load<i32>(PSTATE_EL);
  const pan = load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT;
  const base = dataTlb() - <usize>(el == 1 && pan != 0 ? TLB_SIZE : 0);
  if (translateData(va, base, el, 0, needsWrite ? ACCESS_WRITE : ACCESS_READ, 1)) return;
  if (el != 0 && !needsWrite && (faultStatus & ~3) == FAULT_PERMISSION) return clearFault();
  maintenanceAbort();
}

// ---------------------------------------------------------------- AT

/** Executes an AT instruction (INDEX_AT_*): the result or the fault goes to PAR_EL1. */
export function addressTranslate(op: i32, va: i64): void {
  const isWrite =
    op == INDEX_AT_S1E1W ||
    op == INDEX_AT_S1E0W ||
    op == INDEX_AT_S1E1WP ||
    op == INDEX_AT_S1E2W ||
    op == INDEX_AT_S12E1W ||
    op == INDEX_AT_S12E0W;
  const access = isWrite ? ACCESS_WRITE : ACCESS_READ;
  let el = 1;
  if (op == INDEX_AT_S1E0R || op == INDEX_AT_S1E0W || op == INDEX_AT_S12E0R || op == INDEX_AT_S12E0W) el = 0;
  if (op == INDEX_AT_S1E2R || op == INDEX_AT_S1E2W) el = 2;
  // Only the forms with P look at PSTATE.PAN.
  const pan = op == INDEX_AT_S1E1RP || op == INDEX_AT_S1E1WP ? load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT : 0;
  const both =
    op == INDEX_AT_S12E1R || op == INDEX_AT_S12E1W || op == INDEX_AT_S12E0R || op == INDEX_AT_S12E0W;
  const ok = both ? translate(va, el, pan, access) : translateStage1(va, el, pan, access);
  if (ok) {
    // ATTR 63:56, PA 47:12, bit 11 RES1, NS 9 (one Security state: set), SH 8:7.
    const shareability = isDevice(outAttributes) ? 2 : outShareability;
    store<i64>(
      PAR_EL1,
      ((<i64>outAttributes) << 56) |
        (outPa & 0xffff_ffff_f000) |
        (1 << 11) |
        (1 << 9) |
        ((<i64>shareability) << 7),
    );
    return;
  }
  // At EL1, an abort on the walk itself is taken: from stage 2, or an external one.
  const external = (faultStatus & ~3) == FAULT_EXTERNAL_ON_WALK;
  if ((load<i32>(PSTATE_EL) == 1 && faultStage2 != 0 && faultOnWalk != 0) || external)
    return maintenanceAbort();
  store<i64>(PAR_EL1, <i64>((1 << 11) | (faultStage2 << 9) | (faultOnWalk << 8) | (faultStatus << 1) | 1));
}

/**
 * Where va leads at this EL, or -1: changes no TLB, takes no exception. For the debugger and the
 * embedded hypervisor.
 */
export function probe(va: i64, el: i32, write: i32): i64 {
  return translate(va, el, 0, write ? ACCESS_WRITE : ACCESS_READ) ? outPa : -1;
}

/**
 * 1, 2, 4 or 8 bytes of guest memory at a VA, as the CPU's regime is now, for programs (engine/programs): without side
 * effects. What is not RAM is not read; PROGRAM_FAILURE then says so.
 */
export function peekData(va: i64, size: i32): i64 {
  const fast = fastHost(va, size, TLB_READ_TAG);
  if (fast != 0) return loadHost(fast, size);
  // What sits at EL2 and is no guest code serves a trap of EL1 or EL0.
  const el = load<i32>(PSTATE_EL) == 2 && load<i32>(EL2_EMBEDDED) == 0 ? 2 : 1;
  if (<i32>(va & 0xfff) + size <= 4096) {
    if (!translate(va, el, 0, ACCESS_READ) || !isRam(outPa)) return peekFailed(va);
    return loadHost(hostOf(outPa), size);
  }
  let value: i64 = 0;
  for (let i = 0; i < size; i++) {
    if (!translate(va + i, el, 0, ACCESS_READ) || !isRam(outPa)) return peekFailed(va + i);
    value |= <i64>load<u8>(hostOf(outPa)) << (i << 3);
  }
  return value;
}

function peekFailed(va: i64): i64 {
  store<i32>(PROGRAM_FAILURE, PROGRAM_FAULT);
  store<i64>(PROGRAM_ADDRESS, va);
  return 0;
}

/** As probe(), but only through stage 1: the IPA. */
export function probeStage1(va: i64, el: i32, write: i32): i64 {
  return translateStage1(va, el, 0, write ? ACCESS_WRITE : ACCESS_READ) ? outPa : -1;
}

/** As probe(), for fetching. */
export function probeExecute(va: i64, el: i32): i64 {
  return translate(va, el, 0, 4) ? outPa : -1;
}

// ---------------------------------------------------------------- TLBI

/** Executes a TLBI (INDEX_TLBI_*). Stage 1 and stage 2 are held combined, so IPAS2 drops the VMID. */
export function tlbInvalidate(op: i32, operand: i64): void {
  invalidate(op, operand);
  refetchUnlessResident();
}

function invalidate(op: i32, operand: i64): void {
  const inner =
    (op >= INDEX_TLBI_VMALLE1IS && op <= INDEX_TLBI_VAALE1IS) ||
    op == INDEX_TLBI_IPAS2E1IS ||
    op == INDEX_TLBI_IPAS2LE1IS ||
    (op >= INDEX_TLBI_ALLE2IS && op <= INDEX_TLBI_VMALLS12E1IS);
  const broadcast = inner || (load<i32>(PSTATE_EL) == 1 && hcrBit(HCR_FB));
  switch (op) {
    case INDEX_TLBI_VAE1IS:
    case INDEX_TLBI_VAE1:
    case INDEX_TLBI_VALE1IS:
    case INDEX_TLBI_VALE1:
      return flushVa(vaOfOperand(operand), asidOfOperand(operand), broadcast);
    case INDEX_TLBI_VAAE1IS:
    case INDEX_TLBI_VAAE1:
    case INDEX_TLBI_VAALE1IS:
    case INDEX_TLBI_VAALE1:
      return flushVa(vaOfOperand(operand), -1, broadcast);
    case INDEX_TLBI_ASIDE1IS:
    case INDEX_TLBI_ASIDE1:
      return flushAsid(asidOfOperand(operand), broadcast);
    case INDEX_TLBI_VAE2IS:
    case INDEX_TLBI_VAE2:
    case INDEX_TLBI_VALE2IS:
    case INDEX_TLBI_VALE2:
      return flushVaEl2(vaOfOperand(operand), broadcast);
    case INDEX_TLBI_ALLE2IS:
    case INDEX_TLBI_ALLE2:
      return flushAllEl2(broadcast);
    case INDEX_TLBI_ALLE1IS:
    case INDEX_TLBI_ALLE1:
      return flushEl1(broadcast);
    case INDEX_TLBI_VMALLE1IS:
    case INDEX_TLBI_VMALLE1:
      return flushVmidStage1(currentVmid(), broadcast);
    default:
      return flushVmid(currentVmid(), broadcast);
  }
}
