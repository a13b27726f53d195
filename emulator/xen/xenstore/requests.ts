// The requests of the xenstore protocol, one row each. A handler gets the payload and answers with
// the reply's payload or an error name. Xen docs/misc/xenstore.txt and
// tools/xenstore/xenstored_core.c; answers as the C xenstored of 4.17 gives them.

import { XENSTORE_PAYLOAD_MAX, XENSTORE_REL_PATH_MAX, XS, type XsError } from '../abi/xs-wire.ts';
import type { Connection } from './connection.ts';
import { absolute, homeOf, isSpecialPath, isValidPath } from './paths.ts';
import { formatPermission, parsePermissions } from './permissions.ts';
import type { XenstoreServer } from './server.ts';
import type { StoreView } from './store.ts';
import { bytesOf, textOf } from './text.ts';
import { Transaction } from './transaction.ts';
import { changePermissions, find, makeNode, QUOTA, removeTree, setValue } from './tree.ts';

export interface RequestContext {
  readonly server: XenstoreServer;
  readonly client: Connection;
  /** The transaction named in the header, and its view; else the store. */
  readonly transaction: Transaction | undefined;
  readonly view: StoreView;
}

export interface RequestRow {
  readonly type: number;
  readonly name: string;
  /** Only the control domain may ask. */
  readonly privileged?: true;
  /** The transaction id of the header is not looked at. */
  readonly noTransaction?: true;
  /** A sentence when it is not modelled. */
  readonly unsupported?: string;
  handle(context: RequestContext, payload: Uint8Array): Uint8Array | XsError;
  /** What follows the reply, such as the first event of a watch. */
  after?(context: RequestContext, payload: Uint8Array): void;
}

const OK = bytesOf('OK\0');
const noSuch = (type: number, name: string, unsupported: string): RequestRow => ({
  type,
  name,
  privileged: true,
  unsupported,
  handle: () => 'ENOSYS',
});

export const requests: readonly RequestRow[] = [
  noSuch(XS.CONTROL, 'CONTROL', 'The server of the embedded toolstack has no control commands.'),
  {
    type: XS.DIRECTORY,
    name: 'DIRECTORY',
    handle(context, payload) {
      const found = find(context, oneString(payload), 'read');
      return typeof found === 'string' ? found : childList(found.node.children);
    },
  },
  {
    type: XS.READ,
    name: 'READ',
    handle(context, payload) {
      const found = find(context, oneString(payload), 'read');
      return typeof found === 'string' ? found : found.node.value;
    },
  },
  {
    type: XS.GET_PERMS,
    name: 'GET_PERMS',
    handle(context, payload) {
      const found = find(context, oneString(payload), 'read');
      if (typeof found === 'string') return found;
      return bytesOf(found.node.permissions.map((entry) => `${formatPermission(entry)}\0`).join(''));
    },
  },
  {
    type: XS.WATCH,
    name: 'WATCH',
    noTransaction: true,
    handle({ client }, payload) {
      const asked = watchOf(client, payload);
      if (typeof asked === 'string') return asked;
      if (client.hasWatch(asked.path, asked.token)) return 'EEXIST';
      if (!client.privileged && client.watchCount > QUOTA.watches) return 'E2BIG';
      client.addWatch(asked);
      return OK;
    },
    // The first event comes at once, behind the reply: that simplifies clients.
    after({ client }, payload) {
      const asked = watchOf(client, payload);
      if (typeof asked !== 'string') client.sendEvent(asked, asked.path);
    },
  },
  {
    type: XS.UNWATCH,
    name: 'UNWATCH',
    noTransaction: true,
    handle({ client }, payload) {
      const [path, token] = stringsOf(payload);
      if (path === undefined || token === undefined || stringsOf(payload).length !== 2) return 'EINVAL';
      return client.removeWatch(absolute(path, client.domid), token) ? OK : 'ENOENT';
    },
  },
  {
    type: XS.TRANSACTION_START,
    name: 'TRANSACTION_START',
    handle({ server, client, transaction }) {
      if (transaction) return 'EBUSY';
      if (!client.privileged && client.transactions.size > QUOTA.transactions) return 'ENOSPC';
      const nodeQuota = client.privileged ? Number.POSITIVE_INFINITY : QUOTA.transactionNodes;
      const started = new Transaction(client.newTransactionId(), server.store, nodeQuota);
      client.transactions.set(started.id, started);
      return bytesOf(`${started.id}\0`);
    },
  },
  {
    type: XS.TRANSACTION_END,
    name: 'TRANSACTION_END',
    handle({ server, client, transaction }, payload) {
      const how = oneString(payload);
      if (how !== 'T' && how !== 'F') return 'EINVAL';
      if (!transaction) return 'ENOENT';
      client.transactions.delete(transaction.id);
      if (how === 'F') return OK;
      if (transaction.failed) return 'ENOMEM';
      if (transaction.createdNodes && !client.privileged && server.exceedsQuota(transaction)) return 'ENOSPC';
      const events = transaction.commit();
      if (events === 'EAGAIN') return events;
      for (const { path, exact, oldPermissions } of events)
        server.fireWatches(path, exact, undefined, oldPermissions);
      return OK;
    },
  },
  {
    type: XS.INTRODUCE,
    name: 'INTRODUCE',
    privileged: true,
    handle({ server }, payload) {
      const [domid, , port] = stringsOf(payload);
      if (domid === undefined || port === undefined || !(Number.parseInt(port, 10) > 0)) return 'EINVAL';
      return server.introduceByRequest(Number.parseInt(domid, 10), Number.parseInt(port, 10)) ?? OK;
    },
  },
  {
    type: XS.RELEASE,
    name: 'RELEASE',
    privileged: true,
    handle({ server }, payload) {
      const domid = domidOf(payload);
      if (domid === undefined || domid === 0) return 'EINVAL';
      if (!server.isIntroduced(domid)) return 'ENOENT';
      server.release(domid);
      return OK;
    },
  },
  {
    type: XS.GET_DOMAIN_PATH,
    name: 'GET_DOMAIN_PATH',
    handle(_context, payload) {
      const text = oneString(payload);
      return text === undefined ? 'EINVAL' : bytesOf(`${homeOf(integerOf(text))}\0`);
    },
  },
  {
    type: XS.WRITE,
    name: 'WRITE',
    handle(context, payload) {
      const end = payload.indexOf(0);
      if (end < 0) return 'EINVAL';
      return setValue(context, textOf(payload.subarray(0, end)), payload.slice(end + 1)) ?? OK;
    },
  },
  {
    type: XS.MKDIR,
    name: 'MKDIR',
    handle: (context, payload) => makeNode(context, oneString(payload)) ?? OK,
  },
  {
    type: XS.RM,
    name: 'RM',
    handle: (context, payload) => removeTree(context, oneString(payload)) ?? OK,
  },
  {
    type: XS.SET_PERMS,
    name: 'SET_PERMS',
    handle(context, payload) {
      const [path, ...entries] = stringsOf(payload);
      if (path === undefined || entries.length < 1) return 'EINVAL';
      if (!context.client.privileged && entries.length > QUOTA.permissions) return 'ENOSPC';
      const parsed = parsePermissions(entries);
      if (!parsed) return 'EINVAL';
      return changePermissions(context, path, context.server.withoutUnknownDomains(parsed)) ?? OK;
    },
  },
  {
    type: XS.IS_DOMAIN_INTRODUCED,
    name: 'IS_DOMAIN_INTRODUCED',
    privileged: true,
    handle({ server }, payload) {
      const domid = domidOf(payload);
      if (domid === undefined) return 'EINVAL';
      return bytesOf(server.isIntroduced(domid) ? 'T\0' : 'F\0');
    },
  },
  {
    type: XS.RESUME,
    name: 'RESUME',
    privileged: true,
    handle: ({ server }, payload) => (server.isIntroduced(domidOf(payload) ?? -1) ? OK : 'ENOENT'),
  },
  noSuch(XS.SET_TARGET, 'SET_TARGET', 'There are no stub domains.'),
  {
    type: XS.RESET_WATCHES,
    name: 'RESET_WATCHES',
    handle({ client }) {
      client.forgetWatchesAndTransactions();
      return OK;
    },
  },
  {
    type: XS.DIRECTORY_PART,
    name: 'DIRECTORY_PART',
    handle(context, payload) {
      const [path, offset] = stringsOf(payload);
      if (offset === undefined || stringsOf(payload).length !== 2) return 'EINVAL';
      const found = find(context, path, 'read');
      if (typeof found === 'string') return found;
      return directoryPart(found.node.generation, found.node.children, integerOf(offset));
    },
  },
];

