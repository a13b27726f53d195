// PSTATE, the banked stack pointers, and what follows from the exception level: which TLBs are in
// use, whether FP instructions trap.

import {
  CPACR_EL1,
  CPTR_EL2,
  CPU_INDEX,
  CURRENT_RECORD,
  FEATURES,
  FEATURE_EL2,
  FEATURE_PAN,
  FEATURE_UAO,
  FLAGS_A,
  FLAGS_ADD,
  FLAGS_B,
  FLAGS_LOGIC,
  FLAGS_OP,
  FLAGS_RAW,
  FLAGS_SUB,
  FP_TRAP,
  HCR_EL2,
  ITLB_BASE,
  ITLB_EL2,
  ITLB_SIZE,
  PAGE_RECORDS,
  PAGE_VA,
  PSTATE_DAIF,
  PSTATE_EL,
  PSTATE_IL_BIT,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  PSTATE_SP,
  PSTATE_SS_BIT,
  RAM_HOST,
  RECORD_PAGE_INDEX,
  SCTLR_EL1,
  SCTLR_EL2,
  SP,
  SP_EL0,
  SP_EL0_OBSERVED,
  SYSREGS,
  SYSREG_ACCESS,
  SYSREG_ACCESS_STRIDE,
  TLB_BASE,
  TLB_BASE_UNPRIVILEGED,
  TLB_CONTEXT_ITLB,
  TLB_CONTEXT_SIZE,
  TLB_EL2,
  TLB_EMPTY,
  TLB_SIZE,
} from '../memory/layout';
import { selectContext } from '../mmu/tlb-invalidation.as';
import { cpuTlbs } from '../mmu/tlb-storage.as';

export const UAO_BIT: i32 = 0x800000;

@inline
export function hasEl2(): bool {
  return (load<i32>(FEATURES) & FEATURE_EL2) != 0;
}

/** A bit of HCR_EL2, 0 without EL2. */
@inline
export function hcrBit(bit: i32): bool {
  return hasEl2() && ((load<i64>(HCR_EL2) >> bit) & 1) != 0;
}

/** Address of the instruction that generated code executes. */
@inline
export function currentPc(): i64 {
  return load<i64>(PAGE_VA) + <i64>(<u32>(load<i32>(CURRENT_RECORD) - load<i32>(PAGE_RECORDS)) >>> 2);
}

/** The word of the instruction that generated code executes, from the page it was decoded from. */
export function currentWord(): i32 {
  const records = load<i32>(PAGE_RECORDS);
  const offset = <u32>(load<i32>(CURRENT_RECORD) - records) >>> 2;
  const ramPage = load<u32>(<usize>records + RECORD_PAGE_INDEX);
  return load<i32>(<usize>RAM_HOST + ((<usize>ramPage) << 12) + offset);
}

/** N, Z, C, V at bits 3..0 out of the lazy flags. */
export function nzcv(): i32 {
  const op = load<i32>(FLAGS_OP);
  const a = load<i64>(FLAGS_A);
  if (op == FLAGS_RAW) return <i32>a & 15;
  if (op == FLAGS_LOGIC) return (a < 0 ? 8 : 0) | (a == 0 ? 4 : 0);
  const b = load<i64>(FLAGS_B);
  if (op == FLAGS_ADD) {
    const sum = a + b;
    const carry = <u64>sum < <u64>a;
    const overflow = ((a ^ sum) & (b ^ sum)) < 0;
    return (sum < 0 ? 8 : 0) | (sum == 0 ? 4 : 0) | (carry ? 2 : 0) | (overflow ? 1 : 0);
  }
  const difference = a - b;
  const overflow = ((a ^ b) & (a ^ difference)) < 0;
  return (difference < 0 ? 8 : 0) | (difference == 0 ? 4 : 0) | (<u64>a >= <u64>b ? 2 : 0) | (overflow ? 1 : 0);
}

export function setNzcv(flags: i32): void {
  store<i32>(FLAGS_OP, FLAGS_RAW);
  store<i64>(FLAGS_A, <i64>flags);
}

/** PSTATE in the form of SPSR_ELx. */
export function pstate(): i64 {
  const mode = (load<i32>(PSTATE_EL) << 2) | load<i32>(PSTATE_SP);
  return <i64>(<u32>((nzcv() << 28) | load<i32>(PSTATE_OTHER) | load<i32>(PSTATE_DAIF) | mode));
}

/** Sets PSTATE out of a legal SPSR value, switching stack pointer and TLBs. */
export function setPstate(spsr: i64): void {
  bankSp();
  const bits = <i32>spsr;
  setNzcv(bits >>> 28);
  let other = PSTATE_SS_BIT | PSTATE_IL_BIT;
  if (load<i32>(FEATURES) & FEATURE_PAN) other |= PSTATE_PAN_BIT;
  if (load<i32>(FEATURES) & FEATURE_UAO) other |= UAO_BIT;
  store<i32>(PSTATE_OTHER, bits & other);
  store<i32>(PSTATE_DAIF, bits & 0x3c0);
  store<i32>(PSTATE_EL, (bits >> 2) & 3);
  store<i32>(PSTATE_SP, bits & 1);
  unbankSp();
  updateRegime();
}

