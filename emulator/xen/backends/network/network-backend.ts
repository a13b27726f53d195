// The backend of a virtual network interface (vif): what Linux's xen-netback is to a domain. It connects the domain's
// rings to a bridge. Xen public header io/netif.h; drivers/net/xen-netback.
//
// Left out, and not announced: the control ring with its hashes, XDP headroom.
//
// A frontend that breaks the protocol loses its interface, with a node `error`. (xen-netback disables the device and
// says so in dom0's log only.)

import type { XenbusState } from '../../abi/xenbus.ts';
import { BROADCAST_MAC, isGroup, type MacAddress } from '../../network/addresses.ts';
import type { Bridge, BridgePort, PortSink } from '../../network/bridge.ts';
import { ETHERNET_HEADER, readEthernet } from '../../network/headers.ts';
import { type Packet, segmentsOf, withChecksum } from '../../network/packet.ts';
import type { XenstoreClient } from '../../xenstore/client.ts';
import type { BoundChannel, FrontendDomain } from '../frontend-domain.ts';
import type { BackendRingView } from '../ring-view.ts';
import type { BackendTimers } from '../timers.ts';
import {
  type BackendDriver,
  type DeviceError,
  type Keys,
  XenbusBackend,
  type XenbusPaths,
} from '../xenbus-backend.ts';
import { Credit, type Rate } from './credit.ts';
import { isIpv6, ReceiveQueue } from './receive-queue.ts';
import { TransmitQueue } from './transmit-queue.ts';

/** As many as a machine has CPUs: domain 0 of a real one has as many. */
export const MAX_QUEUES = 8;
/** XEN_NETBK_MCAST_MAX */
const MOST_GROUPS = 64;
/** IEEE 802.1Q */
const VLAN_TAG = 4;

export interface NetworkServices {
  readonly store: XenstoreClient;
  readonly timers: BackendTimers;
  readonly frontend: FrontendDomain;
  readonly bridge: Bridge;
}

export interface InterfaceConfig {
  /** `vif1.0` */
  readonly name: string;
  /** Bytes of a packet without the header of Ethernet. */
  readonly mtu: number;
  readonly rate?: Rate;
}

export interface NetworkCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

export interface NetworkRingView extends BackendRingView {
  readonly way: 'tx' | 'rx';
}

export interface NetworkBackendView extends XenbusPaths {
  readonly kind: 'vif';
  readonly domid: number;
  readonly name: string;
  readonly bridge: string;
  readonly state: XenbusState;
  readonly sent: NetworkCounts;
  readonly received: NetworkCounts;
  readonly rings: readonly NetworkRingView[];
}

/** What the frontend can do, as it says when it connects. */
interface FrontendFeatures {
  /** Packets of several slots. */
  readonly scatterGather: boolean;
  readonly segmentation: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly checksum: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly filtersMulticast: boolean;
}

interface Queue {
  readonly transmit: TransmitQueue;
  readonly receive: ReceiveQueue;
  readonly credit: Credit;
  /** The same for both without split event channels. */
  readonly transmitChannel: BoundChannel;
  readonly receiveChannel: BoundChannel;
}

interface Counts {
  packets: number;
  bytes: number;
  dropped: number;
}

export class NetworkBackend implements BackendDriver, PortSink {
  readonly isReady = true;
  readonly properties: Keys = {};
  /** In the order of netback_probe(). */
  readonly features: Keys = {
    'feature-sg': '1',
    'feature-gso-tcpv4': '1',
    'feature-gso-tcpv6': '1',
    'feature-ipv6-csum-offload': '1',
    'feature-rx-copy': '1',
    'feature-rx-flip': '0',
    'feature-multicast-control': '1',
    'feature-dynamic-multicast-control': '1',
    'feature-split-event-channels': '1',
    'multi-queue-max-queues': String(MAX_QUEUES),
  };
  private readonly xenbus: XenbusBackend;
  private readonly frontend: FrontendDomain;
  private readonly timers: BackendTimers;
  private readonly bridge: Bridge;
  private readonly config: InterfaceConfig;
  private readonly groups = new Set<MacAddress>();
  private port: BridgePort | undefined;
  private queues: Queue[] = [];
  private offers: FrontendFeatures | undefined;
  private readonly sent: Counts = { packets: 0, bytes: 0, dropped: 0 };
  private readonly received: Counts = { packets: 0, bytes: 0, dropped: 0 };

  constructor(services: NetworkServices, paths: XenbusPaths, config: InterfaceConfig) {
    this.frontend = services.frontend;
    this.timers = services.timers;
    this.bridge = services.bridge;
    this.config = config;
    this.xenbus = new XenbusBackend(services.store, paths, this);
  }

  /** The toolstack wrote the device's nodes. `removed` is called once, when it is closed for good. */
  start(removed: () => void): void {
    this.xenbus.start(removed);
  }

  detach(force: boolean): void {
    this.xenbus.detach(force);
  }

