// The 9P file system. Xen public header io/9pfs.h, struct xen_9pfs_data_intf; messages: the 9P2000.L protocol.

import type { HeaderFraming, RingProtocol } from '../protocol.ts';

/** Requests (T) are even, their replies (R) one more. */
const NAMES: Readonly<Record<number, string>> = {
  6: 'LERROR',
  8: 'STATFS',
  12: 'LOPEN',
  14: 'LCREATE',
  16: 'SYMLINK',
  18: 'MKNOD',
  20: 'RENAME',
  22: 'READLINK',
  24: 'GETATTR',
  26: 'SETATTR',
  30: 'XATTRWALK',
  32: 'XATTRCREATE',
  40: 'READDIR',
  50: 'FSYNC',
  52: 'LOCK',
  54: 'GETLOCK',
  70: 'LINK',
  72: 'MKDIR',
  74: 'RENAMEAT',
  76: 'UNLINKAT',
  100: 'VERSION',
  102: 'AUTH',
  104: 'ATTACH',
  106: 'ERROR',
  108: 'FLUSH',
  110: 'WALK',
  112: 'OPEN',
  114: 'CREATE',
  116: 'READ',
  118: 'WRITE',
  120: 'CLUNK',
  122: 'REMOVE',
  124: 'STAT',
  126: 'WSTAT',
};
const TYPES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(NAMES).flatMap(([type, name]) => [
    [Number(type), `T${name}`],
    [Number(type) + 1, `R${name}`],
  ]),
);

const HEADER_SIZE = 7;

const framing: HeaderFraming = {
  kind: 'header',
  headerSize: HEADER_SIZE,
  length: (header) => header.getUint32(0, true),
  // Linux offers 64 KiB and a header; no ring of ours holds more than 32 pages.
  longest: 1 << 17,
  id: 'tag',
  layout: {
    name: 'message',
    fields: [
      { name: 'size', offset: 0, size: 4, is: 'bytes' },
      { name: 'type', offset: 4, size: 1, words: TYPES },
      { name: 'tag', offset: 5, size: 2, is: 'identifier' },
    ],
    summary: (message) => message.word('type'),
  },
};

export const p9Protocols: readonly RingProtocol[] = [
  {
    name: '9pfs',
    doc: '9P messages of a shared folder, in struct xen_9pfs_data_intf of io/9pfs.h.',
    shape: 'bytes',
    streams: [
      { name: 'out', from: 'frontend', consumer: 64, producer: 68, offset: 0, size: 0, framing },
      { name: 'in', from: 'backend', consumer: 0, producer: 4, offset: 0, size: 0, framing },
    ],
    data: { order: 128, references: 132, maximumOrder: 9 },
    source: {
      kind: 'device',
      type: '9pfs',
      reference: 'ring-ref',
      channels: ['event-channel-'],
      rings: 'num-rings',
    },
  },
];
