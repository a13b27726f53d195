// Arm PrimeCell real time clock (PL031), Arm DDI 0224: seconds since 1970, and an alarm. The time
// it starts with comes from the configuration; from then on it follows virtual time.

import type { Clock, TimedDevice } from './clock.ts';
import type { IrqLine } from './irq-line.ts';
import { identification, registerBlock } from './register-block.ts';

const NANOSECONDS = 1e9;
const TWO_32 = 0x1_0000_0000;

export interface Pl031State {
  readonly offset: number;
  readonly load: number;
  readonly match: number;
  readonly interruptMask: number;
  readonly rawInterrupt: boolean;
}

export class Pl031 implements TimedDevice {
  // Invariant: the line is high exactly when rawInterrupt and bit 0 of interruptMask are set;
  // `due` is when the seconds will reach `match` next, from the last time one of them changed.
  // While the interrupt is masked nobody must be woken for it: `catchUp` notices it on access.
  /** What is added to the seconds of virtual time. */
  private offset: number;
  private load: number;
  private matchValue = 0;
  private interruptMask = 0;
  private rawInterrupt = false;
  private due = Infinity;

  private readonly clock: Clock;
  private readonly irq: IrqLine;

  /** `startTime`: seconds since 1970 when the machine is switched on. */
  constructor(clock: Clock, irq: IrqLine, startTime: number) {
    this.clock = clock;
    this.irq = irq;
    this.offset = startTime >>> 0;
    this.load = this.offset;
    this.schedule();
  }

  get seconds(): number {
    return (this.offset + this.elapsed()) % TWO_32;
  }

  get loaded(): number {
    return this.load;
  }

  setSeconds(seconds: number): void {
    this.catchUp();
    this.load = seconds;
    this.offset = (((seconds - this.elapsed()) % TWO_32) + TWO_32) % TWO_32;
    this.schedule();
  }

  get match(): number {
    return this.matchValue;
  }

  setMatch(seconds: number): void {
    this.catchUp();
    this.matchValue = seconds;
    this.schedule();
  }

  get mask(): number {
    return this.interruptMask;
  }

  setMask(value: number): void {
    this.catchUp();
    this.interruptMask = value & 1;
    this.updateIrq();
  }

  get isRaised(): boolean {
    return this.rawInterrupt || this.clock.nanoseconds() >= this.due;
  }

  clearInterrupt(): void {
    this.catchUp();
    this.rawInterrupt = false;
    this.updateIrq();
  }

  nextDeadline(): number {
    // Infinity too for what lies beyond exact numbers, 104 days of virtual time ahead.
    return this.interruptMask !== 0 && this.due <= Number.MAX_SAFE_INTEGER ? this.due : Infinity;
  }

  update(): void {
    this.catchUp();
    this.updateIrq();
  }

  save(): Pl031State {
    this.catchUp();
    return {
      offset: this.offset,
      load: this.load,
      match: this.matchValue,
      interruptMask: this.interruptMask,
      rawInterrupt: this.rawInterrupt,
    };
  }

  /** Preconditions: the clock shows the time of the saved state. */
  restore(state: Pl031State): void {
    this.offset = state.offset;
    this.load = state.load;
    this.matchValue = state.match;
    this.interruptMask = state.interruptMask;
    this.rawInterrupt = state.rawInterrupt;
    this.schedule();
    this.updateIrq();
  }

  private catchUp(): void {
    if (this.clock.nanoseconds() < this.due) return;
    this.rawInterrupt = true;
    this.schedule();
  }

  private elapsed(): number {
    return Math.floor(this.clock.nanoseconds() / NANOSECONDS);
  }

  /** The match is noticed when the seconds arrive at it, not while they stand at it. */
  private schedule(): void {
    const ahead = (this.matchValue - this.seconds + TWO_32) % TWO_32;
    this.due = (this.elapsed() + (ahead === 0 ? TWO_32 : ahead)) * NANOSECONDS;
  }

  private updateIrq(): void {
    this.irq.set(this.rawInterrupt && this.interruptMask !== 0);
  }

  static readonly registers = registerBlock<Pl031>(
    'pl031',
    0x1000,
    {
      RTCDR: { offset: 0x000, width: 4, doc: 'Data: seconds', read: (rtc) => rtc.seconds },
      RTCMR: {
        offset: 0x004,
        width: 4,
        doc: 'Match: the alarm',
        read: (rtc) => rtc.match,
        write: (rtc, value) => rtc.setMatch(value),
      },
      RTCLR: {
        offset: 0x008,
        width: 4,
        doc: 'Load: sets the seconds',
        read: (rtc) => rtc.loaded,
        write: (rtc, value) => rtc.setSeconds(value),
      },
      RTCCR: { offset: 0x00c, width: 4, doc: 'Control: it always runs', read: () => 1, write: () => {} },
      RTCIMSC: {
        offset: 0x010,
        width: 4,
        doc: 'Interrupt mask set/clear',
        read: (rtc) => rtc.mask,
        write: (rtc, value) => rtc.setMask(value),
      },
      RTCRIS: {
        offset: 0x014,
        width: 4,
        doc: 'Raw interrupt status',
        read: (rtc) => (rtc.isRaised ? 1 : 0),
      },
      RTCMIS: {
        offset: 0x018,
        width: 4,
        doc: 'Masked interrupt status',
        read: (rtc) => (rtc.isRaised ? rtc.mask : 0),
      },
      RTCICR: {
        offset: 0x01c,
        width: 4,
        doc: 'Interrupt clear',
        write: (rtc, value) => {
          if ((value & 1) !== 0) rtc.clearInterrupt();
        },
      },
      RTCPeriphID: identification(0xfe0, [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
    },
    { narrowAccess: true },
  );
}
