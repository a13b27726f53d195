// The network that a bridge leads to when nothing else does: a gateway that answers ARP, DHCP, DNS and pings, and the
// ends of TCP connections. Nothing of the host can be reached but the ports that the configuration names, and what
// comes from the host comes through the input log (`HostStreams`), so that a run stays a function of both.
//
// Left out: IPv6, and datagrams (UDP) to and from the host.

import { BROADCAST_IPV4, BROADCAST_MAC, type Ipv4Address, ipv4Text, type MacAddress } from './addresses.ts';
import type { BridgePort, PortSink } from './bridge.ts';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpServer, type Lease } from './dhcp.ts';
import { answerQuery, DNS_PORT } from './dns.ts';
import { Fragments } from './fragments.ts';
import {
  ARP_REPLY,
  ARP_REQUEST,
  type EthernetFrame,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_UNREACHABLE,
  type Ipv4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readArp,
  readEthernet,
  readIcmp,
  readIpv4,
  readTcp,
  readUdp,
  writeArp,
  writeEthernet,
  writeIcmp,
  writeIpv4,
  writeTcp,
  writeUdp,
} from './headers.ts';
import { type Packet, plainPacket } from './packet.ts';
import { type HostStreams, TcpStreams } from './tcp-streams.ts';
import type { Timers } from './timers.ts';

/** Of the whole link, headers of Ethernet not counted. */
const MTU = 1500;
const IPV4_HEADER = 20;
const TIME_TO_LIVE = 64;
const CODE_PORT_UNREACHABLE = 3;
const CODE_PROHIBITED = 13;

/** The private network of the gateway, the name server and the guests: as QEMU's user network has them. */
export const USER_NETWORK = {
  mask: 0xffff_ff00,
  gateway: 0x0a00_0202,
  nameServer: 0x0a00_0203,
  firstGuest: 0x0a00_020f,
  guests: 200,
} as const;

export const GATEWAY_NAME = 'gateway.xenscope';

export interface UserNetworkOptions {
  readonly mac: MacAddress;
  readonly timers: Timers;
  readonly streams: HostStreams;
  /** A guest tried to reach what the configuration does not allow. */
  readonly refused: (what: string) => void;
}

export class UserNetwork implements PortSink {
  readonly streams: TcpStreams;
  private readonly dhcp: DhcpServer;
  private readonly fragments = new Fragments();
  private readonly options: UserNetworkOptions;
  private port: BridgePort | undefined;
  private identification = 0;
  /** Who has which address, as they said last. */
  private readonly neighbours = new Map<Ipv4Address, MacAddress>();

  constructor(options: UserNetworkOptions) {
    this.options = options;
    this.dhcp = new DhcpServer({
      mask: USER_NETWORK.mask,
      router: USER_NETWORK.gateway,
      nameServer: USER_NETWORK.nameServer,
      first: USER_NETWORK.firstGuest,
      count: USER_NETWORK.guests,
    });
    this.streams = new TcpStreams({
      timers: options.timers,
      host: options.streams,
      gateway: USER_NETWORK.gateway,
      segmentSize: MTU - IPV4_HEADER - 20,
      refused: options.refused,
      send: (tcp, source, destination, segmentSize) => {
        const payload = writeTcp(tcp, source, destination);
        this.sendIpv4(PROTOCOL_TCP, source, destination, payload, segmentSize);
      },
    });
  }

  /** Whoever connects the network to a bridge tells it which port it has got. */
  connect(port: BridgePort): void {
    this.port = port;
  }

  get leases(): Lease[] {
    return this.dhcp.leases;
  }

  deliver(packet: Packet): void {
    const frame = readEthernet(packet.bytes);
    if (!frame || (frame.destination !== this.options.mac && frame.destination !== BROADCAST_MAC)) return;
    if (frame.type === ETHERTYPE_ARP) this.receiveArp(frame);
    else if (frame.type === ETHERTYPE_IPV4) this.receiveIpv4(frame);
  }

  save(): unknown {
    return {
      dhcp: this.dhcp.save(),
      fragments: this.fragments.save(),
      identification: this.identification,
      neighbours: [...this.neighbours],
      streams: this.streams.save(),
    };
  }

  private receiveArp({ payload }: EthernetFrame): void {
    const arp = readArp(payload);
    if (!arp) return;
    if (isOfNetwork(arp.senderIp)) this.learn(arp.senderIp, arp.senderMac);
    if (arp.operation !== ARP_REQUEST || !this.isOurs(arp.targetIp)) return;
    const { mac } = this.options;
    const reply = writeArp({
      operation: ARP_REPLY,
      senderMac: mac,
      senderIp: arp.targetIp,
      targetMac: arp.senderMac,
      targetIp: arp.senderIp,
    });
    this.sendFrame(arp.senderMac, ETHERTYPE_ARP, reply, 0);
  }

  private receiveIpv4({ source, payload }: EthernetFrame): void {
    const part = readIpv4(payload);
    const ip = part && this.fragments.add(part);
    if (!ip) return;
    if (isOfNetwork(ip.source)) this.learn(ip.source, source);
    if (ip.protocol === PROTOCOL_UDP) this.receiveUdp(ip);
    else if (ip.protocol === PROTOCOL_ICMP) this.receiveIcmp(ip);
    else if (ip.protocol === PROTOCOL_TCP) {
      const tcp = readTcp(ip.payload);
      if (tcp) this.streams.receive(tcp, ip.source, ip.destination);
    }
  }

