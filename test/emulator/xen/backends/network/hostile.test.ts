// Network frontends that do what no frontend should: an error for what is wrong, the end of the interface for what
// breaks the protocol, and never a page that was not granted.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainPacket } from '../../../../../emulator/xen/network/packet.ts';
import { DATA, networkFrontend, type Slot } from './network-frontend.ts';

const MORE = 4;
const EXTRA = 8;
const CLOSING = '5';

/** A broadcast, so that it comes out of every port. */
const frame = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i < 6 ? 0xff : i === 12 ? 8 : i & 255));

function connected() {
  const frontend = networkFrontend();
  frontend.connect();
  frontend.fill(DATA, frame(4096));
  expect(frontend.state()).toBe('4');
  return frontend;
}

test('a packet of one slot and one of two go out as they are', () => {
  const frontend = connected();
  frontend.put({ size: 100 }, { size: 1000, flags: MORE }, { offset: 700, size: 300 });
  frontend.ring();
  expect(frontend.statuses()).toEqual([0, 0, 0]);
  expect(frontend.sent.map(({ bytes }) => bytes)).toEqual([frame(100), frame(1000)]);
});

test('what comes goes into the buffers that were offered, or waits for them', () => {
  const frontend = connected();
  frontend.other.send(plainPacket(frame(90)));
  frontend.offer([DATA + 1]);
  frontend.ring();
  expect(frontend.guest.page(DATA + 1).read(0, 90)).toEqual(frame(90));
  expect(frontend.rx.read16(64 + 6)).toBe(90);
});

test('what cannot be sent is answered with an error: not granted, without a header, of too many slots', () => {
  const frontend = connected();
  frontend.put({ reference: 9 }, { size: 10 });
  frontend.put({ size: 1900, flags: MORE });
  for (let i = 0; i < 18; i++) frontend.put({ size: 100, flags: i < 17 ? MORE : 0 });
  frontend.ring();
  expect(frontend.statuses()).toEqual(Array.from({ length: 21 }, () => -1));
  expect(frontend.sent).toEqual([]);
  expect(frontend.state()).toBe('4');
});

const gso = (size: number, type: number): Uint8Array =>
  Uint8Array.of(1, 0, size & 255, size >> 8, type, 0, 0, 0, 0, 0, 0, 0);

test.each<[string, readonly (Slot | Uint8Array)[]]>([
  ['a slot across its page', [{ offset: 4090, size: 60 }]],
  ['a slot larger than its packet', [{ size: 100, flags: MORE }, { size: 200 }]],
  ['a packet without its end', [{ size: 100, flags: MORE }]],
  ['too many slots', Array.from({ length: 21 }, (_, i) => ({ size: i === 0 ? 3000 : 100, flags: MORE }))],
  ['extra information that is not there', [{ size: 100, flags: EXTRA }]],
  ['extra information of no kind', [{ size: 100, flags: EXTRA }, new Uint8Array(12)]],
  ['segments of no size', [{ size: 100, flags: EXTRA }, gso(0, 1)]],
  ['segments of no protocol', [{ size: 100, flags: EXTRA }, gso(1400, 9)]],
])('%s: the interface ends, and nothing of the guest stays in use', (_name, slots) => {
  const frontend = connected();
  frontend.put(...slots);
  frontend.ring();
  expect(frontend.state()).toBe(CLOSING);
  expect(frontend.error()).toBeDefined();
  expect(frontend.isUsed()).toBe(false);
  expect(frontend.sent).toEqual([]);
  // It is over: no packet does anything.
  frontend.other.send(plainPacket(frame(90)));
  expect(frontend.state()).toBe(CLOSING);
});

test('indices that run away end the interface', () => {
  const frontend = connected();
  frontend.tx.write32(0, 0x8000_0000);
  frontend.ring();
  expect(frontend.state()).toBe(CLOSING);
  const receiver = connected();
  receiver.rx.write32(0, 0x8000_0000);
  receiver.other.send(plainPacket(frame(90)));
  expect(receiver.state()).toBe(CLOSING);
});

test('segments too small to be sensible, and packets too long for the interface, are dropped', () => {
  const receiver = connected();
  receiver.offer([DATA + 1, DATA + 2]);
  receiver.other.send({ ...plainPacket(frame(4000)), segmentSize: 1 });
  receiver.other.send(plainPacket(frame(4000)));
  expect(receiver.rx.read32(8)).toBe(0);
  expect(receiver.backend.view().received.dropped).toBe(1);
});

test('whatever stands in the rings, domain 0 goes on and keeps nothing of an interface that ended', () => {
  const slot = fc.record({
    reference: fc.integer({ min: 0, max: 60 }),
    offset: fc.integer({ min: 0, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 15 }),
    size: fc.integer({ min: 0, max: 0xffff }),
  });
  const extra = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.oneof(slot, extra), { maxLength: 40 }), fc.nat(256), (slots, buffers) => {
      const frontend = connected();
      frontend.offer(Array.from({ length: buffers }, (_, i) => i % 60));
      frontend.put(...slots);
      frontend.ring();
      frontend.other.send({ ...plainPacket(frame(9000)), segmentSize: 1400 });
      expect(['4', CLOSING]).toContain(frontend.state());
      if (frontend.state() === CLOSING) expect(frontend.isUsed()).toBe(false);
    }),
    { numRuns: 150, seed: 6 },
  );
});
