// Rings of bytes: the console's text and xenstore's messages, in pieces, over the end of the buffer, and wrong.

import { expect, test } from 'vitest';
import {
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
} from '../../../../emulator/xen/abi/hvm-params.ts';
import { XS } from '../../../../emulator/xen/abi/xs-wire.ts';
import { encode } from '../../../../emulator/xen/xenstore/ring.ts';
import { bytesOf } from '../../../../emulator/xen/xenstore/text.ts';
import { FakeRings } from './fake-rings.ts';

interface Stream {
  readonly offset: number;
  readonly size: number;
  readonly consumer: number;
  readonly producer: number;
}

const CONSOLE_OUT: Stream = { offset: 1024, size: 2048, consumer: 3080, producer: 3084 };
const CONSOLE_IN: Stream = { offset: 0, size: 1024, consumer: 3072, producer: 3076 };
const STORE_REQ: Stream = { offset: 0, size: 1024, consumer: 2048, producer: 2052 };
const STORE_RSP: Stream = { offset: 1024, size: 1024, consumer: 2056, producer: 2060 };

function put(page: DataView, { offset, size, producer }: Stream, bytes: Uint8Array): void {
  const start = page.getUint32(producer, true);
  for (const [index, byte] of bytes.entries()) page.setUint8(offset + ((start + index) % size), byte);
  page.setUint32(producer, start + bytes.length, true);
}

function takeAll(page: DataView, { consumer, producer }: Stream): void {
  page.setUint32(consumer, page.getUint32(producer, true), true);
}

const text = (characters: string): Uint8Array => new TextEncoder().encode(characters);

function domainPage(
  pageParameter: number,
  portParameter: number,
  start = 0,
): { world: FakeRings; page: DataView } {
  const world = new FakeRings();
  world.parameters.set(pageParameter, 0x39n);
  world.parameters.set(portParameter, 5n);
  const page = world.addPage(0x39);
  for (const { consumer, producer } of [CONSOLE_OUT, CONSOLE_IN]) {
    if (pageParameter !== HVM_PARAM_CONSOLE_PFN) break;
    page.setUint32(consumer, start, true);
    page.setUint32(producer, start, true);
  }
  for (const { consumer, producer } of [STORE_REQ, STORE_RSP]) {
    if (pageParameter !== HVM_PARAM_STORE_PFN) break;
    page.setUint32(consumer, start, true);
    page.setUint32(producer, start, true);
  }
  world.channels.set('1:5', {
    pending: false,
    masked: false,
    isEmbedded: false,
    peer: { domid: 0, port: 105 },
  });
  const record = world.record();
  world.tell = (side) => {
    world.now += 10;
    if (side === 'frontend') record.eventRaised(1, 5, 0);
    else record.eventRaised(0, 105, 1);
  };
  return { world, page };
}

const consoleRing = (start = 0) => domainPage(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, start);
const storeRing = (start = 0) => domainPage(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, start);

const message = (type: number, requestId: number, payload: string, transactionId = 0): Uint8Array =>
  encode({ type, requestId, transactionId, payload: bytesOf(payload) });

test('console output waits as lines until it is taken', () => {
  const { world, page } = consoleRing();
  put(page, CONSOLE_OUT, text('one\ntwo'));
  expect(world.sentence()).toBe(
    'the frontend has put 7 bytes into out and not told the backend: the backend waits for the frontend',
  );
  world.tell('backend');
  expect(world.ring()).toMatchObject({
    name: 'console',
    backend: { domain: 0, domainName: 'Domain-0', port: 105 },
    occupancy: 'out: 2041 of 2048 bytes free, in: 1024 of 1024 bytes free',
    health: {
      kind: 'busy',
      sentence:
        'the frontend has put 7 bytes into out that the backend has not taken: it was told, and has not taken them',
    },
  });
  expect(world.slots().streams[0]).toMatchObject({
    name: 'out',
    ipa: '0x39400',
    stretches: [
      { start: 0, length: 7, state: 'request waiting' },
      { start: 7, length: 2041, state: 'free' },
    ],
    messages: [
      { start: 0, length: 4, isComplete: true, message: { summary: 'one' } },
      { start: 4, length: 3, isComplete: false, message: { summary: 'two' } },
    ],
  });
  takeAll(page, CONSOLE_OUT);
  expect(world.sentence()).toBe('idle: nothing is under way');
});

test('lines that come in pieces, over the end of the buffer and over 2^32, are whole in the history', () => {
  for (const start of [0, 2040, 0xffff_fffa]) {
    const { world, page } = consoleRing(start);
    for (const piece of ['hel', 'lo\nthe', ' end\n', 'of']) {
      put(page, CONSOLE_OUT, text(piece));
      world.tell('backend');
      takeAll(page, CONSOLE_OUT);
    }
    put(page, CONSOLE_IN, text('x\r'));
    world.tell('frontend');
    const { messages } = world.history();
    expect(
      messages.map(({ from, kind, summary, nanoseconds }) => [from, kind, summary, nanoseconds]),
    ).toEqual([
      ['frontend', 'text', 'hello', 10],
      ['frontend', 'text', 'the end', 20],
    ]);
  }
});

