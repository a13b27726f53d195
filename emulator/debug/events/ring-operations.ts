// The operations of each ring protocol as events: `ring.block`, `ring.block.write-barrier`.

import type { FieldLayout, RingProtocol } from '../rings/protocol.ts';
import { ringProtocols } from '../rings/protocols.ts';

interface RingOperation {
  readonly name: string;
  readonly label: string;
  readonly description: string;
}

/** Of a message, the field that says what is asked for. */
export const OPERATION_FIELD = /^(operation|op|type|cmd)$/;

const slug = (text: string): string => text.toLowerCase().replaceAll(' ', '-');

export const protocolEvent = ({ name }: RingProtocol): string => `ring.${slug(name)}`;
export const operationEvent = (protocol: RingProtocol, operation: string): string =>
  `${protocolEvent(protocol)}.${slug(operation)}`;

export const ringOperations: readonly RingOperation[] = ringProtocols.flatMap((protocol) => [
  {
    name: protocolEvent(protocol),
    label: `Ring of protocol ${protocol.name}`,
    description: `A message of the protocol ${protocol.name} appears in a ring.`,
  },
  ...wordsOf(protocol).map((operation) => ({
    name: operationEvent(protocol, operation),
    label: `${protocol.name}: ${operation}`,
    description: `A message of the protocol ${protocol.name} says ${operation}.`,
  })),
]);

function wordsOf(protocol: RingProtocol): string[] {
  const words = fieldsOf(protocol)
    .filter(({ name }) => OPERATION_FIELD.test(name))
    .flatMap(({ words: known = {} }) => Object.values(known));
  return [...new Set(words)];
}

/** A protocol with several layouts has its operation in all of them. */
function fieldsOf(protocol: RingProtocol): readonly FieldLayout[] {
  if (protocol.shape === 'bytes') {
    return protocol.streams.flatMap(({ framing }) =>
      framing.kind === 'header' ? framing.layout.fields : [],
    );
  }
  const empty = new DataView(new ArrayBuffer(protocol.slotSize));
  return [protocol.request, protocol.response].flatMap((side) => side.layoutOf(empty, undefined).fields);
}
