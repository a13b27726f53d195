// The table of protocols: messages decoded by it, rings found by it, and that a row is all a protocol needs.

import { expect, test } from 'vitest';
import { decodeFramed, decodeSlot } from '../../../../emulator/debug/rings/decode.ts';
import type {
  RingProtocol,
  SlotProtocol,
  StreamProtocol,
} from '../../../../emulator/debug/rings/protocol.ts';
import { ringProtocols } from '../../../../emulator/debug/rings/protocols.ts';
import { BLKIF_RING_SIZE } from '../../../../emulator/xen/abi/blkif.ts';
import { ringSize } from '../../../../emulator/xen/abi/ring.ts';
import { blockRead, FakeRings, SlotRing } from './fake-rings.ts';

function slotProtocol(name: string): SlotProtocol {
  const found = ringProtocols.find((protocol) => protocol.name === name);
  if (found?.shape !== 'slots') throw new Error(name);
  return found;
}

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

const fieldsOf = (name: string, kind: 'request' | 'response', hex: string, previous?: string) => {
  const protocol = slotProtocol(name);
  const whole = new Uint8Array(protocol.slotSize);
  whole.set(bytes(hex));
  const view = decodeSlot(
    protocol[kind],
    whole,
    previous === undefined ? undefined : bytes(previous.padEnd(protocol.slotSize * 2, '0')),
  );
  return {
    summary: view.summary,
    fields: Object.fromEntries(view.fields.map(({ name: field, value, words }) => [field, words ?? value])),
  };
};

test('every protocol has a name of its own, and fields that lie in its messages and do not overlap', () => {
  expect(new Set(ringProtocols.map(({ name }) => name)).size).toBe(ringProtocols.length);
  for (const protocol of ringProtocols) {
    if (protocol.shape !== 'slots') continue;
    for (const kind of [protocol.request, protocol.response]) {
      const layout = kind.layoutOf(new DataView(new ArrayBuffer(protocol.slotSize)), undefined);
      let end = 0;
      for (const { offset, size } of layout.fields) {
        expect(offset).toBeGreaterThanOrEqual(end);
        end = offset + size;
      }
      expect(end).toBeLessThanOrEqual(protocol.slotSize);
      expect(layout.fields.some(({ name }) => name === kind.id)).toBe(true);
    }
  }
});

test('the sizes of rings of one page are those of the public headers', () => {
  expect(BLKIF_RING_SIZE).toBe(32);
  const sizes = ['block', 'network tx', 'network rx'].map((name) =>
    ringSize(4096, slotProtocol(name).slotSize),
  );
  expect(sizes).toEqual([32, 256, 256]);
});

test('blkif: a write with two segments', () => {
  const request =
    '01' +
    '02' +
    '00ca' +
    '00000000' +
    '0500000000000000' +
    '8000000000000000' +
    '28000000' +
    '01' +
    '07' +
    '0000' +
    '29000000' +
    '00' +
    '03' +
    '0000';
  expect(fieldsOf('block', 'request', request)).toEqual({
    summary: 'write sectors 128..138',
    fields: {
      operation: 'write',
      nr_segments: '2',
      handle: '51712',
      id: '5',
      sector_number: 'byte 65536',
      'seg[0].gref': '40',
      'seg[0].first_sect': '1',
      'seg[0].last_sect': '7',
      'seg[1].gref': '41',
      'seg[1].first_sect': '0',
      'seg[1].last_sect': '3',
    },
  });
});

test('blkif: no more segments are read than a request can have, and nonsense has a summary', () => {
  const { fields } = fieldsOf('block', 'request', `00ff${'ff'.repeat(110)}`);
  expect(Object.keys(fields).filter((name) => name.endsWith('gref'))).toHaveLength(11);
  expect(fieldsOf('block', 'request', '2a').summary).toBe('42');
  expect(fieldsOf('block', 'request', `03${'00'.repeat(15)}`).summary).toBe('flush');
});

test('blkif: discard, indirect, and responses', () => {
  const at = (hex: string) => hex.padEnd(16, '0');
  expect(
    fieldsOf('block', 'request', `05010000${'00'.repeat(4)}${at('07')}${at('10')}${at('20')}`),
  ).toMatchObject({
    summary: 'discard 32 sectors from 16',
    fields: { flag: 'secure', nr_sectors: '32' },
  });
  expect(
    fieldsOf('block', 'request', `06012000${'00'.repeat(4)}${at('07')}${at('10')}00ca000063000000`),
  ).toMatchObject({
    summary: 'indirect write of 32 segments at sector 16',
    fields: { 'indirect_grefs[0]': '99' },
  });
  expect(fieldsOf('block', 'response', `${at('07')}0100ffff`).summary).toBe('write: error');
  expect(fieldsOf('block', 'response', `${at('07')}0000feff`).summary).toBe('read: not supported');
});

