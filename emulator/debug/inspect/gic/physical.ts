// The machine's own interrupt controller in views: distributor, redistributors and physical CPU interfaces.
// Everything is read from the state behind the registers, so that looking changes nothing.

import type { CpuInterface } from '../../../devices/gic/cpu-interface.ts';
import { type Distributor, PRIVATE_COUNT, SGI_COUNT } from '../../../devices/gic/distributor.ts';
import { type InterruptBank, SPURIOUS } from '../../../devices/gic/interrupt-bank.ts';
import type { GicV3 } from '../../../devices/gic-v3/gic-v3.ts';
import type { BoardDevices } from '../../../machine/boards/board-devices.ts';
import { BARE_DOMAIN } from '../../../machine/messages.ts';
import type { InterruptRecord } from '../../record/interrupt-record.ts';
import {
  type ActiveInterrupt,
  activeVerdict,
  groupVerdict,
  type Interface,
  orderVerdict,
  priorityVerdict,
} from './cpu-interface.ts';
import type { InterruptRow, PendingInterrupt, RegisterFact } from './gic-view.ts';
import type { InterruptNames } from './interrupt-names.ts';
import { stateWords } from './list-registers.ts';
import { physicalVerdict, type Processor, type Verdict } from './processor.ts';
import { byte, enableBit, type GicVersion, word } from './register-names.ts';

export interface PhysicalGic {
  readonly version: GicVersion;
  readonly distributor: Distributor;
  /** Undefined with a GICv2. */
  readonly v3: GicV3 | undefined;
  readonly names: InterruptNames;
  readonly processors: readonly Processor[];
  /** What CPUs took, on a bare machine. */
  readonly record: InterruptRecord | undefined;
}

export function physicalGic(
  { gicV2, gicV3 }: BoardDevices,
  names: InterruptNames,
  processors: readonly Processor[],
  record: InterruptRecord | undefined,
): PhysicalGic {
  const distributor = gicV3?.distributor ?? gicV2?.distributor;
  if (distributor === undefined) throw new Error('a board has an interrupt controller');
  return { version: gicV3 ? 3 : 2, distributor, v3: gicV3, names, processors, record };
}

export function physicalInterface({ version, distributor, names }: PhysicalGic, cpu: number): Interface {
  const side = interfaceOf(distributor, cpu);
  return {
    version,
    names,
    priorities: side.priorities,
    enables: side.enables,
    splitEoi: side.splitEoi,
    highestPending:
      side.pendingIntid === SPURIOUS
        ? undefined
        : { intid: side.pendingIntid, priority: side.pendingPriority },
    active: activeOf(distributor, cpu),
  };
}

/** Every INTID as a CPU sees it. */
export function physicalRows(gic: PhysicalGic, cpu: number): InterruptRow[] {
  const { distributor } = gic;
  const interfaces = new Map<number, Interface>();
  return Array.from({ length: PRIVATE_COUNT + distributor.spis }, (_, intid) =>
    physicalRow(gic, cpu, intid, interfaces),
  );
}

/** What is pending for a CPU: its private interrupts and the shared ones that go to it. */
export function physicalPending(
  rows: readonly InterruptRow[],
  gic: PhysicalGic,
  cpu: number,
): PendingInterrupt[] {
  return rows
    .filter((row) => row.pending && row.obstacle !== undefined && row.why !== undefined)
    .map(({ intid, name, obstacle, why }) => ({
      intid,
      ...(name !== undefined && { name }),
      vcpu: receiverOf(gic, cpu, intid) ?? cpu,
      obstacle: obstacle ?? 'none',
      why: why ?? '',
    }));
}

/** How many interrupts wait for a CPU. */
export function pendingCount({ distributor }: PhysicalGic, cpu: number): number {
  let count = 0;
  const own = distributor.private[cpu];
  if (own !== undefined) count += bits(own.pending(0));
  const routed = distributor.routed[cpu];
  for (let index = 0; index * 32 < distributor.spis; index++) {
    count += bits(distributor.shared.pending(index) & (routed?.[index] ?? 0));
  }
  return count;
}

