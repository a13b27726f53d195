// The GICv3's system registers: the rows of devices/gic-v3 as rows of this table. Who may access
// one is decided there, at each access, since ICH_HCR_EL2 and HCR_EL2 redirect and trap.

import { GIC_ACCESS_OK, GIC_ACCESS_TRAP_EL2 } from '../../devices/gic-v3/cpu-interface.ts';
import { type GicSystemRegister, gicSystemRegisters } from '../../devices/gic-v3/system-registers.ts';
import { HCR_EL2 } from '../../memory/layout.ts';
import { interruptControllerDescription } from './interrupt-controller-fields.ts';
import { type AccessResult, type RegisterContext, systemRegister, type SystemRegisterRow } from './define.ts';

const hcrOf = (context: RegisterContext): number => (context.features.el2 ? context.low(HCR_EL2) : 0);

function check(register: GicSystemRegister, context: RegisterContext, isWrite: boolean): AccessResult {
  const { gic } = context;
  if (gic === undefined) return 'undefined';
  const answer = gic.check(register, isWrite, context.el, hcrOf(context));
  if (answer === GIC_ACCESS_OK) return 'ok';
  return answer === GIC_ACCESS_TRAP_EL2 ? 'trap-to-el2' : 'undefined';
}

export const interruptControllerRegisters: readonly SystemRegisterRow[] = gicSystemRegisters.map(
  (register) => {
    const readable = register.read !== undefined;
    const writable = register.write !== undefined;
    return systemRegister(register.name, {
      encoding: register.encoding,
      doc: register.doc,
      minEl: register.group === 'hypervisor' ? 2 : 1,
      access: readable && writable ? 'rw' : readable ? 'ro' : writable ? 'wo' : 'rw',
      storage: false,
      ...interruptControllerDescription(register.name),
      implemented: ({ gicV3 }) => gicV3 && register.status !== 'undefined',
      check: (context, isWrite) => check(register, context, isWrite),
      read: (context) => context.gic?.read(register, context.el, hcrOf(context)) ?? 0,
      readHigh: (context) => context.gic?.readHigh(register) ?? 0,
      write: (context, low, high) => context.gic?.write(register, low, high, context.el, hcrOf(context)),
      peek: (context) => context.gic?.peek(register, context.el, hcrOf(context)) ?? 0,
    });
  },
);
