// Performance monitors (PMUv3). DDI 0487, D17.5. Cycles are nanoseconds of virtual time, and so
// is every event that counts them. No overflow interrupt.

import {
  bit,
  bits,
  el0Unless,
  type Fields,
  numbered,
  type RegisterContext,
  systemRegister,
  type SystemRegisterRow,
  type Trap,
  trapBelowEl2,
} from './define.ts';
import { coreIdentities } from '../features.ts';
import { numberedBits, plainCount } from './words.ts';

const COUNTERS = 6;
const CYCLE_COUNTER = 31;
const ALL = 0x8000_0000 | ((1 << COUNTERS) - 1);
const EVENT_SOFTWARE = 0x00;
const EVENT_CYCLES = 0x11;
const TWO_32 = 0x1_0000_0000;

/** One bit for each counter. */
const counterBits = (what: string, values?: readonly [string, string]): Fields => ({
  C: bit(CYCLE_COUNTER, `Cycle counter: ${what}`, values),
  ...numberedBits('P', COUNTERS, (n) => `Event counter ${n}: ${what}`, values),
});
const EVENT_NAMES: Readonly<Record<number, string>> = {
  [EVENT_SOFTWARE]: 'SW_INCR: software increment',
  [EVENT_CYCLES]: 'CPU_CYCLES: cycles',
};
const eventWords = (value: bigint): string => EVENT_NAMES[Number(value)] ?? 'not counted here';
const filter: Fields = {
  P: bit(31, 'EL1 is not counted: no effect'),
  U: bit(30, 'EL0 is not counted: no effect'),
  NSK: bit(29, 'Non-secure EL1 is as P when equal'),
  NSU: bit(28, 'Non-secure EL0 is as U when equal'),
  NSH: bit(27, 'EL2 is counted: no effect'),
  M: bit(26, 'Secure EL3 is as P when equal'),
};
const eventType: Fields = {
  ...filter,
  MT: bit(25, 'Other threads of the core count too'),
  evtCount: bits(15, 0, 'Event', eventWords),
};

const trapAll = trapBelowEl2('MDCR_EL2.TPM');
const traps: readonly Trap[] = [el0Unless('PMUSERENR_EL0.EN'), trapAll];
const orEither = (bitName: string): readonly Trap[] => [
  el0Unless('PMUSERENR_EL0.EN', `PMUSERENR_EL0.${bitName}`),
  trapAll,
];

// A counter is kept as the value it had at a time (STARTn), in slots of its own; while it counts,
// what has passed since is added.

function counts(context: RegisterContext, counter: number): boolean {
  const on = (context.low('PMCR_EL0') & 1) !== 0 && ((context.low('PMCNTENSET_EL0') >>> counter) & 1) !== 0;
  if (!on || counter === CYCLE_COUNTER) return on;
  return (context.low(`PMEVTYPER${counter}_EL0`) & 0xffff) === EVENT_CYCLES;
}

const storageOf = (counter: number): string =>
  counter === CYCLE_COUNTER ? 'PMCCNTR_EL0' : `PMEVCNTR${counter}_EL0`;
const startOf = (counter: number): string => `start of ${storageOf(counter)}`;

function valueOf(context: RegisterContext, counter: number): { low: number; high: number } {
  const storage = storageOf(counter);
  const low = context.low(storage);
  const high = context.high(storage);
  if (!counts(context, counter)) return { low, high };
  const since = context.high(startOf(counter)) * TWO_32 + context.low(startOf(counter));
  const sum = low + (context.now() - since);
  return { low: sum >>> 0, high: (high + Math.floor(sum / TWO_32)) >>> 0 };
}

function setCounter(context: RegisterContext, counter: number, low: number, high: number): void {
  const now = context.now();
  context.store(storageOf(counter), low >>> 0, counter === CYCLE_COUNTER ? high >>> 0 : 0);
  context.store(startOf(counter), now >>> 0, Math.floor(now / TWO_32));
}

/** Changes what counts; the counters go on from the values they have now. */
function reconfigure(context: RegisterContext, change: () => void): void {
  const all = [CYCLE_COUNTER, ...Array.from({ length: COUNTERS }, (_, n) => n)];
  const values = all.map((counter) => valueOf(context, counter));
  change();
  all.forEach((counter, i) => setCounter(context, counter, values[i]?.low ?? 0, values[i]?.high ?? 0));
}

const selected = (context: RegisterContext): number => context.low('PMSELR_EL0') & 0x1f;

