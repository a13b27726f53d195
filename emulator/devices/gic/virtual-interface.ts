// The virtualization side of a GIC: list registers filled by the hypervisor, the virtual CPU
// interface a guest sees, and the maintenance interrupt. GICH/GICV of a GICv2 (IHI 0048, chapter
// 5) and ICH/ICV of a GICv3 (IHI 0069, chapter 6) are two views of it.
//
// List registers are kept in the GICv3 layout, as two halves: low is the virtual INTID, high has
// the physical INTID (9..0; bit 9 asks for an EOI maintenance interrupt when HW is 0), priority
// (23..16), group (28), HW (29) and state (31..30).

import { EdgeFilter, type IrqLine } from '../irq-line.ts';
import { IDLE_PRIORITY, PRIORITY_MASK, SPURIOUS } from './interrupt-bank.ts';
import { Priorities, type PrioritiesState } from './priorities.ts';

export const LIST_REGISTERS = 4;

export const LR_STATE_PENDING = 0x4000_0000;
export const LR_STATE_ACTIVE = 0x8000_0000;
export const LR_HW = 0x2000_0000;
const LR_GROUP = 0x1000_0000;
/** With HW clear: raise the maintenance interrupt when the guest ends this interrupt. */
const LR_EOI = 1 << 9;
const LR_STATE = 0xc000_0000;
const LR_PHYSICAL = 0x1fff;
/** The bits of the high half that exist. */
const LR_HIGH_MASK = 0xf0ff_1fff;

/** Fields of ICH_HCR_EL2, the same in GICH_HCR as far as that has them. */
export const HCR_EN = 1;
const HCR_UIE = 1 << 1;
const HCR_LRENPIE = 1 << 2;
const HCR_NPIE = 1 << 3;
const HCR_VGRP0EIE = 1 << 4;
const HCR_VGRP0DIE = 1 << 5;
const HCR_VGRP1EIE = 1 << 6;
const HCR_VGRP1DIE = 1 << 7;
export const HCR_TC = 1 << 10;
export const HCR_TALL0 = 1 << 11;
export const HCR_TALL1 = 1 << 12;
export const HCR_TDIR = 1 << 14;
const HCR_EOICOUNT_SHIFT = 27;

const MISR_EOI = 1;
const MISR_U = 1 << 1;
const MISR_LRENP = 1 << 2;
const MISR_NP = 1 << 3;
const MISR_VGRP0E = 1 << 4;
const MISR_VGRP0D = 1 << 5;
const MISR_VGRP1E = 1 << 6;
const MISR_VGRP1D = 1 << 7;

export interface VirtualInterfaceOptions {
  /** GICv2: one register of active priorities for both groups. */
  readonly combinedPriorities: boolean;
  /** The writable bits of HCR. */
  readonly controlMask: number;
  /** GICv3: group 0 is always a virtual FIQ, and VMCR.VFIQEn is fixed at 1. */
  readonly group0AlwaysFiq: boolean;
}

export interface VirtualInterfaceSockets {
  readonly virq: IrqLine;
  readonly vfiq: IrqLine;
  readonly maintenance: IrqLine;
  /** A list register with HW set was deactivated by the guest. */
  deactivatePhysical(intid: number): void;
}

/** Who watches what a guest does; no part of the state. */
export interface VirtualInterfaceObserver {
  /** SPURIOUS when there was none. */
  acknowledged(intid: number, isHardware: boolean): void;
  ended(intid: number, isHardware: boolean): void;
}

export interface VirtualInterfaceState {
  readonly control: number;
  readonly enables: number;
  readonly acknowledgeControl: boolean;
  readonly fiqEnable: boolean;
  readonly splitEoi: boolean;
  readonly priorities: PrioritiesState;
  readonly listLow: number[];
  readonly listHigh: number[];
}

export class VirtualInterface {
  /** VPMR, VBPR0, VBPR1, VCBPR and the active priorities. Call `refresh` after changing them. */
  readonly priorities: Priorities;
  /** HCR. */
  private controlBits = 0;
  private groupEnables = 0;
  private fiqForGroup0: boolean;
  /** VAckCtl, of a GICv2 only. */
  acknowledgeControl = false;
  /** VEOIM. */
  splitEoi = false;
  private readonly listLow = new Uint32Array(LIST_REGISTERS);
  private readonly listHigh = new Uint32Array(LIST_REGISTERS);

