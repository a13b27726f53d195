// One queue of a virtual disk: its ring, its event channel, and the answers that are still to come. What a request
// asks for is done when it is taken; its answer comes after the time that a fast disk would need, so that a guest
// waits, and its rings fill, as on a real machine.

import {
  BLKIF_RESPONSE_ID_OFFSET,
  BLKIF_RESPONSE_OPERATION_OFFSET,
  BLKIF_RESPONSE_STATUS_OFFSET,
  type BlkifLayout,
} from '../../abi/blkif.ts';
import { BackRing } from '../back-ring.ts';
import type { BoundChannel, GrantMapping } from '../frontend-domain.ts';
import type { BackendRingView } from '../ring-view.ts';
import type { BackendTimers, Timer } from '../timers.ts';
import { QueueGrants } from './grants.ts';
import { Requests } from './requests.ts';

/** What the disk is busy with one request, in virtual nanoseconds; and with each byte of it. */
const REQUEST_NS = 10_000;
const BYTE_NS = 0.5;
/** struct blkif_response up to its padding. */
const RESPONSE_SIZE = 12;

/** When the disk has done everything that was asked of it so far: its queues share it. */
export interface BusyDisk {
  until: number;
}

export interface BlockRingView extends BackendRingView {
  /** Pages of the frontend that stay mapped between requests. */
  readonly persistentGrants: number;
}

/** Requests that were taken at one event are answered together. */
interface Batch {
  readonly due: number;
  readonly count: number;
}

export interface QueueParts {
  readonly index: number;
  readonly layout: BlkifLayout;
  readonly pages: readonly [GrantMapping, ...GrantMapping[]];
  readonly grants: QueueGrants;
  readonly requests: Requests;
  readonly timers: BackendTimers;
  readonly busy: BusyDisk;
  /** The ring makes no sense. */
  readonly fail: (message: string) => void;
}

export class BlockQueue {
  private readonly parts: QueueParts;
  private readonly ring: BackRing;
  private channel: BoundChannel | undefined;
  /** Answers that wait for their moment, in the order of the ring: RESPONSE_SIZE bytes each. */
  private readonly answers: Uint8Array;
  private answered = 0;
  private waiting = 0;
  private readonly batches: Batch[] = [];
  private timer: Timer | undefined;
  private readonly request: Uint8Array<ArrayBuffer>;
  private readonly requestView: DataView;

  constructor(parts: QueueParts) {
    this.parts = parts;
    const [first, ...others] = parts.pages;
    const { slotSize } = parts.layout;
    this.ring = new BackRing([first.page, ...others.map(({ page }) => page)], slotSize);
    this.answers = new Uint8Array(this.ring.size * RESPONSE_SIZE);
    this.request = new Uint8Array(slotSize);
    this.requestView = new DataView(this.request.buffer);
  }

  /** A ring that holds more requests than slots when it is connected. */
  get isOverfull(): boolean {
    return this.ring.isOverflow(this.ring.requestProducer);
  }

  bind(channel: BoundChannel): void {
    this.channel = channel;
  }

  /** The frontend rang, or may have. No more than a ring full of requests is served for it. */
  onEvent(): void {
    const { ring } = this;
    const until = ring.requestProducer;
    if (ring.isOverflow(until)) {
      const ahead = (until - ring.responseProducer) >>> 0;
      this.fail(`req_prod is ${until}, ${ahead} requests ahead of rsp_prod in a ring of ${ring.size}`);
      return;
    }
    let count = 0;
    let time = 0;
    for (; ring.requestConsumer !== until; count++) {
      ring.takeRequest(this.request);
      this.serve();
      time += REQUEST_NS + Math.ceil(this.parts.requests.moved * BYTE_NS);
    }
    // No vCPU runs meanwhile. A request whose data went into the ring's own page can do this, without end.
    const more = ring.finalCheck();
    if (count > 0) this.answerAfter(count, time);
    if (more) this.fail('req_prod changed while the requests were served');
  }

  disconnect(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.channel?.close();
    this.parts.grants.releaseAll();
    for (const page of this.parts.pages) page.unmap();
  }

  view(): BlockRingView {
    const { ring, parts, channel, batches } = this;
    const [next] = batches;
    return {
      queue: parts.index,
      references: parts.pages.map(({ reference }) => reference),
      mfns: parts.pages.map(({ page }) => page.mfn),
      port: channel?.port ?? 0,
      frontendPort: channel?.remotePort ?? 0,
      size: ring.size,
      requestConsumer: ring.requestConsumer,
      responseProducer: ring.responseProducer,
      persistentGrants: parts.grants.persistentCount,
      ...(next && { answersAt: next.due }),
    };
  }

  save(): unknown {
    const { ring, parts, channel, batches } = this;
    const waiting: number[] = [];
    for (let index = 0; index < this.waiting; index++) {
      const at = ((this.answered + index) % ring.size) * RESPONSE_SIZE;
      waiting.push(...this.answers.subarray(at, at + RESPONSE_SIZE));
    }
    return {
      references: parts.pages.map(({ reference }) => reference),
      port: channel?.port ?? null,
      remotePort: channel?.remotePort ?? null,
      ring: ring.save(),
      grants: parts.grants.save(),
      batches: batches.map((batch) => ({ ...batch })),
      waiting,
    };
  }

  /** Does what the request asks for, and puts its answer aside. */
  private serve(): void {
    const { requests, layout } = this.parts;
    const status = requests.perform(this.requestView);
    const at = ((this.answered + this.waiting) % this.ring.size) * RESPONSE_SIZE;
    this.waiting++;
    this.answers.set(this.request.subarray(layout.id, layout.id + 8), at + BLKIF_RESPONSE_ID_OFFSET);
    this.answers[at + BLKIF_RESPONSE_OPERATION_OFFSET] = requests.operationOf(this.requestView);
    this.answers[at + BLKIF_RESPONSE_STATUS_OFFSET] = status & 0xff;
    this.answers[at + BLKIF_RESPONSE_STATUS_OFFSET + 1] = (status >> 8) & 0xff;
  }

  private answerAfter(count: number, time: number): void {
    const { busy, timers } = this.parts;
    busy.until = Math.max(timers.now(), busy.until) + time;
    this.batches.push({ due: busy.until, count });
    if (this.batches.length === 1) this.setTimer(busy.until);
  }

  private setTimer(due: number): void {
    this.timer = this.parts.timers.at(due, () => this.answer());
  }

  /** The moment of the first batch has come. */
  private answer(): void {
    this.timer = undefined;
    const { ring } = this;
    const batch = this.batches.shift();
    for (let left = batch?.count ?? 0; left > 0; left--) {
      const at = this.answered * RESPONSE_SIZE;
      ring.putResponse(this.answers.subarray(at, at + RESPONSE_SIZE));
      this.answered = (this.answered + 1) % ring.size;
      this.waiting--;
    }
    const [next] = this.batches;
    if (next) this.setTimer(next.due);
    if (ring.push()) this.channel?.notify();
  }

  private fail(message: string): void {
    this.parts.fail(message);
  }
}
