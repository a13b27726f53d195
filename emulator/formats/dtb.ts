// Device tree blobs, version 17 (Devicetree Specification v0.4, chapter 5). Written blobs are
// byte for byte what dtc writes for the same tree.

import { UserError } from '../base/errors.ts';
import { DeviceTree, DeviceTreeNode } from './device-tree.ts';

const MAGIC = 0xd00dfeed;
const HEADER_SIZE = 40;
const VERSION = 17;
const COMPATIBLE_VERSION = 16;

const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_NOP = 4;
const FDT_END = 9;

/** Deeper trees do not exist, and recursion over a hostile one would not end well. */
const MAX_DEPTH = 64;

export function writeDtb(tree: DeviceTree): Uint8Array {
  const strings = new StringTable();
  const structure = new Writer();
  writeNode(structure, tree.root, strings);
  structure.u32(FDT_END);

  const reservations = new Writer();
  for (const { address, size } of [...tree.reservations, { address: 0n, size: 0n }]) {
    reservations.u64(address);
    reservations.u64(size);
  }

  const structureOffset = HEADER_SIZE + reservations.length;
  const stringsOffset = structureOffset + structure.length;
  const out = new Writer();
  out.u32(MAGIC);
  out.u32(stringsOffset + strings.length);
  out.u32(structureOffset);
  out.u32(stringsOffset);
  out.u32(HEADER_SIZE);
  out.u32(VERSION);
  out.u32(COMPATIBLE_VERSION);
  out.u32(tree.bootCpu);
  out.u32(strings.length);
  out.u32(structure.length);
  out.raw(reservations.bytes());
  out.raw(structure.bytes());
  out.raw(strings.bytes());
  return out.bytes();
}

function writeNode(out: Writer, node: DeviceTreeNode, strings: StringTable): void {
  out.u32(FDT_BEGIN_NODE);
  out.raw(encoder.encode(`${node.name}\0`));
  out.align4();
  for (const [name, value] of node.properties) {
    out.u32(FDT_PROP);
    out.u32(value.length);
    out.u32(strings.offsetOf(name));
    out.raw(value);
    out.align4();
  }
  for (const child of node.children) writeNode(out, child, strings);
  out.u32(FDT_END_NODE);
}

/** Property names, each once; a name that ends another one shares its bytes, as in dtc. */
class StringTable {
  private text = '';
  private readonly known = new Map<string, number>();

  get length(): number {
    return this.text.length;
  }

  offsetOf(name: string): number {
    let offset = this.known.get(name) ?? this.text.indexOf(`${name}\0`);
    if (offset === -1) {
      offset = this.text.length;
      this.text += `${name}\0`;
    }
    this.known.set(name, offset);
    return offset;
  }

  bytes(): Uint8Array {
    return encoder.encode(this.text);
  }
}

class Writer {
  length = 0;
  private buffer = new Uint8Array(4096);
  private view = new DataView(this.buffer.buffer);

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value);
    this.length += 4;
  }

  u64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.length, value);
    this.length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  align4(): void {
    this.raw(new Uint8Array(-this.length & 3));
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const larger = new Uint8Array(2 * (this.length + count));
    larger.set(this.buffer);
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }
}

// -------------------------------------------------------------------- reading

export function readDtb(blob: Uint8Array, file = 'device tree'): DeviceTree {
  return new Reader(blob, file).read();
}

class Reader {
  private readonly blob: Uint8Array;
  private readonly view: DataView;
  private readonly file: string;

  constructor(blob: Uint8Array, file: string) {
    this.blob = blob;
    this.view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    this.file = file;
  }

  read(): DeviceTree {
    if (this.u32(0, this.blob.length, 'the header') !== MAGIC) {
      throw new UserError('this is not a device tree blob', 'Compile sources with `dtc -O dtb`.', this.at(0));
    }
    if (this.blob.length < HEADER_SIZE) throw this.damaged('the header is cut off', 0);
    const field = (offset: number): number => this.view.getUint32(offset);
    const total = field(4);
    if (total < HEADER_SIZE || total > this.blob.length) {
      throw this.damaged(`the blob says it has ${total} bytes, and there are ${this.blob.length}`, 4);
    }
    const version = field(20);
    if (version < COMPATIBLE_VERSION || field(24) > VERSION) {
      throw new UserError(
        `the device tree has version ${version}`,
        'Compile it with a current dtc.',
        this.at(20),
      );
    }
    const tree = new DeviceTree();
    tree.bootCpu = field(28);
    this.readReservations(tree, field(16), total);
    this.readStructure(tree, field(8), field(12), total);
    return tree;
  }

  private readReservations(tree: DeviceTree, offset: number, total: number): void {
    for (let at = offset; ; at += 16) {
      if (at + 16 > total) throw this.damaged('the list of reserved memory has no end', at);
      const address = this.view.getBigUint64(at);
      const size = this.view.getBigUint64(at + 8);
      if (address === 0n && size === 0n) return;
      tree.reservations.push({ address, size });
    }
  }

  private readStructure(tree: DeviceTree, offset: number, strings: number, total: number): void {
    if (offset & 3) throw this.damaged('the structure block is not aligned', 8);
    const open: DeviceTreeNode[] = [];
    let rootSeen = false;
    for (let at = offset; ; ) {
      const token = this.u32(at, total, 'the structure block');
      const where = at;
      at += 4;
      const node = open.at(-1);
      if (token === FDT_NOP) continue;
      if (token === FDT_BEGIN_NODE) {
        const name = this.string(at, total);
        at = align4(at + name.size);
        if (node === undefined && rootSeen) throw this.damaged('there is a second root node', where);
        if (open.length === MAX_DEPTH) throw this.damaged(`nodes are nested deeper than ${MAX_DEPTH}`, where);
        open.push(node === undefined ? tree.root : node.add(name.text));
        rootSeen = true;
      } else if (token === FDT_END_NODE) {
        if (open.pop() === undefined) throw this.damaged('a node ends that did not begin', where);
      } else if (token === FDT_PROP) {
        if (node === undefined) throw this.damaged('a property stands outside of nodes', where);
        const length = this.u32(at, total, 'a property');
        const name = this.string(strings + this.u32(at + 4, total, 'a property'), total);
        at += 8;
        if (at + length > total) throw this.damaged(`property '${name.text}' is longer than the blob`, where);
        node.properties.set(name.text, this.blob.slice(at, at + length));
        at = align4(at + length);
      } else if (token === FDT_END) {
        if (open.length > 0 || !rootSeen) throw this.damaged('the structure block ends inside a node', where);
        return;
      } else {
        throw this.damaged(`0x${token.toString(16)} is no token of the structure block`, where);
      }
    }
  }

  private string(at: number, total: number): { text: string; size: number } {
    const end = at < total ? this.blob.indexOf(0, at) : -1;
    if (end === -1 || end >= total) throw this.damaged('a name has no end', at);
    return { text: decoder.decode(this.blob.subarray(at, end)), size: end + 1 - at };
  }

  private u32(at: number, total: number, what: string): number {
    if (at + 4 > total) throw this.damaged(`${what} is cut off`, at);
    return this.view.getUint32(at);
  }

  private damaged(message: string, offset: number): UserError {
    return new UserError(message, 'The device tree blob is damaged: build it again.', this.at(offset));
  }

  private at(offset: number): { file: string; offset: number } {
    return { file: this.file, offset: Math.min(offset, this.blob.length) };
  }
}

const align4 = (offset: number): number => (offset + 3) & ~3;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