  observer: VirtualInterfaceObserver | undefined;

  private readonly options: VirtualInterfaceOptions;
  private readonly sockets: VirtualInterfaceSockets;
  // Invariant: the lines say what `refresh` would compute.
  private readonly virq: EdgeFilter;
  private readonly vfiq: EdgeFilter;
  private readonly maintenance: EdgeFilter;

  constructor(sockets: VirtualInterfaceSockets, options: VirtualInterfaceOptions) {
    this.options = options;
    this.sockets = sockets;
    this.virq = new EdgeFilter(sockets.virq);
    this.vfiq = new EdgeFilter(sockets.vfiq);
    this.maintenance = new EdgeFilter(sockets.maintenance);
    this.priorities = new Priorities({ combined: options.combinedPriorities });
    this.fiqForGroup0 = options.group0AlwaysFiq;
  }

  // ---------------------------------------------------------------- the hypervisor's registers

  get control(): number {
    return this.controlBits;
  }

  setControl(value: number): void {
    this.controlBits = (value & this.options.controlMask) >>> 0;
    this.refresh();
  }

  lrLow(index: number): number {
    return this.listLow[index] ?? 0;
  }

  lrHigh(index: number): number {
    return this.listHigh[index] ?? 0;
  }

  setLr(index: number, low: number, high: number): void {
    if (index >= LIST_REGISTERS) return;
    this.listLow[index] = low;
    this.listHigh[index] = high & LR_HIGH_MASK & ((PRIORITY_MASK << 16) | ~0x00ff_0000);
    this.refresh();
  }

  readVmcr(): number {
    const { priorities } = this;
    return (
      (this.groupEnables |
        (this.acknowledgeControl ? 1 << 2 : 0) |
        (this.fiqForGroup0 ? 1 << 3 : 0) |
        (priorities.commonBinaryPoint ? 1 << 4 : 0) |
        (this.splitEoi ? 1 << 9 : 0) |
        (priorities.binaryPoint1 << 18) |
        (priorities.binaryPoint0 << 21) |
        (priorities.mask << 24)) >>>
      0
    );
  }

  writeVmcr(value: number): void {
    const { priorities } = this;
    this.groupEnables = value & 3;
    this.fiqForGroup0 = this.options.group0AlwaysFiq || (value & (1 << 3)) !== 0;
    this.acknowledgeControl = !this.options.group0AlwaysFiq && (value & (1 << 2)) !== 0;
    priorities.commonBinaryPoint = (value & (1 << 4)) !== 0;
    this.splitEoi = (value & (1 << 9)) !== 0;
    priorities.setBinaryPoint1(value >>> 18);
    priorities.setBinaryPoint0(value >>> 21);
    priorities.setMask(value >>> 24);
    this.refresh();
  }

  /** List registers whose end of interrupt asked for maintenance. */
  eisr(): number {
    let bits = 0;
    for (let index = 0; index < LIST_REGISTERS; index++) {
      const high = this.listHigh[index]!;
      if ((high & (LR_STATE | LR_HW)) === 0 && (high & LR_EOI) !== 0) bits |= 1 << index;
    }
    return bits;
  }

  /** List registers that hold nothing and have nothing to report. */
  elrsr(): number {
    let bits = 0;
    for (let index = 0; index < LIST_REGISTERS; index++) {
      const high = this.listHigh[index]!;
      if ((high & LR_STATE) === 0 && ((high & LR_HW) !== 0 || (high & LR_EOI) === 0)) bits |= 1 << index;
    }
    return bits;
  }

