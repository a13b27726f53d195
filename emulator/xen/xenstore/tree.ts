// Finding, making and removing nodes on behalf of a client, with its rights and quotas.
// Xen tools/xenstore/xenstored_core.c (get_node, construct_node, rm_node, write_node_raw).

import type { XsError } from '../abi/xs-wire.ts';
import { absolute, isSpecialPath, isValidPath } from './paths.ts';
import { type Access, accessOf, type Permission, type Permissions } from './permissions.ts';
import type { RequestContext } from './requests.ts';
import { childPath, nameOf, parentOf, type StoreNode } from './store.ts';

/** What xenstored allows a domain other than the control domain. */
export const QUOTA = {
  nodes: 1000,
  nodeSize: 2048,
  watches: 128,
  transactions: 10,
  transactionNodes: 1024,
  permissions: 5,
} as const;

export interface Found {
  readonly path: string;
  readonly node: StoreNode;
}

type Wanted = keyof Access;

/** A node, if it exists and the client has the right. */
export function find(context: RequestContext, asked: string | undefined, wanted: Wanted): Found | XsError {
  if (asked === undefined) return 'EINVAL';
  const path = absolute(asked, context.client.domid);
  if (!isValidPath(path)) return 'EINVAL';
  const node = read(context, path);
  if (node === 'ENOSPC') return node;
  if (node && accessOf(context.client, node.permissions)[wanted]) return { path, node };
  return hiddenError(context, path, node ? 'EACCES' : 'ENOENT', wanted);
}

/** WRITE. Missing nodes above are made. */
export function setValue(context: RequestContext, asked: string, value: Uint8Array): XsError | undefined {
  const found = find(context, asked, 'write');
  const path = absolute(asked, context.client.domid);
  if (typeof found !== 'string') {
    const error = put(context, path, { ...found.node, value });
    if (error) return error;
  } else {
    if (found !== 'ENOENT') return found;
    const error = create(context, path, value);
    if (error) return error;
  }
  fire(context, path, false);
  return undefined;
}

/** MKDIR. An existing node is fine, and no event. */
export function makeNode(context: RequestContext, asked: string | undefined): XsError | undefined {
  const found = find(context, asked, 'write');
  if (typeof found !== 'string') return undefined;
  if (found !== 'ENOENT' || asked === undefined) return found;
  const path = absolute(asked, context.client.domid);
  const error = create(context, path, new Uint8Array(0));
  if (error) return error;
  fire(context, path, false);
  return undefined;
}

/** RM: the node with everything below. */
export function removeTree(context: RequestContext, asked: string | undefined): XsError | undefined {
  const found = find(context, asked, 'write');
  if (typeof found === 'string') {
    if (found !== 'ENOENT' || asked === undefined) return found;
    // A node that is not there is fine if it could be.
    const parent = read(context, parentOf(absolute(asked, context.client.domid)));
    return typeof parent === 'object' ? undefined : found;
  }
  const { path } = found;
  if (path === '/') return 'EINVAL';
  const parent = read(context, parentOf(path));
  if (parent === undefined || parent === 'ENOSPC') return 'EINVAL';

  const error = removeBelow(context, path, path);
  if (error) return error;
  const children = parent.children.filter((child) => child !== nameOf(path));
  context.view.write(parentOf(path), { ...parent, children });
  return undefined;
}

export function changePermissions(
  context: RequestContext,
  asked: string,
  permissions: Permissions,
): XsError | undefined {
  const { client } = context;
  if (permissions[0].ignored) return 'ENOENT';
  if (isSpecialPath(asked)) return client.privileged ? 'EINVAL' : 'EACCES';
  const found = find(context, asked, 'owner');
  if (typeof found === 'string') return found;
  const { path, node } = found;
  if (!client.privileged && permissions[0].domid !== node.permissions[0].domid) return 'EPERM';
  const error = put(context, path, { ...node, permissions });
  if (error) return error;
  fire(context, path, false, node.permissions);
  return undefined;
}

