// A packet on its way between interfaces, with what its sender left to whoever comes next: the checksum of TCP or UDP,
// and cutting TCP data into segments. An interface that cannot leave these to its guest has them done here.

import { checksumOf, pseudoHeaderSum, sumOf } from './checksum.ts';
import {
  ETHERNET_HEADER,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_FIN,
  TCP_HEADER,
  TCP_PSH,
} from './headers.ts';

export interface Packet {
  /** From the Ethernet header on; without its checksum. */
  readonly bytes: Uint8Array;
  /** The checksum field of TCP or UDP holds that of the pseudo header only (XEN_NETTXF_csum_blank). */
  readonly isChecksumBlank: boolean;
  /** TCP payload of a segment, for data that is still to be cut (gso.size). 0: none. */
  readonly segmentSize: number;
}

export const plainPacket = (bytes: Uint8Array): Packet => ({ bytes, isChecksumBlank: false, segmentSize: 0 });

/** TCP_MIN_SND_MSS of Linux: with less, a packet would become thousands. */
const LEAST_SEGMENT = 48;

/** Where the headers of a TCP or UDP packet are. Offsets in the packet. */
interface Transport {
  readonly version: 4 | 6;
  readonly network: number;
  readonly start: number;
  readonly protocol: number;
  /** Byte after the last of the datagram. */
  readonly end: number;
}

const IPV4_MINIMUM = 20;
const IPV6_HEADER = 40;
const CHECKSUM_OFFSETS: Readonly<Record<number, number>> = { [PROTOCOL_TCP]: 16, [PROTOCOL_UDP]: 6 };

/** The packet with its checksum; unchanged if it has one already, or is no TCP or UDP. */
export function withChecksum(packet: Packet): Packet {
  if (!packet.isChecksumBlank) return packet;
  const bytes = packet.bytes.slice();
  const transport = transportOf(bytes);
  if (transport) fillChecksum(bytes, transport);
  return { ...packet, bytes, isChecksumBlank: false };
}

/**
 * The packet as segments that each fit the link, with their checksums. What asks for segmentation and is no TCP over
 * IPv4 or IPv6 is dropped: nothing comes of it.
 */
export function segmentsOf(packet: Packet): Packet[] {
  if (packet.segmentSize === 0) return [withChecksum(packet)];
  const { bytes, segmentSize } = packet;
  const transport = transportOf(bytes);
  if (!transport || transport.protocol !== PROTOCOL_TCP || segmentSize < LEAST_SEGMENT) return [];
  const { start, end } = transport;
  const headerEnd = start + ((bytes[start + 12] as number) >>> 4) * 4;
  if (headerEnd < start + TCP_HEADER || headerEnd > end) return [];
  const segments: Packet[] = [];
  for (let at = headerEnd, index = 0; at < end || index === 0; at += segmentSize, index++) {
    const payload = bytes.subarray(at, Math.min(at + segmentSize, end));
    const segment = new Uint8Array(headerEnd + payload.length);
    segment.set(bytes.subarray(0, headerEnd));
    segment.set(payload, headerEnd);
    adaptHeaders(segment, transport, { index, offset: at - headerEnd, isLast: at + segmentSize >= end });
    segments.push(plainPacket(segment));
  }
  return segments;
}

function adaptHeaders(
  segment: Uint8Array,
  { version, network, start }: Transport,
  part: { index: number; offset: number; isLast: boolean },
): void {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
  if (version === 4) {
    view.setUint16(network + 2, segment.length - network);
    view.setUint16(network + 4, view.getUint16(network + 4) + part.index);
    view.setUint16(network + 10, 0);
    view.setUint16(network + 10, checksumOf(sumOf(segment.subarray(network, start))));
  } else {
    view.setUint16(network + 4, segment.length - network - IPV6_HEADER);
  }
  view.setUint32(start + 4, view.getUint32(start + 4) + part.offset);
  if (!part.isLast) segment[start + 13] = (segment[start + 13] as number) & ~(TCP_FIN | TCP_PSH);
  const transport = transportOf(segment);
  if (transport) fillChecksum(segment, transport);
}

function fillChecksum(bytes: Uint8Array, { version, network, start, protocol, end }: Transport): void {
  const at = start + (CHECKSUM_OFFSETS[protocol] as number);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint16(at, 0);
  const addresses =
    version === 4
      ? pseudoHeaderSum(view.getUint32(network + 12), view.getUint32(network + 16), protocol, end - start)
      : sumOf(bytes.subarray(network + 8, network + IPV6_HEADER), protocol + end - start);
  const checksum = checksumOf(sumOf(bytes.subarray(start, end), addresses));
  view.setUint16(at, protocol === PROTOCOL_UDP ? checksum || 0xffff : checksum);
}

function transportOf(bytes: Uint8Array): Transport | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = bytes.length < ETHERNET_HEADER + IPV4_MINIMUM ? undefined : networkOf(view);
  const offset = found && CHECKSUM_OFFSETS[found.protocol];
  const room = found?.protocol === PROTOCOL_TCP ? TCP_HEADER : 8;
  return found && offset !== undefined && found.start + room <= found.end ? found : undefined;
}

function networkOf(view: DataView): Transport | undefined {
  const network = ETHERNET_HEADER;
  const type = view.getUint16(12);
  if (type === ETHERTYPE_IPV4) {
    const header = (view.getUint8(network) & 0xf) * 4;
    const end = network + view.getUint16(network + 2);
    const isFragment = (view.getUint16(network + 6) & 0x3fff) !== 0;
    if (header < IPV4_MINIMUM || end > view.byteLength || isFragment) return undefined;
    return { version: 4, network, start: network + header, protocol: view.getUint8(network + 9), end };
  }
  if (type !== ETHERTYPE_IPV6 || view.byteLength < network + IPV6_HEADER) return undefined;
  // Extension headers would have to be passed over; a sender that offloads has none here.
  const end = network + IPV6_HEADER + view.getUint16(network + 4);
  if (end > view.byteLength) return undefined;
  return { version: 6, network, start: network + IPV6_HEADER, protocol: view.getUint8(network + 6), end };
}
