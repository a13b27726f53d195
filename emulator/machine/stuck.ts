// A guest that can make no progress of its own: its exception vector cannot be fetched, so that every
// exception it takes leads to the same one again. Under the embedded Xen, an abort of stage 2 says so
// itself; one of stage 1, and everything on a bare machine, shows in the registers.

import { hex } from '../base/address.ts';
import type { CpuState } from '../cpu/state.ts';
import * as layout from '../memory/layout.ts';

/** Instruction abort taken without a change of exception level. */
const EC_INSTRUCTION_ABORT_SAME_EL = 0x21n;
/** Synchronous exception, current level with its own SP. */
const VECTOR_SAME_EL = 0x200n;

const REGISTERS = [
  { el: 1, vbar: layout.VBAR_EL1, elr: layout.ELR_EL1, esr: layout.ESR_EL1 },
  { el: 2, vbar: layout.VBAR_EL2, elr: layout.ELR_EL2, esr: layout.ESR_EL2 },
] as const;

/**
 * Why the CPU repeats itself, or undefined. It stands at its vector, having just failed to fetch from
 * there; nothing but another CPU could change that.
 */
export function stuckReason(state: CpuState): string | undefined {
  const registers = REGISTERS[state.el - 1];
  if (!registers) return undefined;
  const vector = state.sysreg(registers.vbar) + VECTOR_SAME_EL;
  const { pc } = state;
  if (pc !== vector || state.sysreg(registers.elr) !== pc) return undefined;
  if (state.sysreg(registers.esr) >> 26n !== EC_INSTRUCTION_ABORT_SAME_EL) return undefined;
  return (
    `the exception vector of the guest at ${hex(pc)} (VBAR_EL${registers.el}) cannot be fetched: ` +
    `every exception it takes leads to the next one`
  );
}
