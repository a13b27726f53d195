/** Virtual time, for protocols that do something by themselves. */
export interface Timers {
  /** Nanoseconds since the machine was switched on. */
  now(): number;
  /** Calls back once at that moment, unless it is cancelled before. */
  at(due: number, action: () => void): { cancel(): void };
}