test('netif: a packet, the extra information behind it, and buffers', () => {
  const packet = '09000000' + '4000' + '0900' + '0300' + 'dc05';
  expect(fieldsOf('network tx', 'request', packet)).toMatchObject({
    summary: 'packet data of 1500 bytes',
    fields: { flags: 'checksum blank, extra info', size: '1500 bytes' },
  });
  expect(fieldsOf('network tx', 'request', '0100a005010000000000', packet)).toMatchObject({
    summary: 'extra info: GSO',
    fields: { 'gso.size': '1440 bytes', 'gso.type': 'TCPv4' },
  });
  expect(fieldsOf('network tx', 'response', '03000100').summary).toBe('null (extra info)');
  expect(fieldsOf('network rx', 'request', '0500000008000000')).toMatchObject({
    summary: 'empty buffer',
    fields: { gref: '8' },
  });
  expect(fieldsOf('network rx', 'response', '0500000001003c00').summary).toBe('packet data of 60 bytes');
  expect(fieldsOf('network rx', 'response', '050000000000feff').summary).toBe('dropped');
});

test('9P: the type and tag of a message', () => {
  const protocol = ringProtocols.find(({ name }) => name === '9pfs') as StreamProtocol;
  const [out] = protocol.streams;
  if (out.framing.kind !== 'header') throw new Error('9P has a header');
  expect(decodeFramed(out.framing, bytes('0b000000' + '6e' + '0200' + '01020304'))).toEqual({
    summary: 'TWALK 4 bytes',
    layout: 'message',
    fields: [
      { name: 'size', offset: 0, value: '11', words: '11 bytes' },
      { name: 'type', offset: 4, value: '110', words: 'TWALK' },
      { name: 'tag', offset: 5, value: '2' },
      { name: 'payload', value: '4 bytes' },
    ],
  });
});

test('a vif has a ring for each direction of each queue, with its own event channel where there is one', () => {
  const world = new FakeRings();
  world.device(
    'vif',
    '0',
    {
      'multi-queue-num-queues': '2',
      'queue-0/tx-ring-ref': '8',
      'queue-0/rx-ring-ref': '9',
      'queue-0/event-channel-tx': '5',
      'queue-0/event-channel-rx': '6',
      'queue-1/tx-ring-ref': '10',
      'queue-1/rx-ring-ref': '11',
      'queue-1/event-channel': '7',
    },
    [8, 9, 10, 11],
    [5, 6, 7],
  );
  expect(
    world.rings().rings.map(({ name, frontend, pages }) => [name, frontend.port, pages[0]?.reference]),
  ).toEqual([
    ['vif-0 tx q0', 5, 8],
    ['vif-0 tx q1', 7, 10],
    ['vif-0 rx q0', 6, 9],
    ['vif-0 rx q1', 7, 11],
  ]);
});

test('two rings that share an event channel are both followed', () => {
  const world = new FakeRings();
  const nodes = { 'tx-ring-ref': '8', 'rx-ring-ref': '9', 'event-channel': '5' };
  const [tx, rx] = world.device('vif', '0', nodes, [8, 9]);
  if (!tx || !rx) throw new Error('a vif has two pages');
  const packets = new SlotRing(tx, 12);
  const buffers = new SlotRing(rx, 8);
  world.record();
  packets.request((slot) => slot.setUint16(10, 60, true));
  buffers.request((slot) => slot.setUint16(0, 3, true));
  world.tell('backend');
  expect(world.history().messages.map(({ ring, summary }) => [ring, summary])).toEqual([
    ['vif-0 tx', 'packet data of 60 bytes'],
    ['vif-0 rx', 'empty buffer'],
  ]);
});

test('a block ring of several pages is one ring with as many slots as fit', () => {
  const world = new FakeRings();
  const pages = world.device(
    'vbd',
    '51728',
    {
      'ring-page-order': '2',
      'ring-ref0': '8',
      'ring-ref1': '9',
      'ring-ref2': '10',
      'ring-ref3': '11',
      'event-channel': '5',
    },
    [8, 9, 10, 11],
  );
  pages[0]?.setUint32(0, 80, true);
  // Slot 72 begins in the second page, at its last bytes, and ends in the third.
  const slot = new Uint8Array(112);
  blockRead(72, 7)(new DataView(slot.buffer));
  for (const [index, byte] of slot.entries()) {
    const at = 64 + 72 * 112 + index;
    pages[Math.floor(at / 4096)]?.setUint8(at % 4096, byte);
  }
  expect(world.ring()).toMatchObject({ name: 'vbd-51728', occupancy: '48 of 128 slots free' });
  expect(world.slots().slots[72]).toMatchObject({
    ipa: '0x109fc0',
    message: { summary: 'read sectors 7..14' },
  });
});

