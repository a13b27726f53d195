// A device tree in memory: nodes and properties in the order in which they were added, because
// guests and people compare trees by eye. Read and written as a blob by `dtb.ts`, printed as
// source by `dts.ts`. Devicetree Specification v0.4, chapter 2.

/** An unsigned number of up to 64 bits. */
type Cells64 = number | bigint;

export interface MemoryReservation {
  readonly address: bigint;
  readonly size: bigint;
}

export class DeviceTree {
  readonly root = new DeviceTreeNode('');
  readonly reservations: MemoryReservation[] = [];
  /** Physical id (reg) of the CPU that boots. */
  bootCpu = 0;

  /** The node at a path such as `/cpus/cpu@0`; unit addresses may be left out. */
  node(path: string): DeviceTreeNode | undefined {
    let node: DeviceTreeNode | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) node = node?.child(name);
    return node;
  }

  /** The node that has a phandle. */
  byPhandle(phandle: number): DeviceTreeNode | undefined {
    for (const node of this.root.descendants()) {
      if (node.getCell('phandle') === phandle || node.getCell('linux,phandle') === phandle) return node;
    }
    return undefined;
  }
}

export class DeviceTreeNode {
  /** With its unit address: `memory@40000000`; the root's name is empty. */
  readonly name: string;
  readonly properties = new Map<string, Uint8Array>();
  readonly children: DeviceTreeNode[] = [];

  constructor(name: string) {
    this.name = name;
  }

  // ------------------------------------------------------------------ building

  /** Adds a child behind the others and returns the child. */
  add(name: string): DeviceTreeNode {
    const node = new DeviceTreeNode(name);
    this.children.push(node);
    return node;
  }

  /** A property without a value. */
  flag(name: string): this {
    return this.bytes(name, new Uint8Array());
  }

  bytes(name: string, value: Uint8Array): this {
    this.properties.set(name, value);
    return this;
  }

  /** One or more strings, each ended by a NUL. */
  strings(name: string, ...values: readonly string[]): this {
    return this.bytes(name, encoder.encode(values.map((value) => `${value}\0`).join('')));
  }

  /** 32-bit cells. */
  cells(name: string, ...values: readonly number[]): this {
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setUint32(4 * i, value));
    return this.bytes(name, bytes);
  }

  /** 64-bit values, two cells each. */
  u64(name: string, ...values: readonly Cells64[]): this {
    return this.cellGroups(
      name,
      values.map((value) => [value, 2]),
    );
  }

  /** `reg`: pairs of address and size. The cells' numbers are those of the parent node. */
  reg(pairs: readonly (readonly [Cells64, Cells64])[], addressCells = 2, sizeCells = 2): this {
    return this.cellGroups(
      'reg',
      pairs.flatMap(
        ([a, s]) =>
          [
            [a, addressCells],
            [s, sizeCells],
          ] as [Cells64, number][],
      ),
    );
  }

  /** Numbers, each spread over its own count of cells, highest cell first. */
  cellGroups(name: string, groups: readonly (readonly [value: Cells64, cells: number])[]): this {
    const cells: number[] = [];
    for (const [value, count] of groups) {
      for (let i = count - 1; i >= 0; i--)
        cells.push(Number((BigInt(value) >> BigInt(32 * i)) & 0xffff_ffffn));
    }
    return this.cells(name, ...cells);
  }

  // ------------------------------------------------------------------ reading

  /** A child by full name, or by the name before the @. */
  child(name: string): DeviceTreeNode | undefined {
    return (
      this.children.find((node) => node.name === name) ??
      this.children.find((node) => node.name.split('@')[0] === name)
    );
  }

  /** This node and all below it, in document order. */
  *descendants(): Generator<DeviceTreeNode> {
    yield this;
    for (const child of this.children) yield* child.descendants();
  }

  has(name: string): boolean {
    return this.properties.has(name);
  }

  getStrings(name: string): string[] | undefined {
    const value = this.properties.get(name);
    if (value === undefined) return undefined;
    return decoder.decode(value).replace(/\0$/, '').split('\0');
  }

  getString(name: string): string | undefined {
    return this.getStrings(name)?.[0];
  }

  getCells(name: string): number[] | undefined {
    const value = this.properties.get(name);
    if (value === undefined) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return Array.from({ length: Math.floor(value.length / 4) }, (_, i) => view.getUint32(4 * i));
  }

  getCell(name: string): number | undefined {
    return this.getCells(name)?.[0];
  }

  /** A number of one or two cells. */
  getU64(name: string): bigint | undefined {
    const cells = this.getCells(name);
    if (cells === undefined || cells.length === 0) return undefined;
    return cells.slice(0, 2).reduce((value, cell) => (value << 32n) | BigInt(cell), 0n);
  }

  /** `reg` (or the named property) as pairs of address and size. */
  getReg(addressCells = 2, sizeCells = 2, name = 'reg'): [bigint, bigint][] {
    const cells = this.getCells(name) ?? [];
    const step = addressCells + sizeCells;
    const pairs: [bigint, bigint][] = [];
    for (let at = 0; step > 0 && at + step <= cells.length; at += step) {
      const join = (from: number, count: number): bigint =>
        cells.slice(from, from + count).reduce((value, cell) => (value << 32n) | BigInt(cell), 0n);
      pairs.push([join(at, addressCells), join(at + addressCells, sizeCells)]);
    }
    return pairs;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
