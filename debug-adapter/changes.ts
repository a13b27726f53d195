// Tells subscribers when what they show may have changed: after every stop, and while the machine runs as often
// as the most eager of them asked for. Without subscribers there is no timer.

import type { Area, XenEvents } from './protocol.ts';

/** Times a second. */
const DEFAULT_RATE = 5;
const MAX_RATE = 20;

interface Subscription {
  readonly areas: readonly Area[];
  readonly rate: number;
}

export class Changes {
  private readonly tell: (event: XenEvents['xen/changed']) => void;
  private readonly subscriptions = new Map<string, Subscription>();
  private running = false;
  private generation = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (event: XenEvents['xen/changed']) => void) {
    this.tell = tell;
  }

  subscribe(subscriber: string, areas: readonly Area[], rate: number = DEFAULT_RATE): void {
    if (areas.length === 0) this.subscriptions.delete(subscriber);
    else this.subscriptions.set(subscriber, { areas, rate: clamped(rate) });
    this.plan();
  }

  /** The machine runs, or stands, or was changed by hand. */
  machineIs(running: boolean, generation: number): void {
    this.running = running;
    this.generation = generation;
    if (!running) this.send();
    this.plan();
  }

  /** There is no machine any more. */
  end(): void {
    this.running = false;
    this.plan();
  }

  private plan(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.running || this.subscriptions.size === 0) return;
    const rate = Math.max(...[...this.subscriptions.values()].map((subscription) => subscription.rate));
    this.timer = setTimeout(() => {
      this.send();
      this.plan();
    }, 1000 / rate);
  }

  private send(): void {
    const areas = [
      ...new Set([...this.subscriptions.values()].flatMap((subscription) => subscription.areas)),
    ];
    if (areas.length > 0) this.tell({ areas, generation: this.generation, running: this.running });
  }
}

/** A rate of a client that asks for nonsense is the usual one. */
const clamped = (rate: number): number =>
  Number.isFinite(rate) && rate > 0 ? Math.min(rate, MAX_RATE) : DEFAULT_RATE;
