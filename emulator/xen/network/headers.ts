// Headers of Ethernet, ARP, IPv4, ICMP, UDP and TCP. What is read came from a guest: every length is checked against
// what is there, and what makes no sense reads as undefined. RFC 826, 791, 792, 768, 9293.

import type { Ipv4Address, MacAddress } from './addresses.ts';
import { checksumOf, pseudoHeaderSum, sumOf } from './checksum.ts';

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

export const ETHERNET_HEADER = 14;
const ARP_LENGTH = 28;
const IPV4_HEADER = 20;
const UDP_HEADER = 8;
export const TCP_HEADER = 20;

// ---------------------------------------------------------------- Ethernet

export interface EthernetFrame {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  /** EtherType. */
  readonly type: number;
  readonly payload: Uint8Array;
}

export function readEthernet(bytes: Uint8Array): EthernetFrame | undefined {
  if (bytes.length < ETHERNET_HEADER) return undefined;
  const view = viewOf(bytes);
  return {
    destination: readMac(view, 0),
    source: readMac(view, 6),
    type: view.getUint16(12),
    payload: bytes.subarray(ETHERNET_HEADER),
  };
}

export function writeEthernet({ destination, source, type, payload }: EthernetFrame): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_HEADER + payload.length);
  const view = viewOf(bytes);
  writeMac(view, 0, destination);
  writeMac(view, 6, source);
  view.setUint16(12, type);
  bytes.set(payload, ETHERNET_HEADER);
  return bytes;
}

// ---------------------------------------------------------------- ARP

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export interface Arp {
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIp: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetIp: Ipv4Address;
}

/** Undefined for anything but IPv4 over Ethernet. */
export function readArp(bytes: Uint8Array): Arp | undefined {
  if (bytes.length < ARP_LENGTH) return undefined;
  const view = viewOf(bytes);
  if (view.getUint16(0) !== 1 || view.getUint16(2) !== ETHERTYPE_IPV4) return undefined;
  if (view.getUint8(4) !== 6 || view.getUint8(5) !== 4) return undefined;
  return {
    operation: view.getUint16(6),
    senderMac: readMac(view, 8),
    senderIp: view.getUint32(14),
    targetMac: readMac(view, 18),
    targetIp: view.getUint32(24),
  };
}

export function writeArp(arp: Arp): Uint8Array {
  const bytes = new Uint8Array(ARP_LENGTH);
  const view = viewOf(bytes);
  view.setUint16(0, 1);
  view.setUint16(2, ETHERTYPE_IPV4);
  view.setUint8(4, 6);
  view.setUint8(5, 4);
  view.setUint16(6, arp.operation);
  writeMac(view, 8, arp.senderMac);
  view.setUint32(14, arp.senderIp);
  writeMac(view, 18, arp.targetMac);
  view.setUint32(24, arp.targetIp);
  return bytes;
}

// ---------------------------------------------------------------- IPv4

export interface Ipv4 {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly protocol: number;
  readonly timeToLive: number;
  readonly identification: number;
  /** Bytes of the datagram before this fragment. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  readonly payload: Uint8Array;
}

/** Undefined when header or its checksum is wrong. Padding of Ethernet behind the datagram is dropped. */
export function readIpv4(bytes: Uint8Array): Ipv4 | undefined {
  if (bytes.length < IPV4_HEADER) return undefined;
  const view = viewOf(bytes);
  const header = (view.getUint8(0) & 0xf) * 4;
  const length = view.getUint16(2);
  if (view.getUint8(0) >>> 4 !== 4 || header < IPV4_HEADER || length < header || length > bytes.length) {
    return undefined;
  }
  if (checksumOf(sumOf(bytes.subarray(0, header))) !== 0) return undefined;
  const fragment = view.getUint16(6);
  return {
    source: view.getUint32(12),
    destination: view.getUint32(16),
    protocol: view.getUint8(9),
    timeToLive: view.getUint8(8),
    identification: view.getUint16(4),
    fragmentOffset: (fragment & 0x1fff) * 8,
    moreFragments: (fragment & 0x2000) !== 0,
    payload: bytes.subarray(header, length),
  };
}

export function writeIpv4(ip: Ipv4): Uint8Array {
  const bytes = new Uint8Array(IPV4_HEADER + ip.payload.length);
  const view = viewOf(bytes);
  view.setUint8(0, 0x45);
  view.setUint16(2, bytes.length);
  view.setUint16(4, ip.identification);
  view.setUint16(6, (ip.fragmentOffset >>> 3) | (ip.moreFragments ? 0x2000 : 0));
  view.setUint8(8, ip.timeToLive);
  view.setUint8(9, ip.protocol);
  view.setUint32(12, ip.source);
  view.setUint32(16, ip.destination);
  view.setUint16(10, checksumOf(sumOf(bytes.subarray(0, IPV4_HEADER))));
  bytes.set(ip.payload, IPV4_HEADER);
  return bytes;
}

// ---------------------------------------------------------------- ICMP

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_ECHO_REQUEST = 8;

export interface Icmp {
  readonly type: number;
  readonly code: number;
  /** Identifier and sequence number of an echo; 0 for an error. */
  readonly rest: number;
  readonly payload: Uint8Array;
}

export function readIcmp(bytes: Uint8Array): Icmp | undefined {
  if (bytes.length < 8 || checksumOf(sumOf(bytes)) !== 0) return undefined;
  const view = viewOf(bytes);
  return {
    type: view.getUint8(0),
    code: view.getUint8(1),
    rest: view.getUint32(4),
    payload: bytes.subarray(8),
  };
}

export function writeIcmp({ type, code, rest, payload }: Icmp): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  const view = viewOf(bytes);
  view.setUint8(0, type);
  view.setUint8(1, code);
  view.setUint32(4, rest);
  bytes.set(payload, 8);
  view.setUint16(2, checksumOf(sumOf(bytes)));
  return bytes;
}

