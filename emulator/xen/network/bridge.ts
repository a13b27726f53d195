// A bridge between the interfaces of domains, as `xenbr0` is one in a real domain 0: learns which address is behind
// which port, and floods what it does not know. IEEE 802.1D, 7.8 and 7.9; no spanning tree, since nothing here can loop.

import { isGroup, type MacAddress } from './addresses.ts';
import { readEthernet } from './headers.ts';
import type { Packet } from './packet.ts';

/** Addresses that a bridge remembers: a guest that makes them up must not fill memory. */
const MOST_ADDRESSES = 1024;

/** Where a packet comes out. */
export interface PortSink {
  deliver(packet: Packet): void;
}

export interface BridgePort {
  /** A packet comes in. What is no Ethernet frame goes nowhere. */
  send(packet: Packet): void;
  remove(): void;
}

/** Sees every packet once, as it comes in. */
export type PacketTap = (packet: Packet, port: string) => void;

interface Port {
  readonly name: string;
  readonly sink: PortSink;
}

export class Bridge {
  readonly name: string;
  private readonly ports: Port[] = [];
  private readonly learned = new Map<MacAddress, Port>();
  private readonly tap: PacketTap;

  constructor(name: string, tap: PacketTap = () => {}) {
    this.name = name;
    this.tap = tap;
  }

  /** `name` for people: `vif1.0`. */
  attach(name: string, sink: PortSink): BridgePort {
    const port = { name, sink };
    this.ports.push(port);
    return { send: (packet) => this.forward(packet, port), remove: () => this.remove(port) };
  }

  get portNames(): string[] {
    return this.ports.map(({ name }) => name);
  }

  /** Addresses by the port that they are behind, oldest first. */
  get addresses(): { readonly mac: MacAddress; readonly port: string }[] {
    return [...this.learned].map(([mac, { name }]) => ({ mac, port: name }));
  }

  save(): unknown {
    return { name: this.name, ports: this.portNames, addresses: this.addresses };
  }

  private forward(packet: Packet, from: Port): void {
    const frame = readEthernet(packet.bytes);
    if (!frame || !this.ports.includes(from)) return;
    this.tap(packet, from.name);
    this.learn(frame.source, from);
    const known = isGroup(frame.destination) ? undefined : this.learned.get(frame.destination);
    if (known) {
      if (known !== from) known.sink.deliver(packet);
      return;
    }
    // A port that is delivered to may answer at once, or go.
    for (const port of [...this.ports]) if (port !== from) port.sink.deliver(packet);
  }

  private learn(mac: MacAddress, port: Port): void {
    if (isGroup(mac) || this.learned.get(mac) === port) return;
    if (this.learned.size >= MOST_ADDRESSES && !this.learned.has(mac)) {
      const [oldest] = this.learned.keys();
      if (oldest !== undefined) this.learned.delete(oldest);
    }
    this.learned.set(mac, port);
  }

  private remove(port: Port): void {
    const at = this.ports.indexOf(port);
    if (at >= 0) this.ports.splice(at, 1);
    for (const [mac, behind] of this.learned) if (behind === port) this.learned.delete(mac);
  }
}
