// The state of a request/response ring as the indices of Xen's public header io/ring.h say it: what is free, what
// waits for whom. Each side keeps the index up to which it has taken messages for itself; where nobody tells, it
// is inferred from the event index that the side leaves when it has nothing to do, and said to be so.

import {
  RING_REQ_EVENT_OFFSET,
  RING_REQ_PROD_OFFSET,
  RING_RSP_EVENT_OFFSET,
  RING_RSP_PROD_OFFSET,
  ringSize,
} from '../../xen/abi/ring.ts';
import { ahead, isBehind, type RingMemory } from './ring-memory.ts';
import type { BackendIndices } from './world.ts';

export interface SlotState {
  readonly size: number;
  readonly requestProducer: number;
  readonly requestEvent: number;
  readonly responseProducer: number;
  readonly responseEvent: number;
  readonly requestConsumer: PrivateIndex;
  readonly responseConsumer: PrivateIndex;
  /** Why the indices mean nothing. */
  readonly impossible?: string;
}

/** An index that is not in the shared page. */
export interface PrivateIndex {
  readonly value: number;
  readonly certainty: 'known' | 'inferred';
  /** From what. */
  readonly how: string;
}

export type SlotWord = 'free' | 'request waiting' | 'taken' | 'response waiting' | 'unknown';

export function slotState(
  memory: RingMemory,
  slotSize: number,
  backend: BackendIndices | undefined,
): SlotState {
  const indices = {
    size: ringSize(memory.size, slotSize),
    requestProducer: memory.read32(RING_REQ_PROD_OFFSET),
    requestEvent: memory.read32(RING_REQ_EVENT_OFFSET),
    responseProducer: memory.read32(RING_RSP_PROD_OFFSET),
    responseEvent: memory.read32(RING_RSP_EVENT_OFFSET),
  };
  const impossible = impossibility(indices, backend);
  return {
    ...indices,
    requestConsumer: backend
      ? { value: backend.requestConsumer, certainty: 'known', how: "the backend's own index" }
      : inferredRequestConsumer(indices),
    responseConsumer: inferredResponseConsumer(indices),
    ...(impossible !== undefined && { impossible }),
  };
}

type Shared = Omit<SlotState, 'requestConsumer' | 'responseConsumer' | 'impossible'>;

function impossibility(
  { size, requestProducer, responseProducer }: Shared,
  backend: BackendIndices | undefined,
): string | undefined {
  const inFlight = ahead(requestProducer, responseProducer);
  if (isBehind(requestProducer, responseProducer)) {
    return `rsp_prod ${responseProducer} is ahead of req_prod ${requestProducer}: more responses than requests`;
  }
  if (inFlight > size) {
    return `req_prod ${requestProducer} is ${inFlight} requests ahead of rsp_prod ${responseProducer}, in a ring of ${size} slots`;
  }
  if (backend && ahead(backend.requestConsumer, responseProducer) > inFlight) {
    return `the backend's req_cons ${backend.requestConsumer} is not between rsp_prod ${responseProducer} and req_prod ${requestProducer}`;
  }
  return undefined;
}

/** RING_FINAL_CHECK_FOR_REQUESTS leaves req_event one behind req_cons. */
function inferredRequestConsumer({ requestProducer, requestEvent, responseProducer }: Shared): PrivateIndex {
  const left = (requestEvent - 1) >>> 0;
  const isBetween = ahead(left, responseProducer) <= ahead(requestProducer, responseProducer);
  return isBetween
    ? { value: left, certainty: 'inferred', how: 'req_event - 1: where the backend looked last' }
    : {
        value: responseProducer,
        certainty: 'inferred',
        how: 'rsp_prod: at least what was answered was taken',
      };
}

/** RING_FINAL_CHECK_FOR_RESPONSES leaves rsp_event one behind rsp_cons; some frontends ask for later ones. */
function inferredResponseConsumer({
  size,
  requestProducer,
  responseProducer,
  responseEvent,
  requestEvent,
}: Shared): PrivateIndex {
  if (responseEvent === 0 && requestEvent === 0) {
    return {
      value: responseProducer,
      certainty: 'inferred',
      how: 'rsp_prod: nobody has set the event indices',
    };
  }
  const left = (responseEvent - 1) >>> 0;
  if (isBehind(responseProducer, left)) {
    return { value: responseProducer, certainty: 'inferred', how: 'rsp_event asks for a later response' };
  }
  // A slot that holds a newer request held no response any more.
  const oldest = (requestProducer - size) >>> 0;
  return ahead(requestProducer, left) <= size
    ? { value: left, certainty: 'inferred', how: 'rsp_event - 1: where the frontend looked last' }
    : {
        value: isBehind(oldest, responseProducer) || oldest === responseProducer ? oldest : responseProducer,
        certainty: 'inferred',
        how: 'req_prod - slots: those before were used again',
      };
}

export interface Occupancy {
  readonly free: number;
  readonly requestsWaiting: number;
  readonly taken: number;
  readonly responsesWaiting: number;
}

export function occupancyOf(state: SlotState): Occupancy {
  const { size, requestProducer, responseProducer, requestConsumer, responseConsumer } = state;
  const requestsWaiting = ahead(requestProducer, requestConsumer.value);
  const taken = ahead(requestConsumer.value, responseProducer);
  const responsesWaiting = ahead(responseProducer, responseConsumer.value);
  return {
    free: size - requestsWaiting - taken - responsesWaiting,
    requestsWaiting,
    taken,
    responsesWaiting,
  };
}

/** The state of a slot, and the free-running index that it stands for now. */
export function slotWord(
  state: SlotState,
  slot: number,
): { readonly word: SlotWord; readonly index: number } {
  const { size, requestProducer, responseProducer, requestConsumer, responseConsumer } = state;
  const oldest = responseConsumer.value;
  // The first index from the oldest response on that falls into this slot.
  const index = (oldest + ((slot - (oldest % size) + size) % size)) >>> 0;
  if (state.impossible !== undefined) return { word: 'unknown', index: slot };
  const from = ahead(index, oldest);
  if (from >= ahead(requestProducer, oldest)) return { word: 'free', index };
  if (from < ahead(responseProducer, oldest)) return { word: 'response waiting', index };
  return { word: from < ahead(requestConsumer.value, oldest) ? 'taken' : 'request waiting', index };
}