// ---------------------------------------------------------------- UDP

export interface Udp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export function readUdp(bytes: Uint8Array): Udp | undefined {
  if (bytes.length < UDP_HEADER) return undefined;
  const view = viewOf(bytes);
  const length = view.getUint16(4);
  if (length < UDP_HEADER || length > bytes.length) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: bytes.subarray(UDP_HEADER, length),
  };
}

export function writeUdp(udp: Udp, source: Ipv4Address, destination: Ipv4Address): Uint8Array {
  const bytes = new Uint8Array(UDP_HEADER + udp.payload.length);
  const view = viewOf(bytes);
  view.setUint16(0, udp.sourcePort);
  view.setUint16(2, udp.destinationPort);
  view.setUint16(4, bytes.length);
  bytes.set(udp.payload, UDP_HEADER);
  const sum = sumOf(bytes, pseudoHeaderSum(source, destination, PROTOCOL_UDP, bytes.length));
  // 0 would say that there is none.
  view.setUint16(6, checksumOf(sum) || 0xffff);
  return bytes;
}

// ---------------------------------------------------------------- TCP

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;

export interface Tcp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** TCP_*. */
  readonly flags: number;
  readonly window: number;
  /** Option 2, of a SYN. */
  readonly maximumSegment?: number;
  readonly payload: Uint8Array;
}

export function readTcp(bytes: Uint8Array): Tcp | undefined {
  if (bytes.length < TCP_HEADER) return undefined;
  const view = viewOf(bytes);
  const header = (view.getUint8(12) >>> 4) * 4;
  if (header < TCP_HEADER || header > bytes.length) return undefined;
  const maximumSegment = maximumSegmentOf(bytes.subarray(TCP_HEADER, header));
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags: view.getUint8(13) & 0x3f,
    window: view.getUint16(14),
    ...(maximumSegment !== undefined && { maximumSegment }),
    payload: bytes.subarray(header),
  };
}

export function writeTcp(tcp: Tcp, source: Ipv4Address, destination: Ipv4Address): Uint8Array {
  const options = tcp.maximumSegment === undefined ? 0 : 4;
  const bytes = new Uint8Array(TCP_HEADER + options + tcp.payload.length);
  const view = viewOf(bytes);
  view.setUint16(0, tcp.sourcePort);
  view.setUint16(2, tcp.destinationPort);
  view.setUint32(4, tcp.sequence);
  view.setUint32(8, tcp.acknowledgement);
  view.setUint8(12, ((TCP_HEADER + options) / 4) << 4);
  view.setUint8(13, tcp.flags);
  view.setUint16(14, tcp.window);
  if (tcp.maximumSegment !== undefined) view.setUint32(TCP_HEADER, 0x0204_0000 + tcp.maximumSegment);
  bytes.set(tcp.payload, TCP_HEADER + options);
  view.setUint16(
    16,
    checksumOf(sumOf(bytes, pseudoHeaderSum(source, destination, PROTOCOL_TCP, bytes.length))),
  );
  return bytes;
}

function maximumSegmentOf(options: Uint8Array): number | undefined {
  for (let at = 0; at < options.length; ) {
    const kind = options[at] as number;
    if (kind === 0) return undefined;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return undefined;
    if (kind === 2 && length === 4) return ((options[at + 2] as number) << 8) | (options[at + 3] as number);
    at += length;
  }
  return undefined;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const readMac = (view: DataView, at: number): MacAddress =>
  view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);

function writeMac(view: DataView, at: number, mac: MacAddress): void {
  view.setUint16(at, Math.floor(mac / 2 ** 32));
  view.setUint32(at + 2, mac % 2 ** 32);
}