/** A node of a view; a transaction that may not look at more nodes fails. */
function read({ view, transaction }: RequestContext, path: string): StoreNode | undefined | 'ENOSPC' {
  if (transaction?.isFull(path)) {
    transaction.failed = true;
    return 'ENOSPC';
  }
  return view.read(path);
}

/** Who may not look at the nearest node above learns only that access is denied. */
function hiddenError(context: RequestContext, path: string, error: XsError, wanted: Wanted): XsError {
  for (let above = path; above !== '/'; ) {
    above = parentOf(above);
    const node = read(context, above);
    if (node === 'ENOSPC') return node;
    if (!node) continue;
    return accessOf(context.client, node.permissions)[wanted] ? error : 'EACCES';
  }
  return error;
}

/** A new node and those missing above it. Each has its parent's permissions; who made it owns it. */
function create(context: RequestContext, path: string, value: Uint8Array): XsError | undefined {
  const { client, view, transaction } = context;
  const missing: string[] = [];
  let above = path;
  let parent: StoreNode | undefined;
  while (!parent) {
    missing.unshift(above);
    above = parentOf(above);
    const node = read(context, above);
    if (node === 'ENOSPC') return node;
    parent = node;
    if (!parent && above === '/') return 'ENOENT';
  }
  if (!client.privileged && view.ownedBy(client.domid) + missing.length > QUOTA.nodes) return 'ENOSPC';

  const [owner, ...others] = parent.permissions;
  const permissions: Permissions = client.privileged
    ? parent.permissions
    : [withOwner(owner, client.domid), ...others];
  const withChild: StoreNode = { ...parent, children: [...parent.children, nameOf(missing[0] ?? path)] };
  const made = missing.map((_, index): StoreNode => {
    const next = missing[index + 1];
    const isLast = next === undefined;
    return {
      value: isLast ? value : new Uint8Array(0),
      children: isLast ? [] : [nameOf(next)],
      permissions,
      generation: 0,
    };
  });
  const tooBig = [withChild, ...made].some((node) => exceedsSize(context, node));
  if (tooBig) return 'ENOSPC';
  if (transaction) transaction.createdNodes = true;
  for (const [index, node] of made.entries()) view.write(missing[index] ?? path, node);
  view.write(above, withChild);
  return undefined;
}

const withOwner = ({ read: mayRead, write }: Permission, domid: number): Permission => ({
  domid,
  read: mayRead,
  write,
});

function put(context: RequestContext, path: string, node: StoreNode): XsError | undefined {
  if (exceedsSize(context, node)) return 'ENOSPC';
  context.view.write(path, node);
  return undefined;
}

/** struct xs_tdb_record_hdr (24 bytes), 8 for each permission, the value and the names below. */
function exceedsSize({ client }: RequestContext, { value, children, permissions }: StoreNode): boolean {
  if (client.privileged) return false;
  const names = children.reduce((length, child) => length + child.length + 1, 0);
  return 24 + permissions.length * 8 + value.length + names >= QUOTA.nodeSize;
}

/** Deepest first. Watches of the nodes below hear of their own node only. */
function removeBelow(context: RequestContext, path: string, root: string): XsError | undefined {
  const node = read(context, path);
  if (node === 'ENOSPC') return node;
  for (const child of node?.children ?? []) {
    const error = removeBelow(context, childPath(path, child), root);
    if (error) return error;
  }
  if (!node) return undefined;
  // Fired while it can still be seen who may see the node.
  fire(context, path, path !== root);
  context.view.delete(path);
  return undefined;
}

function fire(
  { server, transaction, view }: RequestContext,
  path: string,
  exact: boolean,
  oldPermissions?: Permissions,
): void {
  if (transaction) transaction.queueEvent(path, exact);
  else server.fireWatches(path, exact, view.read(path), oldPermissions);
}
