// The generic timer's registers. The timers themselves are devices/generic-timer.ts.
// DDI 0487, D12 "The Generic Timer".

import { COUNTER_FREQUENCY } from '../../devices/clock.ts';
import type { GenericTimer, Timer } from '../../devices/generic-timer.ts';
import { CNTHCTL_EL2, CNTKCTL_EL1, CNTVOFF_EL2 } from '../../memory/layout.ts';
import {
  bit,
  bits,
  el0Unless,
  type Fields,
  type RegisterContext,
  ro,
  systemRegister,
  type SystemRegisterRow,
  type Trap,
} from './define.ts';
import { countAsTime, frequency, offsetAsTime, timeLeft } from './words.ts';

const access = ['traps', 'may be accessed'] as const;
const eventStream: Fields = {
  EVNTEN: bit(2, 'Event stream', ['off', 'on']),
  EVNTDIR: bit(3, 'Events when the bit goes', ['from 0 to 1', 'from 1 to 0']),
  EVNTI: bits(7, 4, 'Bit of the count that makes events', (value) => `bit ${value}`),
};
const controlFields: Fields = {
  ENABLE: bit(0, 'Timer', ['off', 'on']),
  IMASK: bit(1, 'Interrupt', ['not masked', 'masked']),
  ISTATUS: ro(bit(2, 'The timer is due')),
};

/** CNTHCTL_EL2 (with E2H clear): a bit that is clear traps EL1 and EL0. */
const unlessEl2Allows = (bitName: string): Trap => ({
  control: `CNTHCTL_EL2.${bitName}`,
  value: 0,
  from: [0, 1],
  to: 2,
});

/** CTL, CVAL and TVAL of one timer. */
function timerRegisters(
  prefix: string,
  suffix: string,
  encoding: string,
  minEl: 0 | 2,
  traps: readonly Trap[],
  timerOf: (timer: GenericTimer) => Timer,
): SystemRegisterRow[] {
  const shared = { minEl, access: 'rw', storage: false, traps } as const;
  return [
    systemRegister(`${prefix}_TVAL_${suffix}`, {
      ...shared,
      encoding: `${encoding}_0`,
      doc: 'Ticks until the timer is due',
      whole: timeLeft,
      read: ({ timer }) => timerOf(timer).readTimerValue(),
      write: ({ timer }, low) => timerOf(timer).writeTimerValue(low),
    }),
    systemRegister(`${prefix}_CTL_${suffix}`, {
      ...shared,
      encoding: `${encoding}_1`,
      doc: 'Timer control',
      fields: controlFields,
      read: ({ timer }) => timerOf(timer).readControl(),
      write: ({ timer }, low) => timerOf(timer).writeControl(low),
    }),
    systemRegister(`${prefix}_CVAL_${suffix}`, {
      ...shared,
      encoding: `${encoding}_2`,
      doc: 'Count at which the timer is due',
      whole: countAsTime,
      read: ({ timer }) => timerOf(timer).compareLow,
      readHigh: ({ timer }) => timerOf(timer).compareHigh,
      write: ({ timer }, low, high) => timerOf(timer).writeCompare(low, high),
    }),
  ];
}

/** The frequency can be written at the highest EL only. */
const frequencyCheck = ({ el, features }: RegisterContext, isWrite: boolean) =>
  isWrite && el < (features.el2 ? 2 : 1) ? 'undefined' : 'ok';

export const timerRegistersTable: readonly SystemRegisterRow[] = [
  systemRegister('CNTFRQ_EL0', {
    encoding: 'S3_3_C14_C0_0',
    doc: 'Counter frequency in Hz, as the firmware wrote it',
    whole: frequency,
    minEl: 0,
    access: 'rw',
    reset: BigInt(COUNTER_FREQUENCY),
    traps: [el0Unless('CNTKCTL_EL1.EL0PCTEN', 'CNTKCTL_EL1.EL0VCTEN')],
    check: frequencyCheck,
  }),
  systemRegister('CNTPCT_EL0', {
    encoding: 'S3_3_C14_C0_1',
    doc: 'Physical count',
    whole: countAsTime,
    minEl: 0,
    access: 'ro',
    storage: false,
    traps: [el0Unless('CNTKCTL_EL1.EL0PCTEN'), unlessEl2Allows('EL1PCTEN')],
    read: ({ timer }) => timer.physicalCount() >>> 0,
    readHigh: ({ timer }) => Math.floor(timer.physicalCount() / 0x1_0000_0000),
  }),
  systemRegister('CNTVCT_EL0', {
    encoding: 'S3_3_C14_C0_2',
    doc: 'Virtual count',
    whole: countAsTime,
    minEl: 0,
    access: 'ro',
    storage: false,
    traps: [el0Unless('CNTKCTL_EL1.EL0VCTEN')],
    read: ({ timer }) => timer.virtualCountLow(),
    readHigh: ({ timer }) => timer.virtualCountHigh(),
  }),
  ...timerRegisters(
    'CNTP',
    'EL0',
    'S3_3_C14_C2',
    0,
    [el0Unless('CNTKCTL_EL1.EL0PTEN'), unlessEl2Allows('EL1PCEN')],
    ({ physical }) => physical,
  ),
  ...timerRegisters(
    'CNTV',
    'EL0',
    'S3_3_C14_C3',
    0,
    [el0Unless('CNTKCTL_EL1.EL0VTEN')],
    ({ virtual }) => virtual,
  ),
  ...timerRegisters('CNTHP', 'EL2', 'S3_4_C14_C2', 2, [], ({ hypervisor }) => hypervisor),
  systemRegister('CNTKCTL_EL1', {
    encoding: 'S3_0_C14_C1_0',
    doc: 'What EL0 may access of the timers',
    minEl: 1,
    access: 'rw',
    slot: CNTKCTL_EL1,
    partial: 'The event stream (EVNTEN) generates no events: WFE resumes anyway at the next slice.',
    fields: {
      EL0PCTEN: bit(0, 'Physical count at EL0', access),
      EL0VCTEN: bit(1, 'Virtual count at EL0', access),
      ...eventStream,
      EL0VTEN: bit(8, 'Virtual timer at EL0', access),
      EL0PTEN: bit(9, 'Physical timer at EL0', access),
    },
    write: (context, low) => {
      context.store(CNTKCTL_EL1, low & 0x3ff);
      context.accessChanged();
    },
  }),
  systemRegister('CNTHCTL_EL2', {
    encoding: 'S3_4_C14_C1_0',
    doc: 'What EL1 and EL0 may access of the physical timer',
    minEl: 2,
    access: 'rw',
    slot: CNTHCTL_EL2,
    reset: 3n,
    fields: {
      EL1PCTEN: bit(0, 'Physical count at EL1 and EL0', access),
      EL1PCEN: bit(1, 'Physical timer at EL1 and EL0', access),
      ...eventStream,
    },
    write: (context, low) => {
      context.store(CNTHCTL_EL2, low & 0xff);
      context.accessChanged();
    },
  }),
  systemRegister('CNTVOFF_EL2', {
    encoding: 'S3_4_C14_C0_3',
    doc: 'Offset of the virtual count',
    whole: offsetAsTime,
    minEl: 2,
    access: 'rw',
    slot: CNTVOFF_EL2,
    write: (context, low, high) => {
      context.store(CNTVOFF_EL2, low, high);
      context.timer.setVirtualOffset(low, high);
    },
  }),
];
