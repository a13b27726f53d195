// Interrupts: masks, routing, and waiting for them. DDI 0487, "Asynchronous exception types,
// routing, masking, and priorities".

import {
  ATTENTION_EXIT,
  CPU_BANKS,
  CPU_BLOCK_SIZE,
  CPU,
  CPU_COUNT,
  EVENT_REGISTER,
  EXIT_REASON,
  EXIT_WAIT,
  EXIT_YIELD,
  HCR_EL2,
  LINES,
  LINE_FIQ,
  LINE_IRQ,
  LINE_VFIQ,
  LINE_VIRQ,
  PC,
  PSTATE_DAIF,
  PSTATE_EL,
  SCTLR_EL1,
  WAITING,
  WAIT_WFE,
  WAIT_WFI,
} from '../memory/layout';
import { raiseAttention } from '../mmu/access.as';
import {
  EC_SERROR,
  EC_WFX,
  VECTOR_FIQ,
  VECTOR_IRQ,
  VECTOR_SERROR,
  VECTOR_SYNC,
  defaultTarget,
  syndrome,
  takeException,
} from './exceptions.as';
import { currentPc, hasEl2, hcrBit } from './pstate.as';
import { armStep, serviceStep, stepDone } from './software-step.as';

const HCR_FMO: i32 = 3;
const HCR_IMO: i32 = 4;
const HCR_AMO: i32 = 5;
const HCR_VF: i32 = 6;
const HCR_VI: i32 = 7;
const HCR_VSE: i32 = 8;
const HCR_TWI: i32 = 13;
const HCR_TWE: i32 = 14;
const HCR_TGE: i32 = 27;
const HCR_PENDING: i64 = (1 << 6) | (1 << 7) | (1 << 8);

const MASK_A: i32 = 0x100;
const MASK_I: i32 = 0x80;
const MASK_F: i32 = 0x40;

/** Whether anything at all might be pending: a cheap test before the exact one. */
export function interruptsPossible(): bool {
  if (load<i32>(LINES) != 0) return true;
  return hasEl2() && (load<i64>(HCR_EL2) & HCR_PENDING) != 0;
}

/**
 * Takes the pending interrupt of highest priority, if it is not masked; PC must be exact.
 * Answers 1 when it took one. Order: physical FIQ, IRQ, then virtual SError, FIQ, IRQ.
 */
export function takePendingInterrupt(): i32 {
  if (!interruptsPossible()) return 0;
  const lines = load<i32>(LINES);
  if ((lines & LINE_FIQ) != 0 && takePhysical(VECTOR_FIQ, MASK_F, HCR_FMO)) return 1;
  if ((lines & LINE_IRQ) != 0 && takePhysical(VECTOR_IRQ, MASK_I, HCR_IMO)) return 1;
  if (!hasEl2() || load<i32>(PSTATE_EL) == 2 || hcrBit(HCR_TGE)) return 0;

  const daif = load<i32>(PSTATE_DAIF);
  if (hcrBit(HCR_VSE) && hcrBit(HCR_AMO) && (daif & MASK_A) == 0) {
    store<i64>(HCR_EL2, load<i64>(HCR_EL2) & ~((<i64>1) << HCR_VSE));
    takeException(1, VECTOR_SERROR, syndrome(EC_SERROR, 0), 0, load<i64>(PC));
    return 1;
  }
  const vfiq = (lines & LINE_VFIQ) != 0 || hcrBit(HCR_VF);
  if (vfiq && hcrBit(HCR_FMO) && (daif & MASK_F) == 0) {
    takeException(1, VECTOR_FIQ, 0, 0, load<i64>(PC));
    return 1;
  }
  const virq = (lines & LINE_VIRQ) != 0 || hcrBit(HCR_VI);
  if (virq && hcrBit(HCR_IMO) && (daif & MASK_I) == 0) {
    takeException(1, VECTOR_IRQ, 0, 0, load<i64>(PC));
    return 1;
  }
  return 0;
}

