// What a domain sends: its tx ring. A packet stands in up to 18 slots, the first of which tells how long all of it is;
// slots with extra information follow the first. drivers/net/xen-netback/netback.c.

import {
  NETIF_EXTRA_FLAGS_OFFSET,
  NETIF_EXTRA_GSO_SIZE_OFFSET,
  NETIF_EXTRA_GSO_TYPE_OFFSET,
  NETIF_EXTRA_MCAST_ADDR_OFFSET,
  NETIF_EXTRA_TYPE_OFFSET,
  NETIF_TX_FLAGS_OFFSET,
  NETIF_TX_GREF_OFFSET,
  NETIF_TX_ID_OFFSET,
  NETIF_TX_OFFSET_OFFSET,
  NETIF_TX_RESPONSE_ID_OFFSET,
  NETIF_TX_RESPONSE_SIZE,
  NETIF_TX_RESPONSE_STATUS_OFFSET,
  NETIF_TX_SIZE_OFFSET,
  NETIF_TX_SLOT_SIZE,
  XEN_NETIF_EXTRA_FLAG_MORE,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_EXTRA_TYPE_MAX,
  XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
  XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
  XEN_NETIF_EXTRA_TYPE_NONE,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
  XEN_NETIF_NR_SLOTS_MIN,
  XEN_NETIF_RSP_ERROR,
  XEN_NETIF_RSP_NULL,
  XEN_NETIF_RSP_OKAY,
  XEN_NETTXF_csum_blank,
  XEN_NETTXF_extra_info,
  XEN_NETTXF_more_data,
} from '../../abi/netif.ts';
import { PAGE_SIZE } from '../../../base/address.ts';
import type { MacAddress } from '../../network/addresses.ts';
import { ETHERNET_HEADER } from '../../network/headers.ts';
import type { Packet } from '../../network/packet.ts';
import { BackRing } from '../back-ring.ts';
import type { FrontendDomain, GrantMapping } from '../frontend-domain.ts';
import type { Credit } from './credit.ts';

/** fatal_skb_slots: a frontend that uses more is broken or wants to do harm. */
const FATAL_SLOTS = 20;

/** Of the interface that the ring belongs to. */
export interface TransmitSink {
  /** A whole packet of the domain. */
  send(packet: Packet): void;
  /** Adds or removes a group that the frontend listens to; false when that cannot be. */
  setMulticast(mac: MacAddress, isWanted: boolean): boolean;
  /** The frontend broke the protocol. */
  fail(message: string): void;
}

interface Slot {
  readonly id: number;
  readonly reference: number;
  readonly offset: number;
  readonly flags: number;
  readonly size: number;
}

/** What the slots behind the first say of the packet. */
interface Extras {
  segmentSize: number;
  group: { readonly mac: MacAddress; readonly isWanted: boolean } | undefined;
  readonly count: number;
}

/** The frontend broke the protocol: nothing more is taken from its ring. */
class Broken extends Error {}

export class TransmitQueue {
  readonly ring: BackRing;
  private readonly grant: GrantMapping;
  private readonly frontend: FrontendDomain;
  private readonly sink: TransmitSink;
  private readonly credit: Credit;
  private readonly request = new Uint8Array(NETIF_TX_SLOT_SIZE);
  private readonly view = new DataView(this.request.buffer);
  private readonly response = new Uint8Array(NETIF_TX_RESPONSE_SIZE);
  private isBroken = false;

  constructor(grant: GrantMapping, frontend: FrontendDomain, sink: TransmitSink, credit: Credit) {
    this.grant = grant;
    this.ring = new BackRing([grant.page], NETIF_TX_SLOT_SIZE);
    this.frontend = frontend;
    this.sink = sink;
    this.credit = credit;
  }

  get reference(): number {
    return this.grant.reference;
  }

  /** The frontend rang, or may have. True when it is owed an event. */
  serve(): boolean {
    if (this.isBroken) return false;
    try {
      this.takeAll();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.isBroken = true;
      this.sink.fail(error.message);
      return false;
    }
    return this.ring.push();
  }

  release(): void {
    this.isBroken = true;
    this.grant.unmap();
  }

  save(): unknown {
    return { reference: this.reference, ring: this.ring.save(), isBroken: this.isBroken };
  }

  /** No more than a ring full for one event: no vCPU runs meanwhile that could add to it. */
  private takeAll(): void {
    const { ring } = this;
    const until = ring.requestProducer;
    if (ring.isOverflow(until)) {
      throw new Broken(
        `Impossible number of requests. req_prod ${until}, req_cons ${ring.requestConsumer}, size ${ring.size}`,
      );
    }
    while (ring.requestConsumer !== until) {
      ring.peekRequest(this.request);
      if (!this.credit.take(this.view.getUint16(NETIF_TX_SIZE_OFFSET, true))) return;
      this.takePacket(until);
    }
    if (ring.finalCheck()) throw new Broken('req_prod changed while the requests were served');
  }

