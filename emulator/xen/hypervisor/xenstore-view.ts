// xenstore as its server knows it, for the debugger: nodes with everything about them, and clients with their
// watches and transactions.

import type { Permission } from '../xenstore/permissions.ts';
import type { XenstoreServer } from '../xenstore/server.ts';

export interface XenstoreView {
  /** Undefined when there is no such node. */
  node(path: string): XenstoreNodeView | undefined;
  /** In the order they came. */
  clients(): XenstoreClientView[];
  /** How many nodes a domain owns, and how many it may. */
  nodesOf(domid: number): number;
  readonly nodeQuota: number;
}

export interface XenstoreNodeView {
  readonly path: string;
  /** Not copied. */
  readonly value: Uint8Array;
  /** Names, in the order they were created. */
  readonly children: readonly string[];
  /** The first entry names the owner, and what everybody without an entry may do. */
  readonly permissions: readonly [Permission, ...Permission[]];
  /** Counts changes of the whole store: the node's last one. */
  readonly generation: number;
}

export interface XenstoreClientView {
  readonly domid: number;
  /** `toolstack`: a client in domain 0, in this process. */
  readonly kind: 'toolstack' | 'ring';
  readonly watches: readonly XenstoreWatchView[];
  readonly transactions: readonly XenstoreTransactionView[];
  /** Replies and events that it has not taken yet. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** The guest broke the protocol: nothing is read or written any more. */
  readonly ignored: boolean;
  /** Bytes of a request that came so far. */
  readonly partialRequest: number;
}

export interface XenstoreWatchView {
  /** Absolute, or a special name. */
  readonly path: string;
  readonly token: string;
  readonly relative: boolean;
}

export interface XenstoreTransactionView {
  readonly id: number;
  /** Nodes it looked at or changed. */
  readonly accessed: number;
  readonly modified: number;
  /** The end can only be an abort. */
  readonly failed: boolean;
}

export function xenstoreViewOf(server: XenstoreServer, nodeQuota: number): XenstoreView {
  return {
    node(path) {
      const node = server.store.read(path);
      return node && { path, ...node };
    },
    clients: () =>
      server.clientList().map((client) => {
        const { connection } = client;
        return {
          domid: connection.domid,
          kind: connection.privileged ? 'toolstack' : 'ring',
          watches: connection.watchList(),
          transactions: [...connection.transactions.values()].map((transaction) => transaction.inspect()),
          waitingMessages: connection.waitingMessages,
          waitingBytes: connection.waitingBytes,
          ignored: client.isIgnored ?? false,
          partialRequest: client.partialRequest ?? 0,
        };
      }),
    nodesOf: (domid) => server.store.ownedBy(domid),
    nodeQuota,
  };
}