/**
 * Between two instructions, PC exact: takes what is pending, a software step first. Answers 1 when
 * an exception was taken. When an instruction is to be stepped, ATTENTION_STEP is set and all but
 * one of the budget set aside.
 */
export function serviceInterrupts(): i32 {
  stepDone();
  if (serviceStep()) return 1;
  const taken = takePendingInterrupt();
  armStep();
  return taken;
}

/** A physical interrupt for EL2 is not masked below EL2; one for EL1 is never taken at EL2. */
function takePhysical(vector: i32, mask: i32, route: i32): bool {
  const el = load<i32>(PSTATE_EL);
  const masked = (load<i32>(PSTATE_DAIF) & mask) != 0;
  const target = hcrBit(route) || hcrBit(HCR_TGE) ? 2 : 1;
  if (el > target || (masked && !(target == 2 && el < 2))) return false;
  takeException(target, vector, 0, 0, load<i64>(PC));
  return true;
}

/** Whether WFI would not wait: an interrupt is pending, masked by PSTATE or not. */
export function hasWakeEvent(): i32 {
  const lines = load<i32>(LINES);
  if ((lines & (LINE_IRQ | LINE_FIQ)) != 0) return 1;
  if (!hasEl2() || load<i32>(PSTATE_EL) == 2 || hcrBit(HCR_TGE)) return 0;
  if (hcrBit(HCR_IMO) && ((lines & LINE_VIRQ) != 0 || hcrBit(HCR_VI))) return 1;
  if (hcrBit(HCR_FMO) && ((lines & LINE_VFIQ) != 0 || hcrBit(HCR_VF))) return 1;
  return hcrBit(HCR_AMO) && hcrBit(HCR_VSE) ? 1 : 0;
}

/** 1, with the trap taken, when WFI (or WFE) is trapped at the current EL. */
export function trapWfx(isWfe: i32): i32 {
  const el = load<i32>(PSTATE_EL);
  let target = -1;
  if (el == 0 && ((load<i64>(SCTLR_EL1) >> (isWfe ? 18 : 16)) & 1) == 0) target = defaultTarget();
  else if (el < 2 && hcrBit(isWfe ? HCR_TWE : HCR_TWI)) target = 2;
  if (target < 0) return 0;
  // CV and COND = AL, as for every A64 instruction; TI says which.
  takeException(target, VECTOR_SYNC, syndrome(EC_WFX, 0x1e00000 | (isWfe ? 1 : 0)), 0, currentPc());
  return 1;
}

/** Traps only when it would really wait. */
export function wfi(): void {
  if (hasWakeEvent() || trapWfx(0)) return;
  store<i32>(WAITING, WAIT_WFI);
  store<i32>(EXIT_REASON, EXIT_WAIT);
  raiseAttention(ATTENTION_EXIT);
}

export function wfe(): void {
  if (load<i32>(EVENT_REGISTER) != 0) {
    store<i32>(EVENT_REGISTER, 0);
    return;
  }
  if (trapWfx(1)) return;
  store<i32>(WAITING, WAIT_WFE);
  store<i32>(EXIT_REASON, EXIT_WAIT);
  raiseAttention(ATTENTION_EXIT);
}

/** Sets the event register of every CPU: the running one's block and the waiting banks. */
export function sev(): void {
  store<i32>(EVENT_REGISTER, 1);
  for (let cpu = 0; cpu < load<i32>(CPU_COUNT); cpu++) {
    store<i32>(<usize>CPU_BANKS + <usize>(cpu * CPU_BLOCK_SIZE) + (EVENT_REGISTER - CPU), 1);
  }
}

/** YIELD: the rest of the slice may go to another CPU. */
export function yieldHint(): void {
  if (load<i32>(CPU_COUNT) == 1) return;
  store<i32>(EXIT_REASON, EXIT_YIELD);
  raiseAttention(ATTENTION_EXIT);
}

export function sevl(): void {
  store<i32>(EVENT_REGISTER, 1);
}