/** A set register and its clear register: one storage, two encodings. */
function setAndClear(
  set: string,
  clear: string,
  setEncoding: string,
  clearEncoding: string,
  minEl: 0 | 1,
  doc: string,
  fields: Fields,
): SystemRegisterRow[] {
  const shared = { minEl, access: 'rw', traps: minEl === 0 ? traps : [trapAll], fields } as const;
  const change = (context: RegisterContext, value: number): void =>
    reconfigure(context, () => context.store(set, (value & ALL) >>> 0));
  return [
    systemRegister(set, {
      ...shared,
      encoding: setEncoding,
      doc: `${doc}, set`,
      write: (context, low) => change(context, context.low(set) | low),
    }),
    systemRegister(clear, {
      ...shared,
      encoding: clearEncoding,
      doc: `${doc}, clear`,
      storage: false,
      read: (context) => context.low(set),
      write: (context, low) => change(context, context.low(set) & ~low),
    }),
  ];
}

function counterRow(n: number): SystemRegisterRow {
  return systemRegister(`PMEVCNTR${n}_EL0`, {
    encoding: `S3_3_C14_C${8 + (n >> 3)}_${n & 7}`,
    doc: 'Event counter',
    whole: plainCount,
    minEl: 0,
    access: 'rw',
    traps: orEither('ER'),
    read: (context) => valueOf(context, n).low,
    write: (context, low) => setCounter(context, n, low, 0),
  });
}

function typeRow(n: number): SystemRegisterRow {
  return systemRegister(`PMEVTYPER${n}_EL0`, {
    encoding: `S3_3_C14_C${12 + (n >> 3)}_${n & 7}`,
    doc: 'Event of a counter',
    fields: eventType,
    minEl: 0,
    access: 'rw',
    traps,
    write: (context, low) =>
      reconfigure(context, () => context.store(`PMEVTYPER${n}_EL0`, (low & 0xfe00_ffff) >>> 0)),
  });
}

function startRow(counter: number): SystemRegisterRow {
  return systemRegister(startOf(counter), {
    encoding: '',
    doc: 'When the counter had its stored value',
    whole: plainCount,
    minEl: 2,
    access: 'ro',
  });
}