  /** The domain is gone. */
  close(): void {
    this.xenbus.stop();
    this.disconnect();
  }

  view(): NetworkBackendView {
    const { paths, state } = this.xenbus;
    return {
      kind: 'vif',
      ...paths,
      domid: this.frontend.domid,
      name: this.config.name,
      bridge: this.bridge.name,
      state,
      sent: { ...this.sent },
      received: { ...this.received, dropped: this.received.dropped + this.droppedByQueues },
      rings: this.queues.flatMap((queue, index) => [
        ringView(index, 'tx', queue.transmit, queue.transmitChannel),
        ringView(index, 'rx', queue.receive, queue.receiveChannel),
      ]),
    };
  }

  save(): unknown {
    return {
      xenbus: this.xenbus.save(),
      offers: this.offers ?? null,
      groups: [...this.groups],
      sent: { ...this.sent },
      received: { ...this.received },
      queues: this.queues.map(({ transmit, receive, credit, transmitChannel, receiveChannel }) => ({
        transmit: transmit.save(),
        receive: receive.save(),
        credit: credit.save(),
        ports: [transmitChannel, receiveChannel].map(({ port, remotePort }) => ({ port, remotePort })),
      })),
    };
  }

  // ---------------------------------------------------------------- PortSink

  /** A packet for the domain. */
  deliver(packet: Packet): void {
    const { offers } = this;
    if (!offers || !this.isWanted(packet, offers)) return;
    const version = isIpv6(packet.bytes) ? 'ipv6' : 'ipv4';
    const mayBeSegmented = packet.segmentSize > 0 && offers.segmentation[version] && offers.scatterGather;
    const parts = mayBeSegmented ? [packet] : segmentsOf(packet);
    for (const part of parts) {
      // A bridge forwards nothing that is too long for a port, unless it is to be cut (is_skb_forwardable()).
      if (part.segmentSize === 0 && part.bytes.length > this.config.mtu + ETHERNET_HEADER + VLAN_TAG) {
        this.received.dropped++;
        continue;
      }
      const queue = this.queues[this.queues.length === 1 ? 0 : flowOf(part.bytes) % this.queues.length];
      if (!queue) return;
      this.received.packets++;
      this.received.bytes += part.bytes.length;
      queue.receive.add(offers.checksum[version] ? part : withChecksum(part));
      if (queue.receive.serve()) queue.receiveChannel.notify();
    }
  }

  // ---------------------------------------------------------------- BackendDriver

  connect(): DeviceError | undefined {
    if (this.number('request-rx-copy') !== 1) {
      return { errno: 'EOPNOTSUPP', message: 'the frontend does not take copies (request-rx-copy)' };
    }
    const count = this.number('multi-queue-num-queues') ?? 1;
    if (count === 0 || count > MAX_QUEUES) {
      const message = `guest requested ${count} queues, exceeding the maximum of ${MAX_QUEUES}.`;
      return { errno: 'EINVAL', message };
    }
    this.offers = this.readFeatures();
    for (let index = 0; index < count; index++) {
      const error = this.connectQueue(index, count === 1 ? '' : `queue-${index}/`);
      if (!error) continue;
      this.disconnect();
      return error;
    }
    return undefined;
  }

  connected(): void {
    this.port = this.bridge.attach(this.config.name, this);
    for (const queue of this.queues) {
      this.serveTransmit(queue);
      this.serveReceive(queue);
    }
  }

  disconnect(): void {
    this.port?.remove();
    this.port = undefined;
    this.offers = undefined;
    this.groups.clear();
    this.received.dropped += this.droppedByQueues;
    for (const { transmit, receive, credit, transmitChannel, receiveChannel } of this.queues) {
      credit.cancel();
      transmitChannel.close();
      if (receiveChannel !== transmitChannel) receiveChannel.close();
      transmit.release();
      receive.release();
    }
    this.queues = [];
  }

  private get droppedByQueues(): number {
    return this.queues.reduce((sum, { receive }) => sum + receive.dropped, 0);
  }

  private readFeatures(): FrontendFeatures {
    return {
      scatterGather: this.number('feature-sg') === 1,
      segmentation: {
        ipv4: this.number('feature-gso-tcpv4') === 1,
        ipv6: this.number('feature-gso-tcpv6') === 1,
      },
      checksum: {
        ipv4: this.number('feature-no-csum-offload') !== 1,
        ipv6: this.number('feature-ipv6-csum-offload') === 1,
      },
      filtersMulticast: this.number('request-multicast-control') === 1,
    };
  }