  /** Why the maintenance interrupt is (or with En clear would be) raised. */
  misr(): number {
    const control = this.controlBits;
    let used = 0;
    let pending = false;
    let eoi = false;
    for (let index = 0; index < LIST_REGISTERS; index++) {
      const high = this.listHigh[index]!;
      const state = (high & LR_STATE) >>> 0;
      if (state !== 0) used++;
      else if ((high & LR_HW) === 0 && (high & LR_EOI) !== 0) eoi = true;
      if (state === LR_STATE_PENDING) pending = true;
    }
    let misr = eoi ? MISR_EOI : 0;
    if ((control & HCR_UIE) !== 0 && used <= 1) misr |= MISR_U;
    if ((control & HCR_LRENPIE) !== 0 && control >>> HCR_EOICOUNT_SHIFT !== 0) misr |= MISR_LRENP;
    if ((control & HCR_NPIE) !== 0 && !pending) misr |= MISR_NP;
    if ((control & HCR_VGRP0EIE) !== 0 && (this.groupEnables & 1) !== 0) misr |= MISR_VGRP0E;
    if ((control & HCR_VGRP0DIE) !== 0 && (this.groupEnables & 1) === 0) misr |= MISR_VGRP0D;
    if ((control & HCR_VGRP1EIE) !== 0 && (this.groupEnables & 2) !== 0) misr |= MISR_VGRP1E;
    if ((control & HCR_VGRP1DIE) !== 0 && (this.groupEnables & 2) === 0) misr |= MISR_VGRP1D;
    return misr;
  }

  // ---------------------------------------------------------------- the guest's registers

  /** Bit 0: group 0 enabled by the guest; bit 1: group 1. */
  get enables(): number {
    return this.groupEnables;
  }

  setEnables(enables: number): void {
    this.groupEnables = enables;
    this.refresh();
  }

  get group0IsFiq(): boolean {
    return this.fiqForGroup0;
  }

  setGroup0IsFiq(yes: boolean): void {
    this.fiqForGroup0 = yes || this.options.group0AlwaysFiq;
    this.refresh();
  }

  /** The list register with the pending interrupt of highest priority in an enabled group, or -1. */
  bestPending(): number {
    let best = -1;
    let bestPriority = IDLE_PRIORITY;
    for (let index = 0; index < LIST_REGISTERS; index++) {
      const high = this.listHigh[index]!;
      if ((high & LR_STATE) >>> 0 !== LR_STATE_PENDING) continue;
      if ((this.groupEnables & (1 << groupOf(high))) === 0) continue;
      if (priorityOf(high) < bestPriority) {
        best = index;
        bestPriority = priorityOf(high);
      }
    }
    return best;
  }

  /** HPPIR of a group. */
  highestPending(group: number): number {
    if ((this.controlBits & HCR_EN) === 0) return SPURIOUS;
    const best = this.bestPending();
    return best >= 0 && groupOf(this.listHigh[best]!) === group ? this.listLow[best]! : SPURIOUS;
  }

  /** The group of the best pending interrupt, or -1 if there is none. */
  pendingGroup(): number {
    const best = (this.controlBits & HCR_EN) === 0 ? -1 : this.bestPending();
    return best < 0 ? -1 : groupOf(this.listHigh[best]!);
  }

  /** The list register that IAR of a group would take, or -1. */
  acknowledgeable(group: number): number {
    const best = this.signalled();
    return best >= 0 && groupOf(this.listHigh[best]!) === group ? best : -1;
  }

  /** IAR of a group: the list register it took (its interrupt is active now), or -1 for spurious. */
  acknowledge(group: number): number {
    const best = this.acknowledgeable(group);
    if (this.observer) {
      const isHardware = best >= 0 && (this.listHigh[best]! & LR_HW) !== 0;
      this.observer.acknowledged(best < 0 ? SPURIOUS : this.listLow[best]!, isHardware);
    }
    if (best < 0) return -1;
    const high = this.listHigh[best]!;
    if (isSpecial(this.listLow[best]!)) {
      // A special INTID has no active state and no priority to drop.
      this.listHigh[best] = high & ~LR_STATE;
    } else {
      this.priorities.activate(priorityOf(high), group);
      this.listHigh[best] = (high & ~LR_STATE) | LR_STATE_ACTIVE;
    }
    this.refresh();
    return best;
  }

