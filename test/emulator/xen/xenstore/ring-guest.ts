// A guest's end of the xenstore ring: writes requests as Linux's xs_comms does, and collects what
// comes back.

import { gfn } from '../../../../emulator/base/address.ts';
import {
  XS,
  XS_REQ_CONS_OFFSET,
  XS_REQ_PROD_OFFSET,
  XS_RSP_CONS_OFFSET,
  XS_RSP_PROD_OFFSET,
  xsdSockmsg,
} from '../../../../emulator/xen/abi/xs-wire.ts';
import type { Page } from '../../../../emulator/xen/page.ts';
import { encode, XenstoreRing } from '../../../../emulator/xen/xenstore/ring.ts';
import type { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { type FakeXen, type Guest, serveChannel } from '../fake-xen.ts';

const SELF = 0x7ff0;
const RING = 1024;

export interface Received {
  readonly type: number;
  readonly requestId: number;
  readonly text: string;
}

export class RingGuest {
  readonly page: Page;
  readonly ring: XenstoreRing;
  readonly guest: Guest;
  readonly port: number;
  /** Watch events as `path token`, in the order they came. */
  readonly events: string[] = [];
  private readonly received: Received[] = [];
  private partial: number[] = [];
  private nextRequestId = 1;

  constructor(xen: FakeXen, server: XenstoreServer, guest: Guest, ringGfn: number) {
    this.guest = guest;
    const mapping = guest.domain.memory.frame(gfn(ringGfn));
    if (!mapping) throw new Error('the guest has a xenstore page');
    this.page = guest.domain.machinePage(mapping.mfn);
    this.port = Number(guest.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 }).arg['port']);
    const channel = serveChannel(xen, guest, this.port, () => this.ring.onEvent());
    this.ring = new XenstoreRing(server, guest.id, this.page, channel.notify);
    this.ring.connect();
  }

  /** A request and its reply: the payload's text, or the error's name with a minus sign. */
  request(type: keyof typeof XS, payload: string, transaction = 0): string {
    const requestId = this.send(type, payload, transaction);
    this.collect();
    const index = this.received.findIndex((message) => message.requestId === requestId);
    if (index < 0) throw new Error(`no reply to ${type}`);
    const [reply] = this.received.splice(index, 1);
    if (!reply) throw new Error('unreachable');
    return reply.type === XS.ERROR ? `-${reply.text.slice(0, -1)}` : reply.text;
  }

  /** Sends without reading what comes back. */
  send(type: keyof typeof XS, payload: string, transaction = 0): number {
    const requestId = this.nextRequestId++;
    const bytes = encode({
      type: XS[type],
      requestId,
      transactionId: transaction,
      payload: Uint8Array.from(payload, (character) => character.charCodeAt(0)),
    });
    this.sendBytes(bytes);
    return requestId;
  }

  sendBytes(bytes: Uint8Array): void {
    for (let sent = 0; sent < bytes.length; ) {
      const producer = this.page.read32(XS_REQ_PROD_OFFSET);
      const room = RING - (producer - this.page.read32(XS_REQ_CONS_OFFSET));
      const count = Math.min(room, bytes.length - sent);
      if (count === 0) throw new Error('the server takes nothing');
      for (let i = 0; i < count; i++) this.page.write8((producer + i) % RING, bytes[sent + i] ?? 0);
      this.page.write32(XS_REQ_PROD_OFFSET, producer + count);
      sent += count;
      this.notify();
    }
  }

  notify(): void {
    this.guest.call('EVTCHNOP_send', { port: this.port });
  }

  /** Takes everything the server sends, as far as it comes. */
  collect(): void {
    for (;;) {
      const consumer = this.page.read32(XS_RSP_CONS_OFFSET);
      const count = this.page.read32(XS_RSP_PROD_OFFSET) - consumer;
      if (count === 0) return;
      for (let i = 0; i < count; i++) this.partial.push(this.page.read8(1024 + ((consumer + i) % RING)));
      this.page.write32(XS_RSP_CONS_OFFSET, consumer + count);
      this.split();
      this.notify();
    }
  }

  private split(): void {
    for (;;) {
      if (this.partial.length < xsdSockmsg.size) return;
      const { type, req_id, len } = xsdSockmsg.read(Uint8Array.from(this.partial.slice(0, xsdSockmsg.size)));
      if (this.partial.length < xsdSockmsg.size + len) return;
      const payload = this.partial.splice(0, xsdSockmsg.size + len).slice(xsdSockmsg.size);
      const text = String.fromCharCode(...payload);
      if (type === XS.WATCH_EVENT) this.events.push(text.split('\0').slice(0, 2).join(' '));
      else this.received.push({ type, requestId: req_id, text });
    }
  }
}
