// The list registers of one vCPU and the queues behind them, as Xen's classic vGIC drives them
// (xen/arch/arm/gic-vgic.c). Every interrupt is treated as an edge: a line that goes low takes
// nothing back, and an edge that arrives while the guest handles the one before makes the list
// register pending again.

import type { HostGic } from '../hypervisor/platform.ts';
import { NO_LR, type VirtualInterrupt } from './interrupt.ts';

export interface ListRegistersState {
  readonly cpu: number | undefined;
  readonly underflow: boolean;
  /** INTIDs in queue order. */
  readonly inflight: readonly number[];
  readonly waiting: readonly number[];
}

interface ListRegistersObserver {
  listed(intid: number, lr: number): void;
  /** The guest ended an interrupt, or its list register was found empty. */
  ended(intid: number): void;
}

export class ListRegisters {
  // Invariant: both queues are ordered by priority, first come first served among equals. An
  // interrupt is in `inflight` from its injection until its list register is found empty; it is in
  // `waiting` while it is inflight and enabled but there was no free list register.
  private readonly inflight: VirtualInterrupt[] = [];
  private readonly waiting: VirtualInterrupt[] = [];
  /** What stands in each list register in use. */
  private readonly used: (VirtualInterrupt | undefined)[] = [];

  /** A maintenance interrupt is asked for when list registers become free. */
  private underflow = false;

  private readonly gic: HostGic;
  private readonly observer: ListRegistersObserver;
  /** The physical CPU the vCPU is resident on, if any: only there its list registers are real. */
  private cpu: number | undefined;

  constructor(gic: HostGic, observer: ListRegistersObserver) {
    this.gic = gic;
    this.observer = observer;
  }

  /** The vCPU runs on this CPU from now on; its virtual CPU interface starts empty. */
  placeOn(cpu: number): void {
    this.cpu = cpu;
    this.gic.resetVirtualInterface(cpu);
  }

  /** Nothing is inflight and nothing was shown to the guest. */
  get isIdle(): boolean {
    return this.inflight.length === 0;
  }

  /** Whether the guest will still see an edge that came before. Changes nothing. */
  isPending({ inflight, visible, queued, lr }: VirtualInterrupt): boolean {
    if (!inflight || !visible || this.cpu === undefined) return inflight;
    return queued || this.gic.readListRegister(this.cpu, lr).pending;
  }

  /** An edge of an interrupt, enabled or not. */
  inject(interrupt: VirtualInterrupt): void {
    interrupt.queued = true;
    if (interrupt.inflight) {
      if (interrupt.enabled && interrupt.visible) this.updateOne(interrupt.lr);
      return;
    }
    interrupt.priority = interrupt.configuredPriority;
    interrupt.inflight = true;
    insertByPriority(this.inflight, interrupt);
    if (interrupt.enabled) this.raise(interrupt);
  }

  /** The guest enabled an interrupt: an edge that came before is shown now. */
  enable(interrupt: VirtualInterrupt): void {
    interrupt.enabled = true;
    if (interrupt.inflight && !interrupt.visible) this.raise(interrupt);
  }

  /** Takes it out of the queue; what stands in a list register already stays there. */
  disable(interrupt: VirtualInterrupt): void {
    interrupt.enabled = false;
    remove(this.waiting, interrupt);
  }

  /** Brings queues and flags up to what the guest did with the list registers. On entry to Xen. */
  sync(): void {
    if (this.cpu === undefined || this.isIdle) return;
    if (this.underflow) this.setUnderflow(false);
    for (let lr = 0; lr < this.used.length; lr++) if (this.used[lr] !== undefined) this.updateOne(lr);
  }

  /** Shows waiting interrupts in free list registers, or in place of less urgent ones. On exit. */
  flush(): void {
    if (this.cpu === undefined || this.waiting.length === 0) return;
    // At most every list register changes hands once, whatever was put back into the queue.
    for (let budget = this.gic.listRegisters; budget > 0; budget--) {
      const next = this.waiting[0];
      if (next === undefined) break;
      const lr = this.freeListRegister() ?? this.evictFor(next);
      if (lr === undefined) break;
      remove(this.waiting, next);
      this.show(next, lr);
    }
    if (this.waiting.length > 0) this.setUnderflow(true);
  }

  /** Whether an interrupt is pending that the guest would take now, PSTATE.I aside. */
  hasDeliverable(): boolean {
    if (this.cpu === undefined) return false;
    const limit = Math.min(this.gic.virtualPriorityMask(this.cpu), this.gic.virtualActivePriority(this.cpu));
    for (const interrupt of this.inflight) {
      if ((interrupt.priority & 0xf8) >= limit) return false;
      if (interrupt.enabled) return true;
    }
    return false;
  }

