// xenstore for the toolstack and backends of this process: the same requests as over a ring, as
// calls. Watches call back when the server sends.

import { XS, type XsError } from '../abi/xs-wire.ts';
import { Connection } from './connection.ts';
import { formatPermissions, permissions } from './permissions.ts';
import type { Client, XenstoreServer } from './server.ts';

type WatchCallback = (path: string) => void;

export class XenstoreClient implements Client {
  readonly connection: Connection;
  private readonly server: XenstoreServer;
  /** No state of the machine: who listens follows from the configuration. */
  private readonly callbacks = new Map<string, WatchCallback>();

  /** A client of domain 0 unless said otherwise. */
  constructor(server: XenstoreServer, domid = 0) {
    this.server = server;
    this.connection = new Connection(domid, domid === 0);
    server.attach(this);
  }

  read(path: string, transaction = 0): string | undefined {
    const reply = this.request(XS.READ, `${path}\0`, transaction);
    return typeof reply === 'string' ? undefined : text(reply);
  }

  /** Undefined when there is no such node. */
  directory(path: string, transaction = 0): string[] | undefined {
    const reply = this.request(XS.DIRECTORY, `${path}\0`, transaction);
    if (typeof reply === 'string') return undefined;
    return text(reply)
      .split('\0')
      .filter((name) => name !== '');
  }

  write(path: string, value: string, transaction = 0): XsError | undefined {
    return this.command(XS.WRITE, `${path}\0${value}`, transaction);
  }

  mkdir(path: string, transaction = 0): XsError | undefined {
    return this.command(XS.MKDIR, `${path}\0`, transaction);
  }

  remove(path: string, transaction = 0): XsError | undefined {
    return this.command(XS.RM, `${path}\0`, transaction);
  }

  /** `n0,r5`. */
  getPermissions(path: string, transaction = 0): string | undefined {
    const reply = this.request(XS.GET_PERMS, `${path}\0`, transaction);
    return typeof reply === 'string' ? undefined : text(reply).split('\0').slice(0, -1).join(',');
  }

  setPermissions(path: string, list: string, transaction = 0): XsError | undefined {
    const entries = formatPermissions(permissions(list)).split(',').join('\0');
    return this.command(XS.SET_PERMS, `${path}\0${entries}\0`, transaction);
  }

  /** Calls back once at once, and for each change at or below the path. */
  watch(path: string, token: string, changed: WatchCallback): XsError | undefined {
    this.callbacks.set(token, changed);
    return this.command(XS.WATCH, `${path}\0${token}\0`, 0);
  }

  unwatch(path: string, token: string): XsError | undefined {
    this.callbacks.delete(token);
    return this.command(XS.UNWATCH, `${path}\0${token}\0`, 0);
  }

  /** Runs again when somebody else changed what it looked at. */
  transaction(body: (transaction: number) => void): XsError | undefined {
    for (;;) {
      const started = this.request(XS.TRANSACTION_START, '\0', 0);
      if (typeof started === 'string') return started;
      const id = Number.parseInt(text(started), 10);
      body(id);
      const ended = this.command(XS.TRANSACTION_END, 'T\0', id);
      if (ended !== 'EAGAIN') return ended;
    }
  }

  close(): void {
    this.server.detach(this);
  }

  transmit(): void {
    for (let event = this.connection.nextOutgoing(); event; event = this.connection.nextOutgoing()) {
      const [path, token] = text(event.payload).split('\0');
      if (path !== undefined && token !== undefined) this.callbacks.get(token)?.(path);
    }
  }

  save(): unknown {
    return { connection: this.connection.save() };
  }

  private command(type: number, payload: string, transaction: number): XsError | undefined {
    const reply = this.request(type, payload, transaction);
    return typeof reply === 'string' ? reply : undefined;
  }

  private request(type: number, payload: string, transaction: number): Uint8Array | XsError {
    const { reply, after } = this.server.execute(
      this.connection,
      type,
      transaction,
      new TextEncoder().encode(payload),
    );
    after?.();
    this.server.transmit();
    return reply;
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