  private receiveUdp(ip: Ipv4): void {
    const udp = readUdp(ip.payload);
    if (!udp) return;
    const isToUs = this.isOurs(ip.destination) || ip.destination === BROADCAST_IPV4;
    if (isToUs && udp.destinationPort === DHCP_SERVER_PORT) {
      const payload = this.dhcp.answer(udp.payload);
      if (payload) this.sendDhcp(payload);
      return;
    }
    if (ip.destination === USER_NETWORK.nameServer && udp.destinationPort === DNS_PORT) {
      const answer = answerQuery(udp.payload, (name) => this.addressOf(name));
      if (!answer) return;
      const reply = { sourcePort: DNS_PORT, destinationPort: udp.sourcePort, payload: answer };
      const payload = writeUdp(reply, ip.destination, ip.source);
      this.sendIpv4(PROTOCOL_UDP, ip.destination, ip.source, payload, 0);
      return;
    }
    if (ip.destination === BROADCAST_IPV4 || isGroupAddress(ip.destination)) return;
    if (!this.isOurs(ip.destination)) {
      this.options.refused(`UDP to ${ipv4Text(ip.destination)} port ${udp.destinationPort}`);
    }
    this.sendUnreachable(ip, this.isOurs(ip.destination) ? CODE_PORT_UNREACHABLE : CODE_PROHIBITED);
  }

  private receiveIcmp(ip: Ipv4): void {
    const icmp = readIcmp(ip.payload);
    if (icmp?.type !== ICMP_ECHO_REQUEST) return;
    if (!this.isOurs(ip.destination)) {
      this.options.refused(`a ping of ${ipv4Text(ip.destination)}`);
      this.sendUnreachable(ip, CODE_PROHIBITED);
      return;
    }
    const reply = writeIcmp({ ...icmp, type: ICMP_ECHO_REPLY });
    this.sendIpv4(PROTOCOL_ICMP, ip.destination, ip.source, reply, 0);
  }

  /** RFC 792: the header of what did not get there, and the first eight bytes behind it. */
  private sendUnreachable(ip: Ipv4, code: number): void {
    const payload = writeIpv4({ ...ip, payload: ip.payload.subarray(0, 8) });
    const error = writeIcmp({ type: ICMP_UNREACHABLE, code, rest: 0, payload });
    this.sendIpv4(PROTOCOL_ICMP, USER_NETWORK.gateway, ip.source, error, 0);
  }

  /** To everybody: a client has no address yet by which it could be reached. */
  private sendDhcp(payload: Uint8Array): void {
    const { gateway } = USER_NETWORK;
    const udp = { sourcePort: DHCP_SERVER_PORT, destinationPort: DHCP_CLIENT_PORT, payload };
    this.sendIpv4(PROTOCOL_UDP, gateway, BROADCAST_IPV4, writeUdp(udp, gateway, BROADCAST_IPV4), 0);
  }

  private addressOf(name: string): Ipv4Address | undefined {
    if (name === GATEWAY_NAME) return USER_NETWORK.gateway;
    return this.dhcp.leases.find((lease) => lease.name?.toLowerCase() === name)?.address;
  }

  private isOurs(address: Ipv4Address): boolean {
    return address === USER_NETWORK.gateway || address === USER_NETWORK.nameServer;
  }

  private learn(address: Ipv4Address, mac: MacAddress): void {
    this.neighbours.set(address, mac);
  }

  private sendIpv4(
    protocol: number,
    source: Ipv4Address,
    destination: Ipv4Address,
    payload: Uint8Array,
    segmentSize: number,
  ): void {
    const mac = destination === BROADCAST_IPV4 ? BROADCAST_MAC : this.neighbours.get(destination);
    if (mac === undefined) return;
    this.identification = (this.identification + 1) & 0xffff;
    const whole = {
      source,
      destination,
      protocol,
      timeToLive: TIME_TO_LIVE,
      identification: this.identification,
      fragmentOffset: 0,
      moreFragments: false,
      payload,
    };
    const room = (MTU - IPV4_HEADER) & ~7;
    if (segmentSize > 0 || payload.length <= MTU - IPV4_HEADER) {
      this.sendFrame(mac, ETHERTYPE_IPV4, writeIpv4(whole), segmentSize);
      return;
    }
    for (let at = 0; at < payload.length; at += room) {
      const part = payload.subarray(at, at + room);
      const fragment = {
        ...whole,
        fragmentOffset: at,
        moreFragments: at + room < payload.length,
        payload: part,
      };
      this.sendFrame(mac, ETHERTYPE_IPV4, writeIpv4(fragment), 0);
    }
  }

  private sendFrame(destination: MacAddress, type: number, payload: Uint8Array, segmentSize: number): void {
    const bytes = writeEthernet({ destination, source: this.options.mac, type, payload });
    this.port?.send(segmentSize > 0 ? { ...plainPacket(bytes), segmentSize } : plainPacket(bytes));
  }
}

const isOfNetwork = (address: Ipv4Address): boolean =>
  (address & USER_NETWORK.mask) >>> 0 === (USER_NETWORK.gateway & USER_NETWORK.mask) >>> 0;

/** Multicast: RFC 5771. */
const isGroupAddress = (address: Ipv4Address): boolean => address >>> 28 === 0xe;
