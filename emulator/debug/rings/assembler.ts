// Puts the bytes of a stream together to messages. What comes is copied; a stream that makes no sense is left
// alone until its reader has taken everything.

import type { Framing } from './protocol.ts';
import type { Moment } from './recorded.ts';

export class Assembler {
  private readonly framing: Framing;
  private readonly emit: (message: Uint8Array, seen: Moment) => void;
  private buffer: Uint8Array<ArrayBuffer>;
  private length = 0;
  /** Of the first byte of the message in progress. */
  private began: Moment | undefined;
  private isBroken = false;

  constructor(framing: Framing, emit: (message: Uint8Array, seen: Moment) => void) {
    this.framing = framing;
    this.emit = emit;
    this.buffer = new Uint8Array(framing.kind === 'lines' ? framing.longest : 256);
  }

  /** What came of the message in progress. */
  get partial(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  get partialSince(): Moment | undefined {
    return this.length > 0 ? this.began : undefined;
  }

  /** How long the message in progress will be; undefined while that is unknown, and for text. */
  get partialLength(): number | undefined {
    const { framing } = this;
    if (framing.kind === 'lines' || this.length < framing.headerSize) return undefined;
    return framing.length(this.header(framing.headerSize));
  }

  /** Messages cannot be told apart any more. */
  get broken(): boolean {
    return this.isBroken;
  }

  /** Bytes are missing: nothing can be told of what follows. */
  lose(): void {
    this.length = 0;
    this.isBroken = this.framing.kind === 'header';
  }

  /** The stream stands at the beginning of a message. */
  restart(): void {
    this.length = 0;
    this.isBroken = false;
  }

  take(bytes: Uint8Array, seen: Moment): void {
    if (this.framing.kind === 'lines') this.takeLines(bytes, seen, this.framing.longest);
    else this.takeFramed(bytes, seen, this.framing);
  }

  private takeLines(bytes: Uint8Array, seen: Moment, longest: number): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.length === 0) this.began = seen;
      const end = bytes.indexOf(LINE_FEED, at) + 1 || bytes.length;
      const part = bytes.subarray(at, Math.min(end, at + longest - this.length));
      this.append(part);
      at += part.length;
      if (part.at(-1) === LINE_FEED || this.length === longest) this.complete();
    }
  }

  private takeFramed(bytes: Uint8Array, seen: Moment, framing: Framing & { kind: 'header' }): void {
    const { headerSize, longest } = framing;
    for (let at = 0; at < bytes.length && !this.isBroken; ) {
      if (this.length === 0) this.began = seen;
      const whole = this.length < headerSize ? headerSize : framing.length(this.header(headerSize));
      const part = bytes.subarray(at, at + whole - this.length);
      this.append(part);
      at += part.length;
      if (this.length < headerSize) return;
      const length = framing.length(this.header(headerSize));
      if (length < headerSize || length > longest) this.lose();
      else if (this.length === length) this.complete();
    }
  }

  private complete(): void {
    this.emit(this.buffer.slice(0, this.length), this.began ?? NEVER);
    this.length = 0;
  }

  private append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(this.length + bytes.length, this.buffer.length * 2));
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  private header(size: number): DataView {
    return new DataView(this.buffer.buffer, this.buffer.byteOffset, size);
  }
}

const LINE_FEED = 10;
const NEVER: Moment = { instructions: 0, nanoseconds: 0 };