test('a 9P ring reads its data pages by the references in its first one', () => {
  const world = new FakeRings();
  const [header, data0, data1] = world.device(
    '9pfs',
    '0',
    { 'num-rings': '1', 'ring-ref0': '8', 'event-channel-0': '5' },
    [8, 9, 10],
  );
  header?.setUint32(128, 1, true);
  header?.setUint32(132, 9, true);
  header?.setUint32(136, 10, true);
  const record = world.record();
  expect(record.histories()).toHaveLength(1);
  // TVERSION in the second half of the data pages, the reply in the first.
  for (const [index, byte] of bytes('0700000064ffff').entries()) data1?.setUint8(index, byte);
  header?.setUint32(68, 7, true);
  world.tell('backend');
  header?.setUint32(64, 7, true);
  for (const [index, byte] of bytes('0700000065ffff').entries()) data0?.setUint8(index, byte);
  header?.setUint32(4, 7, true);
  world.tell('frontend');
  expect(world.ring('9pfs-0 ring 0').occupancy).toBe(
    'out: 4096 of 4096 bytes free, in: 4089 of 4096 bytes free',
  );
  expect(world.history().messages.map(({ summary, latency }) => [summary, latency?.nanoseconds])).toEqual([
    ['TVERSION', 10],
    ['RVERSION', 10],
  ]);
});

test('what a frontend published and did not grant is a ring with a reason', () => {
  const world = new FakeRings();
  world.device('vbd', '1', { 'ring-ref': '99', 'event-channel': '5' });
  expect(world.ring('vbd-1').health).toEqual({
    kind: 'unreadable',
    sentence: 'the ring cannot be read: grant reference 99 grants nothing',
  });
  world.device('vbd', '2', { 'ring-ref': 'nonsense', 'event-channel': '-3' });
  expect(world.ring('vbd-2')).toMatchObject({
    health: { sentence: 'the ring cannot be read: page 0 has no grant reference' },
  });
  expect(world.ring('vbd-2').frontend.port).toBeUndefined();
  world.device('vbd', '3', { 'ring-page-order': '30', 'ring-ref0': '8' });
  expect(world.sentence('vbd-3')).toBe('the ring cannot be read: ring-page-order is 30: more than 16 pages');
  world.device('vbd', '4', {});
  expect(world.rings().rings.map(({ name }) => name)).toEqual(['vbd-1', 'vbd-2', 'vbd-3']);
});

test('a protocol is one row: a made-up one is found, decoded, recorded and explained', () => {
  const lamp: RingProtocol = {
    name: 'lamp',
    doc: 'Switches lamps.',
    shape: 'slots',
    slotSize: 8,
    request: {
      id: 'tag',
      layoutOf: () => ({
        name: 'request',
        fields: [
          { name: 'tag', offset: 0, size: 2, is: 'identifier' },
          { name: 'lamp', offset: 2, size: 1 },
          { name: 'colour', offset: 3, size: 1, words: { 0: 'off', 1: 'red', 2: 'green' } },
        ],
        summary: (message) => `lamp ${message.value('lamp')} ${message.word('colour')}`,
      }),
    },
    response: {
      id: 'tag',
      layoutOf: () => ({
        name: 'response',
        fields: [
          { name: 'tag', offset: 0, size: 2, is: 'identifier' },
          { name: 'broken', offset: 2, size: 1, words: { 0: 'works', 1: 'is broken' } },
        ],
        summary: (message) => `the lamp ${message.word('broken')}`,
      }),
    },
    source: { kind: 'device', type: 'vlamp', reference: 'page', channels: ['bell'] },
  };
  const world = new FakeRings([...ringProtocols, lamp]);
  const [page] = world.device('vlamp', '3', { page: '8', bell: '5' });
  if (!page) throw new Error('the lamp has a page');
  const ring = new SlotRing(page, 8);
  world.record();
  ring.request((slot) => {
    slot.setUint16(0, 5, true);
    slot.setUint8(2, 4);
    slot.setUint8(3, 2);
  });
  expect(world.sentence('vlamp-3')).toContain(
    'the notification that the backend asked for has not been sent',
  );
  world.tell('backend');
  expect(world.slots('vlamp-3').slots[0]).toMatchObject({
    state: 'request waiting',
    message: { summary: 'lamp 4 green' },
  });
  ring.take();
  ring.respond((slot) => {
    slot.setUint16(0, 5, true);
    slot.setUint8(2, 1);
  });
  world.tell('frontend');
  expect(world.history().messages.map(({ summary, latency }) => [summary, latency?.nanoseconds])).toEqual([
    ['lamp 4 green', 10],
    ['the lamp is broken', 10],
  ]);
});
