// BTF, the type information that Linux keeps of itself (CONFIG_DEBUG_INFO_BTF): Documentation/bpf/btf.rst and
// include/uapi/linux/btf.h. A few megabytes in read-only data say where the members of structures are, so that a
// kernel without any debug file can be looked into.
//
// Only types are read, no functions and no variables. The bytes come from a guest: every offset is checked, and
// chains of types that refer to each other are followed a bounded way.

import { viewOf } from './elf.ts';

const MAGIC = 0xeb9f;
const HEADER_SIZE = 24;
/** Typedefs of qualifiers of typedefs, arrays of structures. */
const MAX_DEPTH = 32;
/** The type 0, which needs no description. */
const VOID = 0;

const KIND_INT = 1;
const KIND_PTR = 2;
const KIND_ARRAY = 3;
const KIND_STRUCT = 4;
const KIND_UNION = 5;
const KIND_ENUM = 6;
const KIND_TYPEDEF = 8;
const KIND_VOLATILE = 9;
const KIND_CONST = 10;
const KIND_RESTRICT = 11;
const KIND_FLOAT = 16;
const KIND_TYPE_TAG = 18;
const KIND_ENUM64 = 19;

/** Bytes behind the first 12 of a type: a fixed number, and for each of its `vlen` parts. */
const TAILS: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  1: [4, 0],
  2: [0, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  7: [0, 0],
  8: [0, 0],
  9: [0, 0],
  10: [0, 0],
  11: [0, 0],
  12: [0, 0],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  16: [0, 0],
  17: [4, 0],
  18: [0, 0],
  19: [0, 12],
};

/** A type by its number. */
export type BtfType = number;

export interface BtfMember {
  /** Empty: an anonymous structure or union. */
  readonly name: string;
  readonly type: BtfType;
  readonly bitOffset: number;
  /** Set for bit-fields. */
  readonly bitSize: number | undefined;
}

export class Btf {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  /** Where each type begins. */
  private readonly starts: Uint32Array;
  private readonly strings: { readonly start: number; readonly end: number };

