// One PV ring from inside: every slot with its state and message, or every stretch of bytes.

import { hex, PAGE_SIZE } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { RING_SLOTS_OFFSET } from '../../xen/abi/ring.ts';
import type { RingRecord } from '../record/ring-record.ts';
import { decodeFramed, decodeSlot, decodeText, type MessageView } from '../rings/decode.ts';
import type { FoundRing } from '../rings/find.ts';
import { lookAt, type SlotLook, type StreamLook } from '../rings/look.ts';
import type { Framing, Side } from '../rings/protocol.ts';
import { ahead } from '../rings/ring-memory.ts';
import { type SlotWord, slotWord } from '../rings/slot-state.ts';
import type { StreamFollower } from '../rings/track.ts';
import { type RingWorld, worldOf } from '../rings/world.ts';
import { DOMAIN, domainOf, inspection } from './inspection.ts';
import { findRing, type RingView, ringView } from './rings.ts';
import { textTable } from './text-table.ts';

export interface RingSlotsView {
  readonly ring: RingView;
  /** Of a ring of slots. */
  readonly slots: readonly SlotView[];
  /** Of a ring of bytes. */
  readonly streams: readonly StreamView[];
}

export interface SlotView {
  readonly slot: number;
  /** The free-running index for which the slot stands now. */
  readonly index: number;
  /** `unpublished`: a guess, see `note`. */
  readonly state: SlotWord | 'unpublished';
  /** Of the slot in the frontend's memory. */
  readonly ipa?: string;
  /** What stands there; left out in slots that nobody uses. */
  readonly message?: MessageView;
  /** Nanoseconds since it was seen first. */
  readonly age?: number;
  /** Nanoseconds from the request to its response. */
  readonly latency?: number;
  readonly note?: string;
}

export interface StreamView {
  readonly name: string;
  readonly from: Side;
  readonly size: number;
  /** In the frontend's memory. */
  readonly ipa?: string;
  /** Every byte of the buffer, in the order of its places. */
  readonly stretches: readonly StretchView[];
  /** What waits, in its order; the last one may be incomplete. */
  readonly messages: readonly WaitingMessageView[];
  /** Waiting messages that are not in the list. */
  readonly more: number;
}

export interface StretchView {
  /** Place of its first byte. */
  readonly start: number;
  readonly length: number;
  readonly state: 'free' | 'request waiting' | 'response waiting' | 'unknown';
}

export interface WaitingMessageView {
  /** Place of its first byte. */
  readonly start: number;
  readonly length: number;
  readonly isComplete: boolean;
  readonly message: MessageView;
  /** Nanoseconds since it was seen first. */
  readonly age?: number;
}

export const ringSlotsInspection = inspection('ringSlots', {
  doc: 'one PV ring: every slot or stretch of bytes with its state and its decoded message',
  arguments: {
    domain: DOMAIN,
    ring: { kind: 'text', doc: "its name, as 'rings' shows it; the first when left out" },
  },
  needs: 'hypervisor',
  inspect(subject, args): RingSlotsView {
    const { domain } = domainOf(subject, args.domain);
    const world = worldOf(subject.loaded);
    const { ring, names } = world ? findRing(world, domain, args.ring) : { ring: undefined, names: [] };
    if (!world || !ring) throw noSuchRing(domain, args.ring, names);
    return ringSlotsView(world, subject.record.rings, subject.loaded.machine.clock.nanoseconds(), ring);
  },
  text({ ring, slots, streams }) {
    const rows = [
      ...slots.map(({ slot, index, state, message, note }) => [
        slot,
        index,
        state,
        [message?.summary, note].filter((text) => text !== undefined).join('; '),
      ]),
      ...streams.flatMap(({ name, messages }) =>
        messages.map(({ start, length, isComplete, message }) => [
          `${name}+${start}`,
          length,
          isComplete ? 'waiting' : 'incomplete',
          message.summary,
        ]),
      ),
    ];
    const indices = ring.indices.map(({ name, value }) => `${name} ${value}`).join(', ');
    return `${ring.name}: ${ring.health.sentence}\n${indices}\n${textTable(['place', 'index or length', 'state', 'message'], rows)}`;
  },
});

function noSuchRing(domain: number, name: string | undefined, names: readonly string[]): UserError {
  return new UserError(
    name === undefined ? `domain ${domain} has no rings` : `domain ${domain} has no ring '${name}'`,
    names.length > 0 ? `There are: ${names.join(', ')}.` : 'Its frontends have connected none.',
  );
}

export function ringSlotsView(
  world: RingWorld,
  record: RingRecord | undefined,
  now: number,
  ring: FoundRing,
): RingSlotsView {
  const look = lookAt(world, record, ring);
  return {
    ring: ringView(world, look, now),
    slots: look.shape === 'slots' ? slotViews(look, now) : [],
    streams: look.shape === 'bytes' ? streamViews(look, now) : [],
  };
}

