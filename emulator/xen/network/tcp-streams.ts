// The TCP connections of all guests of a user network, and what is at their other ends: ports of the host that the
// configuration opens for guests by name, and ports of guests that it opens for the host.

import { type Ipv4Address, ipv4Text } from './addresses.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Tcp } from './headers.ts';
import { TcpConnection, type TcpLink, type TcpState, type TcpUser } from './tcp-connection.ts';
import type { Timers } from './timers.ts';

/** Connections that may be open at once, of all guests together. */
const MOST_CONNECTIONS = 256;
/** Ports of the gateway for connections that begin at the host. RFC 6335: dynamic ports. */
const FIRST_PORT = 49_152;

/**
 * The host's sockets. What happens to them comes back through the machine's input log, as calls of `TcpStreams` with the
 * same number. Numbers are given here, and used once.
 */
export interface HostStreams {
  /** Which of the host's ports a guest may reach at this port of the gateway: its name in the configuration. */
  destinationOf(port: number): string | undefined;
  /** Connect to what has this name. Answered by hostOpened() or hostClosed(). */
  open(stream: number, name: string): void;
  send(stream: number, bytes: Uint8Array): void;
  /** The guest sends no more. */
  end(stream: number): void;
  /** The connection is gone. */
  abort(stream: number): void;
}

export interface TcpStreamsOptions {
  readonly timers: Timers;
  readonly host: HostStreams;
  readonly gateway: Ipv4Address;
  /** Longest payload of a segment. */
  readonly segmentSize: number;
  readonly refused: (what: string) => void;
  send(tcp: Tcp, source: Ipv4Address, destination: Ipv4Address, segmentSize: number): void;
}

/** A connection as inspectors see it. */
export interface TcpStreamView {
  readonly stream: number;
  readonly guest: Ipv4Address;
  readonly guestPort: number;
  readonly gatewayPort: number;
  readonly state: TcpState;
}

interface Stream {
  readonly number: number;
  readonly guest: Ipv4Address;
  readonly guestPort: number;
  readonly gatewayPort: number;
  readonly connection: TcpConnection;
  /** The host's side was asked for, and has not answered: the guest's SYN waits. */
  waiting: Tcp | undefined;
}

export class TcpStreams {
  private readonly options: TcpStreamsOptions;
  private readonly streams = new Map<number, Stream>();
  private nextStream = 1;
  private nextPort = FIRST_PORT;

  constructor(options: TcpStreamsOptions) {
    this.options = options;
  }

  get views(): TcpStreamView[] {
    return [...this.streams.values()].map(({ number, guest, guestPort, gatewayPort, connection }) => ({
      stream: number,
      guest,
      guestPort,
      gatewayPort,
      state: connection.state,
    }));
  }

