// MRS, MSR and SYS by number: plain storage at once, the frequent ones with an effect here, all
// others in TypeScript (sysregs/), which also raises the traps.

import {
  ATTENTION_INTERRUPT,
  DCZID_EL0,
  FEATURES,
  FEATURE_FP16,
  FPCR,
  FPSR,
  FP_TRAP,
  MIDR_EL1,
  MPIDR_EL1,
  PSTATE_DAIF,
  PSTATE_EL,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  PSTATE_SP,
  SCTLR_EL1,
  SYSREGS,
  SYSREG_ACCESS,
  SYSREG_ACCESS_STRIDE,
  SYSREG_VALUE,
  VMPIDR_EL2,
  VPIDR_EL2,
} from '../memory/layout';
import { raiseAttention, refetchUnlessResident } from '../mmu/access.as';
import { flushAllEl2, flushEl1 } from '../mmu/tlb-invalidation.as';
import { fpTrap } from './exceptions.as';
import { addressTranslate, cacheByVa, tlbInvalidate, zeroBlockChecked } from './maintenance.as';
import { UAO_BIT, hasEl2, hcrBit, nzcv, setNzcv, updateRegime } from './pstate.as';
import { writeDaif, writeOther, writeSpSel } from './return.as';
import {
  INDEX_AT_S12E0W,
  INDEX_AT_S1E1R,
  INDEX_CURRENT_EL,
  INDEX_DAIF,
  INDEX_DC_CISW,
  INDEX_DC_CIVAC,
  INDEX_DC_CVAC,
  INDEX_DC_CVAU,
  INDEX_DC_ISW,
  INDEX_DC_IVAC,
  INDEX_DC_ZVA,
  INDEX_FPCR,
  INDEX_FPSR,
  INDEX_IC_IALLU,
  INDEX_IC_IALLUIS,
  INDEX_IC_IVAU,
  INDEX_NZCV,
  INDEX_PAN,
  INDEX_SP_SEL,
  INDEX_TLBI_VMALLE1IS,
  INDEX_TLBI_VMALLS12E1,
  INDEX_UAO,
} from './sysregs/indexes';

/** Reads the register into SYSREG_VALUE, or takes the trap. */
@external('env', 'sysregRead')
declare function sysregRead(index: i32): void;
/** Writes SYSREG_VALUE to the register (or executes the system instruction with it), or takes the trap. */
@external('env', 'sysregWrite')
declare function sysregWrite(index: i32): void;

const DIRECT_READ: i32 = 1;
const DIRECT_WRITE: i32 = 2;
const KERNEL_READ: i32 = 4;
const KERNEL_WRITE: i32 = 8;

@inline
function access(index: i32): i32 {
  return load<u8>(<usize>(SYSREG_ACCESS + load<i32>(PSTATE_EL) * SYSREG_ACCESS_STRIDE + index));
}

/** MRS. */
export function readSystemRegister(index: i32): i64 {
  const allowed = access(index);
  if (allowed & DIRECT_READ) return load<i64>(<usize>(SYSREGS + (index << 3)));
  if (allowed & KERNEL_READ) return kernelRead(index);
  sysregRead(index);
  return load<i64>(SYSREG_VALUE);
}

/** MSR, and SYS with Xt as value. */
export function writeSystemRegister(index: i32, value: i64): void {
  const allowed = access(index);
  if (allowed & DIRECT_WRITE) {
    store<i64>(<usize>(SYSREGS + (index << 3)), value);
  } else if (allowed & KERNEL_WRITE) {
    kernelWrite(index, value);
  } else {
    store<i64>(SYSREG_VALUE, value);
    sysregWrite(index);
  }
}

/** DC ZVA. */
export function zeroBlock(va: i64): void {
  writeSystemRegister(INDEX_DC_ZVA, va);
}

