// Virtual time: one nanosecond for each executed instruction, and the idle time that was skipped.

import type { Clock } from '../devices/clock.ts';

export class MachineClock implements Clock {
  /** Nanoseconds that passed while every CPU waited. */
  private skipped = 0;
  private readonly instructions: () => number;

  constructor(instructions: () => number) {
    this.instructions = instructions;
  }

  nanoseconds(): number {
    return this.instructions() + this.skipped;
  }

  /** Lets time pass with nothing executed. */
  skipTo(nanoseconds: number): void {
    const now = this.nanoseconds();
    if (nanoseconds > now) this.skipped += nanoseconds - now;
  }

  save(): { skipped: number } {
    return { skipped: this.skipped };
  }

  restore(state: { skipped: number }): void {
    this.skipped = state.skipped;
  }
}