  /** Forgets everything: the vCPU starts anew (PSCI CPU_ON). */
  clear(): void {
    for (const interrupt of this.inflight) {
      interrupt.inflight = false;
      interrupt.visible = false;
      interrupt.active = false;
      interrupt.lr = NO_LR;
    }
    this.inflight.length = 0;
    this.waiting.length = 0;
    this.used.fill(undefined);
    if (this.cpu !== undefined) this.gic.resetVirtualInterface(this.cpu);
  }

  save(): ListRegistersState {
    return {
      cpu: this.cpu,
      underflow: this.underflow,
      inflight: this.inflight.map((interrupt) => interrupt.intid),
      waiting: this.waiting.map((interrupt) => interrupt.intid),
    };
  }

  /** `find` gives the interrupts of this vCPU by INTID; their own state is restored already. */
  restore(state: ListRegistersState, find: (intid: number) => VirtualInterrupt | undefined): void {
    this.cpu = state.cpu;
    this.underflow = state.underflow;
    const found = (intids: readonly number[]) =>
      intids.map(find).filter((interrupt) => interrupt !== undefined);
    this.inflight.splice(0, this.inflight.length, ...found(state.inflight));
    this.waiting.splice(0, this.waiting.length, ...found(state.waiting));
    this.used.length = 0;
    for (const interrupt of this.inflight) if (interrupt.visible) this.used[interrupt.lr] = interrupt;
  }

  private setUnderflow(enabled: boolean): void {
    this.underflow = enabled;
    if (this.cpu !== undefined) this.gic.setUnderflowInterrupt(this.cpu, enabled);
  }

  private raise(interrupt: VirtualInterrupt): void {
    const lr = this.waiting.length === 0 ? this.freeListRegister() : undefined;
    if (lr !== undefined) this.show(interrupt, lr);
    else if (!this.waiting.includes(interrupt)) insertByPriority(this.waiting, interrupt);
  }

  private updateOne(lr: number): void {
    const interrupt = this.used[lr];
    if (this.cpu === undefined || interrupt === undefined) return;
    const now = this.gic.readListRegister(this.cpu, lr);
    if (now.active) {
      interrupt.active = true;
      if (interrupt.enabled && interrupt.queued) {
        interrupt.queued = false;
        this.gic.writeListRegister(this.cpu, lr, { ...now, pending: true });
      }
    } else if (now.pending) {
      interrupt.queued = false; // The edge merges with the one that the guest has not taken yet.
    } else {
      this.used[lr] = undefined;
      this.gic.clearListRegister(this.cpu, lr);
      interrupt.visible = false;
      interrupt.active = false;
      interrupt.lr = NO_LR;
      this.observer.ended(interrupt.intid);
      if (interrupt.enabled && interrupt.queued) {
        this.raise(interrupt);
      } else {
        interrupt.inflight = false;
        remove(this.inflight, interrupt);
      }
    }
  }

  private show(interrupt: VirtualInterrupt, lr: number): void {
    if (this.cpu === undefined) return;
    const { intid, priority } = interrupt;
    this.gic.writeListRegister(this.cpu, lr, { intid, priority, pending: true, active: false });
    this.used[lr] = interrupt;
    interrupt.visible = true;
    interrupt.queued = false;
    interrupt.lr = lr;
    this.observer.listed(intid, lr);
  }

  private freeListRegister(): number | undefined {
    if (this.cpu === undefined) return undefined;
    for (let lr = 0; lr < this.gic.listRegisters; lr++) if (this.used[lr] === undefined) return lr;
    return undefined;
  }

  /** The list register of the least urgent interrupt that the guest has not acknowledged. */
  private evictFor(next: VirtualInterrupt): number | undefined {
    for (let index = this.inflight.length - 1; index >= 0; index--) {
      const victim = this.inflight[index];
      if (victim === undefined || victim.priority === next.priority) return undefined;
      if (!victim.visible || victim.active) continue;
      const lr = victim.lr;
      victim.lr = NO_LR;
      victim.queued = true;
      victim.visible = false;
      insertByPriority(this.waiting, victim);
      return lr;
    }
    return undefined;
  }
}

function insertByPriority(queue: VirtualInterrupt[], interrupt: VirtualInterrupt): void {
  const index = queue.findIndex((other) => other.priority > interrupt.priority);
  if (index < 0) queue.push(interrupt);
  else queue.splice(index, 0, interrupt);
}

function remove(queue: VirtualInterrupt[], interrupt: VirtualInterrupt): void {
  const index = queue.indexOf(interrupt);
  if (index >= 0) queue.splice(index, 1);
}