  private connectQueue(index: number, folder: string): DeviceError | undefined {
    const transmitGrant = this.mapRing(`${folder}tx-ring-ref`);
    if ('errno' in transmitGrant) return transmitGrant;
    const receiveGrant = this.mapRing(`${folder}rx-ring-ref`);
    if ('errno' in receiveGrant) {
      transmitGrant.unmap();
      return receiveGrant;
    }
    const fail = (message: string): void => this.xenbus.fail({ errno: 'EINVAL', message });
    const credit = new Credit(this.config.rate, this.timers, () => this.serveTransmit(queue));
    const transmit = new TransmitQueue(transmitGrant, this.frontend, this.transmitSink(fail), credit);
    const receive = new ReceiveQueue(receiveGrant, this.frontend, fail);
    const channels = this.bindChannels(folder, () => this.queues[index]);
    if ('errno' in channels) {
      transmit.release();
      receive.release();
      return channels;
    }
    const queue: Queue = { transmit, receive, credit, ...channels };
    this.queues.push(queue);
    return undefined;
  }

  private transmitSink(fail: (message: string) => void) {
    return {
      send: (packet: Packet) => {
        this.sent.packets++;
        this.sent.bytes += packet.bytes.length;
        this.port?.send(packet);
      },
      setMulticast: (mac: MacAddress, isWanted: boolean) => this.setMulticast(mac, isWanted),
      fail,
    };
  }

  private setMulticast(mac: MacAddress, isWanted: boolean): boolean {
    if (!this.offers?.filtersMulticast) return false;
    if (!isWanted) return this.groups.delete(mac) || true;
    if (this.groups.size >= MOST_GROUPS) return false;
    this.groups.add(mac);
    return true;
  }

  private isWanted({ bytes }: Packet, { filtersMulticast }: FrontendFeatures): boolean {
    if (!filtersMulticast) return true;
    const destination = readEthernet(bytes)?.destination ?? BROADCAST_MAC;
    return !isGroup(destination) || destination === BROADCAST_MAC || this.groups.has(destination);
  }

  private mapRing(key: string) {
    const reference = this.number(key);
    if (reference === undefined) return this.unreadable(key);
    const grant = this.frontend.map(reference, false);
    if (typeof grant !== 'string') return grant;
    const message = `mapping ${key} ${reference} of domain ${this.frontend.domid}: ${grant}`;
    return { errno: 'EINVAL' as const, message };
  }

  private bindChannels(
    folder: string,
    queue: () => Queue | undefined,
  ): Pick<Queue, 'transmitChannel' | 'receiveChannel'> | DeviceError {
    const onTransmit = (): void => withQueue(queue(), (one) => this.serveTransmit(one));
    const onReceive = (): void => withQueue(queue(), (one) => this.serveReceive(one));
    const single = this.number(`${folder}event-channel`);
    if (this.number(`${folder}event-channel-tx`) === undefined && single !== undefined) {
      const channel = this.bind(single, () => {
        onTransmit();
        onReceive();
      });
      return 'errno' in channel ? channel : { transmitChannel: channel, receiveChannel: channel };
    }
    const transmitPort = this.number(`${folder}event-channel-tx`);
    const receivePort = this.number(`${folder}event-channel-rx`);
    if (transmitPort === undefined || receivePort === undefined) {
      return this.unreadable(`${folder}event-channel(-tx/rx)`);
    }
    const transmitChannel = this.bind(transmitPort, onTransmit);
    if ('errno' in transmitChannel) return transmitChannel;
    const receiveChannel = this.bind(receivePort, onReceive);
    if (!('errno' in receiveChannel)) return { transmitChannel, receiveChannel };
    transmitChannel.close();
    return receiveChannel;
  }

  private bind(port: number, onEvent: () => void): BoundChannel | DeviceError {
    const channel = this.frontend.bind(port, onEvent);
    return typeof channel === 'string' ? { errno: channel, message: `binding port ${port}` } : channel;
  }

  private serveTransmit({ transmit, transmitChannel }: Queue): void {
    if (transmit.serve()) transmitChannel.notify();
  }

  private serveReceive({ receive, receiveChannel }: Queue): void {
    if (receive.serve()) receiveChannel.notify();
  }

  private number(key: string): number | undefined {
    const text = this.xenbus.read(key);
    return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  }

  private unreadable(key: string): DeviceError {
    return { errno: 'ENOENT', message: `reading ${this.xenbus.paths.frontend}/${key}` };
  }
}

function withQueue(queue: Queue | undefined, action: (queue: Queue) => void): void {
  if (queue) action(queue);
}

/** A number that is the same for all packets between two ends: addresses and ports, added up. */
function flowOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 26; at < Math.min(bytes.length, 38); at++) sum = (sum * 31 + (bytes[at] as number)) >>> 0;
  return sum;
}

function ringView(
  queue: number,
  way: 'tx' | 'rx',
  { ring, reference }: TransmitQueue | ReceiveQueue,
  { port, remotePort }: BoundChannel,
): NetworkRingView {
  return {
    queue,
    way,
    references: [reference],
    mfns: ring.pages.map(({ mfn }) => mfn),
    port,
    frontendPort: remotePort,
    size: ring.size,
    requestConsumer: ring.requestConsumer,
    responseProducer: ring.responseProducer,
  };
}
