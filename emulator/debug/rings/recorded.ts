// What a record keeps of a ring: messages with their moments, as raw bytes. They are decoded when somebody looks.

import type { Side } from './protocol.ts';

export interface Moment {
  /** Executed by all CPUs. */
  readonly instructions: number;
  readonly nanoseconds: number;
}

export interface RecordedMessage {
  /** Counts the messages of the ring from 1 on. */
  readonly number: number;
  readonly from: Side;
  /** The first time that somebody could have seen it: an event of its ring's port. */
  readonly seen: Moment;
  readonly bytes: Uint8Array;
  /** Of a ring of slots: the free-running index. */
  readonly index?: number;
  /** Number of the request that it answers, or of the response that answers it. */
  counterpart?: number;
  /** From request to response; at the response, and at the request once it is answered. */
  latency?: Moment;
}

/** What was in a direction of a ring when its reader was told last. */
export interface Told {
  /** The producer index then. */
  readonly producer: number;
  /** Undefined when nobody was told since the ring was found. */
  readonly at: Moment | undefined;
  /** Events since the ring was found. */
  readonly count: number;
}
