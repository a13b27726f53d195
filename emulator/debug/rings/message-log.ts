// The last messages of a ring, requests matched with their responses.

import type { Side } from './protocol.ts';
import type { Moment, RecordedMessage } from './recorded.ts';

export const LONGEST_HISTORY = 1000;
/** A thousand messages of a page each would be more than anybody reads. */
const MOST_BYTES = 1 << 20;
/** Requests without a response, which a guest can make without end. */
const MOST_OPEN = 4096;

export class MessageLog {
  private messages: RecordedMessage[] = [];
  private bytes = 0;
  private count = 0;
  private readonly open = new Map<string, RecordedMessage>();
  /** Messages that were overwritten, or never told, before anybody looked. */
  lost = 0;

  /** `id` matches a request with its response; `isResponse` when it answers one. */
  add(
    from: Side,
    bytes: Uint8Array,
    seen: Moment,
    { index, id, isResponse = false }: { index?: number; id?: string; isResponse?: boolean } = {},
  ): RecordedMessage {
    const message: RecordedMessage = {
      number: ++this.count,
      from,
      seen,
      bytes,
      ...(index !== undefined && { index }),
    };
    if (id !== undefined) {
      if (isResponse) this.answer(id, message);
      else this.ask(id, message);
    }
    this.messages.push(message);
    this.bytes += bytes.length;
    if (this.messages.length > 2 * LONGEST_HISTORY || this.bytes > 2 * MOST_BYTES) this.forget();
    return message;
  }

  /** Oldest first. */
  last(most: number): readonly RecordedMessage[] {
    return this.messages.slice(-Math.min(most, LONGEST_HISTORY));
  }

  /** How many there have been. */
  get total(): number {
    return this.count;
  }

  /** Requests that were seen and have no response yet. */
  get unansweredCount(): number {
    return this.open.size;
  }

  /** A request of this id was seen, and no response. */
  isOpen(id: string): boolean {
    return this.open.has(id);
  }

  /** The ring began anew. */
  forgetUnanswered(): void {
    this.open.clear();
  }

  private ask(id: string, message: RecordedMessage): void {
    // Map keeps the order of the first insertion.
    this.open.delete(id);
    this.open.set(id, message);
    if (this.open.size <= MOST_OPEN) return;
    for (const oldest of this.open.keys()) {
      this.open.delete(oldest);
      return;
    }
  }

  private answer(id: string, message: RecordedMessage): void {
    const request = this.open.get(id);
    if (!request) return;
    this.open.delete(id);
    const latency = {
      instructions: message.seen.instructions - request.seen.instructions,
      nanoseconds: message.seen.nanoseconds - request.seen.nanoseconds,
    };
    request.latency = latency;
    request.counterpart = message.number;
    message.latency = latency;
    message.counterpart = request.number;
  }

  private forget(): void {
    this.messages = this.messages.slice(-LONGEST_HISTORY);
    this.bytes = this.messages.reduce((sum, message) => sum + message.bytes.length, 0);
    let first = 0;
    while (this.bytes > MOST_BYTES) this.bytes -= this.messages[first++]?.bytes.length ?? 0;
    this.messages.splice(0, first);
  }
}
