// Guest output to stdout. Nothing is lost, however slowly it is read; a guest that prints faster waits;
// and when nobody reads any more, that is known.

import type { Writable } from 'node:stream';

/** Bytes that may wait for the reader before the guest does. */
const MOST_WAITING = 1 << 20;
/** Milliseconds between two looks at the clock while waiting for the reader. */
const PATIENCE = 100;

export class ConsoleOutput {
  private failure: NodeJS.ErrnoException | undefined;
  private readonly stream: Writable;
  private readonly onError = (error: NodeJS.ErrnoException): void => {
    this.failure ??= error;
  };

  constructor(stream: Writable = process.stdout) {
    this.stream = stream;
    stream.on('error', this.onError);
  }

  write(bytes: Uint8Array): void {
    if (!this.failure) this.stream.write(bytes);
  }

  close(): void {
    this.stream.off('error', this.onError);
  }

  /** Why output goes nowhere, or undefined. */
  get problem(): string | undefined {
    if (!this.failure) return undefined;
    return this.failure.code === 'EPIPE'
      ? 'nobody reads the output any more'
      : `stdout cannot be written: ${this.failure.message}`;
  }

  /** Lets events in, and the reader catch up; gives up waiting for it when `enough` says so. */
  async settle(enough: () => boolean): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.stream.writableLength > MOST_WAITING && !this.failure && !enough()) {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    }
  }
}
