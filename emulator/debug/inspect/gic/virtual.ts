// The interrupt controller that a domain has, in views: what Xen's vGIC emulates, and the list registers through
// which the processor delivers.
//
// Two ways of Xen show here. GICD_CTLR of a guest gates nothing. And an interrupt that the guest disables while it
// stands in a list register stays there and is delivered all the same, so that what the distributor says matters
// only for interrupts that are in none (xen/vgic/list-registers.ts).

import { LIST_REGISTERS, type VirtualInterface } from '../../../devices/gic/virtual-interface.ts';
import type { InterruptRecord } from '../../record/interrupt-record.ts';
import type { VgicView } from '../../../xen/hypervisor/view.ts';
import type { InterruptState } from '../../../xen/vgic/interrupt.ts';
import { activeVerdict, type Interface, named } from './cpu-interface.ts';
import type { InterruptRow, PendingInterrupt, RegisterFact } from './gic-view.ts';
import type { InterruptNames } from './interrupt-names.ts';
import {
  type ListRegisterFields,
  listRegisterOf,
  listRegisterVerdict,
  stateWords,
  virtualInterface,
} from './list-registers.ts';
import { notRunning, type Processor, type Verdict } from './processor.ts';
import { byte, enableBit, hypervisorRegisters, word } from './register-names.ts';

const PRIVATE = 32;
const SGIS = 16;
/** ICFGR: edge-triggered. */
const CONFIGURATION_EDGE = 2;

export interface VirtualGic {
  readonly domain: number;
  readonly vgic: VgicView;
  readonly names: InterruptNames;
  readonly record: InterruptRecord;
  readonly processors: readonly VirtualProcessor[];
}

/** A vCPU with its virtual CPU interface. */
export interface VirtualProcessor {
  readonly processor: Processor;
  readonly side: VirtualInterface;
  readonly guest: Interface;
}

export const virtualProcessor = (
  processor: Processor,
  side: VirtualInterface,
  version: 2 | 3,
  names: InterruptNames,
): VirtualProcessor => ({ processor, side, guest: virtualInterface(side, version, names) });

/** Every INTID as a vCPU sees it. */
export function virtualRows(gic: VirtualGic, vcpu: number): InterruptRow[] {
  const { vgic } = gic;
  const own = vgic.cpus[vcpu]?.interrupts ?? [];
  return [...own, ...vgic.spis].map((interrupt, intid) => virtualRow(gic, vcpu, intid, interrupt));
}

/** What is pending for a vCPU: its private interrupts, and all shared ones. */
export function virtualPending(
  rows: readonly InterruptRow[],
  gic: VirtualGic,
  vcpu: number,
): PendingInterrupt[] {
  return rows
    .filter((row) => row.pending)
    .map(({ intid, name, obstacle, why }) => ({
      intid,
      ...(name !== undefined && { name }),
      vcpu: holderOf(gic.vgic, vcpu, intid),
      obstacle: obstacle ?? 'none',
      why: why ?? '',
    }));
}

/** How many interrupts wait for a vCPU. */
export function virtualPendingCount({ vgic, processors }: VirtualGic, vcpu: number): number {
  const side = processors[vcpu]?.side;
  const isPending = (interrupt: InterruptState): boolean => pendingOf(interrupt, placeOf(interrupt, side));
  const own = (vgic.cpus[vcpu]?.interrupts ?? []).filter(isPending).length;
  const shared = vgic.spis.filter(
    (interrupt, index) => holderOf(vgic, vcpu, PRIVATE + index) === vcpu && isPending(interrupt),
  );
  return own + shared.length;
}

export function vgicFacts({ vgic: { version, enabled } }: VirtualGic): RegisterFact[] {
  const value = version === 3 ? 0x10 | (enabled ? 2 : 0) : enabled ? 1 : 0;
  return [
    {
      name: 'GICD_CTLR',
      value: word(value),
      meaning: enabled ? 'the distributor is on' : 'the distributor is off, and Xen delivers all the same',
    },
  ];
}

