// Idle time at the pace of the wall clock, for a machine that somebody looks at: while every CPU
// waits, the host sleeps, and virtual time then moves on by as much as real time did. Pacing is
// no state of the machine: how long the host slept is an input like a key.

import type { Machine } from './machine.ts';

/** Real milliseconds that a sleeping machine is left alone at most. */
const LONGEST_SLEEP = 1000;
/** Waits shorter than this are skipped: a timer of the host is no finer. */
const SHORTEST_SLEEP = 1;
const NANOSECONDS = 1e6;

export interface IdleSleep {
  /** How long to sleep, at most: input may end it earlier. */
  readonly milliseconds: number;
  /** The sleep is over, for whatever reason. */
  end(): void;
}

/** Every CPU waits up to `deadline`: the sleep that is due, or undefined when the time was skipped. */
export function beginIdle(machine: Machine, deadline: number, now: () => number): IdleSleep | undefined {
  const idleSince = machine.clock.nanoseconds();
  const milliseconds = Math.min((deadline - idleSince) / NANOSECONDS, LONGEST_SLEEP);
  if (milliseconds <= SHORTEST_SLEEP) {
    machine.skipTo(deadline);
    return undefined;
  }
  const start = now();
  return {
    milliseconds,
    end: () => {
      const slept = Math.round((now() - start) * NANOSECONDS);
      machine.skipTo(Math.min(deadline, idleSince + slept));
    },
  };
}