  /** A segment of a guest. */
  receive(tcp: Tcp, source: Ipv4Address, destination: Ipv4Address): void {
    const stream = this.find(source, tcp.sourcePort, tcp.destinationPort);
    if (stream && destination === this.options.gateway) {
      // The host has not answered: a SYN that is repeated waits with the first.
      if (!stream.waiting) stream.connection.receive(tcp);
      return;
    }
    const isOpening = (tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
    const name =
      destination === this.options.gateway ? this.options.host.destinationOf(tcp.destinationPort) : undefined;
    if (!isOpening || name === undefined || this.streams.size >= MOST_CONNECTIONS) {
      if (isOpening) this.options.refused(`TCP to ${ipv4Text(destination)} port ${tcp.destinationPort}`);
      this.refuse(tcp, source, destination);
      return;
    }
    const opened = this.add(source, tcp.sourcePort, tcp.destinationPort, 'there');
    opened.waiting = tcp;
    this.options.host.open(opened.number, name);
  }

  /** Somebody at the host connected to a port that leads to this guest. Returns the stream's number. */
  openFromHost(guest: Ipv4Address, guestPort: number): number | undefined {
    if (this.streams.size >= MOST_CONNECTIONS) return undefined;
    const stream = this.add(guest, guestPort, this.freePort(guest, guestPort), 'here');
    stream.connection.open(this.options.segmentSize);
    return stream.number;
  }

  /** The host's end of what a guest opened is there. */
  hostOpened(number: number): void {
    const stream = this.streams.get(number);
    const syn = stream?.waiting;
    if (!stream || !syn) return;
    stream.waiting = undefined;
    stream.connection.accept(syn, this.options.segmentSize);
  }

  hostSent(number: number, bytes: Uint8Array): void {
    this.streams.get(number)?.connection.write(bytes);
  }

  /** The host took so many bytes of what was sent to it. */
  hostTook(number: number, count: number): void {
    this.streams.get(number)?.connection.took(count);
  }

  hostEnded(number: number): void {
    this.streams.get(number)?.connection.end();
  }

  /** The host's end is gone, or never was. */
  hostClosed(number: number): void {
    const stream = this.streams.get(number);
    if (!stream) return;
    this.streams.delete(number);
    const { waiting, guest } = stream;
    if (waiting) this.refuse(waiting, guest, this.options.gateway);
    else stream.connection.abort();
  }

  /** A domain is gone: nobody is left to hear that its connections are. */
  forget(guest: Ipv4Address): void {
    for (const { number, guest: owner, connection } of [...this.streams.values()]) {
      if (owner === guest) connection.abort();
      if (owner === guest) this.streams.delete(number);
    }
  }

  save(): unknown {
    return {
      nextStream: this.nextStream,
      nextPort: this.nextPort,
      streams: [...this.streams.values()].map(({ connection, waiting, ...rest }) => ({
        ...rest,
        isWaiting: waiting !== undefined,
        connection: connection.save(),
      })),
    };
  }

  private find(guest: Ipv4Address, guestPort: number, gatewayPort: number): Stream | undefined {
    for (const stream of this.streams.values()) {
      if (stream.guest === guest && stream.guestPort === guestPort && stream.gatewayPort === gatewayPort)
        return stream;
    }
    return undefined;
  }

  private add(guest: Ipv4Address, guestPort: number, gatewayPort: number, begins: 'here' | 'there'): Stream {
    const number = this.nextStream++;
    const { timers, gateway, host, send } = this.options;
    const link: TcpLink = {
      timers,
      send: (segment, segmentSize) => {
        const ports = { sourcePort: gatewayPort, destinationPort: guestPort };
        send({ ...segment, ...ports }, gateway, guest, segmentSize);
      },
    };
    const user: TcpUser = {
      opened: () => {},
      received: (bytes) => host.send(number, bytes.slice()),
      ended: () => host.end(number),
      closed: (isOrderly) => {
        if (!this.streams.delete(number)) return;
        if (isOrderly) host.end(number);
        else host.abort(number);
      },
    };
    // RFC 9293, 3.4.1: the clock decides, so that an old segment is not taken for a new one.
    const initial = Math.floor(timers.now() / 4000) >>> 0;
    const connection = new TcpConnection(link, user, initial, begins);
    const stream: Stream = { number, guest, guestPort, gatewayPort, connection, waiting: undefined };
    this.streams.set(number, stream);
    return stream;
  }

  private freePort(guest: Ipv4Address, guestPort: number): number {
    let port = this.nextPort;
    while (this.find(guest, guestPort, port)) port = port === 65_535 ? FIRST_PORT : port + 1;
    this.nextPort = port === 65_535 ? FIRST_PORT : port + 1;
    return port;
  }

  /** RFC 9293, 3.10.7.1: what is for no connection is answered with RST. */
  private refuse(tcp: Tcp, source: Ipv4Address, destination: Ipv4Address): void {
    if (tcp.flags & TCP_RST) return;
    const length = tcp.payload.length + (tcp.flags & TCP_SYN ? 1 : 0) + (tcp.flags & TCP_FIN ? 1 : 0);
    const isAcknowledging = (tcp.flags & TCP_ACK) !== 0;
    const reset: Tcp = {
      sourcePort: tcp.destinationPort,
      destinationPort: tcp.sourcePort,
      sequence: isAcknowledging ? tcp.acknowledgement : 0,
      acknowledgement: isAcknowledging ? 0 : (tcp.sequence + length) >>> 0,
      flags: isAcknowledging ? TCP_RST : TCP_RST | TCP_ACK,
      window: 0,
      payload: new Uint8Array(0),
    };
    this.options.send(reset, destination, source, 0);
  }
}
