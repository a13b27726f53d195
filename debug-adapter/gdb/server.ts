// Serves one client at a time, for as long as there is something to debug.

import { type Channel, GdbConnection } from './connection.ts';
import type { GdbMachine } from './machine.ts';
import { framed } from './packets.ts';

export class GdbServer {
  private readonly machine: GdbMachine;
  private readonly options: { readonly once: boolean };
  private connection: GdbConnection | undefined;

  /** `once`: the first client is the last one. */
  constructor(machine: GdbMachine, options: { readonly once: boolean }) {
    this.machine = machine;
    this.options = options;
  }

  get isBusy(): boolean {
    return this.connection !== undefined;
  }

  /** Undefined: there is a client already, and this one has been told. */
  connect(channel: Channel): GdbConnection | undefined {
    if (this.connection) {
      channel.write(framed('E.another debugger is connected'));
      channel.close();
      return undefined;
    }
    this.machine.hasClient = true;
    this.connection = new GdbConnection(this.machine, channel);
    return this.connection;
  }

  /** The machine stays as it is, running or not, without the client's breakpoints. Answers whether that was all. */
  async disconnected(connection: GdbConnection): Promise<'over' | 'waiting'> {
    connection.closed();
    this.connection = undefined;
    this.machine.hasClient = false;
    const { run } = this.machine;
    run.points.removeAll();
    if (!run.ended) await run.points.send([]);
    return this.options.once || this.isOver ? 'over' : 'waiting';
  }

  /** Nothing is left to debug, and nobody there who could ask for it again. */
  get isOver(): boolean {
    return this.connection === undefined && this.machine.run.ended;
  }
}