  private takePacket(until: number): void {
    const first = this.takeSlot();
    const extras = this.takeExtras(first, until);
    if (extras.group) {
      const isDone = this.sink.setMulticast(extras.group.mac, extras.group.isWanted);
      this.respond(first.id, isDone ? XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR, extras.count);
      return;
    }
    const others = this.takeOthers(first, until);
    const rest = others.reduce((sum, { size }) => sum + size, 0);
    const slots = [{ ...first, size: first.size - rest }, ...others];
    const isTooLong = slots.length > XEN_NETIF_NR_SLOTS_MIN;
    const crossing = slots.find(({ offset, size }) => offset + size > PAGE_SIZE);
    if (crossing)
      throw new Broken(`Cross page boundary, txp->offset: ${crossing.offset}, size: ${crossing.size}`);
    const bytes = isTooLong || first.size < ETHERNET_HEADER ? undefined : this.collect(slots, first.size);
    for (const [index, { id }] of slots.entries()) {
      this.respond(id, bytes ? XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR, index === 0 ? extras.count : 0);
    }
    if (!bytes) return;
    const isChecksumBlank = (first.flags & XEN_NETTXF_csum_blank) !== 0;
    this.sink.send({ bytes, isChecksumBlank, segmentSize: extras.segmentSize });
  }

  private takeSlot(): Slot {
    this.ring.takeRequest(this.request);
    const { view } = this;
    return {
      reference: view.getUint32(NETIF_TX_GREF_OFFSET, true),
      offset: view.getUint16(NETIF_TX_OFFSET_OFFSET, true),
      flags: view.getUint16(NETIF_TX_FLAGS_OFFSET, true),
      id: view.getUint16(NETIF_TX_ID_OFFSET, true),
      size: view.getUint16(NETIF_TX_SIZE_OFFSET, true),
    };
  }

  /** xenvif_get_extras() */
  private takeExtras(first: Slot, until: number): Extras {
    let segmentSize = 0;
    let group: Extras['group'];
    let count = 0;
    for (let more = (first.flags & XEN_NETTXF_extra_info) !== 0; more; count++) {
      if (this.ring.requestConsumer === until) throw new Broken('Missing extra info');
      this.ring.takeRequest(this.request);
      const { view } = this;
      const type = view.getUint8(NETIF_EXTRA_TYPE_OFFSET);
      if (type === XEN_NETIF_EXTRA_TYPE_NONE || type >= XEN_NETIF_EXTRA_TYPE_MAX) {
        throw new Broken(`Invalid extra type: ${type}`);
      }
      if (type === XEN_NETIF_EXTRA_TYPE_GSO) segmentSize = this.readSegmentSize();
      const isWanted = type === XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
      if (isWanted || type === XEN_NETIF_EXTRA_TYPE_MCAST_DEL) {
        const at = NETIF_EXTRA_MCAST_ADDR_OFFSET;
        group = { mac: view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2), isWanted };
      }
      more = (view.getUint8(NETIF_EXTRA_FLAGS_OFFSET) & XEN_NETIF_EXTRA_FLAG_MORE) !== 0;
    }
    return { segmentSize, group, count };
  }

  /** xenvif_set_skb_gso() */
  private readSegmentSize(): number {
    const size = this.view.getUint16(NETIF_EXTRA_GSO_SIZE_OFFSET, true);
    const type = this.view.getUint8(NETIF_EXTRA_GSO_TYPE_OFFSET);
    if (size === 0) throw new Broken('GSO size must not be zero.');
    if (type !== XEN_NETIF_GSO_TYPE_TCPV4 && type !== XEN_NETIF_GSO_TYPE_TCPV6)
      throw new Broken(`Bad GSO type ${type}.`);
    return size;
  }

  /** xenvif_count_requests(): the slots of the packet behind the first. */
  private takeOthers(first: Slot, until: number): Slot[] {
    const others: Slot[] = [];
    let left = first.size;
    for (let last = first; (last.flags & XEN_NETTXF_more_data) !== 0; ) {
      if (this.ring.requestConsumer === until)
        throw new Broken(`Asked for ${others.length + 1} slots but exceeds this limit`);
      if (others.length + 1 >= FATAL_SLOTS) {
        throw new Broken(`Malicious frontend using ${others.length + 1} slots, threshold ${FATAL_SLOTS}`);
      }
      last = this.takeSlot();
      if (last.size > left)
        throw new Broken(`Invalid tx request, slot size ${last.size} > remaining size ${left}`);
      left -= last.size;
      others.push(last);
    }
    return others;
  }

  /** Undefined when one of the pages is not granted. */
  private collect(slots: readonly Slot[], total: number): Uint8Array | undefined {
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const { reference, offset, size } of slots) {
      const mapping = this.frontend.map(reference, true);
      if (typeof mapping === 'string') return undefined;
      bytes.set(mapping.page.bytes(offset, size), at);
      mapping.unmap();
      at += size;
    }
    return bytes;
  }

  /** make_tx_response(): an answer for the slot, and one that says nothing for each slot of extra information. */
  private respond(id: number, status: number, extras: number): void {
    this.put(id, status);
    for (let i = 0; i < extras; i++) this.put(0, XEN_NETIF_RSP_NULL);
  }

  private put(id: number, status: number): void {
    const view = new DataView(this.response.buffer);
    view.setUint16(NETIF_TX_RESPONSE_ID_OFFSET, id, true);
    view.setInt16(NETIF_TX_RESPONSE_STATUS_OFFSET, status, true);
    this.ring.putResponse(this.response);
  }
}
