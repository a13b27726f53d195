// Virtual time as devices see it. It is a function of executed instructions; no device may look
// at any other clock.

/** Where a device asks for the time. */
export interface Clock {
  /** Virtual nanoseconds since the machine was switched on: a whole number below 2^53. */
  nanoseconds(): number;
}

/**
 * A device that does something by itself when time passes. Whoever advances time stops at the
 * deadline and calls `update`; after a register access the deadline may have moved either way.
 */
export interface TimedDevice {
  /** Virtual nanoseconds at which `update` must be called next; Infinity when nothing is due. */
  nextDeadline(): number;
  /** Brings the outputs up to the clock. */
  update(): void;
}

/** The frequency of the system counter of every board we have: 62.5 MHz, as QEMU's `virt`. */
export const COUNTER_FREQUENCY = 62_500_000;
/** Nanoseconds in one tick of the system counter. */
export const NANOSECONDS_PER_TICK = 1e9 / COUNTER_FREQUENCY;
