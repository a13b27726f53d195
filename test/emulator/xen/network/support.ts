// A network in virtual time, as the tests need it.

import type { Timers } from '../../../../emulator/xen/network/timers.ts';

export class FakeTimers implements Timers {
  private moment = 0;
  private readonly due: { at: number; action: () => void }[] = [];

  now(): number {
    return this.moment;
  }

  at(due: number, action: () => void): { cancel(): void } {
    const entry = { at: due, action };
    this.due.push(entry);
    const cancel = (): void => {
      const index = this.due.indexOf(entry);
      if (index >= 0) this.due.splice(index, 1);
    };
    return { cancel };
  }

  /** Lets the next thing that is due happen; false when nothing is. */
  next(): boolean {
    this.due.sort((a, b) => a.at - b.at);
    const entry = this.due.shift();
    if (!entry) return false;
    this.moment = Math.max(this.moment, entry.at);
    entry.action();
    return true;
  }
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
