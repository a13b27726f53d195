// A DHCP server that gives each interface the same address for as long as the machine lives. RFC 2131, 2132.

import type { Ipv4Address, MacAddress } from './addresses.ts';

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

const MAGIC = 0x6382_5363;
const OPTIONS = 240;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;

const SUBNET_MASK = 1;
const ROUTER = 3;
const NAME_SERVERS = 6;
const HOST_NAME = 12;
const REQUESTED_ADDRESS = 50;
const LEASE_TIME = 51;
const MESSAGE_TYPE = 53;
const SERVER = 54;
const END = 255;

const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const DECLINE = 4;
const ACK = 5;
const NAK = 6;
const RELEASE = 7;
const INFORM = 8;

const DAY = 86_400;

export interface DhcpNetwork {
  readonly mask: Ipv4Address;
  readonly router: Ipv4Address;
  readonly nameServer: Ipv4Address;
  /** The first address that is given, and how many there are. */
  readonly first: Ipv4Address;
  readonly count: number;
}

export interface Lease {
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
  /** As the client calls itself. */
  readonly name?: string;
}

export class DhcpServer {
  private readonly network: DhcpNetwork;
  private readonly byMac = new Map<MacAddress, Lease>();

  constructor(network: DhcpNetwork) {
    this.network = network;
  }

  get leases(): Lease[] {
    return [...this.byMac.values()];
  }

  /** The answer to a message of a client; undefined when there is none. */
  answer(message: Uint8Array): Uint8Array | undefined {
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    if (message.length < OPTIONS || view.getUint8(0) !== BOOT_REQUEST || view.getUint32(236) !== MAGIC)
      return undefined;
    if (view.getUint8(1) !== 1 || view.getUint8(2) !== 6) return undefined;
    const options = readOptions(message.subarray(OPTIONS));
    const mac = view.getUint16(28) * 2 ** 32 + view.getUint32(30);
    const server = addressOption(options, SERVER);
    if (server !== undefined && server !== this.network.router) return undefined;
    switch (options.get(MESSAGE_TYPE)?.[0]) {
      case DISCOVER: {
        const lease = this.lease(mac, options);
        return lease && this.reply(view, OFFER, lease.address);
      }
      case REQUEST: {
        const lease = this.lease(mac, options);
        const wanted = addressOption(options, REQUESTED_ADDRESS) ?? view.getUint32(12);
        return lease?.address === wanted ? this.reply(view, ACK, wanted) : this.reply(view, NAK, 0);
      }
      case INFORM:
        return this.reply(view, ACK, 0);
      case DECLINE:
      case RELEASE:
      default:
        return undefined;
    }
  }

  save(): unknown {
    return this.leases;
  }

  private lease(mac: MacAddress, options: ReadonlyMap<number, Uint8Array>): Lease | undefined {
    const known = this.byMac.get(mac);
    if (known) return known;
    if (this.byMac.size >= this.network.count) return undefined;
    const name = options.get(HOST_NAME);
    const lease = {
      mac,
      address: this.network.first + this.byMac.size,
      ...(name && { name: String.fromCharCode(...name.subarray(0, 64)) }),
    };
    this.byMac.set(mac, lease);
    return lease;
  }

  private reply(request: DataView, type: number, address: Ipv4Address): Uint8Array {
    const { mask, router, nameServer } = this.network;
    const options: number[] = [MESSAGE_TYPE, 1, type, SERVER, 4, ...fourBytes(router)];
    if (type !== NAK) {
      options.push(SUBNET_MASK, 4, ...fourBytes(mask), ROUTER, 4, ...fourBytes(router));
      options.push(NAME_SERVERS, 4, ...fourBytes(nameServer));
      if (address !== 0) options.push(LEASE_TIME, 4, ...fourBytes(DAY));
    }
    options.push(END);
    // Clients may insist on the 300 bytes of BOOTP (RFC 1542, 2.1).
    const message = new Uint8Array(Math.max(OPTIONS + options.length, 300));
    const view = new DataView(message.buffer);
    message.set(new Uint8Array(request.buffer, request.byteOffset, OPTIONS));
    message.fill(0, 44, 236);
    view.setUint8(0, BOOT_REPLY);
    view.setUint8(3, 0);
    view.setUint32(16, address);
    view.setUint32(20, type === NAK ? 0 : router);
    message.set(options, OPTIONS);
    return message;
  }
}

function readOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] as number;
    if (code === END) break;
    if (code === 0) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    const value = bytes.subarray(at + 2, at + 2 + length);
    if (value.length < length) break;
    options.set(code, value);
    at += 2 + length;
  }
  return options;
}

function addressOption(options: ReadonlyMap<number, Uint8Array>, code: number): Ipv4Address | undefined {
  const value = options.get(code);
  if (value?.length !== 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
}

const fourBytes = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];
