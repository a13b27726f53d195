// Events of CPUs: timers, tasks, translation tables, TLBs, caches, system registers. They are told of with a hypervisor
// and without one. DDI 0487, C5 "The A64 System Instruction Class".

import { registerGroups } from '../../cpu/sysregs/lookup.ts';
import { systemInstructions } from '../../cpu/sysregs/system-instructions.ts';
import { bare, DOM, type EventRow, number, PC, row, text, VCPU } from './event-row.ts';

/** Registers that hold the root of translation tables. */
export const ROOTS = ['TTBR0_EL1', 'TTBR1_EL1', 'TTBR0_EL2', 'VTTBR_EL2'] as const;

/** An instruction of a kind, and its event: `TLBI VAE1IS` is `tlbi.VAE1IS`. */
const instructionsOf = (kind: RegExp): readonly { readonly name: string; readonly doc: string }[] =>
  systemInstructions.filter(({ name }) => kind.test(name));

export const TLB_INSTRUCTIONS = instructionsOf(/^TLBI /);
/** DC ZVA zeroes memory and maintains nothing. */
export const CACHE_INSTRUCTIONS = instructionsOf(/^(?:IC|DC) (?!ZVA)/);
export const tlbEvent = (instruction: string): string => instruction.replace('TLBI ', 'tlbi.');
export const cacheEvent = (instruction: string): string => `cache.${instruction.replace(' ', '_')}`;

export const TIMERS = ['virtual', 'physical', 'hypervisor'] as const;

const TIMER = [
  text('timer', 'virtual (CNTV), physical (CNTP) or hypervisor (CNTHP)'),
  number('intid', 'the INTID of its interrupt'),
  number('control', 'CNTx_CTL: ENABLE, IMASK'),
  number('compare', 'CNTx_CVAL: the count at which it is due'),
  number('left', 'virtual nanoseconds until it fires; -1 when it will not'),
  DOM,
  VCPU,
];
const ACCESS = [text('reg', 'the register'), number('value', 'what is written, or was read'), PC, DOM, VCPU];
const WRITTEN = [...ACCESS, number('old', 'what it held before')];
const ROOT = [
  ...WRITTEN,
  number('root', 'the address of the tables'),
  number('asid', 'the ASID in it; of VTTBR_EL2 the VMID'),
];
const MAINTENANCE = [
  text('op', 'the instruction: VAE1IS'),
  number('value', 'what Xt holds'),
  number('va', 'the address that it names; 0 for one that names none'),
  PC,
  DOM,
  VCPU,
];
const TASK = [
  text('reg', 'the register'),
  number('from', 'what it held before'),
  number('to', 'what it holds then'),
  PC,
  DOM,
  VCPU,
];

/** Letters that begin a sentence of the table; abbreviations stay as they are. */
function lower(doc: string): string {
  return /^[A-Z][a-z]/.test(doc) ? `${doc[0]?.toLowerCase()}${doc.slice(1)}` : doc;
}

export const cpuEvents: readonly EventRow[] = [
  row('timer', 'timer', 'Any timer', 'A timer of a CPU is programmed, or fires.', TIMER, bare),
  row('timer.program', 'timer', 'Timer programmed', 'A timer gets another deadline or control.', TIMER, bare),
  row('timer.fire', 'timer', 'Timer fires', 'The time of a timer has come: its line goes high.', TIMER, bare),
  ...TIMERS.flatMap((timer) => [
    row(
      `timer.program.${timer}`,
      'timer',
      `Programmed: ${timer}`,
      `The ${timer} timer gets another deadline or control.`,
      TIMER,
      bare,
    ),
    row(
      `timer.fire.${timer}`,
      'timer',
      `Fires: ${timer}`,
      `The time of the ${timer} timer has come.`,
      TIMER,
      bare,
    ),
  ]),
  row('task', 'task', 'Any switch', 'A CPU goes on with another task or address space.', TASK, bare),
  row(
    'task.switch',
    'task',
    'Task switch',
    'A kernel writes another address of its own to SP_EL0, where Linux keeps the current task.',
    TASK,
    bare,
  ),
  row(
    'task.context',
    'task',
    'Context identifier',
    'CONTEXTIDR_EL1 gets another value: kernels that use it keep the process there.',
    TASK,
    bare,
  ),
  row(
    'tables',
    'translation',
    'Any root',
    'A register with the root of translation tables changes.',
    ROOT,
    bare,
  ),
  ...ROOTS.map((name) =>
    row(`tables.${name}`, 'translation', name, `${name} gets another value.`, ROOT, bare),
  ),
  row('tlbi', 'translation', 'Any TLBI', 'A CPU invalidates what TLBs hold.', MAINTENANCE, bare),
  ...TLB_INSTRUCTIONS.map(({ name, doc }) =>
    row(tlbEvent(name), 'translation', name, `A CPU executes ${name}: ${lower(doc)}.`, MAINTENANCE, bare),
  ),
  row('cache', 'cache', 'Any maintenance', 'A CPU maintains a cache.', MAINTENANCE, bare),
  ...CACHE_INSTRUCTIONS.map(({ name, doc }) =>
    row(cacheEvent(name), 'cache', name, `A CPU executes ${name}: ${lower(doc)}.`, MAINTENANCE, bare),
  ),
];

const CHECK = [
  text('rule', 'device, code or storm'),
  number('va', 'the address that was accessed or executed; 0 where there is none'),
  text('detail', 'what is wrong, in words'),
  PC,
  DOM,
  VCPU,
];

export const sanitizerEvents: readonly EventRow[] = [
  row(
    'sanitizer',
    'sanitizer',
    'Any check',
    'A guest does what the architecture does not allow, or warns of.',
    CHECK,
    bare,
  ),
  row(
    'sanitizer.device',
    'sanitizer',
    'Device memory misused',
    'An access to Device memory is unaligned, exclusive or atomic.',
    CHECK,
    bare,
  ),
  row(
    'sanitizer.code',
    'sanitizer',
    'Missing cache maintenance',
    'Code is executed that was stored to, with no invalidation of the instruction cache in between.',
    CHECK,
    bare,
  ),
  row(
    'sanitizer.storm',
    'sanitizer',
    'Interrupt storm',
    'A CPU takes the same interrupt 1,000 times within a millisecond of virtual time.',
    CHECK,
    bare,
  ),
];

/** `register.write.TTBR0_EL1`, `register.read.TTBR0_EL1`: one of any system register; undefined for another name. */
export function registerEvent(name: string): EventRow | undefined {
  const [, how = '', register = ''] = /^register\.(read|write)\.([A-Z0-9_]+)$/.exec(name) ?? [];
  const known = observable.get(register);
  if (known === undefined || (how === 'write' ? known === 'ro' : known === 'wo')) return undefined;
  return how === 'write'
    ? row(name, 'register', `Write of ${register}`, `${register} is written.`, WRITTEN, bare)
    : row(name, 'register', `Read of ${register}`, `${register} is read.`, ACCESS, bare);
}

/** The state of the processor changes by other instructions too: nobody is told of those. */
const observable: ReadonlyMap<string, 'rw' | 'ro' | 'wo'> = new Map(
  registerGroups.flatMap(({ id, rows }) =>
    id === 'state' ? [] : rows.map(({ name, access }) => [name, access] as const),
  ),
);

export const isObservable = (register: string): boolean => observable.has(register);
