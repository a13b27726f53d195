// A transaction: reads see the store as it was when each node was first looked at, writes stay
// private until the end. It succeeds only if no node that was read first has changed since.
// Xen tools/xenstore/xenstored_transaction.c.

import type { Permissions } from './permissions.ts';
import type { Store, StoreNode, StoreView } from './store.ts';

/** A node the transaction looked at or changed. */
interface Accessed {
  /** Generation at the first look; undefined: there was no such node. */
  readonly generation: number | undefined;
  /** The permissions it had then: who could see it hears of its deletion. */
  readonly permissions: Permissions | undefined;
  /** The private copy; undefined: deleted, or never there. */
  node: StoreNode | undefined;
  modified: boolean;
  /** A watch event due at the end: for this node only, or for what is above it too. */
  event: 'none' | 'exact' | 'subtree';
}

export interface CommitEvent {
  readonly path: string;
  readonly exact: boolean;
  readonly oldPermissions: Permissions | undefined;
}

export class Transaction implements StoreView {
  readonly id: number;
  /** Something went wrong inside; the end can only be an abort. */
  failed = false;
  createdNodes = false;
  private readonly store: Store;
  private readonly nodeQuota: number;
  private readonly accessed = new Map<string, Accessed>();
  private readonly ownedChange = new Map<number, number>();

  constructor(id: number, store: Store, nodeQuota: number) {
    this.id = id;
    this.store = store;
    this.nodeQuota = nodeQuota;
    store.nextGeneration();
  }

  /** The transaction touched as many nodes as it may: the next new one fails it. */
  isFull(path: string): boolean {
    return !this.accessed.has(path) && this.accessed.size >= this.nodeQuota;
  }

  read(path: string): StoreNode | undefined {
    return this.access(path).node;
  }

  write(path: string, node: StoreNode): void {
    const entry = this.access(path);
    if (entry.node) this.count(entry.node, -1);
    this.count(node, 1);
    entry.node = { ...node, generation: this.store.nextGeneration() };
    entry.modified = true;
  }

  delete(path: string): void {
    const entry = this.access(path);
    if (entry.node) this.count(entry.node, -1);
    entry.node = undefined;
    entry.modified = true;
    this.store.nextGeneration();
  }

  ownedBy(domid: number): number {
    return this.store.ownedBy(domid) + (this.ownedChange.get(domid) ?? 0);
  }

  /** Domains whose number of nodes the transaction changes. */
  changedOwners(): number[] {
    return [...this.ownedChange.keys()];
  }

  /** An event that will be sent when the transaction succeeded. */
  queueEvent(path: string, exact: boolean): void {
    const entry = this.access(path);
    if (entry.event === 'none') entry.event = exact ? 'exact' : 'subtree';
    else if (!exact) entry.event = 'subtree';
  }

  /** Makes the changes the store's, or none of them. */
  commit(): CommitEvent[] | 'EAGAIN' {
    for (const [path, { generation }] of this.accessed) {
      if (this.store.read(path)?.generation !== generation) return 'EAGAIN';
    }
    const events: CommitEvent[] = [];
    for (const [path, { node, modified, event, permissions }] of this.accessed) {
      if (!modified) continue;
      if (node) this.store.write(path, node);
      else this.store.delete(path);
      if (event !== 'none') events.push({ path, exact: event === 'exact', oldPermissions: permissions });
    }
    return events;
  }

  /** For inspectors. */
  inspect(): { id: number; accessed: number; modified: number; failed: boolean } {
    let modified = 0;
    for (const entry of this.accessed.values()) if (entry.modified) modified++;
    return { id: this.id, accessed: this.accessed.size, modified, failed: this.failed };
  }

  save(): unknown {
    return {
      id: this.id,
      failed: this.failed,
      createdNodes: this.createdNodes,
      accessed: [...this.accessed].map(([path, { generation, node, modified, event }]) => ({
        path,
        generation: generation ?? null,
        node: node && { value: [...node.value], children: [...node.children], permissions: node.permissions },
        modified,
        event,
      })),
    };
  }

  private access(path: string): Accessed {
    const known = this.accessed.get(path);
    if (known) return known;
    const node = this.store.read(path);
    const entry: Accessed = {
      generation: node?.generation,
      permissions: node?.permissions,
      node,
      modified: false,
      event: 'none',
    };
    this.accessed.set(path, entry);
    return entry;
  }

  private count({ permissions: [owner] }: StoreNode, by: number): void {
    this.ownedChange.set(owner.domid, (this.ownedChange.get(owner.domid) ?? 0) + by);
  }
}