export const performanceMonitorRegisters: readonly SystemRegisterRow[] = [
  systemRegister('PMCR_EL0', {
    encoding: 'S3_3_C9_C12_0',
    doc: 'Control',
    minEl: 0,
    access: 'rw',
    traps: [...traps, trapBelowEl2('MDCR_EL2.TPMCR')],
    reset: (features) => coreIdentities[features.model].pmcr,
    fields: {
      IMP: bits(31, 24, 'Implementer', { 0: 'see MIDR_EL1', 0x41: 'Arm' }),
      IDCODE: bits(23, 16, 'Identification code'),
      N: bits(15, 11, 'Event counters', (value) => `${value} counters`),
      LC: bit(6, 'The cycle counter overflows at', ['32 bits', '64 bits']),
      DP: bit(5, 'No counting where it is prohibited: no effect'),
      X: bit(4, 'Export of events: no effect'),
      D: bit(3, 'The cycle counter counts', ['every cycle', 'every 64th cycle: no effect']),
      C: bit(2, 'Resets the cycle counter: reads as zero'),
      P: bit(1, 'Resets the event counters: reads as zero'),
      E: bit(0, 'Counters', ['off', 'on']),
    },
    write: (context, low) => {
      reconfigure(context, () =>
        context.store('PMCR_EL0', ((context.low('PMCR_EL0') & ~0x79) | (low & 0x79)) >>> 0),
      );
      if ((low & 2) !== 0) for (let n = 0; n < COUNTERS; n++) setCounter(context, n, 0, 0);
      if ((low & 4) !== 0) setCounter(context, CYCLE_COUNTER, 0, 0);
    },
  }),
  ...setAndClear(
    'PMCNTENSET_EL0',
    'PMCNTENCLR_EL0',
    'S3_3_C9_C12_1',
    'S3_3_C9_C12_2',
    0,
    'Counters that count',
    counterBits('counts', ['off', 'on']),
  ),
  ...setAndClear(
    'PMINTENSET_EL1',
    'PMINTENCLR_EL1',
    'S3_0_C9_C14_1',
    'S3_0_C9_C14_2',
    1,
    'Overflow interrupts',
    counterBits('interrupt on overflow', ['off', 'on']),
  ),
  ...setAndClear(
    'PMOVSSET_EL0',
    'PMOVSCLR_EL0',
    'S3_3_C9_C14_3',
    'S3_3_C9_C12_3',
    0,
    'Overflows',
    counterBits('overflowed'),
  ),
  systemRegister('PMSWINC_EL0', {
    encoding: 'S3_3_C9_C12_4',
    doc: 'Software increment',
    fields: numberedBits('P', COUNTERS, (n) => `Event counter ${n} counts one`),
    minEl: 0,
    access: 'wo',
    storage: false,
    traps: orEither('SW'),
    write: (context, low) => {
      for (let n = 0; n < COUNTERS; n++) {
        const event = context.low(`PMEVTYPER${n}_EL0`) & 0xffff;
        const on = (context.low('PMCR_EL0') & 1) !== 0 && ((context.low('PMCNTENSET_EL0') >>> n) & 1) !== 0;
        if (((low >>> n) & 1) !== 0 && on && event === EVENT_SOFTWARE)
          setCounter(context, n, valueOf(context, n).low + 1, 0);
      }
    },
  }),
  systemRegister('PMSELR_EL0', {
    encoding: 'S3_3_C9_C12_5',
    doc: 'Counter selection',
    fields: {
      SEL: bits(4, 0, 'Counter that PMXEVTYPER_EL0 and PMXEVCNTR_EL0 access', (value) =>
        value === 31n ? 'cycle counter' : `event counter ${value}`,
      ),
    },
    minEl: 0,
    access: 'rw',
    traps: orEither('ER'),
    writable: 0x1fn,
  }),
  systemRegister('PMCEID0_EL0', {
    encoding: 'S3_3_C9_C12_6',
    doc: 'Events that can be counted: software increments and cycles',
    fields: {
      SW_INCR: bit(EVENT_SOFTWARE, 'Software increments can be counted'),
      CPU_CYCLES: bit(EVENT_CYCLES, 'Cycles can be counted'),
    },
    minEl: 0,
    access: 'ro',
    traps,
    reset: 0x2_0001n,
  }),
  systemRegister('PMCEID1_EL0', {
    encoding: 'S3_3_C9_C12_7',
    doc: 'More events: none',
    fields: { ID: bits(31, 0, 'Events 0x20 to 0x3f', { 0: 'none' }) },
    minEl: 0,
    access: 'ro',
    traps,
  }),
  systemRegister('PMCCNTR_EL0', {
    encoding: 'S3_3_C9_C13_0',
    doc: 'Cycles',
    whole: plainCount,
    minEl: 0,
    access: 'rw',
    traps: orEither('CR'),
    read: (context) => valueOf(context, CYCLE_COUNTER).low,
    readHigh: (context) => valueOf(context, CYCLE_COUNTER).high,
    write: (context, low, high) => setCounter(context, CYCLE_COUNTER, low, high),
  }),
  systemRegister('PMXEVTYPER_EL0', {
    encoding: 'S3_3_C9_C13_1',
    doc: 'Event of the selected counter',
    fields: eventType,
    minEl: 0,
    access: 'rw',
    storage: false,
    traps,
    read: (context) => context.low(typeName(selected(context))),
    write: (context, low) => {
      const name = typeName(selected(context));
      reconfigure(context, () => context.store(name, (low & 0xfe00_ffff) >>> 0));
    },
  }),
  systemRegister('PMXEVCNTR_EL0', {
    encoding: 'S3_3_C9_C13_2',
    doc: 'The selected counter',
    whole: plainCount,
    minEl: 0,
    access: 'rw',
    storage: false,
    traps: orEither('ER'),
    read: (context) => (selected(context) < COUNTERS ? valueOf(context, selected(context)).low : 0),
    write: (context, low) => {
      if (selected(context) < COUNTERS) setCounter(context, selected(context), low, 0);
    },
  }),
  systemRegister('PMUSERENR_EL0', {
    encoding: 'S3_3_C9_C14_0',
    doc: 'What EL0 may access',
    minEl: 0,
    access: 'rw',
    traps: [trapAll],
    fields: {
      EN: bit(0, 'EL0 may access everything'),
      SW: bit(1, 'EL0 may increment counters'),
      CR: bit(2, 'EL0 may read the cycle counter'),
      ER: bit(3, 'EL0 may read event counters'),
    },
    check: ({ el }, isWrite) => (el === 0 && isWrite ? 'undefined' : 'ok'),
    write: (context, low) => {
      context.store('PMUSERENR_EL0', low & 0xf);
      context.accessChanged();
    },
  }),
  systemRegister('PMCCFILTR_EL0', {
    encoding: 'S3_3_C14_C15_7',
    doc: 'Cycle counter filter: stored',
    fields: filter,
    minEl: 0,
    access: 'rw',
    traps,
    writable: 0xfc00_0000n,
  }),
  ...numbered(COUNTERS, counterRow),
  ...numbered(COUNTERS, typeRow),
  ...numbered(COUNTERS, startRow),
  startRow(CYCLE_COUNTER),
];

function typeName(counter: number): string {
  return counter < COUNTERS ? `PMEVTYPER${counter}_EL0` : 'PMCCFILTR_EL0';
}
