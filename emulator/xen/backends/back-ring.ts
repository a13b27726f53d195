// The backend's side of a shared ring: struct <name>_back_ring and its macros. Xen public header io/ring.h. A ring may
// have several pages, which the backend sees as one piece: slots lie across their borders.

import { PAGE_SIZE } from '../../base/address.ts';
import {
  isNotificationOwed,
  RING_REQ_EVENT_OFFSET,
  RING_REQ_PROD_OFFSET,
  RING_RSP_EVENT_OFFSET,
  RING_RSP_PROD_OFFSET,
  RING_SLOTS_OFFSET,
  ringSize,
} from '../abi/ring.ts';
import type { Page } from '../page.ts';

export class BackRing {
  readonly pages: readonly Page[];
  readonly size: number;
  private readonly head: Page;
  private readonly slotSize: number;
  /** req_cons: the next request to take. */
  private consumer: number;
  /** rsp_prod_pvt: the next response to put, published by push(). */
  private producer: number;

  /** BACK_RING_ATTACH: goes on where an earlier backend stopped; on a new ring both indices are 0. */
  constructor(pages: readonly [Page, ...Page[]], slotSize: number) {
    this.pages = pages;
    this.head = pages[0];
    this.size = ringSize(pages.length * PAGE_SIZE, slotSize);
    this.slotSize = slotSize;
    this.consumer = this.head.read32(RING_RSP_PROD_OFFSET);
    this.producer = this.consumer;
  }

  get requestConsumer(): number {
    return this.consumer;
  }

  get responseProducer(): number {
    return this.producer;
  }

  get requestProducer(): number {
    return this.head.read32(RING_REQ_PROD_OFFSET);
  }

  /** RING_REQUEST_PROD_OVERFLOW: more requests than there are slots. */
  isOverflow(producer: number): boolean {
    return (producer - this.producer) >>> 0 > this.size;
  }

  /** The next request, which stays the next. */
  peekRequest(into: Uint8Array): void {
    this.read(this.slotOf(this.consumer), into.subarray(0, this.slotSize));
  }

  /** RING_COPY_REQUEST: the slot as it is now. What the frontend changes later changes nothing. */
  takeRequest(into: Uint8Array): void {
    this.peekRequest(into);
    this.consumer = (this.consumer + 1) >>> 0;
  }

  /** Puts the next response into its slot. */
  putResponse(response: Uint8Array): void {
    const at = this.slotOf(this.producer);
    this.producer = (this.producer + 1) >>> 0;
    const inPage = Math.min(response.length, PAGE_SIZE - (at % PAGE_SIZE));
    this.pageAt(at).write(at % PAGE_SIZE, response.subarray(0, inPage));
    if (inPage < response.length) this.pageAt(at + inPage).write(0, response.subarray(inPage));
  }

  /** RING_FINAL_CHECK_FOR_REQUESTS: asks to be told of the next request, then looks once more. */
  finalCheck(): boolean {
    this.head.write32(RING_REQ_EVENT_OFFSET, this.consumer + 1);
    return this.requestProducer !== this.consumer;
  }

  /** Asks to be told of the next request behind those that are there and too few. */
  askForMore(): void {
    this.head.write32(RING_REQ_EVENT_OFFSET, this.requestProducer + 1);
  }

  /** RING_PUSH_RESPONSES_AND_CHECK_NOTIFY: true when the frontend is to be told. */
  push(): boolean {
    const before = this.head.read32(RING_RSP_PROD_OFFSET);
    this.head.write32(RING_RSP_PROD_OFFSET, this.producer);
    return isNotificationOwed(before, this.producer, this.head.read32(RING_RSP_EVENT_OFFSET));
  }

  save(): unknown {
    return {
      mfns: this.pages.map(({ mfn }) => mfn),
      requestConsumer: this.consumer,
      responseProducer: this.producer,
    };
  }

  private read(at: number, into: Uint8Array): void {
    const inPage = Math.min(into.length, PAGE_SIZE - (at % PAGE_SIZE));
    into.set(this.pageAt(at).bytes(at % PAGE_SIZE, inPage));
    if (inPage < into.length) into.set(this.pageAt(at + inPage).bytes(0, into.length - inPage), inPage);
  }

  private slotOf(index: number): number {
    return RING_SLOTS_OFFSET + (index % this.size) * this.slotSize;
  }

  private pageAt(at: number): Page {
    return this.pages[Math.floor(at / PAGE_SIZE)] ?? this.head;
  }
}
