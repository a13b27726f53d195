// Whatever a frontend does to its ring, its grants and its nodes, the backend does not fall over, does no more
// than a ring of work for an event, and lets go of everything in the end.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BlockFrontend,
  blockFrontend,
  DISCARD,
  INDIRECT,
  READ,
  RING_PAGE,
  RING_REFERENCE,
  segment,
} from './block-frontend.ts';

const SECTORS = 64;

const word = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 33, 64, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const reference = fc.oneof(fc.integer({ min: 6, max: 24 }), word);
const request = fc.record({
  operation: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 255 })),
  id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  sector: fc.oneof(
    fc.bigInt({ min: 0n, max: BigInt(SECTORS) + 2n }),
    fc.bigInt({ min: 2n ** 63n - 2n, max: 2n ** 64n - 1n }),
  ),
  segments: fc.array(
    fc.record({
      reference,
      first: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 255 })),
      last: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 255 })),
    }),
    { maxLength: 11 },
  ),
  count: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constant(255)),
});
const more = fc.oneof(
  fc.record({
    operation: fc.constant(INDIRECT),
    indirect: fc.integer({ min: 0, max: 6 }),
    pages: fc.array(reference, { maxLength: 8 }),
    count: fc.oneof(fc.integer({ min: 0, max: 260 }), fc.integer({ min: 0, max: 65535 })),
    sector: fc.bigInt({ min: 0n, max: BigInt(SECTORS) }),
  }),
  fc.record({
    operation: fc.constant(DISCARD),
    sector: fc.bigInt({ min: 0n, max: BigInt(SECTORS) + 2n }),
    sectors: fc.oneof(fc.bigInt({ min: 0n, max: 70n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    flag: fc.integer({ min: 0, max: 255 }),
  }),
);
const text = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '7',
    '8',
    '9',
    '15',
    '',
    '-1',
    '4294967296',
    'arm-abi',
    '<b>',
  ),
  fc.string({ maxLength: 20 }),
);
const key = fc.constantFrom(
  'state',
  'ring-ref',
  'event-channel',
  'protocol',
  'ring-page-order',
  'multi-queue-num-queues',
  'backend',
);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ requests: fc.array(fc.oneof(request, more), { minLength: 1, maxLength: 8 }) }),
  },
  fc.record({ ringAt: fc.constantFrom(0, 4, 8, 12, 64, 72, 88, 176), word }),
  fc.record({ key, text }),
  fc.record({
    reference: fc.integer({ min: 8, max: 20 }),
    page: fc.integer({ min: 0, max: 70 }),
    flags: word,
    domid: word,
  }),
  fc.record({ notify: fc.constant(true) }),
  // Segments of an indirect request, which may lie in the ring or name their own page.
  fc.record({
    page: fc.integer({ min: 15, max: 24 }),
    segments: fc.array(
      fc.record({
        reference,
        first: fc.integer({ min: 0, max: 9 }),
        last: fc.integer({ min: 0, max: 9 }),
      }),
      { maxLength: 20 },
    ),
  }),
  fc.record({ connect: fc.constant(true) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(frontend: BlockFrontend, what: Step): void {
  if ('requests' in what) frontend.send(...what.requests);
  else if ('segments' in what) frontend.fillIndirect(what.page, what.segments);
  else if ('ringAt' in what) frontend.ring.write32(what.ringAt, what.word);
  else if ('key' in what) frontend.publish(what.key, what.text.replaceAll('\0', ''));
  else if ('flags' in what)
    frontend.grant(what.reference, what.page, what.flags & 0xffff, what.domid & 0xffff);
  else if ('notify' in what) {
    frontend.notify();
    frontend.settle();
  } else {
    frontend.connect();
    frontend.settle();
  }
}

test.each([
  { persistent: false, order: 0, protocol: 'arm-abi' },
  { persistent: true, order: 0, protocol: 'x86_32-abi' },
  { persistent: true, order: 2, protocol: 'arm-abi' },
])('nothing that a frontend does disturbs the backend: %o', (options) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const frontend = blockFrontend({ sectors: SECTORS, ...options }).connect();
      const before = new Map(blockFrontend({ sectors: SECTORS }).xen.machine.references);
      for (const what of steps) {
        const served = frontend.backend.view().rings[0]?.responseProducer;
        const reference = frontend.backend.view().rings[0]?.references[0];
        perform(frontend, what);
        const { state, rings } = frontend.backend.view();
        const [ring] = rings;
        expect(['InitWait', 'Connected', 'Closing', 'Closed']).toContain(state);
        expect(ring !== undefined).toBe(state === 'Connected');
        if (
          ring &&
          served !== undefined &&
          ring.references[0] === reference &&
          !('connect' in what) &&
          !('key' in what)
        ) {
          expect((ring.responseProducer - served) >>> 0).toBeLessThanOrEqual(ring.size);
          expect(ring.requestConsumer).toBe(ring.responseProducer);
        }
      }
      frontend.publish('state', '6');
      expect(frontend.state()).toBe('6');
      expect(frontend.isUsed()).toBe(false);
      expect(frontend.xen.machine.references).toEqual(before);
    }),
    { numRuns: 150 },
  );
});

test('what another domain granted cannot be reached through the backend', () => {
  const frontend = blockFrontend({ sectors: SECTORS }).connect();
  // Gfns that are not the guest's, whatever lies there in the machine.
  for (const page of [-0x40000, 5000, 0xffff]) {
    frontend.grant(50, page);
    expect(frontend.send({ operation: READ, segments: [segment(50)] })).toEqual([-1]);
  }
});

test('the ring page itself as the place of data is the frontend’s own loss', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 512, maxLength: 512 }), (bytes) => {
      const frontend = blockFrontend({ sectors: SECTORS }).connect();
      frontend.guest.page(16).write(0, bytes);
      frontend.send({ operation: 1, segments: [segment(16, 1)] });
      frontend.grant(17, RING_PAGE);
      frontend.send(
        { operation: READ, segments: [segment(17, 1)] },
        { operation: READ, segments: [segment(RING_REFERENCE, 1)] },
      );
      expect(['4', '5']).toContain(frontend.state());
    }),
    { numRuns: 100 },
  );
});
