// Shared request/response rings: the head of the page that every such protocol has. Xen public header
// io/ring.h. Indices run free in 32 bits; a slot is an index modulo the number of slots.

export const RING_REQ_PROD_OFFSET = 0;
export const RING_REQ_EVENT_OFFSET = 4;
export const RING_RSP_PROD_OFFSET = 8;
export const RING_RSP_EVENT_OFFSET = 12;
export const RING_SLOTS_OFFSET = 64;

/** __RING_SIZE: as many slots as fit, rounded down to a power of two. */
export const ringSize = (bytes: number, slotSize: number): number =>
  2 ** Math.floor(Math.log2((bytes - RING_SLOTS_OFFSET) / slotSize));

/**
 * RING_PUSH_*_AND_CHECK_NOTIFY: whether the other side asked to be told when the index passes `event`,
 * and it just did, going from `before` to `now`.
 */
export const isNotificationOwed = (before: number, now: number, event: number): boolean =>
  (now - event) >>> 0 < (now - before) >>> 0;
