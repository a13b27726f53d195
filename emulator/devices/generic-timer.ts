// The generic timer of one processor (Arm ARM DDI 0487, chapter D12): the non-secure physical,
// the virtual and the hypervisor timer over the system counter. The system register table reads
// and writes them; access control (CNTKCTL_EL1, CNTHCTL_EL2) is its business.
//
// 64-bit values are kept as two halves: timers are programmed at every tick of a guest, where a
// BigInt would cost more than the rest.

import { type Clock, NANOSECONDS_PER_TICK, type TimedDevice } from './clock.ts';
import { EdgeFilter, type IrqLine } from './irq-line.ts';

/** INTIDs of the timers' private peripheral interrupts, as the server base architecture has them. */
export const HYPERVISOR_TIMER_INTID = 26;
export const VIRTUAL_TIMER_INTID = 27;
export const PHYSICAL_TIMER_INTID = 30;

export const CTL_ENABLE = 1;
export const CTL_IMASK = 2;
export const CTL_ISTATUS = 4;

const TWO_32 = 0x1_0000_0000;

export interface TimerState {
  readonly control: number;
  readonly compareLow: number;
  readonly compareHigh: number;
  readonly offsetLow: number;
  readonly offsetHigh: number;
}

/** Somebody who looks on, and changes nothing. */
export interface TimerObserver {
  /** Its control or compare value was written; the line is up to date. */
  programmed(): void;
  /** The time has come: the line goes high. */
  fired(): void;
}

/** One comparator: the line is high while (count - offset) >= compare, enabled and not masked. */
export class Timer {
  // Invariant: the line and `due` are what `evaluate` computes at the time of the last change.
  private controlBits = 0;
  private compareLowHalf = 0;
  private compareHighHalf = 0;
  private offsetLow = 0;
  private offsetHigh = 0;
  private due = Infinity;
  /** Nobody at first. */
  observer: TimerObserver | undefined;
  private readonly clock: Clock;
  private readonly line: EdgeFilter;

  constructor(clock: Clock, line: IrqLine) {
    this.clock = clock;
    this.line = new EdgeFilter(line);
  }

  /** CTL, with ISTATUS as of now. */
  readControl(): number {
    const met = (this.controlBits & CTL_ENABLE) !== 0 && this.ticksLeft() === 0;
    return this.controlBits | (met ? CTL_ISTATUS : 0);
  }

  writeControl(value: number): void {
    this.controlBits = value & (CTL_ENABLE | CTL_IMASK);
    this.evaluate();
    this.observer?.programmed();
  }

  /** CVAL. */
  get compareLow(): number {
    return this.compareLowHalf;
  }

  get compareHigh(): number {
    return this.compareHighHalf;
  }

  writeCompare(low: number, high: number): void {
    this.compareLowHalf = low >>> 0;
    this.compareHighHalf = high >>> 0;
    this.evaluate();
    this.observer?.programmed();
  }

  /** TVAL: ticks from now to the compare value, 32 bits of them. */
  readTimerValue(): number {
    return (this.compareLowHalf - this.countLow()) >>> 0;
  }

  writeTimerValue(value: number): void {
    const low = this.countLow();
    const sum = low + (value >>> 0);
    const carry = sum >= TWO_32 ? 1 : 0;
    // TVAL is signed.
    const extension = (value | 0) < 0 ? -1 : 0;
    this.writeCompare(sum >>> 0, (this.countHigh() + carry + extension) >>> 0);
  }

  /** The counter as this timer sees it, bits 31..0. */
  countLow(): number {
    return ((ticks(this.clock) >>> 0) - this.offsetLow) >>> 0;
  }

  /** Bits 63..32. */
  countHigh(): number {
    const count = ticks(this.clock);
    const borrow = count >>> 0 < this.offsetLow ? 1 : 0;
    return (Math.floor(count / TWO_32) - this.offsetHigh - borrow) >>> 0;
  }

  setOffset(low: number, high: number): void {
    this.offsetLow = low >>> 0;
    this.offsetHigh = high >>> 0;
    this.evaluate();
  }

  /** Is the interrupt line high, as of the last evaluation? */
  get isRaised(): boolean {
    return this.line.level;
  }

