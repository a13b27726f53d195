// The interrupted guest as EL2 software sees it in the registers of the exception, and the
// exceptions that Xen puts into a guest (xen/arch/arm/traps.c, inject_*64_exception()).

import { ELR_EL1, ELR_EL2, ESR_EL1, FAR_EL1, SPSR_EL1, SPSR_EL2, VBAR_EL1 } from '../../memory/layout.ts';
import type { HostCpu } from '../hypervisor/platform.ts';

const SPSR_MODE_MASK = 0xfn;
const SPSR_AARCH32 = 1n << 4n;
/** EL1h with D, A, I and F masked. */
const PSTATE_HANDLER = 0x3c5n;

const VECTOR_CURRENT_SPX = 0x200n;
const VECTOR_LOWER_AARCH64 = 0x400n;
const VECTOR_LOWER_AARCH32 = 0x600n;

const EC_UNKNOWN = 0x00n;
const EC_INSTRUCTION_ABORT_LOWER = 0x20n;
const EC_INSTRUCTION_ABORT_CURRENT = 0x21n;
const EC_DATA_ABORT_LOWER = 0x24n;
const EC_DATA_ABORT_CURRENT = 0x25n;
const EC_SHIFT = 26n;
const TWO_32 = 2 ** 32;
/** ESR_ELx.IL: a 32-bit instruction. */
export const ESR_IL = 1n << 25n;

export const isFromEl0 = (cpu: HostCpu): boolean => {
  const spsr = cpu.sysreg(SPSR_EL2);
  return (
    (spsr & (SPSR_AARCH32 | SPSR_MODE_MASK)) === 0n ||
    (spsr & (SPSR_AARCH32 | SPSR_MODE_MASK)) === SPSR_AARCH32
  );
};

export const guestPc = (cpu: HostCpu): bigint => cpu.sysreg(ELR_EL2);

/** The guest goes on after the 32-bit instruction that trapped. */
export function skipInstruction(cpu: HostCpu): void {
  const low = cpu.sysregLow(ELR_EL2) + 4;
  const carry = low < TWO_32 ? 0 : 1;
  cpu.setSysregHalves(ELR_EL2, low, cpu.sysregHigh(ELR_EL2) + carry);
}

/** An UNDEFINED instruction: EC 0, at the PC where the guest stands. */
export function injectUndefined(cpu: HostCpu): void {
  enterHandler(cpu, (EC_UNKNOWN << EC_SHIFT) | ESR_IL);
}

/**
 * An abort with an empty ISS: DFSC 0 and WnR 0, which Linux prints as a level 0 address size fault.
 * Xen 4.17 says no more about it.
 */
export function injectAbort(cpu: HostCpu, kind: 'data' | 'instruction', address: bigint, il: bigint): void {
  const lower = isFromEl0(cpu);
  const ec =
    kind === 'data'
      ? lower
        ? EC_DATA_ABORT_LOWER
        : EC_DATA_ABORT_CURRENT
      : lower
        ? EC_INSTRUCTION_ABORT_LOWER
        : EC_INSTRUCTION_ABORT_CURRENT;
  cpu.setSysreg(FAR_EL1, address);
  enterHandler(cpu, (ec << EC_SHIFT) | il);
}

function enterHandler(cpu: HostCpu, esr: bigint): void {
  const spsr = cpu.sysreg(SPSR_EL2);
  const offset = !isFromEl0(cpu)
    ? VECTOR_CURRENT_SPX
    : (spsr & SPSR_AARCH32) !== 0n
      ? VECTOR_LOWER_AARCH32
      : VECTOR_LOWER_AARCH64;
  cpu.setSysreg(ESR_EL1, esr);
  cpu.setSysreg(SPSR_EL1, spsr);
  cpu.setSysreg(ELR_EL1, cpu.sysreg(ELR_EL2));
  cpu.setSysreg(SPSR_EL2, PSTATE_HANDLER);
  cpu.setSysreg(ELR_EL2, BigInt.asUintN(64, cpu.sysreg(VBAR_EL1) + offset));
}
