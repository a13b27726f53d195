// Memory that a client shows: what it has read lately may be different once the machine ran or was changed by hand.
// It is told once of each range; a client that still shows it reads it again.

/** By the client's own reference, which is how it knows them. */
interface Range {
  from: number;
  to: number;
}

const MOST_REFERENCES = 64;
/** Milliseconds between two tellings: 20 times a second. */
const PERIOD = 50;

export interface MemoryChange {
  readonly memoryReference: string;
  readonly offset: number;
  readonly count: number;
}

export class RecentReads {
  private readonly tell: (change: MemoryChange) => void;
  private readonly ranges = new Map<string, Range>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isDue = false;

  constructor(tell: (change: MemoryChange) => void) {
    this.tell = tell;
  }

  note(memoryReference: string, offset: number, count: number): void {
    if (count <= 0) return;
    const known = this.ranges.get(memoryReference);
    const from = Math.min(offset, known?.from ?? offset);
    const to = Math.max(offset + count, known?.to ?? 0);
    // The latest is the last to be forgotten.
    this.ranges.delete(memoryReference);
    this.ranges.set(memoryReference, { from, to });
    if (this.ranges.size <= MOST_REFERENCES) return;
    const [oldest] = this.ranges.keys();
    if (oldest !== undefined) this.ranges.delete(oldest);
  }

  /** All of it may be different now. */
  changed(): void {
    if (this.timer !== undefined) {
      this.isDue = true;
      return;
    }
    if (this.ranges.size === 0) return;
    for (const [memoryReference, { from, to }] of this.ranges) {
      this.tell({ memoryReference, offset: from, count: to - from });
    }
    this.ranges.clear();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const isDue = this.isDue;
      this.isDue = false;
      if (isDue) this.changed();
    }, PERIOD);
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ranges.clear();
  }
}