  private constructor(
    bytes: Uint8Array,
    starts: Uint32Array,
    strings: { readonly start: number; readonly end: number },
  ) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.starts = starts;
    this.strings = strings;
  }

  /** Undefined: damaged, or none at all. */
  static open(bytes: Uint8Array): Btf | undefined {
    const header = headerAt(viewOf(bytes), 0);
    if (!header) return undefined;
    const starts = typeStarts(viewOf(bytes), header.types);
    return starts && new Btf(bytes, starts, header.strings);
  }

  /** Looks for it in an Image, which has no sections: it is aligned to 4 bytes and begins with what nothing else does. */
  static find(image: Uint8Array): Btf | undefined {
    const view = viewOf(image);
    for (let at = image.indexOf(0x9f); at !== -1; at = image.indexOf(0x9f, at + 1)) {
      if (image[at + 1] !== 0xeb || at % 4 !== 0) continue;
      const header = headerAt(view, at);
      const found = header && Btf.open(image.subarray(at, header.end));
      if (found) return found;
    }
    return undefined;
  }

  get count(): number {
    return this.starts.length;
  }

  /** The structure or union with this name. */
  structure(name: string): BtfType | undefined {
    const wanted = this.stringOffset(name);
    if (wanted === undefined) return undefined;
    for (let type = 1; type < this.starts.length; type++) {
      const at = this.starts[type] ?? 0;
      if (this.view.getUint32(at, true) !== wanted) continue;
      const kind = this.kindOf(type);
      if (kind === KIND_STRUCT || kind === KIND_UNION) return type;
    }
    return undefined;
  }

  /** Of a structure or union; of any other type none. */
  members(type: BtfType): readonly BtfMember[] {
    const plain = this.plain(type);
    const kind = this.kindOf(plain);
    if (kind !== KIND_STRUCT && kind !== KIND_UNION) return [];
    const at = this.starts[plain] ?? 0;
    const info = this.view.getUint32(at + 4, true);
    const hasBitFields = info >>> 31 === 1;
    return Array.from({ length: info & 0xffff }, (_, i): BtfMember => {
      const member = at + 12 + 12 * i;
      const offset = this.view.getUint32(member + 8, true);
      const bits = hasBitFields ? offset >>> 24 : 0;
      return {
        name: this.string(this.view.getUint32(member, true)),
        type: this.view.getUint32(member + 4, true),
        bitOffset: hasBitFields ? offset & 0xff_ffff : offset,
        bitSize: bits === 0 ? undefined : bits,
      };
    });
  }

  /** Bytes; 0 where it has no size. */
  sizeOf(type: BtfType): number {
    let count = 1;
    let current = type;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      current = this.plain(current);
      const at = this.starts[current] ?? 0;
      switch (this.kindOf(current)) {
        case KIND_INT:
        case KIND_STRUCT:
        case KIND_UNION:
        case KIND_ENUM:
        case KIND_ENUM64:
        case KIND_FLOAT:
          return count * this.view.getUint32(at + 8, true);
        case KIND_PTR:
          return 8 * count;
        case KIND_ARRAY:
          count *= this.view.getUint32(at + 20, true);
          current = this.view.getUint32(at + 12, true);
          break;
        default:
          return 0;
      }
    }
    return 0;
  }

  /** Without typedefs and qualifiers. */
  private plain(type: BtfType): BtfType {
    let current = type;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const kind = this.kindOf(current);
      const isAnother =
        kind === KIND_TYPEDEF ||
        kind === KIND_VOLATILE ||
        kind === KIND_CONST ||
        kind === KIND_RESTRICT ||
        kind === KIND_TYPE_TAG;
      if (!isAnother) return current;
      current = this.view.getUint32((this.starts[current] ?? 0) + 8, true);
    }
    return VOID;
  }

  private kindOf(type: BtfType): number {
    const at = this.starts[type];
    if (type === VOID || at === undefined) return 0;
    return (this.view.getUint32(at + 4, true) >>> 24) & 31;
  }

  private string(offset: number): string {
    const start = this.strings.start + offset;
    const end = this.bytes.indexOf(0, start);
    if (start >= this.strings.end || end < 0) return '';
    return new TextDecoder('latin1').decode(this.bytes.subarray(start, Math.min(end, this.strings.end)));
  }

  /** Every text stands there once. */
  private stringOffset(text: string): number | undefined {
    const wanted = new TextEncoder().encode(`\0${text}\0`);
    const { start, end } = this.strings;
    for (let at = start; at !== -1 && at < end; at = this.bytes.indexOf(0, at + 1)) {
      if (wanted.every((byte, i) => this.bytes[at + i] === byte)) return at + 1 - start;
    }
    return undefined;
  }
}

interface Part {
  readonly start: number;
  readonly end: number;
}

function headerAt(
  view: DataView,
  at: number,
): { readonly types: Part; readonly strings: Part; readonly end: number } | undefined {
  if (at + HEADER_SIZE > view.byteLength) return undefined;
  const version = view.getUint8(at + 2);
  const length = view.getUint32(at + 4, true);
  if (view.getUint16(at, true) !== MAGIC || version !== 1 || length < HEADER_SIZE || length > 256)
    return undefined;
  const part = (offset: number): Part => {
    const start = at + length + view.getUint32(at + offset, true);
    return { start, end: start + view.getUint32(at + offset + 4, true) };
  };
  const types = part(8);
  const strings = part(16);
  const end = Math.max(types.end, strings.end);
  // The first string is the empty one.
  if (end > view.byteLength || strings.start === strings.end || view.getUint8(strings.start) !== 0)
    return undefined;
  return { types, strings, end };
}

function typeStarts(view: DataView, { start, end }: Part): Uint32Array | undefined {
  const starts = new Uint32Array(Math.floor((end - start) / 12) + 1);
  let count = 1;
  for (let at = start; at < end; count++) {
    if (at + 12 > end) return undefined;
    const info = view.getUint32(at + 4, true);
    const tail = TAILS[(info >>> 24) & 31];
    if (!tail) return undefined;
    starts[count] = at;
    at += 12 + tail[0] + tail[1] * (info & 0xffff);
    if (at > end) return undefined;
  }
  return starts.subarray(0, count);
}
