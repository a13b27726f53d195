// What is common to the physical and the virtual CPU interface in a view: priorities, groups, and the sentences
// about them.

import type { Priorities } from '../../../devices/gic/priorities.ts';
import { IDLE_PRIORITY } from '../../../devices/gic/interrupt-bank.ts';
import type { InterfaceView, RegisterFact } from './gic-view.ts';
import type { InterruptNames } from './interrupt-names.ts';
import type { Processor, Verdict } from './processor.ts';
import { byte, type GicVersion, interfaceRegisters } from './register-names.ts';

/** A CPU interface with the interrupts that it has. */
export interface Interface {
  readonly version: GicVersion;
  readonly names: InterruptNames;
  readonly priorities: Priorities;
  /** Bit n: group n is enabled. */
  readonly enables: number;
  readonly splitEoi: boolean;
  /** The one that would be signalled next, whatever PMR and the running priority say. */
  readonly highestPending: { readonly intid: number; readonly priority: number } | undefined;
  /** Active interrupts that were acknowledged here. */
  readonly active: readonly ActiveInterrupt[];
}

export interface ActiveInterrupt {
  readonly intid: number;
  readonly priority: number;
  readonly group: number;
}

/** An INTID in a sentence: `INTID 27 (timer (virtual))`. */
export function named(names: InterruptNames, intid: number): string {
  const name = names.get(intid)?.name;
  return name === undefined ? `INTID ${intid}` : `INTID ${intid} (${name})`;
}

export function interfaceView(side: Interface): InterfaceView {
  const { priorities, enables, splitEoi, highestPending } = side;
  const running = priorities.running();
  return {
    priorityMask: byte(priorities.mask),
    ...(running !== IDLE_PRIORITY && { runningPriority: byte(running) }),
    runningIntids: runningIntids(side),
    ...(highestPending && { highestPending: highestPending.intid }),
    group0Enabled: (enables & 1) !== 0,
    group1Enabled: (enables & 2) !== 0,
    binaryPoint0: priorities.binaryPoint0,
    binaryPoint1: priorities.readBinaryPoint1(),
    splitEoi,
  };
}

/** `PMR 0xf0 · running: none · groups: 1 · PSTATE.I 0`. */
export function summaryOf(side: Interface, { maskedIrq, maskedFiq }: Processor): string {
  const view = interfaceView(side);
  const groups = [view.group0Enabled ? '0' : '', view.group1Enabled ? '1' : ''].filter(Boolean).join(' and ');
  const running = view.runningPriority ?? 'none';
  const active = view.runningIntids.map((intid) => named(side.names, intid)).join(', ');
  return [
    `PMR ${view.priorityMask}`,
    `running priority ${running}${active === '' ? '' : ` (${active})`}`,
    groups === '' ? 'no group enabled' : `group ${groups} enabled`,
    `PSTATE.I ${maskedIrq ? 1 : 0}`,
    `PSTATE.F ${maskedFiq ? 1 : 0}`,
  ].join(' · ');
}

export function interfaceFacts(side: Interface): RegisterFact[] {
  const { version, names, priorities, enables, splitEoi, highestPending } = side;
  const registers = interfaceRegisters(version);
  const running = priorities.running();
  const handled = runningIntids(side).map((intid) => named(names, intid));
  const group = (number: 0 | 1): RegisterFact => ({
    name: registers.groupEnable(number),
    value: `${(enables >>> number) & 1}`,
    meaning:
      ((enables >>> number) & 1) === 0 ? `group ${number} is not signalled` : `group ${number} is signalled`,
  });
  return [
    {
      name: registers.priorityMask,
      value: byte(priorities.mask),
      meaning:
        priorities.mask === 0
          ? 'masks every interrupt'
          : `lets priorities below ${byte(priorities.mask)} pass`,
    },
    {
      name: registers.runningPriority,
      value: byte(running),
      meaning:
        running === IDLE_PRIORITY
          ? 'no interrupt is handled'
          : `of ${handled.join(', ') || 'no known INTID'}`,
    },
    {
      name: registers.highestPending(version === 3 ? 1 : 0),
      value: `${highestPending?.intid ?? 1023}`,
      meaning: highestPending ? `next: ${named(names, highestPending.intid)}` : 'nothing is pending',
    },
    group(0),
    group(1),
    {
      name: registers.binaryPoint(0),
      value: `${priorities.binaryPoint0}`,
      meaning: preemption(priorities, 0),
    },
    {
      name: registers.binaryPoint(1),
      value: `${priorities.readBinaryPoint1()}`,
      meaning: preemption(priorities, 1),
    },
    {
      name: registers.mode,
      value: splitEoi ? '1' : '0',
      meaning: splitEoi
        ? 'the end drops the priority, and a write of DIR deactivates'
        : 'the end drops the priority and deactivates',
    },
  ];
}

/** PMR and the running priority, in this order; undefined when both let it pass. */
export function priorityVerdict(side: Interface, priority: number, group: number): Verdict | undefined {
  const { version, names, priorities } = side;
  const registers = interfaceRegisters(version);
  if (priority >= priorities.mask) {
    return {
      obstacle: 'priority mask',
      why: `Its priority ${byte(priority)} is not above the mask: ${registers.priorityMask} is ${byte(priorities.mask)}.`,
    };
  }
  if (priorities.permits(priority, group)) return undefined;
  const handled = runningIntids(side).map((intid) => named(names, intid));
  const running = `the running priority, ${registers.runningPriority} is ${byte(priorities.running())}`;
  const by =
    handled.length === 0 ? 'an interrupt is' : `${handled.join(', ')} ${handled.length > 1 ? 'are' : 'is'}`;
  return {
    obstacle: 'running priority',
    why: `Its priority ${byte(priority)} is not above ${running}: ${by} being handled.`,
  };
}

/** The CPU interface would signal another one first, if this is of a group that it signals. */
export function orderVerdict(side: Interface, intid: number, group: number): Verdict | undefined {
  const { highestPending, names, enables } = side;
  if (((enables >>> group) & 1) === 0 || highestPending === undefined || highestPending.intid === intid) {
    return undefined;
  }
  return {
    obstacle: 'another goes first',
    why: `${named(names, highestPending.intid)} has priority ${byte(highestPending.priority)} and goes first.`,
  };
}

export function groupVerdict({ version, enables }: Interface, group: number): Verdict | undefined {
  if (((enables >>> group) & 1) !== 0) return undefined;
  return {
    obstacle: 'interface group off',
    why: `The CPU interface does not signal group ${group}: ${interfaceRegisters(version).groupEnable(group)} is 0.`,
  };
}

export function activeVerdict({ version, splitEoi }: Interface, group: number): Verdict {
  const end = interfaceRegisters(version).end(group, splitEoi);
  return {
    obstacle: 'active already',
    why: `It is active already: it is taken again after the guest has ended it (${end}).`,
  };
}

/** Which of the active interrupts the running priority is of. */
function runningIntids({ priorities, active }: Interface): number[] {
  const running = priorities.running();
  if (running === IDLE_PRIORITY) return [];
  return active
    .filter(({ priority, group }) => (priority & priorities.groupMask(group)) === running)
    .map(({ intid }) => intid);
}

function preemption(priorities: Priorities, group: number): string {
  const bits = 8 - Math.log2(256 - priorities.groupMask(group));
  return `the upper ${bits} bits of a priority decide about preemption by group ${group}`;
}
