// Trapped MRS, MSR and SYS of a guest (exception class 0x18), by the table in sysreg-policy.ts.

import { hex } from '../../base/address.ts';
import type { HostCpu } from '../hypervisor/platform.ts';
import { ENCODING_MASK, type SysregRow, sysregName, trappedRegisters } from '../sysreg-policy.ts';
import type { PhysicalTimerRegister } from '../vtimer.ts';
import { guestPc, injectUndefined, isFromEl0, skipInstruction } from './guest-state.ts';

export interface SysregContext {
  readonly cpu: HostCpu;
  /** ACTLR_EL1 as it was at the vCPU's creation. */
  readonly actlr: bigint;
  /** False when EL0 may not: UNDEFINED. */
  physicalTimerAllowed(fromEl0: boolean): boolean;
  readPhysicalTimer(register: PhysicalTimerRegister): bigint;
  writePhysicalTimer(register: PhysicalTimerRegister, value: bigint): void;
  /** A write to ICC_SGI1R_EL1; false when the vGIC has none. */
  sendSgi(value: bigint): boolean;
  warn(key: string, message: string): void;
  /** To observers: the access was served. */
  accessed(name: string, isRead: boolean, rt: number, isUndefined: boolean): void;
}

const PMUSERENR = 'PMUSERENR_EL0';

export function handleSysreg(context: SysregContext, iss: number): void {
  const { cpu } = context;
  const row = trappedRegisters.get(iss & ENCODING_MASK);
  const isRead = (iss & 1) !== 0;
  const rt = (iss >>> 5) & 31;
  if (row === undefined) {
    const name = sysregName(iss);
    context.warn(
      `sysreg:${name}`,
      `${isRead ? 'read of' : 'write to'} ${name} at pc ${hex(guestPc(cpu))}: not emulated by Xen, UNDEFINED`,
    );
    context.accessed(name, isRead, rt, true);
    injectUndefined(cpu);
    return;
  }
  const value = access(context, row, isRead, rt);
  if (value === 'undefined') {
    context.accessed(row.name, isRead, rt, true);
    injectUndefined(cpu);
    return;
  }
  if (isRead && value !== undefined) cpu.setX(rt, value);
  context.accessed(row.name, isRead, rt, false);
  skipInstruction(cpu);
}

/** The value read, undefined for a write that is done, 'undefined' for an UNDEFINED access. */
function access(
  context: SysregContext,
  row: SysregRow,
  isRead: boolean,
  rt: number,
): bigint | 'undefined' | undefined {
  const { cpu } = context;
  const { rule } = row;
  const fromEl0 = isFromEl0(cpu);
  switch (rule.kind) {
    case 'read-only':
      if ((rule.minimumEl > 0 && fromEl0) || !isRead) return 'undefined';
      return rule.value ?? 0n;
    case 'write-ignored':
      return (rule.minimumEl > 0 && fromEl0) || isRead ? 'undefined' : undefined;
    case 'raz-wi':
      if (rule.minimumEl > 0 && fromEl0) return 'undefined';
      if (row.name === PMUSERENR && fromEl0 && !isRead) return 'undefined';
      return isRead ? 0n : undefined;
    case 'id':
      if (fromEl0 || !isRead) return 'undefined';
      return cpu.idRegister(rule.crm, rule.op2) & ~rule.hidden;
    case 'actlr':
      if (fromEl0) return 'undefined';
      return isRead ? context.actlr : undefined;
    case 'set-way':
      return undefined;
    case 'physical-timer':
      if (!context.physicalTimerAllowed(fromEl0)) return 'undefined';
      if (isRead) return context.readPhysicalTimer(rule.register);
      context.writePhysicalTimer(rule.register, cpu.x(rt));
      return undefined;
    case 'sgi':
      if (isRead || !context.sendSgi(cpu.x(rt))) return 'undefined';
      return undefined;
  }
}