export function distributorFacts({ version, distributor }: PhysicalGic): RegisterFact[] {
  // GICD_CTLR.DS and ARE are always 1 with a GICv3 (devices/gic-v3/distributor.ts).
  const value = distributor.enables | (version === 3 ? 0x50 : 0);
  const forwarded = [0, 1].filter((group) => (distributor.enables & (1 << group)) !== 0);
  return [
    {
      name: 'GICD_CTLR',
      value: word(value),
      meaning:
        forwarded.length === 0 ? 'the distributor is off' : `forwards group ${forwarded.join(' and ')}`,
    },
  ];
}

function physicalRow(
  gic: PhysicalGic,
  cpu: number,
  intid: number,
  interfaces: Map<number, Interface>,
): InterruptRow {
  const { distributor, names } = gic;
  const bank = bankOf(distributor, cpu, intid);
  const index = intid < PRIVATE_COUNT ? intid : intid - PRIVATE_COUNT;
  const pending = bank.isPending(index);
  const active = bank.isActive(index);
  const name = names.get(intid);
  const verdict = pending ? verdictOf(gic, cpu, intid, interfaces) : undefined;
  return {
    intid,
    type: intid < SGI_COUNT ? 'SGI' : intid < PRIVATE_COUNT ? 'PPI' : 'SPI',
    ...name,
    enabled: isSet(bank.enabled, index),
    pending,
    ...(pending && { pendingSource: sourceOf(gic, cpu, intid, bank, index) }),
    active,
    state: stateWords(pending, active, 'inactive'),
    priority: byte(bank.priority[index] ?? 0),
    group: bank.groupOf(index),
    ...targetOf(gic, cpu, intid),
    trigger: isSet(bank.edge, index) ? 'edge' : 'level',
    ...(intid >= SGI_COUNT && { lineHigh: isSet(bank.line, index) }),
    ...countsOf(gic, cpu, intid),
    ...verdict,
  };
}

/** A shared interrupt may have been taken by several CPUs. */
function countsOf(
  { record, processors }: PhysicalGic,
  cpu: number,
  intid: number,
): Pick<InterruptRow, 'count' | 'ended' | 'lastNanoseconds'> {
  if (record === undefined) return {};
  const takers = intid < PRIVATE_COUNT ? [cpu] : processors.map((_, index) => index);
  const counts = takers.flatMap((taker) => record.countOf(BARE_DOMAIN, taker, intid) ?? []);
  if (counts.length === 0) return {};
  return {
    count: counts.reduce((sum, { raised }) => sum + raised, 0),
    ended: counts.reduce((sum, { ended }) => sum + ended, 0),
    lastNanoseconds: Math.max(...counts.map(({ last }) => last.nanoseconds)),
  };
}

/** Why a pending interrupt is not taken by the CPU that it goes to. */
function verdictOf(
  gic: PhysicalGic,
  cpu: number,
  intid: number,
  interfaces: Map<number, Interface>,
): Verdict {
  const { version, distributor } = gic;
  const bank = bankOf(distributor, cpu, intid);
  const index = intid < PRIVATE_COUNT ? intid : intid - PRIVATE_COUNT;
  const group = bank.groupOf(index);
  const priority = bank.priority[index] ?? 0;
  if (distributor.enables === 0) {
    return { obstacle: 'distributor off', why: `The distributor is off: ${distributorControl(gic)}.` };
  }
  if (((distributor.enables >>> group) & 1) === 0) {
    return {
      obstacle: 'distributor group off',
      why: `The distributor does not forward group ${group}: ${distributorControl(gic)}.`,
    };
  }
  if (!isSet(bank.enabled, index)) {
    return { obstacle: 'not enabled', why: `It is not enabled: ${enableBit(version, intid)} is 0.` };
  }
  const receiver = receiverOf(gic, cpu, intid);
  if (receiver === undefined) {
    return { obstacle: 'no target', why: `It goes to no CPU: ${routeWords(gic, intid).register}.` };
  }
  let side = interfaces.get(receiver);
  if (side === undefined) {
    side = physicalInterface(gic, receiver);
    interfaces.set(receiver, side);
  }
  if (bank.isActive(index)) return activeVerdict(side, group);
  const target = interfaceOf(distributor, receiver);
  const processor = gic.processors[receiver];
  return (
    priorityVerdict(side, priority, group) ??
    orderVerdict(side, intid, group) ??
    groupVerdict(side, group) ??
    (processor === undefined
      ? { obstacle: 'not running', why: `CPU ${receiver} is not there.` }
      : physicalVerdict(processor, group === 0 && target.group0IsFiq))
  );
}

