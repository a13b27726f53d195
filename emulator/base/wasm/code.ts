// A growing buffer of WebAssembly code with the variable-length integers of the format.

/** Bytes of a module, a section or a function body. */
export class CodeBuffer {
  private buffer: Uint8Array;
  length = 0;

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity);
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  bytes(values: ArrayLike<number>): void {
    this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  /** Unsigned LEB128 of up to 32 bits. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    if (rest < 0x80) {
      this.byte(rest);
      return;
    }
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of 32 bits. */
  signed(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** Signed LEB128 of 64 bits. A number is a safe integer. */
  signed64(value: number | bigint): void {
    if (typeof value === 'number') {
      let high = value;
      for (; high < -0x80000000 || high > 0x7fffffff; high = Math.floor(high / 0x80)) {
        this.byte((high & 0x7f) | 0x80);
      }
      this.signed(high);
      return;
    }
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && !(low & 0x40)) || (rest === -1n && low & 0x40)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** A name or custom text: length and UTF-8 bytes. Names here are ASCII. */
  name(text: string): void {
    this.unsigned(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  append(other: CodeBuffer): void {
    this.bytes(other.view());
  }

  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Writes over a byte that is there. */
  patch(at: number, value: number): void {
    this.buffer[at] = value;
  }

  private grow(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.buffer.length) return;
    const bigger = new Uint8Array(Math.max(this.buffer.length * 2, needed));
    bigger.set(this.view());
    this.buffer = bigger;
  }
}
