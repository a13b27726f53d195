// Messages of PV rings, as events: when they are first seen, which is when one side tells the other.

import type { NewMessages, RingRecord } from '../record/ring-record.ts';
import { decodeFramed, decodeSlot, decodeText, type MessageView } from '../rings/decode.ts';
import type { RingProtocol } from '../rings/protocol.ts';
import type { RecordedMessage } from '../rings/recorded.ts';
import type { EventSink } from './event-sink.ts';
import { OPERATION_FIELD, operationEvent, protocolEvent } from './ring-operations.ts';

export class RingEvents {
  private readonly rings: RingRecord;
  private readonly sink: EventSink;
  private hasOperations = false;

  constructor(rings: RingRecord, sink: EventSink) {
    this.rings = rings;
    this.sink = sink;
  }

  /** `hasOperations`: messages are wanted by what they say. */
  start(hasOperations: boolean): () => void {
    this.hasOperations = hasOperations;
    this.rings.listener = (messages) => this.tell(messages);
    return () => {
      this.rings.listener = undefined;
    };
  }

  /** Decoding takes time: it is done for names that somebody wants. */
  private namesOf(protocol: RingProtocol, view: () => MessageView): readonly string[] {
    if (!this.hasOperations) return [];
    const word = view().fields.find(({ name }) => OPERATION_FIELD.test(name))?.words;
    return [protocolEvent(protocol), ...(word === undefined ? [] : [operationEvent(protocol, word)])];
  }

  private tell({ domain, backend, name, protocol, messages }: NewMessages): void {
    for (const [index, message] of messages.entries()) {
      const kind = message.from === 'frontend' ? 'request' : 'response';
      const domains = backend === undefined ? [domain] : [domain, backend];
      const view = once(() => decoded(protocol, message, messages[index - 1]));
      const names = ['ring', ...this.namesOf(protocol, view), `ring.${kind}`];
      this.sink.tell(names, domains, undefined, () => {
        const { fields, layout, summary } = view();
        const field = (wanted: RegExp): string => {
          const found = fields.find((one) => wanted.test(one.name));
          return found?.words ?? found?.value ?? '';
        };
        return {
          fields: {
            ring: name,
            slot: BigInt(message.index ?? message.number),
            kind,
            op: field(OPERATION_FIELD) || layout,
            status: kind === 'response' ? field(/^status$/) : '',
            id: numberIn(fields.find((one) => /^(id|req_id|tag)$/.test(one.name))?.value),
            dom: BigInt(domain),
          },
          description: () =>
            `${kind === 'request' ? 'Request' : 'Response'} in ring ${name} of d${domain}: ${summary}`,
        };
      });
    }
  }
}

/** Computed when it is asked for. */
function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => (value ??= { of: compute() }).of;
}

function decoded(
  protocol: RingProtocol,
  message: RecordedMessage,
  previous: RecordedMessage | undefined,
): MessageView {
  const { from, bytes } = message;
  if (protocol.shape === 'slots') {
    const before = previous?.from === from ? previous.bytes : undefined;
    return decodeSlot(from === 'frontend' ? protocol.request : protocol.response, bytes, before);
  }
  const stream = protocol.streams.find((one) => one.from === from);
  return stream?.framing.kind === 'header' ? decodeFramed(stream.framing, bytes) : decodeText(bytes);
}

const numberIn = (text: string | undefined): bigint => (/^\d+$/.test(text ?? '') ? BigInt(text ?? 0) : -1n);