/** Where the stack pointer in use belongs. */
function bankOfSp(): usize {
  return load<i32>(PSTATE_SP) == 0 ? <usize>SP_EL0 : <usize>SP_EL0 + (<usize>load<i32>(PSTATE_EL) << 3);
}

/** Puts the stack pointer in use into its bank. Before EL or SP of PSTATE change, or a bank is read. */
export function bankSp(): void {
  store<i64>(bankOfSp(), load<i64>(SP));
}

export function unbankSp(): void {
  store<i64>(SP, load<i64>(bankOfSp()));
}

/**
 * Recomputes what depends on EL, PAN, the registers of translation and the alignment of SP. After a change of any.
 */
export function updateRegime(): void {
  const tlbs = cpuTlbs(load<i32>(CPU_INDEX));
  const el = load<i32>(PSTATE_EL);
  let base = tlbs + TLB_EL2;
  let unprivileged = base;
  if (el == 2) {
    store<i32>(ITLB_BASE, <i32>tlbs + ITLB_EL2);
  } else {
    const context = tlbs + <usize>(selectContext() * TLB_CONTEXT_SIZE);
    base = contextTlb(context, el);
    unprivileged = (load<i32>(PSTATE_OTHER) & UAO_BIT) != 0 ? base : context;
    store<i32>(ITLB_BASE, <i32>context + TLB_CONTEXT_ITLB + (el == 0 ? 0 : 2 * ITLB_SIZE));
  }
  const misaligned = isStackMisaligned();
  store<i32>(TLB_BASE, misaligned ? TLB_EMPTY : <i32>base);
  store<i32>(TLB_BASE_UNPRIVILEGED, misaligned ? TLB_EMPTY : <i32>unprivileged);
  // SP_EL0 is accessible by name only while another stack pointer is in use.
  const spEl0 = <usize>(SYSREG_ACCESS + el * SYSREG_ACCESS_STRIDE + ((SP_EL0 - SYSREGS) >> 3));
  store<u8>(spEl0, el != 0 && load<i32>(PSTATE_SP) != 0 ? 3 & ~load<i32>(SP_EL0_OBSERVED) : 0);
  store<i32>(FP_TRAP, fpTrapTarget(el) >= 0 ? 1 : 0);
}

/** The data TLB of the current regime, EL and PAN. */
function regimeTlb(): usize {
  const el = load<i32>(PSTATE_EL);
  const tlbs = cpuTlbs(load<i32>(CPU_INDEX));
  if (el == 2) return tlbs + TLB_EL2;
  return contextTlb(tlbs + <usize>(selectContext() * TLB_CONTEXT_SIZE), el);
}

/** Of a context at EL0 or EL1. */
function contextTlb(context: usize, el: i32): usize {
  if (el == 0) return context;
  return context + ((load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT) != 0 ? 2 * TLB_SIZE : TLB_SIZE);
}

/** The same for LDTR and STTR, which are ordinary accesses at EL2 and with UAO. */
function regimeTlbUnprivileged(): usize {
  const el = load<i32>(PSTATE_EL);
  if (el == 2 || (load<i32>(PSTATE_OTHER) & UAO_BIT) != 0) return regimeTlb();
  return cpuTlbs(load<i32>(CPU_INDEX)) + <usize>(selectContext() * TLB_CONTEXT_SIZE);
}

/** What TLB_BASE stands for, also while SP is misaligned. */
@inline
export function dataTlb(): usize {
  const base = load<i32>(TLB_BASE);
  return base == TLB_EMPTY ? regimeTlb() : <usize>base;
}

@inline
export function dataTlbUnprivileged(): usize {
  const base = load<i32>(TLB_BASE_UNPRIVILEGED);
  return base == TLB_EMPTY ? regimeTlbUnprivileged() : <usize>base;
}

// ---------------------------------------------------------------- alignment of SP

/** Whether a load or store through SP would take an SP alignment fault: SCTLR_ELx.SA, SA0. */
export function isStackMisaligned(): bool {
  if ((load<i64>(SP) & 15) == 0) return false;
  const el = load<i32>(PSTATE_EL);
  return ((load<i64>(el == 2 ? SCTLR_EL2 : SCTLR_EL1) >> (el == 0 ? 4 : 3)) & 1) != 0;
}

/** An instruction wrote SP, and may have changed its alignment. */
export function stackPointerWritten(): void {
  if (isStackMisaligned() != (load<i32>(TLB_BASE) == TLB_EMPTY)) updateRegime();
}

/** The EL an FP or AdvSIMD instruction traps to at this EL, or -1. */
export function fpTrapTarget(el: i32): i32 {
  if (fpTrappedByCpacr(el)) return el == 0 && hcrBit(27) ? 2 : 1;
  if (hasEl2() && ((load<i64>(CPTR_EL2) >> 10) & 1) != 0) return 2;
  return -1;
}

/** CPACR_EL1.FPEN: 1 traps EL0 only, 3 nothing. */
export function fpTrappedByCpacr(el: i32): bool {
  if (el == 2) return false;
  const enabled = <i32>(load<i64>(CPACR_EL1) >> 20) & 3;
  return enabled != 3 && !(enabled == 1 && el == 1);
}