/** The CPU that gets an interrupt when `cpu` looks: itself if it can, else the lowest target. */
function receiverOf({ distributor }: PhysicalGic, cpu: number, intid: number): number | undefined {
  if (intid < PRIVATE_COUNT) return cpu;
  const targets = distributor.routeOf(intid - PRIVATE_COUNT);
  if (targets === 0) return undefined;
  return (targets & (1 << cpu)) !== 0 ? cpu : 31 - Math.clz32(targets & -targets);
}

function targetOf(gic: PhysicalGic, cpu: number, intid: number): { target: string; route?: string } {
  if (intid < PRIVATE_COUNT) return { target: `CPU ${cpu}` };
  const targets = gic.distributor.routeOf(intid - PRIVATE_COUNT);
  const cpus = gic.processors.map((_, index) => index).filter((index) => (targets & (1 << index)) !== 0);
  return {
    target: cpus.length === 0 ? 'nobody' : cpus.map((index) => `CPU ${index}`).join(', '),
    route: routeWords(gic, intid).route,
  };
}

function routeWords({ v3, distributor }: PhysicalGic, intid: number): { route: string; register: string } {
  const spi = intid - PRIVATE_COUNT;
  if (v3 === undefined) {
    const mask = byte(distributor.routeOf(spi));
    return {
      route: `mask ${mask}`,
      register: `byte ${intid & 3} of GICD_ITARGETSR${intid >>> 2} is ${mask}`,
    };
  }
  const affinity = affinityText(v3.routeOf(spi));
  return {
    route: `affinity ${affinity}`,
    register: `GICD_IROUTER${intid} names affinity ${affinity}, which no CPU has`,
  };
}

const affinityText = (affinity: number): string =>
  [affinity >>> 24, (affinity >>> 16) & 0xff, (affinity >>> 8) & 0xff, affinity & 0xff].join('.');

/** A latch is an edge's or software's; of an SGI it is always software's, and nothing else latches a level. */
function sourceOf(
  { distributor }: PhysicalGic,
  cpu: number,
  intid: number,
  bank: InterruptBank,
  index: number,
): string {
  const sources: string[] = [];
  if (intid < SGI_COUNT) {
    const senders = distributor.sgiSourcesOf(cpu, intid);
    const cpus = distributor.private
      .map((_, sender) => sender)
      .filter((sender) => (senders & (1 << sender)) !== 0);
    return cpus.length === 0 ? 'software' : `software (CPU ${cpus.join(', ')})`;
  }
  const isEdge = isSet(bank.edge, index);
  if (!isEdge && isSet(bank.line, index)) sources.push('level line');
  if (isSet(bank.latched, index)) sources.push(isEdge ? 'edge latched' : 'software');
  return sources.join(', ');
}

function activeOf(distributor: Distributor, cpu: number): ActiveInterrupt[] {
  const found: ActiveInterrupt[] = [];
  const own = distributor.private[cpu];
  for (const [bank, first] of [
    [own, 0],
    [distributor.shared, PRIVATE_COUNT],
  ] as const) {
    if (bank === undefined) continue;
    for (let index = 0; index < bank.count; index++) {
      if (!bank.isActive(index)) continue;
      // The distributor does not know which CPU has a shared one; those that go elsewhere are not this CPU's.
      if (bank === distributor.shared && (distributor.routeOf(index) & (1 << cpu)) === 0) continue;
      found.push({ intid: first + index, priority: bank.priority[index] ?? 0, group: bank.groupOf(index) });
    }
  }
  return found;
}

const distributorControl = (gic: PhysicalGic): string => {
  const [fact] = distributorFacts(gic);
  return `GICD_CTLR is ${fact?.value ?? ''}`;
};

function bankOf(distributor: Distributor, cpu: number, intid: number): InterruptBank {
  const bank = distributor.bankOf(cpu, intid);
  if (bank === undefined) throw new Error(`INTID ${intid} exists`);
  return bank;
}

function interfaceOf(distributor: Distributor, cpu: number): CpuInterface {
  const side = distributor.interfaces[cpu];
  if (side === undefined) throw new Error(`CPU ${cpu} has an interface`);
  return side;
}

const isSet = (words: Uint32Array, index: number): boolean =>
  (((words[index >>> 5] ?? 0) >>> (index & 31)) & 1) !== 0;

function bits(value: number): number {
  let count = 0;
  for (let left = value; left !== 0; left &= left - 1) count++;
  return count;
}
