// The last part of an interrupt's way: whether the processor takes what its interrupt controller signals. The
// conditions are those of cpu/interrupts.as.ts (DDI 0487, "Asynchronous exception types, routing, masking and
// priorities").

import { hex } from '../../../base/address.ts';
import type { Machine } from '../../../machine/machine.ts';
import * as layout from '../../../memory/layout.ts';
import type { Obstacle } from './gic-view.ts';

export interface Processor {
  /** `vCPU 0`, or `CPU 0` on a bare machine. */
  readonly label: string;
  /** As `label`, in `vcpu` of views. */
  readonly vcpu: number;
  readonly cpu: number;
  readonly el: number;
  readonly pc: bigint;
  readonly maskedIrq: boolean;
  readonly maskedFiq: boolean;
  /** HCR_EL2; 0 without EL2. */
  readonly hcr: bigint;
  /** What the CPU does, for people. */
  readonly state: string;
  /** Why its hypervisor does not let it run at all: a sentence; undefined when it does. */
  readonly stands: string | undefined;
}

export interface Verdict {
  readonly obstacle: Obstacle;
  readonly why: string;
}

const MASK_I = 0x80;
const MASK_F = 0x40;
const HCR_FMO = 1n << 3n;
const HCR_IMO = 1n << 4n;
const HCR_TGE = 1n << 27n;

export function processorOf(
  machine: Machine,
  cpu: number,
  {
    label,
    vcpu,
    state,
    stands,
  }: { label: string; vcpu: number; state?: string; stands?: string | undefined },
): Processor {
  const registers = machine.cpus[cpu]!;
  const daif = registers.read32(layout.PSTATE_DAIF);
  const hasEl2 = (registers.read32(layout.FEATURES) & layout.FEATURE_EL2) !== 0;
  const machineState = machine.stateOf(cpu);
  return {
    label,
    vcpu,
    cpu,
    el: registers.el,
    pc: registers.pc,
    maskedIrq: (daif & MASK_I) !== 0,
    maskedFiq: (daif & MASK_F) !== 0,
    hcr: hasEl2 ? registers.sysreg(layout.HCR_EL2) : 0n,
    state: state ?? machineState,
    stands: stands ?? (machineState === 'off' ? `${label} is off` : undefined),
  };
}

/** Does the processor take an interrupt of the physical CPU interface? */
export function physicalVerdict(processor: Processor, isFiq: boolean): Verdict {
  const { label, el, hcr } = processor;
  const [signal, route, masked] = isFiq
    ? (['FIQ', 'FMO', processor.maskedFiq] as const)
    : (['IRQ', 'IMO', processor.maskedIrq] as const);
  if (processor.stands !== undefined) return notRunning(processor);
  const target = (hcr & (HCR_TGE | (isFiq ? HCR_FMO : HCR_IMO))) === 0n ? 1 : 2;
  if (el > target) {
    return {
      obstacle: 'not routed',
      why: `HCR_EL2.${route} is 0: ${signal}s go to EL1, and ${label} executes at EL2.`,
    };
  }
  if (masked && !(target === 2 && el < 2)) return maskedVerdict(processor, isFiq);
  return taken(processor, target === 2 && el < 2 ? ', by the hypervisor at EL2' : '');
}

/** Does the processor take an interrupt of the virtual CPU interface? */
export function virtualVerdict(processor: Processor, isFiq: boolean): Verdict {
  const { label, el, hcr } = processor;
  const [signal, route, bit, masked] = isFiq
    ? (['FIQ', 'FMO', HCR_FMO, processor.maskedFiq] as const)
    : (['IRQ', 'IMO', HCR_IMO, processor.maskedIrq] as const);
  if ((hcr & bit) === 0n) {
    return { obstacle: 'not routed', why: `HCR_EL2.${route} is 0: virtual ${signal}s are not taken.` };
  }
  if ((hcr & HCR_TGE) !== 0n) {
    return { obstacle: 'not routed', why: `HCR_EL2.TGE is 1: virtual ${signal}s are not taken.` };
  }
  if (el === 2) {
    return {
      obstacle: 'not routed',
      why: `${label} executes at EL2: virtual ${signal}s are taken at EL1 and EL0 only.`,
    };
  }
  if (masked) return maskedVerdict(processor, isFiq);
  return taken(processor, '');
}

export const notRunning = ({ stands }: Processor): Verdict => ({
  obstacle: 'not running',
  why: `${stands ?? ''}.`,
});

function maskedVerdict({ label, pc, el }: Processor, isFiq: boolean): Verdict {
  const flag = isFiq ? 'F' : 'I';
  return {
    obstacle: 'masked',
    why: `PSTATE.${flag} is 1: ${label} masks ${isFiq ? 'FIQs' : 'IRQs'} at PC ${hex(pc)} (EL${el}).`,
  };
}

function taken({ label, state }: Processor, where: string): Verdict {
  const waits = state === 'wfi' || state === 'wfe' || state === 'blocked';
  return {
    obstacle: 'none',
    why: waits
      ? `It wakes ${label}, which waits, and is taken at the next instruction${where}.`
      : `It will be taken at the next instruction of ${label}${where}.`,
  };
}