test('input that the guest does not take waits behind its masked channel; a full buffer says so', () => {
  const { world, page } = consoleRing();
  put(page, CONSOLE_IN, new Uint8Array(1024).fill(0x61));
  world.tell('frontend');
  world.channels.set('1:5', {
    pending: true,
    masked: true,
    isEmbedded: false,
    peer: { domid: 0, port: 105 },
  });
  expect(world.ring().health).toEqual({
    kind: 'stuck',
    sentence:
      'the backend has put 1024 bytes into in that the frontend has not taken: its event channel 5 is pending but masked; there is no room for more',
    waiting: { side: 'backend', for: 'frontend' },
  });
});

test('xenstore messages are put together from pieces, matched by req_id, and decoded', () => {
  const { world, page } = storeRing(1000);
  const request = message(XS.WRITE, 7, 'device/x\0some value', 3);
  put(page, STORE_REQ, request.subarray(0, 10));
  world.tell('backend');
  takeAll(page, STORE_REQ);
  expect(world.sentence()).toBe(
    'a message in req is incomplete, 10 of an unknown number of bytes came: the backend waits for the frontend',
  );
  put(page, STORE_REQ, request.subarray(10, 20));
  world.tell('backend');
  takeAll(page, STORE_REQ);
  expect(world.sentence()).toBe(
    `a message in req is incomplete, 20 of ${request.length} bytes came: the backend waits for the frontend`,
  );
  put(page, STORE_REQ, request.subarray(20));
  world.tell('backend');
  takeAll(page, STORE_REQ);
  expect(world.sentence()).toBe(
    '1 request of the frontend is not answered: the frontend waits for the backend',
  );
  put(page, STORE_RSP, message(XS.WRITE, 7, 'OK\0', 3));
  put(page, STORE_RSP, message(XS.WATCH_EVENT, 0, 'device/x\0token\0'));
  world.tell('frontend');
  takeAll(page, STORE_RSP);
  expect(world.sentence()).toBe('idle: nothing is under way');

  const { messages } = world.history();
  expect(
    messages.map(({ kind, summary, latency, counterpart }) => ({ kind, summary, latency, counterpart })),
  ).toEqual([
    {
      kind: 'request',
      summary: 'WRITE device/x some value',
      latency: { instructions: 30, nanoseconds: 30 },
      counterpart: 2,
    },
    { kind: 'response', summary: 'WRITE OK', latency: { instructions: 30, nanoseconds: 30 }, counterpart: 1 },
    { kind: 'event', summary: 'WATCH_EVENT device/x token', latency: undefined, counterpart: undefined },
  ]);
  expect(messages[0]?.fields).toEqual([
    { name: 'type', offset: 0, value: '11', words: 'WRITE' },
    { name: 'req_id', offset: 4, value: '7' },
    { name: 'tx_id', offset: 8, value: '3' },
    { name: 'len', offset: 12, value: '19', words: '19 bytes' },
    { name: 'path', value: 'device/x' },
    { name: 'value', value: 'some value' },
  ]);
});

test('a message whose first part the server has taken already is decoded whole', () => {
  const { world, page } = storeRing();
  const request = message(XS.READ, 1, 'memory/target\0');
  put(page, STORE_REQ, request.subarray(0, 18));
  world.tell('backend');
  takeAll(page, STORE_REQ);
  put(page, STORE_REQ, request.subarray(18));
  expect(world.slots().streams[0]?.messages).toMatchObject([
    { start: 18, length: request.length - 18, isComplete: true, message: { summary: 'READ memory/target' } },
  ]);
});

test('a message that says it is longer than the protocol allows ends the framing, until the reader has caught up', () => {
  const { world, page } = storeRing();
  const wrong = message(XS.READ, 1, 'x\0');
  new DataView(wrong.buffer).setUint32(12, 0xffff_ffff, true);
  put(page, STORE_REQ, wrong);
  world.tell('backend');
  expect(world.slots().streams[0]?.messages).toHaveLength(1);
  takeAll(page, STORE_REQ);
  put(page, STORE_REQ, message(XS.READ, 2, 'name\0'));
  world.tell('backend');
  expect(world.history().messages.map(({ summary }) => summary)).toEqual(['READ name']);
});

test('bytes that went by unseen are counted, and what follows is found again', () => {
  const { world, page } = storeRing();
  for (let id = 0; id < 60; id++) {
    put(page, STORE_REQ, message(XS.READ, id, 'name\0'));
    takeAll(page, STORE_REQ);
  }
  world.tell('backend');
  takeAll(page, STORE_REQ);
  put(page, STORE_REQ, message(XS.READ, 77, 'domid\0'));
  world.tell('backend');
  expect(world.history()).toMatchObject({ lost: 1, messages: [{ summary: 'READ domid' }] });
});

test('indices more than a buffer apart are shown as such', () => {
  const { world, page } = consoleRing();
  page.setUint32(CONSOLE_OUT.producer, 5000, true);
  world.tell('backend');
  expect(world.ring()).toMatchObject({
    occupancy: 'out: 2048 bytes, in an unknown state, in: 1024 of 1024 bytes free',
    health: {
      kind: 'impossible',
      sentence:
        'these indices cannot be: out_prod 5000 is 5000 bytes ahead of out_cons 0, in a buffer of 2048',
    },
  });
  expect(world.slots().streams[0]).toMatchObject({
    stretches: [{ start: 0, length: 2048, state: 'unknown' }],
    messages: [],
  });
});

test('control characters of a guest are harmless', () => {
  const { world, page } = consoleRing();
  put(page, CONSOLE_OUT, text('\x1b[2J<b>bold</b>\n'));
  world.tell('backend');
  expect(world.history().messages[0]?.summary).toBe('\\x1b[2J<b>bold</b>');
});
