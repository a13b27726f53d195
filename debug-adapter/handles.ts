// Ids of frames and variable containers. One counter for a session, never reused; each entry belongs
// to a stop, and an entry of an earlier stop answers `stale`, never data of another stop.

import * as errors from './errors.ts';

interface Entry<T> {
  readonly generation: number;
  readonly value: T;
}

export class Handles<T> {
  private readonly entries = new Map<number, Entry<T>>();
  private next = 1;
  private generation = 0;

  /** The current stop; answers of custom requests carry it. */
  get stopGeneration(): number {
    return this.generation;
  }

  /** The machine ran: what was handed out before is stale. */
  invalidate(): void {
    this.generation++;
    // Entries of the last stop stay, to be told apart from ids that never were; older ones go.
    for (const [id, entry] of this.entries) {
      if (entry.generation < this.generation - 1) this.entries.delete(id);
    }
  }

  add(value: T): number {
    // DAP ids are positive 31-bit integers.
    const id = this.next;
    this.next = this.next === 0x7fff_ffff ? 1 : this.next + 1;
    this.entries.set(id, { generation: this.generation, value });
    return id;
  }

  get(id: number): T {
    const entry = this.entries.get(id);
    if (entry === undefined || entry.generation !== this.generation) throw errors.stale();
    return entry.value;
  }
}