function slotViews(look: SlotLook, now: number): SlotView[] {
  const { state, protocol, memory, track, ring, unpublished } = look;
  return Array.from({ length: state.size }, (_, slot): SlotView => {
    const { word, index } = slotWord(state, slot);
    const offset = RING_SLOTS_OFFSET + slot * protocol.slotSize;
    const base = { slot, index, ...ipaAt(ring, offset) };
    const isGuess = slot === unpublished;
    if (word === 'unknown' || (word === 'free' && !isGuess)) return { ...base, state: word };

    const bytes = memory.bytes(offset, protocol.slotSize);
    const isResponse = word === 'response waiting';
    const previousSlot = (slot + state.size - 1) % state.size;
    const previous = slotWord(state, previousSlot).word;
    const hasPrevious = isResponse
      ? previous === word
      : previous === 'taken' || previous === 'request waiting';
    const message = decodeSlot(
      isResponse ? protocol.response : protocol.request,
      bytes,
      hasPrevious
        ? memory.bytes(RING_SLOTS_OFFSET + previousSlot * protocol.slotSize, protocol.slotSize)
        : undefined,
    );
    if (isGuess) {
      return {
        ...base,
        state: 'unpublished',
        message,
        note: 'filled in beyond req_prod: a guess, since the slot changed',
      };
    }
    const content = track?.content(slot);
    const recorded = content?.index === index ? content.message : undefined;
    const isAnswered = !isResponse && recorded?.counterpart !== undefined;
    return {
      ...base,
      state: word,
      message,
      ...(recorded && { age: now - recorded.seen.nanoseconds }),
      ...(recorded?.latency && { latency: recorded.latency.nanoseconds }),
      ...(isAnswered && { note: 'answered already, in another slot' }),
    };
  });
}

/** Waiting messages of a stream that are decoded. */
const MOST_MESSAGES = 100;

function streamViews(look: StreamLook, now: number): StreamView[] {
  return look.streams.map(({ name, from, size, consumer, used, impossible, place }): StreamView => {
    const base = { name, from, size, ...ipaAt(look.ring, place.offset) };
    if (impossible !== undefined) {
      return { ...base, stretches: [{ start: 0, length: size, state: 'unknown' }], messages: [], more: 0 };
    }
    const waiting = waitingMessages(look, { from, size, consumer, used, offset: place.offset }, now);
    return {
      ...base,
      stretches: stretchesOf(
        consumer % size,
        used,
        size,
        from === 'frontend' ? 'request waiting' : 'response waiting',
      ),
      ...waiting,
    };
  });
}

/** The waiting bytes may go over the end of the buffer. */
function stretchesOf(start: number, used: number, size: number, state: StretchView['state']): StretchView[] {
  const end = start + used;
  const pieces: StretchView[] =
    end <= size
      ? [
          { start: 0, length: start, state: 'free' },
          { start, length: used, state },
          { start: end, length: size - end, state: 'free' },
        ]
      : [
          { start: 0, length: end - size, state },
          { start: end - size, length: start - (end - size), state: 'free' },
          { start, length: size - start, state },
        ];
  return pieces.filter(({ length }) => length > 0);
}

interface Window {
  readonly from: Side;
  readonly size: number;
  readonly consumer: number;
  readonly used: number;
  readonly offset: number;
}

/** What waits, cut into messages: lines, or what the headers say. A large ring may hold very many. */
function waitingMessages(
  look: StreamLook,
  { from, size, consumer, used, offset }: Window,
  now: number,
): { readonly messages: readonly WaitingMessageView[]; readonly more: number } {
  const follower = look.track?.follower(from);
  const framing = look.protocol.streams.find((stream) => stream.from === from)?.framing;
  if (used === 0 || !framing) return { messages: [], more: 0 };
  // The consumer may have taken a part of the first message already.
  const taken = takenAlready(follower, consumer);
  const bytes = look.memory.circular(offset, size, consumer, used);
  const messages: WaitingMessageView[] = [];
  let more = 0;
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    const whole = at === 0 && taken.length > 0 ? Uint8Array.from([...taken, ...rest]) : rest;
    const { end, isComplete } = endOfMessage(framing, whole);
    const length = Math.max(1, end - (whole.length - rest.length));
    if (messages.length < MOST_MESSAGES) {
      const isSeen = at + length <= ahead(follower?.index ?? consumer, consumer);
      const since = isSeen && !isComplete ? follower?.assembler.partialSince : undefined;
      const part = whole.subarray(0, end);
      messages.push({
        start: (consumer + at) % size,
        length,
        isComplete,
        message: framing.kind === 'lines' ? decodeText(part) : decodeFramed(framing, part),
        ...(since && { age: now - since.nanoseconds }),
      });
    } else {
      more++;
    }
    at += length;
  }
  return { messages, more };
}

/** What makes no sense goes up to the end. */
function endOfMessage(
  framing: Framing,
  bytes: Uint8Array,
): { readonly end: number; readonly isComplete: boolean } {
  if (framing.kind === 'lines') {
    const end = bytes.indexOf(LINE_FEED) + 1;
    return { end: Math.min(end === 0 ? bytes.length : end, framing.longest), isComplete: end > 0 };
  }
  const { headerSize, longest } = framing;
  if (bytes.length < headerSize) return { end: bytes.length, isComplete: false };
  const length = framing.length(new DataView(bytes.buffer, bytes.byteOffset, headerSize));
  const isSense = length >= headerSize && length <= longest && length <= bytes.length;
  return { end: isSense ? length : bytes.length, isComplete: isSense };
}

const LINE_FEED = 10;

/** Bytes of the first waiting message that are out of the ring already. */
function takenAlready(follower: StreamFollower | undefined, consumer: number): Uint8Array {
  if (!follower) return new Uint8Array(0);
  const { partial } = follower.assembler;
  const length = ahead(consumer, (follower.index - partial.length) >>> 0);
  return length <= partial.length ? partial.subarray(0, length) : new Uint8Array(0);
}

function ipaAt({ pages }: FoundRing, offset: number): { ipa?: string } {
  const gfn = pages[Math.floor(offset / PAGE_SIZE)]?.gfn;
  return gfn === undefined ? {} : { ipa: hex(gfn * PAGE_SIZE + (offset % PAGE_SIZE)) };
}
