// The xenstore server: the store, its clients, and what goes between them. Everything happens at
// once and in a fixed order: a request is answered, and its watch events are sent, before the guest
// that rang the event channel runs again. Xen tools/xenstore/xenstored_core.c, xenstored_watch.c,
// xenstored_domain.c.
//
// Left out: the write-rate limit between domains (it goes by wall time) and live update.

import { XENSTORE_PAYLOAD_MAX, XS, type XsError } from '../abi/xs-wire.ts';
import type { XenObserver } from '../observer.ts';
import { Connection, type Message } from './connection.ts';
import { isAtOrBelow, isSpecialPath } from './paths.ts';
import { accessOf, type Permission, type Permissions } from './permissions.ts';
import { type RequestContext, requests } from './requests.ts';
import { parentOf, Store, type StoreNode } from './store.ts';
import { bytesOf } from './text.ts';
import type { Transaction } from './transaction.ts';
import { QUOTA, removeTree } from './tree.ts';

/** A client that can be sent to. */
export interface Client {
  readonly connection: Connection;
  /** Sends what waits, as far as there is room. */
  transmit(): void;
  save(): unknown;
  /** The guest broke the protocol; nothing is read or written any more. */
  readonly isIgnored?: boolean;
  /** Bytes of a request that came so far. */
  readonly partialRequest?: number;
}

export interface XenstoreServerOptions {
  /** Whether a domid names a domain now; permissions for others are ignored. */
  domainExists(domid: number): boolean;
  /** INTRODUCE of the wire protocol: connects a domain's ring. Not there: it is refused. */
  introduce?(domid: number, port: number): XsError | undefined;
  readonly observer?: XenObserver;
}

const requestsByType = new Map(requests.map((row) => [row.type, row]));

export class XenstoreServer {
  readonly store: Store;
  private readonly options: XenstoreServerOptions;
  /** In the order they came, which is the order of their watch events. */
  private clients: Client[] = [];
  private readonly introduced = new Set<number>();
  private isTransmitting = false;

  constructor(options: XenstoreServerOptions) {
    this.options = options;
    this.store = new Store((path, change, byDomid) =>
      options.observer?.xenstoreChanged?.(path, change, byDomid),
    );
  }

  /** In the order they came. */
  clientList(): readonly Client[] {
    return this.clients;
  }

  /** A client of the toolstack's own. */
  attach(client: Client): void {
    this.clients.push(client);
  }

  detach(client: Client): void {
    this.clients = this.clients.filter((other) => other !== client);
  }

  /** A domain's ring was connected. */
  introduce(client: Client): void {
    const { domid } = client.connection;
    this.clients = this.clients.filter(
      ({ connection }) => connection.domid !== domid || connection.privileged,
    );
    this.clients.push(client);
    const isNew = !this.introduced.has(domid);
    this.introduced.add(domid);
    if (isNew) this.fireSpecial('@introduceDomain');
  }

  introduceByRequest(domid: number, port: number): XsError | undefined {
    return this.options.introduce ? this.options.introduce(domid, port) : 'ENOSYS';
  }

  isIntroduced(domid: number): boolean {
    return domid === 0 || this.introduced.has(domid);
  }

  /** A domain stopped: the toolstack hears of it by @releaseDomain, and looks why. */
  domainShutDown(domid: number): void {
    if (this.introduced.has(domid)) this.fireSpecial('@releaseDomain');
    this.transmit();
  }

  /** A domain is gone: its connection, its nodes, and what other nodes allowed it. */
  release(domid: number): void {
    if (!this.introduced.delete(domid)) return;
    this.store.actor = 0;
    this.clients = this.clients.filter(
      ({ connection }) => connection.domid !== domid || connection.privileged,
    );
    this.removeOrphans(domid);
    for (const [path, node] of [...this.store.walk()]) {
      if (!node.permissions.slice(1).some((entry) => entry.domid === domid && !entry.ignored)) continue;
      const [owner, ...others] = node.permissions;
      const kept = others.map((entry) => (entry.domid === domid ? { ...entry, ignored: true } : entry));
      this.store.write(path, { ...node, permissions: [owner, ...kept] });
    }
    this.fireSpecial('@releaseDomain');
    this.transmit();
  }

  /** Entries that name no domain are kept, but give nothing. */
  withoutUnknownDomains([owner, ...others]: Permissions): Permissions {
    const known = (entry: Permission): Permission =>
      this.options.domainExists(entry.domid) ? entry : { ...entry, ignored: true };
    return [known(owner), ...others.map(known)];
  }

