// Follows one ring: at each event of its ports it copies the messages that are new. It sees a ring as often as its
// two sides tell each other; what was overwritten in between is counted as lost.

import {
  RING_REQ_PROD_OFFSET,
  RING_RSP_PROD_OFFSET,
  RING_SLOTS_OFFSET,
  ringSize,
} from '../../xen/abi/ring.ts';
import { Assembler } from './assembler.ts';
import { identifier } from './decode.ts';
import type { FoundRing } from './find.ts';
import { MessageLog } from './message-log.ts';
import type { Side, SlotProtocol, StreamLayout, StreamProtocol } from './protocol.ts';
import type { Moment, RecordedMessage, Told } from './recorded.ts';
import { ahead, isBehind, type RingMemory } from './ring-memory.ts';
import { streamPlaces } from './stream-places.ts';

export interface RingTrack {
  readonly log: MessageLog;
  /** What each side was told last. */
  told(reader: Side): Told;
  /** An event was raised at the port of `reader`. */
  observe(memory: RingMemory, reader: Side, now: Moment): void;
}

export function trackOf(ring: FoundRing, memory: RingMemory, log: MessageLog): RingTrack {
  const { protocol } = ring;
  return protocol.shape === 'slots'
    ? new SlotTrack(protocol, memory, log)
    : new StreamTrack(protocol, memory, log);
}

abstract class Track implements RingTrack {
  readonly log: MessageLog;
  private readonly tellings: Record<Side, Told>;

  constructor(log: MessageLog, producers: Readonly<Record<Side, number>>) {
    this.log = log;
    const telling = (producer: number): Told => ({ producer, at: undefined, count: 0 });
    this.tellings = { frontend: telling(producers.backend), backend: telling(producers.frontend) };
  }

  told(reader: Side): Told {
    return this.tellings[reader];
  }

  observe(memory: RingMemory, reader: Side, now: Moment): void {
    const producers = this.look(memory, now);
    const { count } = this.tellings[reader];
    const producer = reader === 'frontend' ? producers.backend : producers.frontend;
    this.tellings[reader] = { producer, at: now, count: count + 1 };
  }

  /** Copies what is new; returns the producer indices. */
  protected abstract look(memory: RingMemory, now: Moment): Readonly<Record<Side, number>>;
}

/** What was in a slot last. */
export interface SlotContent {
  readonly index: number;
  readonly from: Side;
  readonly bytes: Uint8Array;
  readonly message: RecordedMessage;
}

export class SlotTrack extends Track {
  readonly size: number;
  private readonly protocol: SlotProtocol;
  private requests: number;
  private responses: number;
  private readonly contents: (SlotContent | undefined)[] = [];

  constructor(protocol: SlotProtocol, memory: RingMemory, log: MessageLog) {
    const requests = memory.read32(RING_REQ_PROD_OFFSET);
    const responses = memory.read32(RING_RSP_PROD_OFFSET);
    // A ring that is found with requests in it is followed from the first that is not answered.
    super(log, { frontend: requests, backend: responses });
    this.protocol = protocol;
    this.size = ringSize(memory.size, protocol.slotSize);
    this.requests = ahead(requests, responses) <= this.size ? responses : requests;
    this.responses = responses;
  }

  /** What was seen in a slot last; undefined when it was never seen in use. */
  content(slot: number): SlotContent | undefined {
    return this.contents[slot];
  }

  protected look(memory: RingMemory, now: Moment): Record<Side, number> {
    const requests = memory.read32(RING_REQ_PROD_OFFSET);
    const responses = memory.read32(RING_RSP_PROD_OFFSET);
    const producers = { frontend: requests, backend: responses };
    const isSense = ahead(requests, responses) <= this.size;
    if (!isSense || isBehind(requests, this.requests) || isBehind(responses, this.responses)) {
      // Indices that mean nothing: the ring is followed from here once they mean something again.
      if (isSense) this.log.forgetUnanswered();
      this.requests = requests;
      this.responses = responses;
      return producers;
    }
    // A slot whose response came holds no request any more; one that was used again holds no response.
    const firstRequest =
      ahead(requests, this.requests) > ahead(requests, responses) ? responses : this.requests;
    this.log.lost += ahead(firstRequest, this.requests);
    const oldest = (requests - this.size) >>> 0;
    const firstResponse =
      ahead(requests, this.responses) > this.size && ahead(requests, this.responses) < 0x8000_0000
        ? oldest
        : this.responses;
    this.log.lost += ahead(firstResponse, this.responses);
    // Requests first: a response may stand in the slot of another request than its own. But whoever uses an id again has
    // had its answer before.
    let response = firstResponse;
    for (let index = firstRequest; index !== requests; index = (index + 1) >>> 0) {
      const id = this.idIn(memory, 'frontend', index);
      if (id !== undefined && this.log.isOpen(id)) {
        const answer = this.responseTo(memory, id, response, responses);
        for (; answer !== undefined && response !== answer; response = (response + 1) >>> 0) {
          this.copy(memory, 'backend', response, now);
        }
      }
      this.copy(memory, 'frontend', index, now);
    }
    for (; response !== responses; response = (response + 1) >>> 0)
      this.copy(memory, 'backend', response, now);
    this.requests = requests;
    this.responses = responses;
    return producers;
  }