/** The generation, then names from the offset on as far as they fit; an empty name after the last. */
function directoryPart(generation: number, children: readonly string[], offset: number): Uint8Array {
  const list = childList(children);
  const head = bytesOf(`${generation}\0`);
  if (offset >= list.length) return joined(head, new Uint8Array(1));
  const room = XENSTORE_PAYLOAD_MAX - head.length - 1;
  let end = offset;
  while (end < list.length) {
    const next = list.indexOf(0, end) + 1;
    if (next - 1 - offset >= room) break;
    end = next;
  }
  const part = joined(head, list.subarray(offset, end));
  return end === list.length ? joined(part, new Uint8Array(1)) : part;
}

function watchOf(client: Connection, payload: Uint8Array) {
  const [asked, token] = stringsOf(payload);
  if (asked === undefined || token === undefined || stringsOf(payload).length !== 2) return 'EINVAL';
  const path = absolute(asked, client.domid);
  if (isSpecialPath(path) ? path.length > XENSTORE_REL_PATH_MAX : !isValidPath(path)) return 'EINVAL';
  return { path, token, relative: !isSpecialPath(asked) && !asked.startsWith('/') };
}

const childList = (children: readonly string[]): Uint8Array =>
  bytesOf(children.map((child) => `${child}\0`).join(''));

function domidOf(payload: Uint8Array): number | undefined {
  const text = oneString(payload);
  return text === undefined ? undefined : integerOf(text);
}

/** As C's atoi(): leading digits, else 0. */
const integerOf = (text: string): number => Math.max(0, Number.parseInt(text, 10) || 0);

/** Every NUL-terminated string of the payload. What follows the last NUL is not one. */
function stringsOf(payload: Uint8Array): string[] {
  const strings: string[] = [];
  for (let start = 0; ; ) {
    const end = payload.indexOf(0, start);
    if (end < 0) return strings;
    strings.push(textOf(payload.subarray(start, end)));
    start = end + 1;
  }
}

/** The payload if it is exactly one NUL-terminated string. */
function oneString(payload: Uint8Array): string | undefined {
  return payload.length > 0 && payload.indexOf(0) === payload.length - 1
    ? textOf(payload.subarray(0, payload.length - 1))
    : undefined;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
