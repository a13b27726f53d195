// Lines that guests print, as events. What has no end yet is no line.

import { BARE_DOMAIN } from '../../machine/messages.ts';
import { plainText } from '../plain-text.ts';
import type { EventSink } from './event-sink.ts';

/** Of a longer line the beginning is kept. */
const LONGEST_LINE = 4096;
const NAMES = ['console'];
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export class ConsoleLines {
  private readonly sink: EventSink;
  private readonly lines = new Map<number, number[]>();

  constructor(sink: EventSink) {
    this.sink = sink;
  }

  write(domain: number, byte: number): void {
    if (!this.sink.wants(NAMES)) return;
    const line = this.lines.get(domain) ?? [];
    this.lines.set(domain, line);
    if (byte !== LINE_FEED) {
      if (byte !== CARRIAGE_RETURN && line.length < LONGEST_LINE) line.push(byte);
      return;
    }
    this.lines.delete(domain);
    const text = new TextDecoder().decode(Uint8Array.from(line));
    this.sink.tell(NAMES, [domain], undefined, () => ({
      fields: { text, dom: BigInt(domain) },
      description: () => `${domain === BARE_DOMAIN ? 'The guest' : `d${domain}`} prints "${plainText(text)}"`,
    }));
  }
}
