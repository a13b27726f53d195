// Taking exceptions, and the ones that instructions raise themselves. DDI 0487,
// AArch64.TakeException() and the pseudocode of the instructions.

import {
  ATTENTION_EXIT,
  ATTENTION_PC,
  CONDUIT_HVC,
  CONDUIT_SMC,
  COUNT_EXCEPTIONS,
  COUNT_INTERRUPTS,
  EL2_EMBEDDED,
  ELR_EL1,
  ELR_EL2,
  ESR_EL1,
  ESR_EL2,
  EVENT_IRQ,
  EXCEPTION_EVENTS,
  EXIT_FIRMWARE,
  EXIT_REASON,
  EXIT_TRAP,
  FAR_EL1,
  FAR_EL2,
  FEATURES,
  FEATURE_PAN,
  FIRMWARE_CONDUIT,
  MDCR_EL2,
  PC,
  PSTATE_DAIF,
  PSTATE_EL,
  PSTATE_OTHER,
  PSTATE_PAN_BIT,
  PSTATE_SP,
  PSTATE_SS_BIT,
  SCTLR_EL1,
  SPSR_EL1,
  SPSR_EL2,
  TRAP_VECTOR,
  VBAR_EL1,
  VBAR_EL2,
} from '../memory/layout';
import { count } from '../memory/count.as';
import { raiseAttention } from '../mmu/access.as';
import {
  bankSp,
  currentPc,
  currentWord,
  fpTrapTarget,
  fpTrappedByCpacr,
  hasEl2,
  hcrBit,
  pstate,
  unbankSp,
  updateRegime,
} from './pstate.as';

/** To whom a debugger wants to be told of exceptions: it was taken, from this EL; PC is at the vector. */
@external('env', 'exceptionTaken')
declare function exceptionTaken(target: i32, from: i32, vector: i32): void;

export const VECTOR_SYNC: i32 = 0x000;
export const VECTOR_IRQ: i32 = 0x080;
export const VECTOR_FIQ: i32 = 0x100;
export const VECTOR_SERROR: i32 = 0x180;

// Exception classes, ESR_ELx.EC.
export const EC_UNKNOWN: i32 = 0x00;
export const EC_WFX: i32 = 0x01;
export const EC_FP: i32 = 0x07;
export const EC_ILLEGAL_STATE: i32 = 0x0e;
export const EC_SVC: i32 = 0x15;
export const EC_HVC: i32 = 0x16;
export const EC_SMC: i32 = 0x17;
export const EC_SYSREG: i32 = 0x18;
export const EC_INSTRUCTION_ABORT: i32 = 0x20;
export const EC_PC_ALIGNMENT: i32 = 0x22;
export const EC_DATA_ABORT: i32 = 0x24;
export const EC_SP_ALIGNMENT: i32 = 0x26;
export const EC_SERROR: i32 = 0x2f;
export const EC_SOFTWARE_STEP: i32 = 0x32;
export const EC_BRK: i32 = 0x3c;

export const HCR_TGE: i32 = 27;
const HCR_TSC: i32 = 19;
const HCR_HCD: i32 = 29;
const MDCR_TDE: i32 = 8;
const SCTLR_SPAN: i32 = 23;

/** ESR_ELx with IL set, as of every exception but those of 16-bit instructions. */
@inline
export function syndrome(ec: i32, iss: i32): i64 {
  return (<i64>ec << 26) | (1 << 25) | <i64>(<u32>iss);
}

/** Where a synchronous exception goes that no trap sends to EL2. */
export function defaultTarget(): i32 {
  const el = load<i32>(PSTATE_EL);
  if (el == 2) return 2;
  return el == 0 && hcrBit(HCR_TGE) ? 2 : 1;
}

