// A ring as it is at this moment: pages, indices, ends and what was recorded, brought together for the views.

import type { RingRecord } from '../record/ring-record.ts';
import type { FoundRing } from './find.ts';
import { memoryOf } from './find.ts';
import {
  type Health,
  type Notification,
  otherSide,
  type RingEnds,
  slotHealth,
  slotNotification,
  streamHealth,
  streamNotification,
  type StreamState,
  unreadable,
} from './health.ts';
import type { Side, SlotProtocol, StreamProtocol } from './protocol.ts';
import { ahead, type RingMemory } from './ring-memory.ts';
import { slotState, type SlotState, slotWord } from './slot-state.ts';
import { type StreamPlace, streamPlaces } from './stream-places.ts';
import { type RingTrack, SlotTrack, StreamTrack } from './track.ts';
import type { RingWorld } from './world.ts';
import { RING_SLOTS_OFFSET } from '../../xen/abi/ring.ts';

export type RingLook = SlotLook | StreamLook | UnreadableLook;

interface AnyLook {
  readonly ring: FoundRing;
  readonly ends: RingEnds;
  readonly health: Health;
  readonly notifications: readonly Notification[];
}

export interface SlotLook extends AnyLook {
  readonly shape: 'slots';
  readonly protocol: SlotProtocol;
  readonly memory: RingMemory;
  readonly state: SlotState;
  readonly track: SlotTrack | undefined;
  /** The slot at req_prod, when it looks as if it was written. */
  readonly unpublished: number | undefined;
}

export interface StreamLook extends AnyLook {
  readonly shape: 'bytes';
  readonly protocol: StreamProtocol;
  readonly memory: RingMemory;
  readonly streams: readonly (StreamState & { readonly place: StreamPlace })[];
  readonly track: StreamTrack | undefined;
}

export interface UnreadableLook extends AnyLook {
  readonly shape: 'unreadable';
  readonly track: RingTrack | undefined;
}

export function lookAt(
  world: RingWorld,
  record: Pick<RingRecord, 'trackOf'> | undefined,
  ring: FoundRing,
): RingLook {
  const track = record?.trackOf(ring);
  const end = (domain: number | undefined, port: number | undefined, side: Side) => ({
    port,
    channel: domain === undefined || port === undefined ? undefined : world.channel(domain, port),
    told: track?.told(side),
  });
  const ends: RingEnds = {
    frontend: end(ring.domain, ring.port, 'frontend'),
    backend: end(ring.backend, ring.backendPort, 'backend'),
  };
  const memory = memoryOf(world, ring);
  if (!memory) {
    const health = unreadable(ring.problem ?? 'a page of it is not in RAM');
    return { shape: 'unreadable', ring, ends, track, health, notifications: [] };
  }
  const { protocol } = ring;
  if (protocol.shape === 'slots') {
    return lookAtSlots(world, ring, protocol, memory, ends, track instanceof SlotTrack ? track : undefined);
  }
  return lookAtStreams(ring, protocol, memory, ends, track instanceof StreamTrack ? track : undefined);
}

function lookAtSlots(
  world: RingWorld,
  ring: FoundRing,
  protocol: SlotProtocol,
  memory: RingMemory,
  ends: RingEnds,
  track: SlotTrack | undefined,
): SlotLook {
  const backend = ring.port === undefined ? undefined : world.backendOf(ring.domain, ring.port);
  const state = slotState(memory, protocol.slotSize, backend);
  const unpublished =
    state.impossible === undefined ? unpublishedSlot(state, protocol, memory, track) : undefined;
  return {
    shape: 'slots',
    ring,
    protocol,
    memory,
    state,
    ends,
    track,
    unpublished,
    health: slotHealth({ ring, state, ends, unpublished }),
    notifications: [
      slotNotification(state, 'backend', ends.backend),
      slotNotification(state, 'frontend', ends.frontend),
    ],
  };
}

/**
 * A frontend fills a slot in and then publishes it. A guess: the slot that comes next is not what it was when it
 * was last in use; or it was never used, and is not zeros as the page was.
 */
function unpublishedSlot(
  state: SlotState,
  { slotSize }: SlotProtocol,
  memory: RingMemory,
  track: SlotTrack | undefined,
): number | undefined {
  const { size, requestProducer, responseProducer } = state;
  const slot = requestProducer % size;
  if (slotWord(state, slot).word !== 'free') return undefined;
  const bytes = memory.bytes(RING_SLOTS_OFFSET + slot * slotSize, slotSize);
  const last = (requestProducer - size) >>> 0;
  const content = track?.content(slot);
  if (content) {
    // Only what was there at the end of the slot's last use can be compared.
    if (content.index !== last || content.from !== 'backend') return undefined;
    return isEqual(content.bytes, bytes) ? undefined : slot;
  }
  const wasUsed = requestProducer >= size || responseProducer >= size;
  return wasUsed || bytes.every((byte) => byte === 0) ? undefined : slot;
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);

function lookAtStreams(
  ring: FoundRing,
  protocol: StreamProtocol,
  memory: RingMemory,
  ends: RingEnds,
  track: StreamTrack | undefined,
): StreamLook {
  const streams = streamPlaces(protocol, memory).map((place) => ({ ...streamState(place, memory), place }));
  const notifications = streams
    .filter(({ impossible }) => impossible === undefined)
    .map((stream) => streamNotification(stream, ends[otherSide(stream.from)]));
  return {
    shape: 'bytes',
    ring,
    protocol,
    memory,
    streams,
    ends,
    track,
    health: streamHealth({
      ring,
      protocol,
      streams,
      ends,
      partial: partialMessages(track),
      unanswered: track?.log.unansweredCount ?? 0,
    }),
    notifications,
  };
}

function streamState({ layout, size }: StreamPlace, memory: RingMemory): StreamState {
  const consumer = memory.read32(layout.consumer);
  const producer = memory.read32(layout.producer);
  const used = ahead(producer, consumer);
  return {
    name: layout.name,
    from: layout.from,
    size,
    consumer,
    producer,
    used,
    ...(used > size && {
      impossible: `${layout.name}_prod ${producer} is ${used} bytes ahead of ${layout.name}_cons ${consumer}, in a buffer of ${size}`,
    }),
  };
}

function partialMessages(track: StreamTrack | undefined) {
  const partial: Partial<Record<Side, { length: number; whole: number | undefined }>> = {};
  for (const side of ['frontend', 'backend'] as const) {
    const follower = track?.follower(side);
    // Text has no messages that could be incomplete.
    if (!follower || follower.layout.framing.kind === 'lines') continue;
    const { length } = follower.assembler.partial;
    if (length > 0) partial[side] = { length, whole: follower.assembler.partialLength };
  }
  return partial;
}
