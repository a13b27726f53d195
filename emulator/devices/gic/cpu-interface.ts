// The physical CPU interface, between the distributor and one processor: what GICC_* of a GICv2
// and ICC_* of a GICv3 are two views of.

import { EdgeFilter, type IrqLine } from '../irq-line.ts';
import { IDLE_PRIORITY, SPURIOUS } from './interrupt-bank.ts';
import { Priorities, type PrioritiesState } from './priorities.ts';

/** What a CPU interface asks of the distributor. */
export interface InterruptSource {
  /** The interrupt was acknowledged by this CPU: it becomes active. Returns what IAR reads for it. */
  activate(cpu: number, intid: number): number;
  deactivate(cpu: number, intid: number): void;
  /** Something this CPU's choice of an interrupt depends on has changed. */
  choose(cpu: number): void;
}

export interface CpuInterfaceState {
  readonly priorities: PrioritiesState;
  readonly enables: number;
  readonly splitEoi: boolean;
  readonly acknowledgeControl: boolean;
  readonly group0IsFiq: boolean;
}

export class CpuInterface {
  readonly cpu: number;
  readonly priorities: Priorities;
  /** EOImode: EOIR only drops the priority, DIR deactivates. */
  splitEoi = false;
  /** GICC_CTLR.AckCtl: IAR acknowledges group 1 too. */
  acknowledgeControl = false;

  /** The best pending interrupt for this CPU, and its priority and group; kept by the distributor. */
  pendingIntid = SPURIOUS;
  pendingPriority = IDLE_PRIORITY;
  pendingGroup = 0;

  /** Is told of an acknowledge that finds nothing. Nobody at first. */
  spurious: (() => void) | undefined;

  private groupEnables = 0;
  private fiqForGroup0: boolean;
  private readonly source: InterruptSource;
  // Invariant: the lines say what `refresh` would compute.
  private readonly irq: EdgeFilter;
  private readonly fiq: EdgeFilter;

  constructor(
    cpu: number,
    source: InterruptSource,
    lines: { irq: IrqLine; fiq: IrqLine },
    options: { combinedPriorities: boolean; group0IsFiq: boolean },
  ) {
    this.cpu = cpu;
    this.source = source;
    this.irq = new EdgeFilter(lines.irq);
    this.fiq = new EdgeFilter(lines.fiq);
    this.priorities = new Priorities({ combined: options.combinedPriorities });
    this.fiqForGroup0 = options.group0IsFiq;
  }

  /** Bit 0: group 0 is signalled to the processor; bit 1: group 1. */
  get enables(): number {
    return this.groupEnables;
  }

  setEnables(enables: number): void {
    this.groupEnables = enables;
    this.source.choose(this.cpu);
  }

  get group0IsFiq(): boolean {
    return this.fiqForGroup0;
  }

  setGroup0IsFiq(yes: boolean): void {
    this.fiqForGroup0 = yes;
    this.refresh();
  }

  /** The distributor chose another interrupt for this CPU. */
  offer(intid: number, priority: number, group: number): void {
    this.pendingIntid = intid;
    this.pendingPriority = priority;
    this.pendingGroup = group;
    this.refresh();
  }

  /** Drives the lines. Must follow every change of priorities, enables or the pending interrupt. */
  refresh(): void {
    const signalled =
      this.pendingIntid !== SPURIOUS && this.priorities.permits(this.pendingPriority, this.pendingGroup);
    const asFiq = this.pendingGroup === 0 && this.fiqForGroup0;
    this.irq.set(signalled && !asFiq);
    this.fiq.set(signalled && asFiq);
  }

  /** What IAR of a group would return: the interrupt if it is signalled now, or SPURIOUS. */
  acknowledgeable(group: number): number {
    if (this.pendingIntid === SPURIOUS || this.pendingGroup !== group) return SPURIOUS;
    return this.priorities.permits(this.pendingPriority, group) ? this.pendingIntid : SPURIOUS;
  }

  /** IAR: takes the pending interrupt if it is of this group and may be signalled. */
  acknowledge(group: number): number {
    const intid = this.acknowledgeable(group);
    if (intid === SPURIOUS) {
      this.spurious?.();
      return SPURIOUS;
    }
    this.priorities.activate(this.pendingPriority, group);
    return this.source.activate(this.cpu, intid);
  }

  /** HPPIR: the pending interrupt if it is of this group, whatever the priority mask says. */
  highestPending(group: number): number {
    return this.pendingGroup === group ? this.pendingIntid : SPURIOUS;
  }

  /** EOIR: drops the running priority and, unless that is split, deactivates the interrupt. */
  endInterrupt(intid: number): void {
    this.priorities.drop();
    if (this.splitEoi) this.refresh();
    else {
      this.source.deactivate(this.cpu, intid);
      this.refresh();
    }
  }

  /** DIR. Ignored unless EOI is split, which the architecture leaves open. */
  deactivate(intid: number): void {
    if (this.splitEoi) this.source.deactivate(this.cpu, intid);
  }

  save(): CpuInterfaceState {
    return {
      priorities: this.priorities.save(),
      enables: this.groupEnables,
      splitEoi: this.splitEoi,
      acknowledgeControl: this.acknowledgeControl,
      group0IsFiq: this.fiqForGroup0,
    };
  }

  /** The distributor offers the pending interrupt afterwards. */
  restore(state: CpuInterfaceState): void {
    this.priorities.restore(state.priorities);
    this.groupEnables = state.enables;
    this.splitEoi = state.splitEoi;
    this.acknowledgeControl = state.acknowledgeControl;
    this.fiqForGroup0 = state.group0IsFiq;
  }
}