  /** Virtual nanoseconds at which the line will rise by itself; Infinity if it will not. */
  nextDeadline(): number {
    return this.due;
  }

  /** Brings the line up to the clock. */
  evaluate(): void {
    const enabled = (this.controlBits & CTL_ENABLE) !== 0;
    const masked = (this.controlBits & CTL_IMASK) !== 0;
    const left = enabled && !masked ? this.ticksLeft() : Infinity;
    if (left === 0 && !this.line.level) this.observer?.fired();
    this.line.set(left === 0);
    const due = left === 0 ? Infinity : (ticks(this.clock) + left) * NANOSECONDS_PER_TICK;
    // What is beyond exact numbers lies 104 days of virtual time ahead.
    this.due = due <= Number.MAX_SAFE_INTEGER ? due : Infinity;
  }

  save(): TimerState {
    return {
      control: this.controlBits,
      compareLow: this.compareLowHalf,
      compareHigh: this.compareHighHalf,
      offsetLow: this.offsetLow,
      offsetHigh: this.offsetHigh,
    };
  }

  /** Preconditions: the clock shows the time of the saved state. */
  restore(state: TimerState): void {
    this.controlBits = state.control;
    this.compareLowHalf = state.compareLow;
    this.compareHighHalf = state.compareHigh;
    this.offsetLow = state.offsetLow;
    this.offsetHigh = state.offsetHigh;
    this.evaluate();
  }

  /** 0 once the condition is met. The comparison is unsigned over 64 bits. */
  private ticksLeft(): number {
    const low = this.countLow();
    const high = this.countHigh();
    const { compareLowHalf, compareHighHalf } = this;
    if (high > compareHighHalf || (high === compareHighHalf && low >= compareLowHalf)) return 0;
    return (compareHighHalf - high) * TWO_32 + (compareLowHalf - low);
  }
}

export interface GenericTimerLines {
  readonly physical: IrqLine;
  readonly virtual: IrqLine;
  readonly hypervisor: IrqLine;
}

export interface GenericTimerState {
  readonly physical: TimerState;
  readonly virtual: TimerState;
  readonly hypervisor: TimerState;
}

export class GenericTimer implements TimedDevice {
  /** CNTP. */
  readonly physical: Timer;
  /** CNTV; its offset is CNTVOFF_EL2. */
  readonly virtual: Timer;
  /** CNTHP. */
  readonly hypervisor: Timer;
  private readonly clock: Clock;

  constructor(clock: Clock, lines: GenericTimerLines) {
    this.clock = clock;
    this.physical = new Timer(clock, lines.physical);
    this.virtual = new Timer(clock, lines.virtual);
    this.hypervisor = new Timer(clock, lines.hypervisor);
  }

  /** CNTPCT_EL0: a whole number below 2^53. */
  physicalCount(): number {
    return ticks(this.clock);
  }

  /** CNTVCT_EL0 by halves. */
  virtualCountLow(): number {
    return this.virtual.countLow();
  }

  virtualCountHigh(): number {
    return this.virtual.countHigh();
  }

  /** CNTVOFF_EL2. */
  setVirtualOffset(low: number, high: number): void {
    this.virtual.setOffset(low, high);
  }

  nextDeadline(): number {
    return Math.min(
      this.physical.nextDeadline(),
      this.virtual.nextDeadline(),
      this.hypervisor.nextDeadline(),
    );
  }

  update(): void {
    const now = this.clock.nanoseconds();
    if (this.physical.nextDeadline() <= now) this.physical.evaluate();
    if (this.virtual.nextDeadline() <= now) this.virtual.evaluate();
    if (this.hypervisor.nextDeadline() <= now) this.hypervisor.evaluate();
  }

  save(): GenericTimerState {
    return {
      physical: this.physical.save(),
      virtual: this.virtual.save(),
      hypervisor: this.hypervisor.save(),
    };
  }

  restore(state: GenericTimerState): void {
    this.physical.restore(state.physical);
    this.virtual.restore(state.virtual);
    this.hypervisor.restore(state.hypervisor);
  }
}

/** The system counter. */
function ticks(clock: Clock): number {
  return Math.floor(clock.nanoseconds() / NANOSECONDS_PER_TICK);
}
