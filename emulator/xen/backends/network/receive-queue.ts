// What a domain is sent: its rx ring, and the packets that wait for its buffers. drivers/net/xen-netback/rx.c.

import { PAGE_SIZE } from '../../../base/address.ts';
import {
  NETIF_EXTRA_FLAGS_OFFSET,
  NETIF_EXTRA_GSO_SIZE_OFFSET,
  NETIF_EXTRA_GSO_TYPE_OFFSET,
  NETIF_EXTRA_SIZE,
  NETIF_EXTRA_TYPE_OFFSET,
  NETIF_RX_GREF_OFFSET,
  NETIF_RX_ID_OFFSET,
  NETIF_RX_RESPONSE_FLAGS_OFFSET,
  NETIF_RX_RESPONSE_STATUS_OFFSET,
  NETIF_RX_SLOT_SIZE,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
  XEN_NETIF_RSP_ERROR,
  XEN_NETRXF_csum_blank,
  XEN_NETRXF_data_validated,
  XEN_NETRXF_extra_info,
  XEN_NETRXF_more_data,
} from '../../abi/netif.ts';
import { ETHERTYPE_IPV6 } from '../../network/headers.ts';
import type { Packet } from '../../network/packet.ts';
import { BackRing } from '../back-ring.ts';
import type { FrontendDomain, GrantMapping } from '../frontend-domain.ts';

/** XENVIF_RX_QUEUE_BYTES: half of what the frontend's buffers can hold. */
const MOST_WAITING_BYTES = (256 * PAGE_SIZE) / 2;

export class ReceiveQueue {
  readonly ring: BackRing;
  private readonly grant: GrantMapping;
  private readonly frontend: FrontendDomain;
  private readonly fail: (message: string) => void;
  private readonly waiting: Packet[] = [];
  private waitingBytes = 0;
  private isBroken = false;
  private readonly request = new Uint8Array(NETIF_RX_SLOT_SIZE);
  private readonly response = new Uint8Array(NETIF_RX_SLOT_SIZE);
  /** Packets that found no room. */
  dropped = 0;

  constructor(grant: GrantMapping, frontend: FrontendDomain, fail: (message: string) => void) {
    this.grant = grant;
    this.ring = new BackRing([grant.page], NETIF_RX_SLOT_SIZE);
    this.frontend = frontend;
    this.fail = fail;
  }

  get reference(): number {
    return this.grant.reference;
  }

  get waitingPackets(): number {
    return this.waiting.length;
  }

  add(packet: Packet): void {
    if (this.isBroken || this.waitingBytes >= MOST_WAITING_BYTES) {
      this.dropped++;
      return;
    }
    this.waiting.push(packet);
    this.waitingBytes += packet.bytes.length;
  }

  /** Puts into the frontend's buffers what there are buffers for. True when it is owed an event. */
  serve(): boolean {
    if (this.isBroken) return false;
    const { ring } = this;
    if (ring.isOverflow(ring.requestProducer)) {
      this.isBroken = true;
      this.fail(`req_prod is ${ring.requestProducer}, beyond a ring of ${ring.size}`);
      return false;
    }
    for (let packet = this.waiting[0]; packet; packet = this.waiting[0]) {
      if (!this.hasRoomFor(packet)) break;
      this.waiting.shift();
      this.waitingBytes -= packet.bytes.length;
      this.put(packet);
    }
    return ring.push();
  }

  release(): void {
    this.isBroken = true;
    this.waiting.length = 0;
    this.grant.unmap();
  }

  save(): unknown {
    return {
      reference: this.reference,
      ring: this.ring.save(),
      waiting: this.waiting.map(({ bytes, ...rest }) => ({ bytes: [...bytes], ...rest })),
      dropped: this.dropped,
      isBroken: this.isBroken,
    };
  }

  /** xenvif_rx_ring_slots_available(): if not, the frontend tells of the next buffer. */
  private hasRoomFor(packet: Packet): boolean {
    const { ring } = this;
    const available = (ring.requestProducer - ring.requestConsumer) >>> 0;
    if (available >= slotsOf(packet)) return true;
    ring.askForMore();
    return false;
  }

  private put(packet: Packet): void {
    const { bytes, segmentSize, isChecksumBlank } = packet;
    const first = isChecksumBlank ? XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated : 0;
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      const part = bytes.subarray(at, at + PAGE_SIZE);
      const more = at + PAGE_SIZE < bytes.length ? XEN_NETRXF_more_data : 0;
      const extra = at === 0 && segmentSize > 0 ? XEN_NETRXF_extra_info : 0;
      this.putPart(part, (at === 0 ? first : 0) | more | extra);
      if (extra) this.putSegmentation(packet);
    }
  }

  private putPart(part: Uint8Array, flags: number): void {
    this.ring.takeRequest(this.request);
    const request = new DataView(this.request.buffer);
    const mapping = this.frontend.map(request.getUint32(NETIF_RX_GREF_OFFSET, true), false);
    const isGranted = typeof mapping !== 'string';
    if (isGranted) {
      mapping.page.write(0, part);
      mapping.unmap();
    }
    this.response.fill(0);
    const view = new DataView(this.response.buffer);
    view.setUint16(NETIF_RX_ID_OFFSET, request.getUint16(NETIF_RX_ID_OFFSET, true), true);
    view.setUint16(NETIF_RX_RESPONSE_FLAGS_OFFSET, flags, true);
    view.setInt16(NETIF_RX_RESPONSE_STATUS_OFFSET, isGranted ? part.length : XEN_NETIF_RSP_ERROR, true);
    this.ring.putResponse(this.response);
  }

  /** In the slot of a buffer, which the frontend gets back unused. */
  private putSegmentation({ bytes, segmentSize }: Packet): void {
    this.ring.takeRequest(this.request);
    const extra = new Uint8Array(NETIF_EXTRA_SIZE);
    const view = new DataView(extra.buffer);
    view.setUint8(NETIF_EXTRA_TYPE_OFFSET, XEN_NETIF_EXTRA_TYPE_GSO);
    view.setUint8(NETIF_EXTRA_FLAGS_OFFSET, 0);
    view.setUint16(NETIF_EXTRA_GSO_SIZE_OFFSET, segmentSize, true);
    view.setUint8(
      NETIF_EXTRA_GSO_TYPE_OFFSET,
      isIpv6(bytes) ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4,
    );
    this.ring.putResponse(extra);
  }
}

const slotsOf = ({ bytes, segmentSize }: Packet): number =>
  Math.ceil(bytes.length / PAGE_SIZE) + (segmentSize > 0 ? 1 : 0);

export const isIpv6 = (bytes: Uint8Array): boolean =>
  (((bytes[12] as number) << 8) | (bytes[13] as number)) === ETHERTYPE_IPV6;