  /** Answers one request; the reply waits at the client until transmit(). */
  process(client: Connection, message: Message): void {
    const { type, requestId, transactionId, payload } = message;
    const { reply, after } = this.execute(client, type, transactionId, payload);
    const isError = typeof reply === 'string';
    client.reply({
      type: isError ? XS.ERROR : type,
      requestId,
      transactionId,
      payload: isError ? bytesOf(`${reply}\0`) : reply,
    });
    after?.();
  }

  /** A request of a client inside this process, answered directly. */
  execute(
    client: Connection,
    type: number,
    transactionId: number,
    payload: Uint8Array,
  ): { reply: Uint8Array | XsError; after?: () => void } {
    const row = requestsByType.get(type);
    if (!row) return { reply: 'ENOSYS' };
    if (row.privileged && !client.privileged) return { reply: 'EACCES' };
    const transaction = row.noTransaction ? undefined : client.transactions.get(transactionId);
    if (!row.noTransaction && transactionId !== 0 && !transaction) return { reply: 'ENOENT' };

    const context: RequestContext = { server: this, client, transaction, view: transaction ?? this.store };
    this.store.actor = client.domid;
    const reply = row.handle(context, payload);
    const error = typeof reply === 'string' ? reply : undefined;
    this.options.observer?.xenstoreAsked?.(client.domid, row.name, payload, error);
    if (typeof reply === 'string') return { reply };
    if (reply.length > XENSTORE_PAYLOAD_MAX) return { reply: 'E2BIG' };
    return { reply, after: () => row.after?.(context, payload) };
  }

  /** Whether a transaction would give a domain more nodes than it may own. */
  exceedsQuota(transaction: Transaction): boolean {
    return transaction
      .changedOwners()
      .some(
        (domid) =>
          domid !== 0 && transaction.ownedBy(domid) > Math.max(QUOTA.nodes, this.store.ownedBy(domid)),
      );
  }

  /**
   * A node changed. `exact`: only watches of the node itself hear of it. Clients that may see
   * neither the node (now, or before its permissions changed) nor its parent do not.
   */
  fireWatches(path: string, exact: boolean, node?: StoreNode, oldPermissions?: Permissions): void {
    for (const { connection } of this.clients) {
      const watches = connection
        .watchList()
        .filter((watch) => (exact ? watch.path === path : isAtOrBelow(path, watch.path)));
      if (watches.length === 0 || !this.mayHearOf(connection, path, node, oldPermissions)) continue;
      for (const watch of watches) {
        connection.sendEvent(watch, path);
        this.options.observer?.xenstoreWatchFired?.(connection.domid, path, watch.token);
      }
    }
  }

  /** Sends what waits anywhere. A client that acts on what it is sent does so within this call. */
  transmit(): void {
    if (this.isTransmitting) return;
    this.isTransmitting = true;
    try {
      for (let rounds = 0; rounds < MAXIMUM_ROUNDS; rounds++) {
        const before = this.clients.map(({ connection }) => connection.sent);
        for (const client of this.clients) client.transmit();
        if (this.clients.every(({ connection }, index) => connection.sent === before[index])) break;
      }
    } finally {
      this.isTransmitting = false;
    }
  }

  save(): unknown {
    return {
      store: this.store.save(),
      introduced: [...this.introduced].sort((a, b) => a - b),
      clients: this.clients.map((client) => client.save()),
    };
  }

  private mayHearOf(
    client: Connection,
    path: string,
    known: StoreNode | undefined,
    oldPermissions: Permissions | undefined,
  ): boolean {
    if (isSpecialPath(path)) return client.privileged;
    if (oldPermissions && accessOf(client, oldPermissions).read) return true;
    const node = known ?? this.store.read(path);
    if (!node) return false;
    if (accessOf(client, node.permissions).read) return true;
    const parent = this.store.read(parentOf(path));
    return parent !== undefined && accessOf(client, parent.permissions).read;
  }

  private fireSpecial(name: string): void {
    for (const { connection } of this.clients) {
      if (!connection.privileged) continue;
      for (const watch of connection.watchList()) if (watch.path === name) connection.sendEvent(watch, name);
    }
  }

  /** Nodes that belong to a domain that is gone. */
  private removeOrphans(domid: number): void {
    const context: RequestContext = {
      server: this,
      client: new Connection(0, true),
      transaction: undefined,
      view: this.store,
    };
    for (const [path, node] of [...this.store.walk()]) {
      if (node.permissions[0].domid !== domid || path === '/' || !this.store.read(path)) continue;
      removeTree(context, path);
    }
  }
}

/** Two clients of ours that answer each other's every change would never come to an end. */
const MAXIMUM_ROUNDS = 1000;
