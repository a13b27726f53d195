// The virtual CPU interface of a processor in views: its list registers, and why what they hold is not taken.
// IHI 0069, chapter 6 (ICH_*); IHI 0048, chapter 5 (GICH_*).

import {
  HCR_EN,
  LIST_REGISTERS,
  LR_HW,
  LR_STATE_ACTIVE,
  LR_STATE_PENDING,
  type VirtualInterface,
} from '../../../devices/gic/virtual-interface.ts';
import { listRegisterV2 } from '../../../devices/gic-v2/hypervisor-interface.ts';
import {
  type ActiveInterrupt,
  activeVerdict,
  groupVerdict,
  type Interface,
  orderVerdict,
  priorityVerdict,
} from './cpu-interface.ts';
import type { ListRegisterRow, RegisterFact } from './gic-view.ts';
import type { InterruptNames } from './interrupt-names.ts';
import { notRunning, type Processor, type Verdict, virtualVerdict } from './processor.ts';
import { byte, type GicVersion, hypervisorRegisters, word } from './register-names.ts';

/** With HW clear, the end of the interrupt raises the maintenance interrupt. */
const LR_EOI = 1 << 9;
const PHYSICAL_INTID = 0x3ff;
const HCR_UIE = 1 << 1;

/** A list register taken apart. */
export interface ListRegisterFields {
  readonly intid: number;
  readonly pending: boolean;
  readonly active: boolean;
  readonly priority: number;
  readonly group: number;
  readonly physicalIntid: number | undefined;
  readonly eoiMaintenance: boolean;
}

export function listRegisterOf(side: VirtualInterface, index: number): ListRegisterFields {
  const high = side.lrHigh(index);
  const hardware = (high & LR_HW) !== 0;
  return {
    intid: side.lrLow(index),
    pending: (high & LR_STATE_PENDING) !== 0,
    active: (high & LR_STATE_ACTIVE) !== 0,
    priority: (high >>> 16) & 0xff,
    group: (high >>> 28) & 1,
    physicalIntid: hardware ? high & PHYSICAL_INTID : undefined,
    eoiMaintenance: !hardware && (high & LR_EOI) !== 0,
  };
}

export function stateWords(pending: boolean, active: boolean, neither: string): string {
  if (pending && active) return 'pending and active';
  return pending ? 'pending' : active ? 'active' : neither;
}

export function listRegisterRows(
  side: VirtualInterface,
  version: GicVersion,
  names: InterruptNames,
): ListRegisterRow[] {
  return Array.from({ length: LIST_REGISTERS }, (_, index) => {
    const { intid, pending, active, priority, group, physicalIntid, eoiMaintenance } = listRegisterOf(
      side,
      index,
    );
    const low = side.lrLow(index);
    const high = side.lrHigh(index);
    const digits = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    const isEmpty = !pending && !active;
    const name = isEmpty && intid === 0 ? undefined : names.get(intid)?.name;
    return {
      index,
      raw: version === 3 ? `0x${digits(high)}${digits(low)}` : `0x${digits(listRegisterV2(low, high))}`,
      intid,
      ...(name !== undefined && { name }),
      state: stateWords(pending, active, 'invalid'),
      priority: byte(priority),
      group,
      hardware: physicalIntid !== undefined,
      ...(physicalIntid !== undefined && { physicalIntid }),
      eoiMaintenance,
    };
  });
}

/** The virtual interface as its guest sees it. */
export function virtualInterface(
  side: VirtualInterface,
  version: GicVersion,
  names: InterruptNames,
): Interface {
  const best = side.bestPending();
  const active: ActiveInterrupt[] = [];
  for (let index = 0; index < LIST_REGISTERS; index++) {
    const fields = listRegisterOf(side, index);
    if (fields.active) active.push(fields);
  }
  return {
    version,
    names,
    priorities: side.priorities,
    enables: side.enables,
    splitEoi: side.splitEoi,
    highestPending: best < 0 ? undefined : listRegisterOf(side, best),
    active,
  };
}

/** Why the pending interrupt of a list register is not taken. Preconditions: its state says pending. */
export function listRegisterVerdict(
  side: VirtualInterface,
  index: number,
  guest: Interface,
  processor: Processor,
): Verdict {
  const { intid, active, priority, group } = listRegisterOf(side, index);
  if (active) return activeVerdict(guest, group);
  const { control } = hypervisorRegisters(guest.version);
  return (
    priorityVerdict(guest, priority, group) ??
    orderVerdict(guest, intid, group) ??
    groupVerdict(guest, group) ??
    (processor.stands === undefined ? undefined : notRunning(processor)) ??
    ((side.control & HCR_EN) === 0
      ? { obstacle: 'interface off', why: `The virtual CPU interface is off: ${control}.En is 0.` }
      : undefined) ??
    virtualVerdict(processor, group === 0 && side.group0IsFiq)
  );
}

export function hypervisorFacts(side: VirtualInterface, version: GicVersion): RegisterFact[] {
  const { control, machine } = hypervisorRegisters(version);
  const isOn = (side.control & HCR_EN) !== 0;
  const underflow = (side.control & HCR_UIE) !== 0;
  return [
    {
      name: control,
      value: word(side.control),
      meaning: `the virtual CPU interface is ${isOn ? 'on' : 'off'}${
        underflow ? '; a maintenance interrupt is asked for when list registers become free' : ''
      }`,
    },
    { name: machine, value: word(side.readVmcr()), meaning: 'what the guest set in its CPU interface' },
  ];
}
