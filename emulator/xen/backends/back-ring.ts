// The backend's side of a shared ring: struct <name>_back_ring and its macros. Xen public header io/ring.h.
//
// A request is answered before the next one is looked at, so the frontend never has more answers coming than
// slots, and RING_REQUEST_CONS_OVERFLOW cannot be.

import {
  isNotificationOwed,
  RING_REQ_EVENT_OFFSET,
  RING_REQ_PROD_OFFSET,
  RING_RSP_EVENT_OFFSET,
  RING_RSP_PROD_OFFSET,
  RING_SLOTS_OFFSET,
} from '../abi/ring.ts';
import type { Page } from '../page.ts';

export class BackRing {
  readonly page: Page;
  readonly size: number;
  private readonly slotSize: number;
  /** req_cons: the next request to take. */
  private consumer: number;
  /** rsp_prod_pvt: the next response to put, published by push(). */
  private producer: number;

  /** BACK_RING_ATTACH: goes on where an earlier backend stopped; on a new ring both indices are 0. */
  constructor(page: Page, size: number, slotSize: number) {
    this.page = page;
    this.size = size;
    this.slotSize = slotSize;
    this.consumer = page.read32(RING_RSP_PROD_OFFSET);
    this.producer = this.consumer;
  }

  get requestConsumer(): number {
    return this.consumer;
  }

  get responseProducer(): number {
    return this.producer;
  }

  get requestProducer(): number {
    return this.page.read32(RING_REQ_PROD_OFFSET);
  }

  /** RING_REQUEST_PROD_OVERFLOW: more requests than there are slots. */
  isOverflow(producer: number): boolean {
    return (producer - this.producer) >>> 0 > this.size;
  }

  /** RING_COPY_REQUEST: the slot as it is now. What the frontend changes later changes nothing. */
  takeRequest(): Uint8Array {
    const request = this.page.read(this.slotOf(this.consumer), this.slotSize);
    this.consumer = (this.consumer + 1) >>> 0;
    return request;
  }

  /** Where the next response goes, as an offset in the page. */
  nextResponse(): number {
    const slot = this.slotOf(this.producer);
    this.producer = (this.producer + 1) >>> 0;
    return slot;
  }

  /** RING_FINAL_CHECK_FOR_REQUESTS: asks to be told of the next request, then looks once more. */
  finalCheck(): boolean {
    this.page.write32(RING_REQ_EVENT_OFFSET, this.consumer + 1);
    return this.requestProducer !== this.consumer;
  }

  /** RING_PUSH_RESPONSES_AND_CHECK_NOTIFY: true when the frontend is to be told. */
  push(): boolean {
    const before = this.page.read32(RING_RSP_PROD_OFFSET);
    this.page.write32(RING_RSP_PROD_OFFSET, this.producer);
    return isNotificationOwed(before, this.producer, this.page.read32(RING_RSP_EVENT_OFFSET));
  }

  save(): unknown {
    return { mfn: this.page.mfn, requestConsumer: this.consumer, responseProducer: this.producer };
  }

  private slotOf(index: number): number {
    return RING_SLOTS_OFFSET + (index % this.size) * this.slotSize;
  }
}