/** Takes an exception to EL1 or EL2. `far` is written when the class of the syndrome has an address. */
export function takeException(targetEl: i32, vector: i32, esr: i64, far: i64, returnPc: i64): void {
  if (vector == VECTOR_SYNC) count(COUNT_EXCEPTIONS + ((<usize>(esr >>> 26) & 0x3f) << 3));
  else count(COUNT_INTERRUPTS + (<usize>(vector >>> 7) << 3));
  const from = load<i32>(PSTATE_EL);
  let offset = vector;
  if (from < targetEl) offset += 0x400;
  else if (load<i32>(PSTATE_SP) != 0) offset += 0x200;

  const saved = pstate();
  bankSp();
  if (targetEl == 2) {
    store<i64>(SPSR_EL2, saved);
    store<i64>(ELR_EL2, returnPc);
    if (vector == VECTOR_SYNC || vector == VECTOR_SERROR) store<i64>(ESR_EL2, esr);
    if (vector == VECTOR_SYNC && hasFar(esr)) store<i64>(FAR_EL2, far);
  } else {
    store<i64>(SPSR_EL1, saved);
    store<i64>(ELR_EL1, returnPc);
    if (vector == VECTOR_SYNC || vector == VECTOR_SERROR) store<i64>(ESR_EL1, esr);
    if (vector == VECTOR_SYNC && hasFar(esr)) store<i64>(FAR_EL1, far);
  }
  store<i32>(PSTATE_EL, targetEl);
  store<i32>(PSTATE_SP, 1);
  store<i32>(PSTATE_DAIF, 0x3c0);
  // SS, IL and UAO are cleared. PAN is set unless SCTLR_EL1.SPAN keeps it.
  let pan = load<i32>(PSTATE_OTHER) & PSTATE_PAN_BIT;
  if ((load<i32>(FEATURES) & FEATURE_PAN) != 0 && targetEl == 1 && ((load<i64>(SCTLR_EL1) >> SCTLR_SPAN) & 1) == 0) {
    pan = PSTATE_PAN_BIT;
  }
  store<i32>(PSTATE_OTHER, pan);
  unbankSp();
  updateRegime();

  const base = load<i64>(targetEl == 2 ? VBAR_EL2 : VBAR_EL1) & ~0x7ff;
  store<i64>(PC, base + offset);
  if (targetEl == 2 && load<i32>(EL2_EMBEDDED) != 0) {
    store<i32>(TRAP_VECTOR, offset);
    store<i32>(EXIT_REASON, EXIT_TRAP);
    raiseAttention(ATTENTION_PC | ATTENTION_EXIT);
    return;
  }
  raiseAttention(ATTENTION_PC);
  const events = load<i64>(EXCEPTION_EVENTS);
  if (events == 0) return;
  const kind = vector == VECTOR_SYNC ? (esr >>> 26) & 0x3f : <i64>(EVENT_IRQ - 1 + (vector >>> 7));
  if (((events >>> kind) & 1) != 0) exceptionTaken(targetEl, from, vector);
}

/** Aborts, PC alignment and watchpoint exceptions have an address; others leave FAR alone. */
function hasFar(esr: i64): bool {
  const ec = <i32>(esr >>> 26) & 0x3f;
  return (ec & 0x3c) == EC_INSTRUCTION_ABORT || (ec & 0x3e) == EC_DATA_ABORT || (ec & 0x3e) == 0x34;
}

/** A synchronous exception of the current instruction, to return to it. */
function raise(targetEl: i32, ec: i32, iss: i32): void {
  takeException(targetEl, VECTOR_SYNC, syndrome(ec, iss), 0, currentPc());
}

// ---------------------------------------------------------------- instructions

export function undefinedInstruction(): void {
  raise(defaultTarget(), EC_UNKNOWN, 0);
}

export function svc(imm: i32): void {
  advanceStep();
  takeException(defaultTarget(), VECTOR_SYNC, syndrome(EC_SVC, imm), 0, currentPc() + 4);
}