  private copy(memory: RingMemory, from: Side, index: number, now: Moment): void {
    const bytes = this.bytesAt(memory, index);
    const id = this.idOf(from, index, bytes);
    const message = this.log.add(from, bytes, now, {
      index,
      isResponse: from === 'backend',
      ...(id !== undefined && { id }),
    });
    this.contents[index % this.size] = { index, from, bytes, message };
  }

  /** The index behind the response to an id; undefined when it is not among them. */
  private responseTo(memory: RingMemory, id: string, first: number, end: number): number | undefined {
    for (let index = first; index !== end; index = (index + 1) >>> 0) {
      if (this.idIn(memory, 'backend', index) === id) return (index + 1) >>> 0;
    }
    return undefined;
  }

  private idIn(memory: RingMemory, from: Side, index: number): string | undefined {
    return this.idOf(from, index, this.bytesAt(memory, index));
  }

  private idOf(from: Side, index: number, bytes: Uint8Array): string | undefined {
    const kind = from === 'frontend' ? this.protocol.request : this.protocol.response;
    const before = this.contents[(index - 1) % this.size];
    const previous = before?.from === from ? before.bytes : undefined;
    const id = identifier(kind.layoutOf(viewOf(bytes), previous && viewOf(previous)), kind.id, bytes);
    return id === undefined ? undefined : String(id);
  }

  private bytesAt(memory: RingMemory, index: number): Uint8Array {
    const { slotSize } = this.protocol;
    return memory.bytes(RING_SLOTS_OFFSET + (index % this.size) * slotSize, slotSize);
  }
}

/** One direction of a ring of bytes. */
export class StreamFollower {
  readonly layout: StreamLayout;
  readonly assembler: Assembler;
  private readonly log: MessageLog;
  private readonly offset: number;
  private readonly size: number;
  private seen: number;

  constructor(
    layout: StreamLayout,
    { offset, size }: { offset: number; size: number },
    memory: RingMemory,
    log: MessageLog,
  ) {
    this.layout = layout;
    this.log = log;
    this.offset = offset;
    this.size = size;
    this.seen = memory.read32(layout.consumer);
    this.assembler = new Assembler(layout.framing, (bytes, seen) => this.complete(bytes, seen));
  }

  /** Bytes up to this index were looked at. */
  get index(): number {
    return this.seen;
  }

  /** Returns the producer index. */
  look(memory: RingMemory, now: Moment): number {
    const producer = memory.read32(this.layout.producer);
    if (producer === this.seen) return producer;
    const consumer = memory.read32(this.layout.consumer);
    const fresh = ahead(producer, this.seen);
    if (ahead(producer, consumer) > this.size || fresh >= 0x8000_0000) {
      this.assembler.lose();
    } else {
      if (this.assembler.broken && consumer === this.seen) this.assembler.restart();
      const first = fresh > this.size ? (producer - this.size) >>> 0 : this.seen;
      if (first !== this.seen) {
        this.log.lost++;
        this.assembler.lose();
      }
      this.assembler.take(memory.circular(this.offset, this.size, first, ahead(producer, first)), now);
    }
    this.seen = producer;
    return producer;
  }

  private complete(bytes: Uint8Array, seen: Moment): void {
    const { framing, from } = this.layout;
    if (framing.kind === 'lines') {
      this.log.add(from, bytes, seen);
      return;
    }
    const header = viewOf(bytes);
    const id = framing.isUnsolicited?.(header) ? undefined : identifier(framing.layout, framing.id, bytes);
    this.log.add(from, bytes, seen, {
      isResponse: from === 'backend',
      ...(id !== undefined && { id: String(id) }),
    });
  }
}

export class StreamTrack extends Track {
  private readonly followers: Readonly<Record<Side, StreamFollower>>;

  constructor(protocol: StreamProtocol, memory: RingMemory, log: MessageLog) {
    const places = streamPlaces(protocol, memory);
    const followers = places.map(
      ({ layout, offset, size }) => new StreamFollower(layout, { offset, size }, memory, log),
    );
    const of = (side: Side): StreamFollower => {
      const found = followers.find(({ layout }) => layout.from === side);
      if (!found) throw new Error(`the protocol ${protocol.name} has no stream from the ${side}`);
      return found;
    };
    const byWriter = { frontend: of('frontend'), backend: of('backend') };
    super(log, {
      frontend: memory.read32(byWriter.frontend.layout.producer),
      backend: memory.read32(byWriter.backend.layout.producer),
    });
    this.followers = byWriter;
  }

  follower(from: Side): StreamFollower {
    return this.followers[from];
  }

  protected look(memory: RingMemory, now: Moment): Record<Side, number> {
    const backend = this.followers.backend.look(memory, now);
    return { frontend: this.followers.frontend.look(memory, now), backend };
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
