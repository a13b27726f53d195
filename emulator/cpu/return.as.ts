// Exception return, and the instructions that write PSTATE fields.

import {
  ATTENTION,
  ATTENTION_INTERRUPT,
  ATTENTION_PC,
  ATTENTION_STEP,
  COUNT_RETURNS,
  ELR_EL1,
  ELR_EL2,
  EVENT_REGISTER,
  EXCLUSIVE_VALID,
  FEATURES,
  FEATURE_PAN,
  FEATURE_UAO,
  PC,
  PSTATE_DAIF,
  PSTATE_EL,
  PSTATE_IL_BIT,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  PSTATE_SP,
  PSTATE_SS_BIT,
  SCTLR_EL1,
  SPSR_EL1,
  SPSR_EL2,
} from '../memory/layout';
import { count } from '../memory/count.as';
import { raiseAttention } from '../mmu/access.as';
import { topByteIgnored } from '../mmu/walk.as';
import { illegalState, trapSystemRegisterToEl1, undefinedInstruction } from './exceptions.as';
import { interruptsPossible } from './interrupts.as';
import { UAO_BIT, bankSp, hasEl2, hcrBit, setNzcv, setPstate, unbankSp, updateRegime } from './pstate.as';
import { stepEnabled } from './software-step.as';

/** ERET at EL1 or EL2, and the embedded hypervisor's way back to the guest. */
export function exceptionReturn(): void {
  const el = load<i32>(PSTATE_EL);
  if (el == 0) return undefinedInstruction();
  count(COUNT_RETURNS);
  const spsr = load<i64>(el == 2 ? SPSR_EL2 : SPSR_EL1);
  const target = load<i64>(el == 2 ? ELR_EL2 : ELR_EL1);
  store<i32>(EXCLUSIVE_VALID, 0);
  store<i32>(EVENT_REGISTER, 1);
  // If this return was itself stepped, the new PSTATE.SS is not the one that it used up.
  store<i32>(ATTENTION, load<i32>(ATTENTION) & ~ATTENTION_STEP);

  if (isIllegalReturn(<i32>spsr, el)) {
    // The mode stays; PSTATE.IL makes the next instruction fault. DDI 0487, SetPSTATEFromPSR().
    setNzcv(<i32>(spsr >>> 28) & 15);
    store<i32>(PSTATE_DAIF, <i32>spsr & 0x3c0);
    const kept = load<i32>(PSTATE_OTHER) & ~(PSTATE_PAN_BIT | UAO_BIT | PSTATE_SS_BIT);
    const taken = <i32>spsr & load<i32>(PSTATE_OTHER) & (PSTATE_PAN_BIT | UAO_BIT);
    store<i32>(PSTATE_OTHER, kept | taken | PSTATE_IL_BIT);
  } else {
    setPstate(spsr);
    // SS survives only where software step is enabled. DebugExceptionReturnSS().
    if (!stepEnabled()) store<i32>(PSTATE_OTHER, load<i32>(PSTATE_OTHER) & ~PSTATE_SS_BIT);
  }
  store<i64>(PC, branchAddress(target));
  raiseAttention(ATTENTION_PC | ATTENTION_INTERRUPT);
  if ((load<i32>(PSTATE_OTHER) & PSTATE_IL_BIT) != 0) illegalState();
}

/** To a higher or missing EL, to AArch32, to EL1 under TGE, or with a reserved mode. */
function isIllegalReturn(spsr: i32, el: i32): bool {
  if ((spsr & 0x10) != 0 || (spsr & 2) != 0) return true;
  const to = (spsr >> 2) & 3;
  if (to > el || to == 3) return true;
  if (to == 2 && !hasEl2()) return true;
  if (to == 0 && (spsr & 1) != 0) return true;
  if (to == 1 && hcrBit(27)) return true;
  return to < 2 && el == 2 && hasEl2() && !hcrBit(31);
}

/** AArch64.BranchAddr(): the tag of an address is replaced by copies of bit 55. */
export function branchAddress(va: i64): i64 {
  return topByteIgnored(va, load<i32>(PSTATE_EL)) ? (va << 8) >> 8 : va;
}

// ---------------------------------------------------------------- MSR (immediate) and special-purpose registers

/** MSR (immediate): op1 << 3 | op2 says which field. Fields that this core lacks are UNDEFINED. */
export function msrImmediate(which: i32, imm: i32): void {
  switch (which) {
    case 0o03:
      return msrUao(imm);
    case 0o04:
      return msrPan(imm);
    case 0o05:
      return msrSpSel(imm);
    case 0o36:
      return msrDaifSet(imm);
    case 0o37:
      return msrDaifClr(imm);
    default:
      undefinedInstruction();
  }
}

/** Bits D, A, I, F at 3..0 of the immediate. */
export function msrDaifSet(imm: i32): void {
  if (daifTrapped()) return;
  store<i32>(PSTATE_DAIF, load<i32>(PSTATE_DAIF) | ((imm & 15) << 6));
}

export function msrDaifClr(imm: i32): void {
  if (daifTrapped()) return;
  writeDaif(load<i32>(PSTATE_DAIF) & ~((imm & 15) << 6));
}

/** EL0 may mask only with SCTLR_EL1.UMA. */
function daifTrapped(): bool {
  if (load<i32>(PSTATE_EL) != 0 || ((load<i64>(SCTLR_EL1) >> 9) & 1) != 0) return false;
  trapSystemRegisterToEl1();
  return true;
}

export function writeDaif(daif: i32): void {
  store<i32>(PSTATE_DAIF, daif & 0x3c0);
  if (interruptsPossible() || stepEnabled()) raiseAttention(ATTENTION_INTERRUPT);
}

export function msrSpSel(imm: i32): void {
  if (load<i32>(PSTATE_EL) == 0) return undefinedInstruction();
  writeSpSel(imm);
}

export function writeSpSel(value: i32): void {
  bankSp();
  store<i32>(PSTATE_SP, value & 1);
  unbankSp();
  updateRegime();
}

export function msrPan(imm: i32): void {
  if (load<i32>(PSTATE_EL) == 0 || (load<i32>(FEATURES) & FEATURE_PAN) == 0) return undefinedInstruction();
  writeOther(PSTATE_PAN_BIT, imm & 1);
}

export function msrUao(imm: i32): void {
  if (load<i32>(PSTATE_EL) == 0 || (load<i32>(FEATURES) & FEATURE_UAO) == 0) return undefinedInstruction();
  writeOther(UAO_BIT, imm & 1);
}

export function writeOther(bit: i32, value: i32): void {
  const others = load<i32>(PSTATE_OTHER) & ~bit;
  store<i32>(PSTATE_OTHER, value != 0 ? others | bit : others);
  updateRegime();
}
