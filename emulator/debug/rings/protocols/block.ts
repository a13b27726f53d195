// The block protocol. Xen public header io/blkif.h, in the layout of arm-abi, which x86_64 shares.

import * as blkif from '../../../xen/abi/blkif.ts';
import type { DecodedMessage, FieldLayout, MessageLayout, RingProtocol } from '../protocol.ts';

const OPERATIONS = { 0: 'read', 1: 'write', 2: 'write barrier', 3: 'flush', 5: 'discard', 6: 'indirect' };
const DISCARD = 5;
const INDIRECT = 6;

const operation: FieldLayout = {
  name: 'operation',
  offset: blkif.BLKIF_REQUEST_OPERATION_OFFSET,
  size: 1,
  words: OPERATIONS,
};
const id: FieldLayout = { name: 'id', offset: blkif.BLKIF_REQUEST_ID_OFFSET, size: 8, is: 'identifier' };
const sector: FieldLayout = {
  name: 'sector_number',
  offset: blkif.BLKIF_REQUEST_SECTOR_OFFSET,
  size: 8,
  is: 'sector',
};

/** struct blkif_request. */
const request: MessageLayout = {
  name: 'request',
  fields: [
    operation,
    { name: 'nr_segments', offset: blkif.BLKIF_REQUEST_NR_SEGMENTS_OFFSET, size: 1 },
    { name: 'handle', offset: blkif.BLKIF_REQUEST_HANDLE_OFFSET, size: 2 },
    id,
    sector,
  ],
  lists: [
    {
      name: 'seg',
      offset: blkif.BLKIF_REQUEST_SEGMENTS_OFFSET,
      stride: blkif.BLKIF_SEGMENT_SIZE,
      count: 'nr_segments',
      maximum: blkif.BLKIF_MAX_SEGMENTS_PER_REQUEST,
      fields: [
        { name: 'gref', offset: blkif.BLKIF_SEGMENT_GREF_OFFSET, size: 4, is: 'grant reference' },
        { name: 'first_sect', offset: blkif.BLKIF_SEGMENT_FIRST_SECTOR_OFFSET, size: 1 },
        { name: 'last_sect', offset: blkif.BLKIF_SEGMENT_LAST_SECTOR_OFFSET, size: 1 },
      ],
    },
  ],
  summary(message) {
    const segments = message.list('seg');
    const count = segments.reduce((sum, part) => sum + Math.max(0, sectorsOf(part)), 0);
    if (count === 0) return message.word('operation');
    const first = BigInt(message.value('sector_number'));
    const last = first + BigInt(count) - 1n;
    return `${message.word('operation')} ${count === 1 ? `sector ${first}` : `sectors ${first}..${last}`}`;
  },
};

/** struct blkif_request_discard. */
const discard: MessageLayout = {
  name: 'discard request',
  fields: [
    operation,
    { name: 'flag', offset: 1, size: 1, bits: { 0: 'secure' } },
    { name: 'handle', offset: 2, size: 2 },
    id,
    sector,
    { name: 'nr_sectors', offset: 24, size: 8 },
  ],
  summary: (message) =>
    `discard ${message.value('nr_sectors')} sectors from ${message.value('sector_number')}`,
};

/** struct blkif_request_indirect: its segments stand in pages of their own. */
const indirect: MessageLayout = {
  name: 'indirect request',
  fields: [
    operation,
    { name: 'indirect_op', offset: 1, size: 1, words: OPERATIONS },
    { name: 'nr_segments', offset: 2, size: 2 },
    id,
    sector,
    { name: 'handle', offset: 24, size: 2 },
    ...Array.from(
      { length: 8 },
      (_, index): FieldLayout => ({
        name: `indirect_grefs[${index}]`,
        offset: 28 + index * 4,
        size: 4,
        is: 'grant reference',
      }),
    ),
  ],
  summary: (message) =>
    `indirect ${message.word('indirect_op')} of ${message.value('nr_segments')} segments at sector ${message.value('sector_number')}`,
};

/** struct blkif_response. */
const response: MessageLayout = {
  name: 'response',
  fields: [
    { name: 'id', offset: blkif.BLKIF_RESPONSE_ID_OFFSET, size: 8, is: 'identifier' },
    { name: 'operation', offset: blkif.BLKIF_RESPONSE_OPERATION_OFFSET, size: 1, words: OPERATIONS },
    {
      name: 'status',
      offset: blkif.BLKIF_RESPONSE_STATUS_OFFSET,
      size: 2,
      signed: true,
      words: { 0: 'okay', [-1]: 'error', [-2]: 'not supported' },
    },
  ],
  summary: (message) => `${message.word('operation')}: ${message.word('status')}`,
};

const sectorsOf = (segment: DecodedMessage): number =>
  Number(segment.value('last_sect')) - Number(segment.value('first_sect')) + 1;

export const blockProtocols: readonly RingProtocol[] = [
  {
    name: 'block',
    doc: 'Reads and writes of a virtual disk, in struct blkif_request of io/blkif.h.',
    shape: 'slots',
    slotSize: blkif.BLKIF_SLOT_SIZE,
    request: {
      id: 'id',
      layoutOf(message) {
        const number = message.getUint8(operation.offset);
        return number === DISCARD ? discard : number === INDIRECT ? indirect : request;
      },
    },
    response: { id: 'id', layoutOf: () => response },
    source: {
      kind: 'device',
      type: 'vbd',
      reference: 'ring-ref',
      pageOrder: 'ring-page-order',
      channels: ['event-channel'],
      queues: 'multi-queue-num-queues',
    },
  },
];
