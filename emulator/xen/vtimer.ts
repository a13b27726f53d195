// The timers of a vCPU (xen/arch/arm/vtimer.c, time.c). The virtual timer is the CPU's own: when it
// fires, Xen sets its IMASK and injects the PPI; the guest rewrites CTL when it sets the next
// deadline. The physical timer does not exist for a guest: its registers trap and are emulated
// here. Its counter is the raw CNTPCT_EL0.

import {
  CTL_ENABLE,
  CTL_IMASK,
  CTL_ISTATUS,
  PHYSICAL_TIMER_INTID,
  type Timer,
  VIRTUAL_TIMER_INTID,
} from '../devices/generic-timer.ts';
import { CNTKCTL_EL1 } from '../memory/layout.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vgic } from './vgic/vgic.ts';

const CNTKCTL_EL0PTEN = 1n << 9n;

export type PhysicalTimerRegister = 'CTL' | 'TVAL' | 'CVAL';

/** PPI 27 of a physical CPU: the virtual timer of the vCPU that is resident there fired. */
export function virtualTimerFired(vcpu: Vcpu, vgic: Vgic, timer: Timer): void {
  timer.writeControl(timer.readControl() | CTL_IMASK);
  vgic.injectPrivate(vcpu.id, VIRTUAL_TIMER_INTID);
}

/** EL0 reaches the physical timer only while the kernel allows it; otherwise it is UNDEFINED. */
export const physicalTimerAllowed = (vcpu: Vcpu, fromEl0: boolean): boolean =>
  !fromEl0 || (vcpu.cpu.sysreg(CNTKCTL_EL1) & CNTKCTL_EL0PTEN) !== 0n;

export function readPhysicalTimer(vcpu: Vcpu, register: PhysicalTimerRegister, now: bigint): bigint {
  const timer = vcpu.physicalTimer;
  switch (register) {
    case 'CTL':
      return BigInt(timer.control);
    case 'CVAL':
      return timer.compare;
    case 'TVAL':
      return BigInt.asUintN(32, timer.compare - now);
  }
}

/** The caller then sets the hypervisor's timer anew: see physicalTimerDeadline(). */
export function writePhysicalTimer(
  vcpu: Vcpu,
  register: PhysicalTimerRegister,
  value: bigint,
  now: bigint,
): void {
  const timer = vcpu.physicalTimer;
  switch (register) {
    case 'CTL': {
      // Deviation: Xen leaves ISTATUS set here until its timer, set anew by every write of an
      // enabled CTL, has fired again, at once if the time is past. Here it is clear in between.
      timer.control = Number(value & 3n);
      return;
    }
    case 'CVAL':
      timer.compare = BigInt.asUintN(64, value);
      break;
    case 'TVAL':
      timer.compare = BigInt.asUintN(64, now + BigInt.asIntN(32, value));
      break;
  }
  if ((timer.control & CTL_ENABLE) !== 0) timer.control &= ~CTL_ISTATUS;
}

/** The count at which the physical timer fires next; undefined when it is off or has fired. */
export function physicalTimerDeadline(vcpu: Vcpu): bigint | undefined {
  const { control, compare } = vcpu.physicalTimer;
  return (control & (CTL_ENABLE | CTL_ISTATUS)) === CTL_ENABLE ? compare : undefined;
}

/** Fires the physical timer if its time has come. */
export function expirePhysicalTimer(vcpu: Vcpu, vgic: Vgic, now: bigint): void {
  const deadline = physicalTimerDeadline(vcpu);
  if (deadline === undefined || deadline > now) return;
  const timer = vcpu.physicalTimer;
  timer.control |= CTL_ISTATUS;
  if ((timer.control & CTL_IMASK) === 0) vgic.injectPrivate(vcpu.id, PHYSICAL_TIMER_INTID);
}
