// When backends do something by themselves: moments in virtual time, in one queue for all devices of domain 0, which has
// no CPU and no timer of its own.

import { NANOSECONDS_PER_TICK } from '../../devices/clock.ts';

export interface Timer {
  readonly due: number;
  cancel(): void;
}

export class BackendTimers {
  /** System time in nanoseconds, in whole ticks. */
  readonly now: () => number;
  /** The next one first; equal ones in the order in which they were set. Who set them saves them. */
  private readonly waiting: { readonly due: number; readonly action: () => void }[] = [];

  private readonly changed: () => void;

  /** `changed`: the deadline may be another one. */
  constructor(now: () => number, changed: () => void = () => {}) {
    this.now = now;
    this.changed = changed;
  }

  /** When expire() is due; Infinity when nobody waits. */
  get deadline(): number {
    return this.waiting[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Does something at a moment, or at the tick after it. */
  at(moment: number, action: () => void): Timer {
    const due = Math.ceil(moment / NANOSECONDS_PER_TICK) * NANOSECONDS_PER_TICK;
    const entry = { due, action };
    let place = this.waiting.length;
    while (place > 0 && (this.waiting[place - 1]?.due ?? 0) > due) place--;
    this.waiting.splice(place, 0, entry);
    this.changed();
    return {
      due,
      cancel: () => {
        const index = this.waiting.indexOf(entry);
        if (index < 0) return;
        this.waiting.splice(index, 1);
        this.changed();
      },
    };
  }

  /** Whatever is due happens. */
  expire(): void {
    const now = this.now();
    for (let next = this.waiting[0]; next && next.due <= now; next = this.waiting[0]) {
      this.waiting.shift();
      next.action();
    }
    this.changed();
  }
}
