// The rate that an interface may send at (`rate` of a vif): so many bytes in each interval. Linux's
// tx_credit_exceeded() (drivers/net/xen-netback/netback.c).

import type { BackendTimers, Timer } from '../timers.ts';

/** What one packet may take at most: a rate below it would let none pass. */
const LONGEST_PACKET = 131_072;

export interface Rate {
  readonly bytes: number;
  readonly microseconds: number;
}

export class Credit {
  private readonly rate: Rate | undefined;
  private readonly timers: BackendTimers;
  private readonly again: () => void;
  private left: number;
  /** When the present interval began. */
  private since: number;
  private timer: Timer | undefined;

  /** `again` is called when there is credit after take() said no. */
  constructor(rate: Rate | undefined, timers: BackendTimers, again: () => void) {
    this.rate = rate;
    this.timers = timers;
    this.again = again;
    this.left = rate?.bytes ?? Number.POSITIVE_INFINITY;
    this.since = timers.now();
  }

  /** Whether a packet of this size may be sent now. */
  take(size: number): boolean {
    if (!this.rate) return true;
    if (this.timer) return false;
    const interval = this.rate.microseconds * 1000;
    const now = this.timers.now();
    if (now >= this.since + interval) this.replenish(now);
    if (size > this.left) {
      this.timer = this.timers.at(this.since + interval, () => this.expired());
      return false;
    }
    this.left -= size;
    return true;
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  save(): unknown {
    return { left: this.rate ? this.left : null, since: this.since, due: this.timer?.due ?? null };
  }

  private expired(): void {
    this.timer = undefined;
    this.replenish(this.timers.now());
    this.again();
  }

  private replenish(now: number): void {
    const { bytes = 0 } = this.rate ?? {};
    this.since = now;
    this.left = Math.max(bytes, Math.min(this.left + bytes, LONGEST_PACKET));
  }
}
