// What is the matter with a ring, in one sentence: who waits for whom, and why nothing happens.

import { isNotificationOwed } from '../../xen/abi/ring.ts';
import type { FoundRing } from './find.ts';
import type { Side, StreamProtocol } from './protocol.ts';
import type { Told } from './recorded.ts';
import { ahead, isBehind } from './ring-memory.ts';
import { occupancyOf, type SlotState } from './slot-state.ts';
import type { RingChannel } from './world.ts';

export interface Health {
  readonly kind: HealthKind;
  readonly sentence: string;
  /** Who cannot go on before whom. */
  readonly waiting?: { readonly side: Side; readonly for: Side };
}

export type HealthKind =
  | 'idle'
  /** Something is under way. */
  | 'busy'
  /** Something waits, and nothing will move it. */
  | 'stuck'
  /** It looks so. */
  | 'suspicious'
  | 'not connected'
  | 'impossible'
  | 'unreadable';

/** One direction: whether its reader was told of what is there. */
export interface Notification {
  readonly to: Side;
  /** `yes`: by the rules of the protocol it should have been sent since, and was not. */
  readonly owed: 'yes' | 'no' | 'unknown';
  readonly why: 'nothing to tell' | 'not asked for' | 'told' | 'not told' | 'not followed';
  readonly sentence: string;
}

/** What is known of one end. */
export interface EndState {
  readonly port: number | undefined;
  readonly channel: RingChannel | undefined;
  /** Undefined when the ring was not followed. */
  readonly told: Told | undefined;
}

export interface RingEnds {
  readonly frontend: EndState;
  readonly backend: EndState;
}

// ---------------------------------------------------------------- slots

/** RING_PUSH_*_AND_CHECK_NOTIFY, applied to what was there when the reader was told last. */
export function slotNotification(state: SlotState, to: Side, { told }: EndState): Notification {
  const isRequest = to === 'backend';
  const producer = isRequest ? state.requestProducer : state.responseProducer;
  const event = isRequest ? state.requestEvent : state.responseEvent;
  const what = isRequest ? 'request' : 'response';
  const asked = `the ${to} asked to be told of ${what} ${(event - 1) >>> 0}`;
  if (isBehind(producer, event)) {
    return { to, owed: 'no', why: 'not asked for', sentence: `no: ${asked}, which is not there yet` };
  }
  if (!told) {
    const sentence = `unknown: ${asked}, which is there; the ring was not followed`;
    return { to, owed: 'unknown', why: 'not followed', sentence };
  }
  if (isNotificationOwed(told.producer, producer, event)) {
    return {
      to,
      owed: 'yes',
      why: 'not told',
      sentence: `yes: ${asked}, which is there, and no event was raised since`,
    };
  }
  return { to, owed: 'no', why: 'told', sentence: `no: ${asked}, and was told since` };
}

export interface SlotFindings {
  readonly ring: FoundRing;
  readonly state: SlotState;
  readonly ends: RingEnds;
  /** The slot at req_prod was written, as far as anybody can guess. */
  readonly unpublished: number | undefined;
}

export function slotHealth({ ring, state, ends, unpublished }: SlotFindings): Health {
  if (state.impossible !== undefined)
    return { kind: 'impossible', sentence: impossibleSentence(state.impossible) };
  const off = notConnected(ring);
  if (off) return off;

  const { requestsWaiting, taken, responsesWaiting, free } = occupancyOf(state);
  const full = free === 0 ? '; every slot is in use' : '';
  const toBackend = slotNotification(state, 'backend', ends.backend);
  if (toBackend.owed === 'yes' && requestsWaiting > 0) {
    const first = ends.backend.told?.producer ?? state.requestConsumer.value;
    return lostNotification('request', first, state.requestProducer, 'backend', 'frontend');
  }
  const toFrontend = slotNotification(state, 'frontend', ends.frontend);
  if (toFrontend.owed === 'yes' && responsesWaiting > 0) {
    const first = ends.frontend.told?.producer ?? state.responseConsumer.value;
    return lostNotification('response', first, state.responseProducer, 'frontend', 'backend');
  }
  if (responsesWaiting > 0) {
    const many = `the backend has answered ${counted(responsesWaiting, 'request')} that the frontend has not taken`;
    return notTaken(many, full, 'frontend', ends.frontend, toFrontend);
  }
  if (offersBuffers(ring)) return buffersHealth(requestsWaiting);
  if (requestsWaiting > 0) {
    const many = `the frontend has published ${counted(requestsWaiting, 'request')} that the backend has not taken`;
    return notTaken(many, full, 'backend', ends.backend, toBackend);
  }
  if (taken > 0) {
    return {
      kind: 'busy',
      sentence: `the backend has taken ${counted(taken, 'request')} and not answered: the frontend waits for the backend${full}`,
      waiting: { side: 'frontend', for: 'backend' },
    };
  }
  if (unpublished !== undefined) {
    return {
      kind: 'suspicious',
      sentence: `a request is filled in beyond req_prod, in slot ${unpublished}: the frontend has stopped before publishing it, so the backend waits for the frontend (a guess: the slot changed since it was last in use)`,
      waiting: { side: 'backend', for: 'frontend' },
    };
  }
  return IDLE;
}

const offersBuffers = ({ protocol }: FoundRing): boolean =>
  protocol.shape === 'slots' && protocol.offersBuffers === true;

function buffersHealth(count: number): Health {
  if (count > 0) return { kind: 'idle', sentence: `idle: ${counted(count, 'buffer')} for what will come` };
  return {
    kind: 'busy',
    sentence: 'the frontend offers no buffer: what comes for it waits, or is dropped',
    waiting: { side: 'backend', for: 'frontend' },
  };
}

