// A client's connection: packets out of its bytes, acknowledgements, and replies in order.

import type { GdbMachine } from './machine.ts';
import { framed, type Incoming, PacketReader } from './packets.ts';
import { GdbSession } from './session.ts';

export interface Channel {
  write(bytes: Uint8Array): void;
  close(): void;
  bug(error: unknown): void;
}

/** Requests that may wait while the machine runs. A client sends one at a time; more is no client. */
const MOST_WAITING = 64;

const ACK = Uint8Array.of(0x2b);
const NACK = Uint8Array.of(0x2d);

export class GdbConnection {
  readonly session: GdbSession;
  private readonly channel: Channel;
  private readonly reader = new PacketReader();
  private acknowledges: boolean | 'until the next reply' = true;
  private last: Uint8Array | undefined;
  private waiting = 0;
  private isClosed = false;

  constructor(machine: GdbMachine, channel: Channel) {
    this.channel = channel;
    this.session = new GdbSession(machine, {
      send: (body) => this.send(body),
      endAcknowledging: () => {
        this.acknowledges = 'until the next reply';
      },
      bug: (error) => channel.bug(error),
    });
  }

  receive(chunk: Uint8Array): void {
    for (const incoming of this.reader.read(chunk)) {
      if (this.isClosed) return;
      this.take(incoming);
    }
  }

  /** The client is gone: what is still being served is answered to nobody. */
  closed(): void {
    this.isClosed = true;
  }

  private take(incoming: Incoming): void {
    switch (incoming.kind) {
      case 'packet':
        this.acknowledge(ACK);
        this.serve(incoming.body);
        return;
      case 'too long':
        this.acknowledge(ACK);
        this.send('E16');
        return;
      case 'damaged':
        this.acknowledge(NACK);
        return;
      case 'nack':
        if (this.acknowledges !== false && this.last) this.channel.write(this.last);
        return;
      case 'interrupt':
        this.session.interrupt();
        return;
      case 'ack':
        return;
    }
  }

  private serve(body: string): void {
    if (++this.waiting > MOST_WAITING) {
      this.channel.close();
      return;
    }
    void this.session.receive(body).finally(() => {
      this.waiting--;
    });
  }

  private acknowledge(bytes: Uint8Array): void {
    if (this.acknowledges === true) this.channel.write(bytes);
  }

  private send(body: string): void {
    if (this.isClosed) return;
    this.last = framed(body);
    this.channel.write(this.last);
    if (this.acknowledges === 'until the next reply') this.acknowledges = false;
  }
}