/** What a row with `kernel` reads. */
export function kernelRead(index: i32): i64 {
  switch (index) {
    case INDEX_NZCV:
      return <i64>(<u32>(nzcv() << 28));
    case INDEX_DAIF:
      return <i64>load<i32>(PSTATE_DAIF);
    case INDEX_CURRENT_EL:
      return <i64>(load<i32>(PSTATE_EL) << 2);
    case INDEX_SP_SEL:
      return <i64>load<i32>(PSTATE_SP);
    case INDEX_PAN:
      return <i64>(load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT);
    case INDEX_UAO:
      return <i64>(load<i32>(PSTATE_OTHER) & UAO_BIT);
    case INDEX_FPCR:
    case INDEX_FPSR:
      if (load<i32>(FP_TRAP)) {
        fpTrap();
        return 0;
      }
      return <i64>load<u32>(index == INDEX_FPCR ? FPCR : FPSR);
    case (DCZID_EL0 - SYSREGS) >> 3:
      return load<i64>(DCZID_EL0) | (zeroingProhibited() ? 0x10 : 0);
    case (MIDR_EL1 - SYSREGS) >> 3:
      return load<i64>(hasEl2() && load<i32>(PSTATE_EL) == 1 ? VPIDR_EL2 : MIDR_EL1);
    case (MPIDR_EL1 - SYSREGS) >> 3:
      return load<i64>(hasEl2() && load<i32>(PSTATE_EL) == 1 ? VMPIDR_EL2 : MPIDR_EL1);
    default:
      return load<i64>(<usize>(SYSREGS + (index << 3)));
  }
}

/** DC ZVA traps at the current EL: DCZID_EL0.DZP. */
function zeroingProhibited(): bool {
  const el = load<i32>(PSTATE_EL);
  if (el == 0 && ((load<i64>(SCTLR_EL1) >> 14) & 1) == 0) return true;
  return el < 2 && hcrBit(28);
}

/** What a row with `kernel` does when written; without a case of its own: storage of the translation regime. */
export function kernelWrite(index: i32, value: i64): void {
  if (index >= INDEX_DC_ZVA) return systemInstruction(index, value);
  switch (index) {
    case INDEX_NZCV:
      return setNzcv(<i32>(value >>> 28) & 15);
    case INDEX_DAIF:
      return writeDaif(<i32>value);
    case INDEX_SP_SEL:
      return writeSpSel(<i32>value);
    case INDEX_PAN:
      return writeOther(PSTATE_PAN_BIT, <i32>value & PSTATE_PAN_BIT);
    case INDEX_UAO:
      return writeOther(UAO_BIT, <i32>value & UAO_BIT);
    case INDEX_FPCR:
      if (load<i32>(FP_TRAP)) return fpTrap();
      // AHP, DN, FZ, RMode, Stride, FZ16, Len; the trap enables are RAZ/WI.
      store<u32>(FPCR, <u32>value & (load<i32>(FEATURES) & FEATURE_FP16 ? 0x07ff_0000 : 0x07f7_0000));
      return;
    case INDEX_FPSR:
      if (load<i32>(FP_TRAP)) return fpTrap();
      store<u32>(FPSR, <u32>value & 0xf800_009f);
      return;
    default:
      store<i64>(<usize>(SYSREGS + (index << 3)), value);
      updateRegime();
      refetchUnlessResident();
  }
}

function systemInstruction(index: i32, value: i64): void {
  if (index >= INDEX_TLBI_VMALLE1IS && index <= INDEX_TLBI_VMALLS12E1) return tlbInvalidate(index, value);
  if (index >= INDEX_AT_S1E1R && index <= INDEX_AT_S12E0W) return addressTranslate(index, value);
  switch (index) {
    case INDEX_DC_ZVA:
      return zeroBlockChecked(value);
    case INDEX_DC_IVAC:
      return cacheByVa(value, true);
    case INDEX_DC_CVAC:
    case INDEX_DC_CVAU:
    case INDEX_DC_CIVAC:
    case INDEX_IC_IVAU:
      return cacheByVa(value, false);
    case INDEX_DC_ISW:
    case INDEX_DC_CISW:
    case INDEX_IC_IALLU:
    case INDEX_IC_IALLUIS:
    default:
      // By set and way, or all: memory is coherent and predecoded code follows every store.
      return;
  }
}

/**
 * A control register of the translation regime of EL1 (EL1&0) or EL2 was written: what the TLBs
 * hold of it was translated under other rules, which are not part of an entry. The next
 * instruction is fetched anew.
 */
export function translationControlChanged(el: i32): void {
  if (el == 2) flushAllEl2(false);
  else flushEl1(false);
  updateRegime();
  raiseAttention(ATTENTION_INTERRUPT);
}