const IDLE: Health = { kind: 'idle', sentence: 'idle: nothing is under way' };

function lostNotification(
  what: 'request' | 'response',
  first: number,
  end: number,
  reader: Side,
  writer: Side,
): Health {
  const last = (end - 1) >>> 0;
  const which = first === last ? `${what} ${last} is` : `${what}s ${first}..${last} are`;
  return {
    kind: 'stuck',
    sentence: `${which} published but the notification that the ${reader} asked for has not been sent: the ${reader} waits for the ${writer}`,
    waiting: { side: reader, for: writer },
  };
}

/** Something lies in the ring and its reader does not come. */
function notTaken(many: string, full: string, reader: Side, end: EndState, { why }: Notification): Health {
  const writer = otherSide(reader);
  const waiting = { side: writer, for: reader };
  const { channel, port, told } = end;
  if (channel?.pending) {
    return channel.masked
      ? {
          kind: 'stuck',
          sentence: `${many}: its event channel ${port} is pending but masked${full}`,
          waiting,
        }
      : {
          kind: 'busy',
          sentence: `${many}: its event channel ${port} is pending, and it has not looked yet${full}`,
          waiting,
        };
  }
  if (why === 'not asked for') {
    return { kind: 'busy', sentence: `${many}: it has not asked to be told of them${full}`, waiting };
  }
  const reason = told?.at ? 'it was told, and has not taken them' : 'whether it was told is not known';
  return { kind: 'busy', sentence: `${many}: ${reason}${full}`, waiting };
}

// ---------------------------------------------------------------- bytes

export interface StreamState {
  readonly name: string;
  readonly from: Side;
  readonly size: number;
  readonly consumer: number;
  readonly producer: number;
  /** Bytes that wait. */
  readonly used: number;
  readonly impossible?: string;
}

export interface StreamFindings {
  readonly ring: FoundRing;
  readonly protocol: StreamProtocol;
  readonly streams: readonly StreamState[];
  readonly ends: RingEnds;
  /** Of the message in progress in a stream, taken out of the ring already or not. */
  readonly partial: Readonly<
    Partial<Record<Side, { readonly length: number; readonly whole: number | undefined }>>
  >;
  /** Requests that were seen and have no reply. */
  readonly unanswered: number;
}

/** Protocols of bytes have no event index: the reader is told of everything. */
export function streamNotification({ from, producer, used }: StreamState, { told }: EndState): Notification {
  const to = otherSide(from);
  if (used === 0) return { to, owed: 'no', why: 'nothing to tell', sentence: 'no: everything was taken' };
  if (!told)
    return { to, owed: 'unknown', why: 'not followed', sentence: 'unknown: the ring was not followed' };
  if (told.producer === producer) {
    return { to, owed: 'no', why: 'told', sentence: `no: the ${to} was told since the last byte` };
  }
  const untold = counted(ahead(producer, told.producer), 'byte');
  return { to, owed: 'yes', why: 'not told', sentence: `yes: no event was raised since the last ${untold}` };
}

export function streamHealth({ ring, streams, ends, partial, unanswered }: StreamFindings): Health {
  for (const { impossible } of streams) {
    if (impossible !== undefined) return { kind: 'impossible', sentence: impossibleSentence(impossible) };
  }
  const off = notConnected(ring);
  if (off) return off;

  let busy: Health | undefined;
  for (const stream of streams) {
    const { from, used, size } = stream;
    if (used === 0) continue;
    const reader = otherSide(from);
    const end = ends[reader];
    const full = used === size ? '; there is no room for more' : '';
    const notification = streamNotification(stream, end);
    if (notification.owed === 'yes') {
      const untold = counted(ahead(stream.producer, end.told?.producer ?? stream.consumer), 'byte');
      return {
        kind: 'stuck',
        sentence: `the ${from} has put ${untold} into ${stream.name} and not told the ${reader}: the ${reader} waits for the ${from}${full}`,
        waiting: { side: reader, for: from },
      };
    }
    const found = notTaken(
      `the ${from} has put ${counted(used, 'byte')} into ${stream.name} that the ${reader} has not taken`,
      full,
      reader,
      end,
      notification,
    );
    if (found.kind === 'stuck') return found;
    busy ??= found;
  }
  if (busy) return busy;

  for (const { name, from } of streams) {
    const begun = partial[from];
    if (!begun) continue;
    const reader = otherSide(from);
    return {
      kind: 'busy',
      sentence: `a message in ${name} is incomplete, ${begun.length} of ${begun.whole ?? 'an unknown number of'} bytes came: the ${reader} waits for the ${from}`,
      waiting: { side: reader, for: from },
    };
  }
  if (unanswered > 0) {
    return {
      kind: 'busy',
      sentence: `${counted(unanswered, 'request')} of the frontend ${unanswered === 1 ? 'is' : 'are'} not answered: the frontend waits for the backend`,
      waiting: { side: 'frontend', for: 'backend' },
    };
  }
  return IDLE;
}

// ---------------------------------------------------------------- both

export function unreadable(problem: string): Health {
  return { kind: 'unreadable', sentence: `the ring cannot be read: ${problem}` };
}

function notConnected({ states: { frontend, backend } }: FoundRing): Health | undefined {
  if (frontend === undefined || (frontend === 'Connected' && backend === 'Connected')) return undefined;
  return {
    kind: 'not connected',
    sentence: `not connected: the frontend is ${frontend}, the backend ${backend ?? 'Unknown'}`,
  };
}

export const otherSide = (side: Side): Side => (side === 'frontend' ? 'backend' : 'frontend');

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const impossibleSentence = (reason: string): string => `these indices cannot be: ${reason}`;