export function hvc(imm: i32): void {
  const el = load<i32>(PSTATE_EL);
  if (el == 0) return undefinedInstruction();
  if (!hasEl2()) {
    if ((load<i32>(FIRMWARE_CONDUIT) & CONDUIT_HVC) != 0) return callFirmware();
    return undefinedInstruction();
  }
  if (hcrBit(HCR_HCD)) return undefinedInstruction();
  advanceStep();
  takeException(2, VECTOR_SYNC, syndrome(EC_HVC, imm), 0, currentPc() + 4);
}

/** HCR_EL2.TSC traps SMC of EL1 whether or not anything would take it. */
export function smc(imm: i32): void {
  const el = load<i32>(PSTATE_EL);
  if (el == 0) return undefinedInstruction();
  if (el == 1 && hcrBit(HCR_TSC)) return raise(2, EC_SMC, imm);
  if ((load<i32>(FIRMWARE_CONDUIT) & CONDUIT_SMC) != 0) return callFirmware();
  undefinedInstruction();
}

/** The instruction is done, as far as the CPU goes; the machine looks at X0 and the rest. */
function callFirmware(): void {
  advanceStep();
  store<i64>(PC, currentPc() + 4);
  store<i32>(EXIT_REASON, EXIT_FIRMWARE);
  raiseAttention(ATTENTION_PC | ATTENTION_EXIT);
}

/** Software breakpoint. */
export function brk(imm: i32): void {
  raise(debugTarget(), EC_BRK, imm);
}

export function debugTarget(): i32 {
  const el = load<i32>(PSTATE_EL);
  if (el == 2) return 2;
  if (hcrBit(HCR_TGE)) return 2;
  return hasEl2() && ((load<i64>(MDCR_EL2) >> MDCR_TDE) & 1) != 0 ? 2 : 1;
}

/** An instruction that executes with PSTATE.IL set; PC is exact. */
export function illegalState(): void {
  takeException(defaultTarget(), VECTOR_SYNC, syndrome(EC_ILLEGAL_STATE, 0), 0, load<i64>(PC));
}

/** FP or AdvSIMD while FP_TRAP is set. */
export function fpTrap(): void {
  const el = load<i32>(PSTATE_EL);
  // A trap of CPACR_EL1 that TGE sends to EL2 looks like an undefined instruction there.
  if (fpTrappedByCpacr(el) && defaultTarget() == 2) return raise(2, EC_UNKNOWN, 0);
  raise(fpTrapTarget(el), EC_FP, 0x1e00000);
}

/**
 * A trapped MRS, MSR or system instruction: the syndrome is made of the instruction word.
 * ISS: Op0 21:20, Op2 19:17, Op1 16:14, CRn 13:10, Rt 9:5, CRm 4:1, read 0.
 */
export function trapSystemRegister(targetEl: i32): void {
  const word = currentWord();
  const op0 = (word >> 19) & 3;
  const op1 = (word >> 16) & 7;
  const crn = (word >> 12) & 15;
  const crm = (word >> 8) & 15;
  const op2 = (word >> 5) & 7;
  const rt = word & 31;
  const isRead = (word >> 21) & 1;
  raise(targetEl, EC_SYSREG, (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (rt << 5) | (crm << 1) | isRead);
}

/** A trap to EL1, or to EL2 while HCR_EL2.TGE is set. */
export function trapSystemRegisterToEl1(): void {
  trapSystemRegister(defaultTarget());
}

/**
 * SP is not a multiple of 16 in a load or store that uses it, with SCTLR.SA or SA0.
 * Deviation: instructions do not check it, so a guest with a misaligned SP goes on.
 */
export function spAlignmentFault(): void {
  raise(defaultTarget(), EC_SP_ALIGNMENT, 0);
}

/** SSAdvance(): an instruction whose exception returns behind it has been stepped. */
function advanceStep(): void {
  store<i32>(PSTATE_OTHER, load<i32>(PSTATE_OTHER) & ~PSTATE_SS_BIT);
}