  /** EOIR. `group` is -1 where the register serves both groups (GICv2). */
  endInterrupt(intid: number, group: number): void {
    if (isSpecial(intid)) return;
    if (this.observer) {
      const index = this.activeLr(intid);
      this.observer.ended(intid, index >= 0 && (this.listHigh[index]! & LR_HW) !== 0);
    }
    const dropped = this.priorities.drop();
    if (dropped !== IDLE_PRIORITY) {
      const index = this.activeLr(intid);
      if (index < 0) {
        if (!this.splitEoi) this.countUnmatchedEoi();
      } else if (!this.splitEoi) {
        const high = this.listHigh[index]!;
        const matches = group < 0 || groupOf(high) === group;
        const groupPriority = priorityOf(high) & this.priorities.groupMask(groupOf(high));
        if (matches && groupPriority === dropped) this.deactivateLr(index);
      }
    }
    this.refresh();
  }

  /** DIR. Ignored unless EOI is split. */
  deactivate(intid: number): void {
    if (!this.splitEoi || isSpecial(intid)) return;
    const index = this.activeLr(intid);
    if (index < 0) this.countUnmatchedEoi();
    else this.deactivateLr(index);
    this.refresh();
  }

  /** Drives the lines. Must follow every change of state. */
  refresh(): void {
    const best = this.signalled();
    const asFiq = best >= 0 && groupOf(this.listHigh[best]!) === 0 && this.fiqForGroup0;
    this.virq.set(best >= 0 && !asFiq);
    this.vfiq.set(best >= 0 && asFiq);
    this.maintenance.set((this.controlBits & HCR_EN) !== 0 && this.misr() !== 0);
  }

  save(): VirtualInterfaceState {
    return {
      control: this.controlBits,
      enables: this.groupEnables,
      acknowledgeControl: this.acknowledgeControl,
      fiqEnable: this.fiqForGroup0,
      splitEoi: this.splitEoi,
      priorities: this.priorities.save(),
      listLow: [...this.listLow],
      listHigh: [...this.listHigh],
    };
  }

  restore(state: VirtualInterfaceState): void {
    this.controlBits = state.control;
    this.groupEnables = state.enables;
    this.acknowledgeControl = state.acknowledgeControl;
    this.fiqForGroup0 = state.fiqEnable;
    this.splitEoi = state.splitEoi;
    this.priorities.restore(state.priorities);
    this.listLow.set(state.listLow);
    this.listHigh.set(state.listHigh);
    this.refresh();
  }

  /** The list register whose interrupt is signalled to the guest now, or -1. */
  private signalled(): number {
    if ((this.controlBits & HCR_EN) === 0) return -1;
    const best = this.bestPending();
    if (best < 0) return -1;
    const high = this.listHigh[best]!;
    return this.priorities.permits(priorityOf(high), groupOf(high)) ? best : -1;
  }

  private activeLr(intid: number): number {
    for (let index = 0; index < LIST_REGISTERS; index++) {
      if ((this.listHigh[index]! & LR_STATE_ACTIVE) !== 0 && this.listLow[index] === intid) return index;
    }
    return -1;
  }

  private deactivateLr(index: number): void {
    const high = this.listHigh[index]!;
    this.listHigh[index] = high & ~LR_STATE_ACTIVE;
    if ((high & LR_HW) === 0) return;
    const physical = high & LR_PHYSICAL;
    if (!isSpecial(physical)) this.sockets.deactivatePhysical(physical);
  }

  private countUnmatchedEoi(): void {
    // Five bits; an overflow wraps.
    this.controlBits = (this.controlBits + (1 << HCR_EOICOUNT_SHIFT)) >>> 0;
  }
}

/** Builds the high half of a list register. */
export function lrHighOf(fields: {
  priority: number;
  state: number;
  group: number;
  /** The physical INTID behind it, for HW. */
  physical?: number;
  eoi?: boolean;
}): number {
  const source = fields.physical === undefined ? (fields.eoi === true ? LR_EOI : 0) : LR_HW | fields.physical;
  return (
    ((fields.state & LR_STATE) |
      (fields.group === 1 ? LR_GROUP : 0) |
      ((fields.priority & 0xff) << 16) |
      source) >>>
    0
  );
}

function priorityOf(high: number): number {
  return (high >>> 16) & 0xff;
}

function groupOf(high: number): number {
  return (high >>> 28) & 1;
}

/** INTIDs 1020 to 1023 are answers, not interrupts. */
function isSpecial(intid: number): boolean {
  return intid >= 1020 && intid <= SPURIOUS;
}
