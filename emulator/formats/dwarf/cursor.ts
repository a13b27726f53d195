// Reads the primitive types of DWARF from a range of a section. A read beyond the end throws
// `OutOfBytes`, which the section layer (`sections.ts`) answers by reading a longer range, or by
// one UserError when the section has no more.

import type { AddressWindow } from '../address-window.ts';

export class OutOfBytes extends Error {}

/** A value that no producer writes: the section is damaged. */
export class BadDwarf extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const decoder = new TextDecoder();

export class Cursor {
  readonly bytes: Uint8Array;
  /** Index in `bytes`. */
  at = 0;
  /** Where `bytes` begins in its section. */
  readonly base: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, base: number) {
    this.bytes = bytes;
    this.base = base;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Place in the section. */
  get offset(): number {
    return this.base + this.at;
  }

  set offset(value: number) {
    this.at = value - this.base;
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  i8(): number {
    return this.view.getInt8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u24(): number {
    const at = this.take(3);
    return this.view.getUint16(at, true) | (this.view.getUint8(at + 2) << 16);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** As a number: exact up to 2^53, and nothing that is an offset or a size is larger. */
  u64(): number {
    const at = this.take(8);
    return this.view.getUint32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  big64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  /** A view of the next bytes. */
  block(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  unsigned(size: number): number {
    if (size === 8) return this.u64();
    if (size === 4) return this.u32();
    if (size === 2) return this.u16();
    if (size === 1) return this.u8();
    throw new BadDwarf(`a number has ${size} bytes`, this.offset);
  }

  /** A target address as distance from the program's base; NaN when out of reach. */
  address(size: number, window: AddressWindow): number {
    if (size === 8) {
      const at = this.take(8);
      return window.offsetOfHalves(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
    }
    return window.offsetOfHalves(this.unsigned(size), 0);
  }

  /** The length field that begins every unit: it also tells whether offsets have 4 or 8 bytes. */
  initialLength(): { length: number; offsetSize: 4 | 8 } {
    const length = this.u32();
    if (length < 0xffff_fff0) return { length, offsetSize: 4 };
    if (length !== 0xffff_ffff) throw new BadDwarf('a unit length is reserved', this.offset - 4);
    return { length: this.u64(), offsetSize: 8 };
  }

  uleb(): number {
    let result = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
      if (scale > 2 ** 70) throw new BadDwarf('a LEB128 number does not end', this.offset);
    }
  }

  sleb(): number {
    let result = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      result += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return byte & 0x40 ? result - scale : result;
      if (scale > 2 ** 70) throw new BadDwarf('a LEB128 number does not end', this.offset);
    }
  }

  /** Exact at every size, modulo 2^64. */
  bigUleb(): bigint {
    return BigInt.asUintN(64, this.bigLeb(false));
  }

  bigSleb(): bigint {
    return BigInt.asIntN(64, this.bigLeb(true));
  }

  private bigLeb(signed: boolean): bigint {
    let result = 0n;
    for (let shift = 0n; ; ) {
      const byte = this.u8();
      result |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return signed && byte & 0x40 ? result - (1n << shift) : result;
      if (shift > 70n) throw new BadDwarf('a LEB128 number does not end', this.offset);
    }
  }

  string(): string {
    const start = this.at;
    const end = start <= this.bytes.length ? this.bytes.indexOf(0, start) : -1;
    if (end === -1) throw new OutOfBytes();
    this.at = end + 1;
    return decoder.decode(this.bytes.subarray(start, end));
  }

  skip(count: number): void {
    this.take(count);
  }

  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  skipString(): void {
    const end = this.at <= this.bytes.length ? this.bytes.indexOf(0, this.at) : -1;
    if (end === -1) throw new OutOfBytes();
    this.at = end + 1;
  }

  private take(count: number): number {
    const at = this.at;
    if (at < 0 || at + count > this.bytes.length) throw new OutOfBytes();
    this.at = at + count;
    return at;
  }
}