function virtualRow(gic: VirtualGic, vcpu: number, intid: number, interrupt: InterruptState): InterruptRow {
  const { domain, vgic, names, record } = gic;
  const holder = holderOf(vgic, vcpu, intid);
  const place = placeOf(interrupt, gic.processors[holder]?.side);
  const pending = pendingOf(interrupt, place);
  const active = place?.active ?? false;
  const count = record.countOf(domain, holder, intid);
  const isShared = intid >= PRIVATE;
  return {
    intid,
    type: intid < SGIS ? 'SGI' : isShared ? 'SPI' : 'PPI',
    ...names.get(intid),
    enabled: interrupt.enabled,
    pending,
    // Whatever the line of a device does, Xen takes its edge; and an SGI is a vCPU's.
    ...(pending && { pendingSource: intid < SGIS ? 'software' : 'edge latched' }),
    active,
    state: stateWords(pending, active, 'inactive'),
    priority: byte(interrupt.configuredPriority),
    group: vgic.version === 3 ? 1 : 0,
    target: `vCPU ${isShared ? interrupt.target : vcpu}`,
    ...(isShared && { route: routeOf(vgic.version, interrupt.target) }),
    trigger: intid < SGIS || (interrupt.configuration & CONFIGURATION_EDGE) !== 0 ? 'edge' : 'level',
    ...(place && {
      listRegister: interrupt.lr,
      listRegisterState: stateWords(place.pending, place.active, 'invalid'),
    }),
    ...(place?.physicalIntid !== undefined && { physicalIntid: place.physicalIntid }),
    ...(pending && place === undefined && interrupt.enabled && { waiting: true }),
    ...(count && {
      count: count.raised,
      merged: count.merged,
      ended: count.ended,
      lastNanoseconds: count.last.nanoseconds,
    }),
    ...(pending && verdictOf(gic, holder, intid, interrupt, place)),
  };
}

function verdictOf(
  { vgic, names, processors }: VirtualGic,
  holder: number,
  intid: number,
  interrupt: InterruptState,
  place: ListRegisterFields | undefined,
): Verdict {
  const target = processors[holder];
  if (target === undefined) return { obstacle: 'no target', why: `There is no vCPU ${holder}.` };
  const { side, guest, processor } = target;
  if (place?.pending) return listRegisterVerdict(side, interrupt.lr, guest, processor);
  if (!interrupt.enabled) {
    return { obstacle: 'not enabled', why: `It is not enabled: ${enableBit(vgic.version, intid)} is 0.` };
  }
  if (place?.active) return activeVerdict(guest, place.group);
  if (processor.stands !== undefined) return notRunning(processor);
  return waitingVerdict(side, vgic, holder, names);
}

/** It is enabled and in no list register. */
function waitingVerdict(
  side: VirtualInterface,
  { version, cpus }: VgicView,
  holder: number,
  names: InterruptNames,
): Verdict {
  const all = Array.from({ length: LIST_REGISTERS }, (_, index) => listRegisterOf(side, index));
  const free = all.findIndex(({ pending, active }) => !pending && !active);
  const { listRegister, control } = hypervisorRegisters(version);
  const underflow = cpus[holder]?.listRegisters.underflow === true ? ` (${control}.UIE is 1)` : '';
  if (free >= 0) {
    return {
      obstacle: 'no list register',
      why: `${listRegister(free)} has become free, and Xen fills it when it is entered next${underflow}.`,
    };
  }
  const held = all.map(({ intid }) => named(names, intid)).join(', ');
  return {
    obstacle: 'no list register',
    why: `No list register is free: all ${LIST_REGISTERS} are in use, by ${held}.`,
  };
}

/** What stands in its list register. */
function placeOf(
  { visible, lr }: InterruptState,
  side: VirtualInterface | undefined,
): ListRegisterFields | undefined {
  return visible && side !== undefined ? listRegisterOf(side, lr) : undefined;
}

/** As ListRegisters.isPending(). */
function pendingOf({ inflight, queued }: InterruptState, place: ListRegisterFields | undefined): boolean {
  return inflight && (place === undefined || queued || place.pending);
}

/** The vCPU that has an interrupt or is to get it: a shared one stays where it is when its route changes. */
function holderOf({ cpus, spis }: VgicView, vcpu: number, intid: number): number {
  if (intid < PRIVATE) return vcpu;
  const spi = spis[intid - PRIVATE];
  if (spi?.inflight !== true) return spi?.target ?? 0;
  const holder = cpus.findIndex((cpu) => cpu.listRegisters.inflight.includes(intid));
  return holder < 0 ? spi.target : holder;
}

/** Aff1 and Aff0 as Xen numbers vCPUs: 16 for each Aff1. */
const routeOf = (version: 2 | 3, target: number): string =>
  version === 3 ? `affinity 0.0.${target >>> 4}.${target & 0xf}` : `mask ${byte(1 << target)}`;
