// The network protocol: packets to the backend (tx) and buffers for packets from it (rx). Xen public header
// io/netif.h. A packet of several slots, and extra information, stands in slots that follow each other.
//
// Left out: the control ring, which Linux's netfront never opens.

import type { FieldLayout, MessageLayout, RingProtocol, RingSource } from '../protocol.ts';

/** XEN_NETTXF_* and XEN_NETRXF_*, by bit. */
const TX_FLAGS = { 0: 'checksum blank', 1: 'data validated', 2: 'more data', 3: 'extra info' };
const RX_FLAGS = {
  0: 'data validated',
  1: 'checksum blank',
  2: 'more data',
  3: 'extra info',
  4: 'GSO prefix',
};
const EXTRA_INFO = 1 << 3;

const TX_FLAGS_OFFSET = 6;
const RX_FLAGS_OFFSET = 4;

const status = (words: Readonly<Record<number, string>>, offset: number): FieldLayout => ({
  name: 'status',
  offset,
  size: 2,
  signed: true,
  words,
});

const txRequest: MessageLayout = {
  name: 'request',
  fields: [
    { name: 'gref', offset: 0, size: 4, is: 'grant reference' },
    { name: 'offset', offset: 4, size: 2, is: 'bytes' },
    { name: 'flags', offset: TX_FLAGS_OFFSET, size: 2, bits: TX_FLAGS },
    { name: 'id', offset: 8, size: 2, is: 'identifier' },
    { name: 'size', offset: 10, size: 2, is: 'bytes' },
  ],
  summary: (message) => `packet data of ${message.value('size')} bytes`,
};

const txResponse: MessageLayout = {
  name: 'response',
  fields: [
    { name: 'id', offset: 0, size: 2, is: 'identifier' },
    status({ 0: 'okay', [-1]: 'error', [-2]: 'dropped', 1: 'null (extra info)' }, 2),
  ],
  summary: (message) => message.word('status'),
};

const rxRequest: MessageLayout = {
  name: 'request',
  fields: [
    { name: 'id', offset: 0, size: 2, is: 'identifier' },
    { name: 'gref', offset: 4, size: 4, is: 'grant reference' },
  ],
  summary: () => 'empty buffer',
};

const rxResponse: MessageLayout = {
  name: 'response',
  fields: [
    { name: 'id', offset: 0, size: 2, is: 'identifier' },
    { name: 'offset', offset: 2, size: 2, is: 'bytes' },
    { name: 'flags', offset: RX_FLAGS_OFFSET, size: 2, bits: RX_FLAGS },
    status({ [-1]: 'error', [-2]: 'dropped' }, 6),
  ],
  summary(message) {
    const bytes = Number(message.value('status'));
    return bytes < 0 ? message.word('status') : `packet data of ${bytes} bytes`;
  },
};

/** struct netif_extra_info. */
const extraInfo: MessageLayout = {
  name: 'extra info',
  fields: [
    {
      name: 'type',
      offset: 0,
      size: 1,
      words: { 1: 'GSO', 2: 'multicast add', 3: 'multicast remove', 4: 'hash', 5: 'XDP' },
    },
    { name: 'flags', offset: 1, size: 1, bits: { 0: 'more' } },
    { name: 'gso.size', offset: 2, size: 2, is: 'bytes' },
    { name: 'gso.type', offset: 4, size: 1, words: { 0: 'none', 1: 'TCPv4', 2: 'TCPv6' } },
    { name: 'gso.features', offset: 6, size: 2 },
  ],
  summary: (message) => `extra info: ${message.word('type')}`,
};

/** Whether the slot is extra information, which the one before announces. */
function followsExtra(previous: DataView | undefined, flags: number): boolean {
  return previous !== undefined && (previous.getUint16(flags, true) & EXTRA_INFO) !== 0;
}

const source = (part: 'tx' | 'rx'): RingSource => ({
  kind: 'device',
  type: 'vif',
  part,
  reference: `${part}-ring-ref`,
  channels: [`event-channel-${part}`, 'event-channel'],
  queues: 'multi-queue-num-queues',
});

export const networkProtocols: readonly RingProtocol[] = [
  {
    name: 'network tx',
    doc: 'Packets that the frontend sends, in struct netif_tx_request of io/netif.h.',
    shape: 'slots',
    slotSize: 12,
    request: {
      id: 'id',
      layoutOf: (_, previous) => (followsExtra(previous, TX_FLAGS_OFFSET) ? extraInfo : txRequest),
    },
    response: { id: 'id', layoutOf: () => txResponse },
    source: source('tx'),
  },
  {
    name: 'network rx',
    doc: 'Buffers for packets that the frontend receives, in struct netif_rx_request of io/netif.h.',
    shape: 'slots',
    slotSize: 8,
    request: { id: 'id', layoutOf: () => rxRequest },
    response: {
      id: 'id',
      layoutOf: (_, previous) => (followsExtra(previous, RX_FLAGS_OFFSET) ? extraInfo : rxResponse),
    },
    offersBuffers: true,
    source: source('rx'),
  },
];
