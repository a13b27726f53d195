// Exceptions of a guest by their class, as a debugger groups them. DDI 0487, ESR_EL1.EC.

import { EVENT_FIQ, EVENT_IRQ, EVENT_SERROR } from '../../memory/layout.ts';

export interface ExceptionKind {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  /** ESR_EL1.EC, or EVENT_*. */
  readonly classes: readonly number[];
}

export const exceptionKinds: readonly ExceptionKind[] = [
  {
    id: 'undefined',
    label: 'Undefined instruction',
    description: 'A guest executes what is UNDEFINED.',
    classes: [0x00],
  },
  {
    id: 'fp',
    label: 'Trapped FP or AdvSIMD',
    description: 'A guest uses floating point that its kernel traps.',
    classes: [0x07],
  },
  {
    id: 'illegal-state',
    label: 'Illegal execution state',
    description: 'A guest executes with PSTATE.IL set.',
    classes: [0x0e],
  },
  { id: 'svc', label: 'SVC', description: 'A guest makes a supervisor call.', classes: [0x15] },
  {
    id: 'sysreg',
    label: 'Trapped system register',
    description: 'A program accesses a system register that its kernel traps.',
    classes: [0x18],
  },
  {
    id: 'instruction-abort',
    label: 'Instruction abort',
    description: 'A fetch is refused by stage 1, or by the hypervisor.',
    classes: [0x20, 0x21],
  },
  {
    id: 'data-abort',
    label: 'Data abort',
    description: 'An access is refused by stage 1, or by the hypervisor.',
    classes: [0x24, 0x25],
  },
  {
    id: 'alignment',
    label: 'PC or SP alignment',
    description: 'PC or SP is not aligned.',
    classes: [0x22, 0x26],
  },
  { id: 'step', label: 'Software step', description: "A guest's own debugger steps.", classes: [0x32, 0x33] },
  {
    id: 'brk',
    label: 'BRK',
    description: 'A guest executes BRK: BUG(), WARN() or its own debugger.',
    classes: [0x3c],
  },
  {
    id: 'irq',
    label: 'IRQ',
    description: 'A guest takes an interrupt: PC is at the vector.',
    classes: [EVENT_IRQ],
  },
  {
    id: 'fiq',
    label: 'FIQ',
    description: 'A guest takes an FIQ: PC is at the vector.',
    classes: [EVENT_FIQ],
  },
  { id: 'serror', label: 'SError', description: 'A guest takes an SError.', classes: [EVENT_SERROR] },
];
