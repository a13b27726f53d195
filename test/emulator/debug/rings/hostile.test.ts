// Whatever a guest writes, into its rings and into xenstore: there is a view, it is JSON, its size is bounded, and
// looking changes nothing.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
} from '../../../../emulator/xen/abi/hvm-params.ts';
import { FakeRings } from './fake-rings.ts';

const index = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);
const word = fc.oneof(
  index,
  fc.constantFrom('', '-1', 'x', '4294967296', '99999999999', '1e9', '0x10', '<b>'),
);

/** Words into a page: at the places of indices, and anywhere. */
const pokes = fc.array(
  fc.tuple(
    fc.oneof(
      fc.constantFrom(0, 4, 8, 12, 64, 68, 128, 132, 2048, 2052, 2056, 2060, 3072, 3076, 3080, 3084),
      fc.integer({ min: 0, max: 1023 }).map((at) => at * 4),
    ),
    index,
  ),
  { maxLength: 20 },
);

const LARGEST_VIEW = 4 << 20;

function look(world: FakeRings): void {
  const before = [...world.pages.values()].map((page) => page.slice());
  const { rings } = world.rings();
  expect(rings.length).toBeLessThanOrEqual(128);
  for (const ring of rings.slice(0, 12)) {
    expect(ring.health.sentence).not.toBe('');
    const slots = world.slots(ring.name);
    expect(JSON.stringify(slots).length).toBeLessThan(LARGEST_VIEW);
    for (const { counts, size } of slots.ring.parts) {
      expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(size);
      for (const { count } of counts) expect(count).toBeGreaterThanOrEqual(0);
    }
    for (const { stretches, size } of slots.streams) {
      expect(stretches.reduce((sum, { length }) => sum + length, 0)).toBe(size);
    }
  }
  expect(world.history().messages.length).toBeLessThanOrEqual(1000);
  expect([...world.pages.values()].map((page) => page.slice())).toEqual(before);
}

test('any words in the pages of any ring, at any moment', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pokes, fc.boolean()), { minLength: 1, maxLength: 6 }), (rounds) => {
      const world = new FakeRings();
      const pages = [
        ...world.device('vbd', '1', { 'ring-ref': '8', 'event-channel': '5' }),
        ...world.device(
          'vif',
          '0',
          { 'tx-ring-ref': '9', 'rx-ring-ref': '10', 'event-channel': '6' },
          [9, 10],
          [6],
        ),
        ...world.device(
          '9pfs',
          '0',
          { 'num-rings': '1', 'ring-ref0': '11', 'event-channel-0': '7' },
          [11],
          [7],
        ),
      ];
      for (const [parameter, port, gfn] of [
        [HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, 0x39],
        [HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, 0x3a],
      ] as const) {
        world.parameters.set(parameter, BigInt(gfn));
        world.parameters.set(port, BigInt(gfn));
        world.bind(gfn, {});
        pages.push(world.addPage(gfn));
      }
      world.record();
      for (const [writes, isFrontend] of rounds) {
        for (const [order, [at, value]] of writes.entries())
          pages[order % pages.length]?.setUint32(at, value, true);
        for (const port of [5, 6, 7, 0x39, 0x3a]) world.tell(isFrontend ? 'frontend' : 'backend', port);
        look(world);
      }
    }),
    { numRuns: 60 },
  );
});

test('any values of the nodes that frontends write', () => {
  const nodes = fc.dictionary(
    fc.constantFrom(
      ...['ring-ref', 'ring-ref0', 'ring-ref1', 'ring-page-order', 'event-channel', 'multi-queue-num-queues'],
      ...[
        'tx-ring-ref',
        'rx-ring-ref',
        'queue-0/ring-ref',
        'queue-1/tx-ring-ref',
        'queue-1/event-channel',
        'num-rings',
      ],
      ...['event-channel-0', 'backend', 'backend-id', 'state', 'port'],
    ),
    word.map(String),
  );
  fc.assert(
    fc.property(nodes, nodes, nodes, nodes, (vbd, vif, files, console) => {
      const world = new FakeRings();
      world.device('vbd', '1', vbd);
      world.device('vif', '\x1b[2J', vif, [9], [6]);
      world.device('9pfs', '0', files, [0], [7]);
      world.device('console', '1', console, [1], [7]);
      world.parameters.set(HVM_PARAM_CONSOLE_PFN, 0xffff_ffff_ffff_ffffn);
      world.parameters.set(HVM_PARAM_CONSOLE_EVTCHN, 0xffff_ffffn);
      world.record();
      for (const port of [5, 6, 7]) world.tell('backend', port);
      look(world);
    }),
    { numRuns: 100 },
  );
});

test('a thousand devices are not looked through', () => {
  const world = new FakeRings();
  for (let device = 0; device < 1000; device++) {
    world.write(`/local/domain/1/device/vbd/${device}`, {
      'ring-ref': '8',
      'multi-queue-num-queues': '1000',
    });
    world.write(`/local/domain/1/device/vbd/${device}/queue-0`, { 'ring-ref': '8' });
  }
  const { rings, isIncomplete } = world.rings();
  expect(rings.length).toBeLessThanOrEqual(128);
  expect(isIncomplete).toBe(true);
});

test('a device that connects and disconnects without end leaves a bounded record', () => {
  const world = new FakeRings();
  const record = world.record();
  for (let device = 0; device < 400; device++) {
    world.nodes.clear();
    world.device('vbd', String(device), { 'ring-ref': '8', 'event-channel': '5' });
    record.xenstoreChanged(`/local/domain/1/device/vbd/${device}/state`);
    world.tell('backend');
  }
  expect(record.histories().length).toBeLessThanOrEqual(256);
});
