// What every kind of record is made of.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { XenObserver } from '../../xen/observer.ts';

/** One kind of record. It implements the calls it wants. */
export type RecordPart = Partial<XenObserver>;

/** Where the machine stands on its clock while something is recorded. */
export interface RecordClock {
  /** Instructions executed. */
  instructions(): number;
  /** Virtual nanoseconds. */
  nanoseconds(): number;
}

export const clockOf = ({ machine }: LoadedMachine): RecordClock => ({
  instructions: () => machine.engine.instructions,
  nanoseconds: () => machine.clock.nanoseconds(),
});
