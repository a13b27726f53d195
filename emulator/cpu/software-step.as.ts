// Software step of a guest's own debugger: MDSCR_EL1.SS. DDI 0487, "Software Step exceptions".

import {
  ATTENTION,
  ATTENTION_STEP,
  BUDGET,
  BUDGET_HELD,
  MDSCR_EL1,
  PC,
  PSTATE_DAIF,
  PSTATE_EL,
  PSTATE_OTHER,
  PSTATE_SS_BIT,
} from '../memory/layout';
import { EC_SOFTWARE_STEP, VECTOR_SYNC, debugTarget, syndrome, takeException } from './exceptions.as';

const MDSCR_SS: i64 = 1;
const MDSCR_KDE: i64 = 1 << 13;

/** Whether software step exceptions are enabled at the current EL. AArch64.GenerateDebugExceptions(). */
export function stepEnabled(): bool {
  const mdscr = load<i64>(MDSCR_EL1);
  if ((mdscr & MDSCR_SS) == 0) return false;
  const el = load<i32>(PSTATE_EL);
  const target = debugTarget();
  if (el > target) return false;
  if (el < target) return true;
  // At the EL that takes them, the kernel asks for them with KDE and unmasks D.
  return (mdscr & MDSCR_KDE) != 0 && (load<i32>(PSTATE_DAIF) & 0x200) == 0;
}

/** The one instruction that armStep() let through is done: PSTATE.SS is used up. */
export function stepDone(): void {
  const attention = load<i32>(ATTENTION);
  if ((attention & ATTENTION_STEP) == 0) return;
  store<i32>(ATTENTION, attention & ~ATTENTION_STEP);
  store<i32>(PSTATE_OTHER, load<i32>(PSTATE_OTHER) & ~PSTATE_SS_BIT);
}

/** Takes the step exception when software step is enabled and PSTATE.SS is used up. Answers 1 when it did. */
export function serviceStep(): i32 {
  if (!stepEnabled()) return 0;
  if ((load<i32>(PSTATE_OTHER) & PSTATE_SS_BIT) == 0) {
    const target = debugTarget();
    // ISV, and EX clear: whether a load-exclusive was stepped is not tracked.
    const sameLevel = load<i32>(PSTATE_EL) == target ? 1 : 0;
    takeException(
      target,
      VECTOR_SYNC,
      syndrome(EC_SOFTWARE_STEP + sameLevel, (1 << 24) | 0x22),
      0,
      load<i64>(PC),
    );
    return 1;
  }
  return 0;
}

/** Before the loop goes on: when an instruction is to be stepped, sets all but one of the budget aside. */
export function armStep(): void {
  if (!stepEnabled() || (load<i32>(PSTATE_OTHER) & PSTATE_SS_BIT) == 0) return;
  const budget = load<i32>(BUDGET) + load<i32>(BUDGET_HELD);
  if (budget <= 0) return;
  store<i32>(BUDGET, 1);
  store<i32>(BUDGET_HELD, budget - 1);
  store<i32>(ATTENTION, load<i32>(ATTENTION) | ATTENTION_STEP);
}
