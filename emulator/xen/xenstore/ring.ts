// The ring in a page of the guest that carries the xenstore protocol, and the client behind it.
// Xen public header io/xs_wire.h, tools/xenstore/xenstored_domain.c. Messages larger than the ring
// pass in pieces; both sides ring the event channel for every piece.

import {
  XENSTORE_CONNECTED,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_PAYLOAD_MAX,
  XENSTORE_RECONNECT,
  XENSTORE_RING_SIZE,
  XS_CONNECTION_OFFSET,
  XS_ERROR_OFFSET,
  XS_REQ_CONS_OFFSET,
  XS_REQ_OFFSET,
  XS_REQ_PROD_OFFSET,
  XS_RSP_CONS_OFFSET,
  XS_RSP_OFFSET,
  XS_RSP_PROD_OFFSET,
  xsdSockmsg,
} from '../abi/xs-wire.ts';
import type { Page } from '../page.ts';
import { Connection, type Message } from './connection.ts';
import type { Client, XenstoreServer } from './server.ts';

export class XenstoreRing implements Client {
  readonly connection: Connection;
  private readonly server: XenstoreServer;
  private readonly page: Page;
  private readonly notify: () => void;
  /** The part of a request that came so far. */
  private input = new Uint8Array(0);
  /** The part of a message that did not fit yet. */
  private output = new Uint8Array(0);
  /** The guest broke the protocol; nothing is read or written any more. */
  isIgnored = false;

  /** `notify` rings the guest's end of the event channel. */
  constructor(server: XenstoreServer, domid: number, page: Page, notify: () => void) {
    this.server = server;
    this.connection = new Connection(domid, false);
    this.page = page;
    this.notify = notify;
  }

  /** INTRODUCE: an empty ring; a guest that waits for the connection is told. */
  connect(): void {
    for (const index of [XS_REQ_CONS_OFFSET, XS_REQ_PROD_OFFSET, XS_RSP_CONS_OFFSET, XS_RSP_PROD_OFFSET]) {
      this.page.write32(index, 0);
    }
    this.server.introduce(this);
    if (this.page.read32(XS_CONNECTION_OFFSET) !== XENSTORE_RECONNECT) return;
    this.page.write32(XS_CONNECTION_OFFSET, XENSTORE_CONNECTED);
    this.notify();
  }

  /** The guest rang: requests are taken and answered until there is nothing to do. */
  onEvent(): void {
    for (;;) {
      const sent = this.connection.sent;
      const took = this.receive();
      this.server.transmit();
      // With replies sent there may be room to read further requests.
      if (!took && this.connection.sent === sent) return;
    }
  }

  transmit(): void {
    let moved = false;
    while (!this.isIgnored) {
      if (this.output.length === 0) {
        const message = this.connection.nextOutgoing();
        if (!message) break;
        this.output = encode(message);
      }
      const count = this.writeRing();
      if (count === 0) break;
      moved = true;
    }
    if (moved) this.notify();
  }

  /** Replies and events that found no room in the ring yet. */
  get waitingBytes(): number {
    return this.output.length + this.connection.waitingBytes;
  }

  get partialRequest(): number {
    return this.input.length;
  }

  save(): unknown {
    return {
      connection: this.connection.save(),
      mfn: this.page.mfn,
      input: [...this.input],
      output: [...this.output],
      isIgnored: this.isIgnored,
    };
  }

  /** Takes requests from the ring. True when any byte was taken. */
  private receive(): boolean {
    let moved = false;
    while (!this.isIgnored && !this.connection.isCongested) {
      const missing = this.missingBytes();
      if (missing === undefined) break;
      const count = missing > 0 ? this.readRing(missing) : 0;
      if (missing > 0 && count === 0) break;
      moved = true;
      if (count < missing || !this.isComplete()) continue;
      const { type, req_id, tx_id } = xsdSockmsg.read(this.input);
      const payload = this.input.slice(xsdSockmsg.size);
      this.input = new Uint8Array(0);
      this.server.process(this.connection, { type, requestId: req_id, transactionId: tx_id, payload });
    }
    if (moved) this.notify();
    return moved;
  }

  /** Bytes that the header, or then the whole request, still lacks. */
  private missingBytes(): number | undefined {
    if (this.input.length < xsdSockmsg.size) return xsdSockmsg.size - this.input.length;
    const { len } = xsdSockmsg.read(this.input);
    if (len > XENSTORE_PAYLOAD_MAX) {
      this.ignore(XENSTORE_ERROR_PROTO);
      return undefined;
    }
    return xsdSockmsg.size + len - this.input.length;
  }

  private isComplete(): boolean {
    if (this.input.length < xsdSockmsg.size) return false;
    return this.input.length === xsdSockmsg.size + xsdSockmsg.read(this.input).len;
  }

  private readRing(most: number): number {
    const consumer = this.page.read32(XS_REQ_CONS_OFFSET);
    const available = (this.page.read32(XS_REQ_PROD_OFFSET) - consumer) >>> 0;
    if (available > XENSTORE_RING_SIZE) {
      this.ignore(XENSTORE_ERROR_RINGIDX);
      return 0;
    }
    const start = consumer % XENSTORE_RING_SIZE;
    const count = Math.min(most, available, XENSTORE_RING_SIZE - start);
    if (count === 0) return 0;
    this.input = joined(this.input, this.page.read(XS_REQ_OFFSET + start, count));
    this.page.write32(XS_REQ_CONS_OFFSET, consumer + count);
    return count;
  }

  private writeRing(): number {
    const producer = this.page.read32(XS_RSP_PROD_OFFSET);
    const used = (producer - this.page.read32(XS_RSP_CONS_OFFSET)) >>> 0;
    if (used > XENSTORE_RING_SIZE) {
      this.ignore(XENSTORE_ERROR_RINGIDX);
      return 0;
    }
    const start = producer % XENSTORE_RING_SIZE;
    const count = Math.min(this.output.length, XENSTORE_RING_SIZE - used, XENSTORE_RING_SIZE - start);
    if (count === 0) return 0;
    this.page.write(XS_RSP_OFFSET + start, this.output.subarray(0, count));
    this.output = this.output.slice(count);
    this.page.write32(XS_RSP_PROD_OFFSET, producer + count);
    return count;
  }

  private ignore(error: number): void {
    this.isIgnored = true;
    this.connection.forgetWatchesAndTransactions();
    this.connection.forgetOutgoing();
    this.page.write32(XS_ERROR_OFFSET, error);
  }
}

export function encode({ type, requestId, transactionId, payload }: Message): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(xsdSockmsg.size + payload.length);
  xsdSockmsg.update(bytes, { type, req_id: requestId, tx_id: transactionId, len: payload.length });
  bytes.set(payload, xsdSockmsg.size);
  return bytes;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
