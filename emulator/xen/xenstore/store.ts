// The tree of xenstore nodes. A node is an immutable value under its absolute path; each change
// gives it a new generation, by which transactions find out what changed under them.
// Xen tools/xenstore/xenstored_core.c.

import { formatPermissions, type Permissions, permissions } from './permissions.ts';

export interface StoreNode {
  readonly value: Uint8Array;
  /** Names, in the order they were created. */
  readonly children: readonly string[];
  readonly permissions: Permissions;
  readonly generation: number;
}

/** What a request reads and writes: the store itself, or a transaction's view of it. */
export interface StoreView {
  read(path: string): StoreNode | undefined;
  /** Replaces or adds a node; the generation is the store's to give. */
  write(path: string, node: StoreNode): void;
  delete(path: string): void;
  /** Nodes a domain owns, as this view counts them. */
  ownedBy(domid: number): number;
}

/** What happened to a node beside its list of children. */
export type NodeChange = 'written' | 'removed' | 'permissions';

export class Store implements StoreView {
  private readonly nodes = new Map<string, StoreNode>();
  private readonly owned = new Map<number, number>();
  private generation = 0;
  /** Who is told of changes, and in whose name they are made; no state of the machine. */
  private readonly changed: (path: string, change: NodeChange, byDomid: number) => void;
  actor = 0;

  constructor(changed: (path: string, change: NodeChange, byDomid: number) => void = () => {}) {
    this.changed = changed;
    // What xenstored starts with.
    const root = permissions('n0');
    const empty = new Uint8Array(0);
    this.write('/', { value: empty, children: ['tool'], permissions: root, generation: 0 });
    this.write('/tool', { value: empty, children: ['xenstored'], permissions: root, generation: 0 });
    this.write('/tool/xenstored', { value: empty, children: [], permissions: root, generation: 0 });
  }

  read(path: string): StoreNode | undefined {
    return this.nodes.get(path);
  }

  write(path: string, node: StoreNode): void {
    const before = this.nodes.get(path);
    if (before) this.count(before, -1);
    this.count(node, 1);
    this.nodes.set(path, { ...node, generation: this.nextGeneration() });
    // Values and permissions are replaced, never changed: what is the same object was not written.
    if (before?.value !== node.value) this.changed(path, 'written', this.actor);
    else if (before.permissions !== node.permissions) this.changed(path, 'permissions', this.actor);
  }

  delete(path: string): void {
    const before = this.nodes.get(path);
    if (!before) return;
    this.nextGeneration();
    this.count(before, -1);
    this.nodes.delete(path);
    this.changed(path, 'removed', this.actor);
  }

  ownedBy(domid: number): number {
    return this.owned.get(domid) ?? 0;
  }

  nextGeneration(): number {
    return ++this.generation;
  }

  /** Every node, parents before children and children in their order. */
  *walk(path = '/'): IterableIterator<[string, StoreNode]> {
    const node = this.nodes.get(path);
    if (!node) return;
    yield [path, node];
    for (const child of node.children) yield* this.walk(childPath(path, child));
  }

  save(): unknown {
    return {
      generation: this.generation,
      nodes: [...this.walk()].map(([path, node]) => ({
        path,
        value: [...node.value],
        permissions: formatPermissions(node.permissions),
        ignored: node.permissions.map(({ ignored }) => ignored ?? false),
        generation: node.generation,
      })),
    };
  }

  private count({ permissions: [owner] }: StoreNode, by: number): void {
    this.owned.set(owner.domid, (this.owned.get(owner.domid) ?? 0) + by);
  }
}

export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const childPath = (path: string, child: string): string =>
  path === '/' ? `/${child}` : `${path}/${child}`;
