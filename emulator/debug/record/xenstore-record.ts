// Changes of xenstore since the machine was loaded: the last thousand one by one, and for each node the last one.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { Moment } from '../../machine/messages.ts';
import type { RecordClock, RecordPart } from './part.ts';

export type NodeChange = 'written' | 'removed' | 'permissions';

export interface XenstoreChange {
  /** Counts from 0. */
  readonly number: number;
  readonly path: string;
  readonly change: NodeChange;
  readonly byDomain: number;
  readonly moment: Moment;
  /** Of a node that was written: what it began with then. */
  readonly value?: Uint8Array;
  /** Bytes that were left out. */
  readonly more?: number;
}

export const CHANGES_KEPT = 1000;
/** Nodes whose last change is remembered; the ones that changed longest ago are forgotten. */
const MAX_PATHS = 20_000;
const VALUE_BYTES_KEPT = 256;

export class XenstoreRecord implements RecordPart {
  private readonly loaded: LoadedMachine;
  private readonly clock: RecordClock;
  private readonly ring: XenstoreChange[] = [];
  private readonly byPath = new Map<string, XenstoreChange>();
  private count = 0;

  constructor(loaded: LoadedMachine, clock: RecordClock) {
    this.loaded = loaded;
    this.clock = clock;
  }

  /** Changes since the machine was loaded. */
  get total(): number {
    return this.count;
  }

  lastChange(path: string): XenstoreChange | undefined {
    return this.byPath.get(path);
  }

  *newestFirst(): Generator<XenstoreChange> {
    for (let n = this.count - 1; n >= Math.max(0, this.count - CHANGES_KEPT); n--) {
      const change = this.ring[n % CHANGES_KEPT];
      if (change) yield change;
    }
  }

  // ---------------------------------------------------------------- XenObserver

  xenstoreChanged(path: string, change: NodeChange, byDomain: number): void {
    const entry: XenstoreChange = {
      number: this.count,
      path,
      change,
      byDomain,
      moment: {
        instructions: this.clock.instructions(),
        virtualNanoseconds: this.clock.nanoseconds(),
      },
      ...(change === 'written' && this.valueOf(path)),
    };
    this.ring[this.count % CHANGES_KEPT] = entry;
    this.count++;
    this.byPath.delete(path);
    this.byPath.set(path, entry);
    if (this.byPath.size <= MAX_PATHS) return;
    const [oldest] = this.byPath.keys();
    if (oldest !== undefined) this.byPath.delete(oldest);
  }

  private valueOf(path: string): { value?: Uint8Array; more?: number } {
    const value = this.loaded.view?.daemons?.xenstore.node(path)?.value;
    if (!value) return {};
    const more = value.length - VALUE_BYTES_KEPT;
    return { value: value.slice(0, VALUE_BYTES_KEPT), ...(more > 0 && { more }) };
  }
}
