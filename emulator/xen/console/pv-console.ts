// The backend of the PV console: what xenconsoled does with a domain's console ring. Xen public
// header io/console.h, tools/console/daemon/io.c. Output leaves at once when the guest rings the
// event channel; input that finds no room waits.

import {
  XENCONS_IN_CONS_OFFSET,
  XENCONS_IN_OFFSET,
  XENCONS_IN_PROD_OFFSET,
  XENCONS_IN_SIZE,
  XENCONS_OUT_CONS_OFFSET,
  XENCONS_OUT_OFFSET,
  XENCONS_OUT_PROD_OFFSET,
  XENCONS_OUT_SIZE,
} from '../abi/console-ring.ts';
import type { Page } from '../page.ts';
import type { ByteSink } from '../sockets.ts';

export class PvConsole {
  private readonly page: Page;
  private readonly notify: () => void;
  private readonly output: ByteSink;
  /** Typed, and not yet in the ring. */
  private waiting: number[] = [];

  /** `notify` rings the guest's end of the event channel. */
  constructor(page: Page, notify: () => void, output: ByteSink) {
    this.page = page;
    this.notify = notify;
    this.output = output;
  }

  /** The guest rang: it wrote output, or took input. */
  onEvent(): void {
    const sent = this.takeOutput();
    const filled = this.fillInput();
    if (sent || filled) this.notify();
  }

  /** Somebody typed. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.waiting.push(byte);
    if (this.fillInput()) this.notify();
  }

  /** Typed, and not yet in the ring. */
  get waitingBytes(): number {
    return this.waiting.length;
  }

  save(): unknown {
    return { mfn: this.page.mfn, waiting: [...this.waiting] };
  }

  private takeOutput(): boolean {
    const consumer = this.page.read32(XENCONS_OUT_CONS_OFFSET);
    const count = (this.page.read32(XENCONS_OUT_PROD_OFFSET) - consumer) >>> 0;
    // Indices more than a ring apart mean nothing; xenconsoled looks away.
    if (count === 0 || count > XENCONS_OUT_SIZE) return false;
    const bytes = new Uint8Array(count);
    const start = consumer % XENCONS_OUT_SIZE;
    const first = Math.min(count, XENCONS_OUT_SIZE - start);
    bytes.set(this.page.read(XENCONS_OUT_OFFSET + start, first));
    bytes.set(this.page.read(XENCONS_OUT_OFFSET, count - first), first);
    this.page.write32(XENCONS_OUT_CONS_OFFSET, consumer + count);
    this.output.write(bytes);
    return true;
  }

  private fillInput(): boolean {
    const producer = this.page.read32(XENCONS_IN_PROD_OFFSET);
    const used = (producer - this.page.read32(XENCONS_IN_CONS_OFFSET)) >>> 0;
    if (used > XENCONS_IN_SIZE) return false;
    const bytes = this.waiting.splice(0, XENCONS_IN_SIZE - used);
    for (const [index, byte] of bytes.entries()) {
      this.page.write8(XENCONS_IN_OFFSET + ((producer + index) % XENCONS_IN_SIZE), byte);
    }
    this.page.write32(XENCONS_IN_PROD_OFFSET, producer + bytes.length);
    return bytes.length > 0;
  }
}
