// Histories of PV rings: at each event of a port that belongs to a ring, its new messages are copied. Which ports
// those are is looked up when xenstore says that a device connected.

import type { LoadedMachine } from '../../machine/guest.ts';
import { findRings, type FoundRing, memoryOf } from '../rings/find.ts';
import { MessageLog } from '../rings/message-log.ts';
import type { RingProtocol, Side } from '../rings/protocol.ts';
import { ringProtocols } from '../rings/protocols.ts';
import type { Moment, RecordedMessage } from '../rings/recorded.ts';
import type { RingMemory } from '../rings/ring-memory.ts';
import { type RingTrack, trackOf } from '../rings/track.ts';
import { type RingWorld, worldOf } from '../rings/world.ts';
import type { RecordClock, RecordPart } from './part.ts';

export interface RingSockets {
  /** Looks at the machine as it is when it is called; undefined on a bare machine. */
  world(): RingWorld | undefined;
}

export const ringSockets = (loaded: LoadedMachine): RingSockets => ({
  world: () => worldOf(loaded),
});

interface Followed {
  readonly ring: FoundRing;
  /** Its pages; RAM stays where it is as long as the machine exists. */
  readonly memory: RingMemory;
  readonly track: RingTrack;
}

interface End {
  readonly followed: Followed;
  readonly reader: Side;
}

export interface History {
  readonly domain: number;
  /** Of the ring. */
  readonly name: string;
  readonly protocol: RingProtocol;
  readonly log: MessageLog;
}

/** What was seen at one event, in its order. */
export interface NewMessages {
  /** The frontend's. */
  readonly domain: number;
  readonly backend: number | undefined;
  /** Of the ring. */
  readonly name: string;
  readonly protocol: RingProtocol;
  readonly messages: readonly RecordedMessage[];
}

/** Histories outlive their rings, but not without end. */
const MOST_HISTORIES = 256;

export class RingRecord implements RecordPart {
  private readonly world: RingSockets['world'];
  private readonly clock: RecordClock;
  private readonly protocols: readonly RingProtocol[];
  /** By domain and name. */
  private rings = new Map<string, Followed>();
  /** By domain and port, which several rings of a device may share. */
  private ends = new Map<number, End[]>();
  /** By domain and name of the ring. */
  private readonly logs = new Map<string, History>();
  /** Who else wants to know. */
  listener: ((messages: NewMessages) => void) | undefined;
  /** Rings may have come or gone since they were looked up. */
  private isStale = false;
  /** Some frontend's port is not bound yet. */
  private hasUnboundPorts = false;

  constructor(
    { world }: RingSockets,
    clock: RecordClock,
    protocols: readonly RingProtocol[] = ringProtocols,
  ) {
    this.world = world;
    this.clock = clock;
    this.protocols = protocols;
    this.lookUp();
  }

  eventRaised(domid: number, port: number, byDomid: number): void {
    // A port that is bound gets an event from Xen.
    if (this.isStale || (byDomid === BY_XEN && this.hasUnboundPorts)) this.lookUp();
    const ends = this.ends.get(endKey(domid, port));
    if (!ends) return;
    const now = this.now();
    for (const { followed, reader } of ends) {
      const { ring, track, memory } = followed;
      const before = track.log.total;
      track.observe(memory, reader, now);
      const count = track.log.total - before;
      if (count === 0) continue;
      const { domain, backend, name, protocol } = ring;
      this.listener?.({ domain, backend, name, protocol, messages: track.log.last(count) });
    }
  }

  xenstoreChanged(path: string): void {
    if (ABOUT_RINGS.test(path)) this.isStale = true;
  }

  /** How a ring was followed; undefined for one that was never seen, or has changed since. */
  trackOf(ring: FoundRing): RingTrack | undefined {
    const followed = this.rings.get(keyOf(ring));
    return followed && isSame(followed.ring, ring) ? followed.track : undefined;
  }

  /** Every history, of rings that are gone too, by domain and name. */
  histories(): readonly History[] {
    return [...this.logs.values()];
  }

  private now(): Moment {
    return { instructions: this.clock.instructions(), nanoseconds: this.clock.nanoseconds() };
  }

  private lookUp(): void {
    const world = this.world();
    if (!world) return;
    this.isStale = false;
    this.hasUnboundPorts = false;
    const before = this.rings;
    this.rings = new Map();
    this.ends = new Map();
    for (const ring of findRings(world, this.protocols, undefined).rings) {
      const memory = memoryOf(world, ring);
      if (!memory) continue;
      const key = keyOf(ring);
      const followed = this.followed(before.get(key), ring, key, memory);
      if (!followed) continue;
      this.rings.set(key, followed);
      if (ring.port !== undefined) this.addEnd(ring.domain, ring.port, { followed, reader: 'frontend' });
      if (ring.backendPort === undefined) this.hasUnboundPorts = true;
      else if (ring.backend !== undefined) {
        this.addEnd(ring.backend, ring.backendPort, { followed, reader: 'backend' });
      }
    }
  }

  private addEnd(domid: number, port: number, end: End): void {
    const key = endKey(domid, port);
    this.ends.set(key, [...(this.ends.get(key) ?? []), end]);
  }

  /** The same ring is followed on, a new one under its name with the history of the old one. */
  private followed(
    before: Followed | undefined,
    ring: FoundRing,
    key: string,
    memory: RingMemory,
  ): Followed | undefined {
    if (before && isSame(before.ring, ring)) return { ring, memory, track: before.track };
    const { domain, name, protocol } = ring;
    const known = this.logs.get(key);
    if (!known && this.logs.size >= MOST_HISTORIES) return undefined;
    const log = known?.protocol === protocol ? known.log : new MessageLog();
    this.logs.set(key, { domain, name, protocol, log });
    log.forgetUnanswered();
    return { ring, memory, track: trackOf(ring, memory, log) };
  }
}

/** Nodes by which frontends publish rings, and the states that say that they did. */
const ABOUT_RINGS = /\/(state|[a-z-]*ring-ref\d*|event-channel[a-z0-9-]*|port)$/;

const BY_XEN = -1;
const MOST_PORTS = 2 ** 17;
const endKey = (domid: number, port: number): number => domid * MOST_PORTS + port;
const keyOf = ({ domain, name }: FoundRing): string => `${domain}/${name}`;

/** The same pages and event channel. */
function isSame(a: FoundRing, b: FoundRing): boolean {
  return (
    a.protocol === b.protocol &&
    a.port === b.port &&
    a.pages.length === b.pages.length &&
    a.pages.every(({ mfn }, index) => mfn === b.pages[index]?.mfn)
  );
}
