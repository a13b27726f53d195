// Stories between a block frontend and the backend in domain 0.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fieldsOf } from '../../../machine/object-fields.ts';
import { blockFrontend, FLUSH, READ, RING_REFERENCE, segment, WRITE } from './block-frontend.ts';

const REQ_PROD = 0;
const REQ_EVENT = 4;
const RSP_PROD = 8;
const RSP_EVENT = 12;

const OKAY = 0;
const ERROR = -1;
const EOPNOTSUPP = -2;

/** What the backend is made of; the domains and xenstore around it save themselves. */
const OWN = /^(BlockBackend|BlockQueue|QueueGrants|XenbusBackend|BackRing|Disk)\./;
const CONFIGURATION = new Set(
  `BlockBackend.features.feature-max-indirect-segments BlockBackend.features.multi-queue-max-queues
  BlockBackend.features.max-ring-page-order BlockBackend.device.cdrom Disk.file Disk.image
  BackRing.slotSize BackRing.size`.split(/\s+/),
);
/** Room for what comes, and what says nothing about how it goes on. */
const ROOM = /^(Disk\.spare|BlockQueue\.(request|answers|timer|parts\.(index|layout))|BlockQueue\.answered$)/;

// ---- xenbus

test('both ends meet in the states of the block protocol', () => {
  const frontend = blockFrontend();
  expect(frontend.state()).toBe('2');
  frontend.offer();
  expect(frontend.state()).toBe('2');
  frontend.publish('state', '3');
  expect(frontend.state()).toBe('4');
  frontend.publish('state', '4');
  expect(frontend.state()).toBe('4');
  frontend.publish('state', '5');
  expect(frontend.state()).toBe('5');
  expect(frontend.isUsed()).toBe(false);
  frontend.publish('state', '6');
  expect(frontend.state()).toBe('6');
});

test('the nodes of a connected disk are those of the real Xen', () => {
  const text = '/guest/disk.img,raw,xvda,w';
  const frontend = blockFrontend({ sectors: 32768, text, persistent: true }).connect();
  const { toolstack } = frontend;
  const ours: string[] = [];
  const walk = (path: string): void => {
    if (path.includes('/vbd')) {
      ours.push(`${path} = "${toolstack.read(path)}"   (${toolstack.getPermissions(path)})`);
    }
    for (const name of toolstack.directory(path === '' ? '/' : path) ?? []) walk(`${path}/${name}`);
  };
  walk('');
  const real = readFileSync(new URL('real-xen-4.17-vbd.txt', import.meta.url), 'utf8');
  const theirs = real
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace('event-channel = "3"', 'event-channel = "1"')
        // Domain 0 had one vCPU there.
        .replace('multi-queue-max-queues = "1"', 'multi-queue-max-queues = "8"'),
    );
  expect(ours.toSorted()).toEqual(theirs.toSorted());
});

test('a frontend that closed may come back, and the disk is what it was', () => {
  const frontend = blockFrontend().connect();
  frontend.guest.page(20).write32(0, 0x1234);
  expect(frontend.send({ operation: WRITE, segments: [segment(20, 1)] })).toEqual([OKAY]);
  frontend.publish('state', '6');
  expect(frontend.state()).toBe('6');
  frontend.publish('state', '1');
  expect(frontend.state()).toBe('2');
  frontend.goOnFrom(0);
  frontend.connect();
  expect(frontend.state()).toBe('4');
  expect(frontend.send({ operation: READ, segments: [segment(21, 1)] })).toEqual([OKAY]);
  expect(frontend.guest.page(21).read32(0)).toBe(0x1234);
});

test('requests that were published before the backend connected are answered when it does', () => {
  const frontend = blockFrontend();
  frontend.offer();
  frontend.put({ operation: READ, segments: [segment(20)] });
  frontend.push();
  frontend.publish('state', '3');
  frontend.settle();
  expect(frontend.responses(0)).toEqual([{ id: 0n, operation: READ, status: OKAY }]);
});

const broken: Record<string, (frontend: ReturnType<typeof blockFrontend>) => void> = {
  '-22 reading /local/domain/1/device/vbd/51712/ring-ref': ({ publish }) => publish('ring-ref', '-1'),
  '-22 reading /local/domain/1/device/vbd/51712/event-channel': ({ publish }) =>
    publish('event-channel', '<b>4</b>'),
  '-22 mapping ring-ref 4000000000: bad_gntref': ({ publish }) => publish('ring-ref', '4000000000'),
  '-22 mapping ring-ref 9: general_error': ({ publish }) => publish('ring-ref', '9'),
  '-22 binding event-channel 77777': ({ publish }) => publish('event-channel', '77777'),
  '-22 binding event-channel 0': ({ publish }) => publish('event-channel', '0'),
  '-38 unknown fe protocol mips-abi': ({ publish }) => publish('protocol', 'mips-abi'),
  '-38 unknown fe protocol constructor': ({ publish }) => publish('protocol', 'constructor'),
  '-22 requested ring page order 5 exceed max:4': ({ publish }) => publish('ring-page-order', '5'),
  '-22 reading /local/domain/1/device/vbd/51712/ring-ref0': ({ publish }) => publish('ring-page-order', '2'),
  '-38 guest requested 9 queues, exceeding the maximum of 8.': ({ publish }) =>
    publish('multi-queue-num-queues', '9'),
  '-38 guest requested 0 queues, exceeding the maximum of 8.': ({ publish }) =>
    publish('multi-queue-num-queues', '0'),
  '-22 reading /local/domain/1/device/vbd/51712/queue-0/event-channel': ({ publish }) =>
    publish('multi-queue-num-queues', '2'),
  '-5 the ring of ring-ref 8 holds more requests than slots': ({ ring }) => ring.write32(REQ_PROD, 33),
};

for (const [message, breakIt] of Object.entries(broken)) {
  test(`a frontend that published nonsense is told so and closed: ${message}`, () => {
    const frontend = blockFrontend();
    frontend.offer();
    breakIt(frontend);
    frontend.publish('state', '3');
    expect(frontend.state()).toBe('5');
    expect(frontend.error()).toBe(message);
    expect(frontend.isUsed()).toBe(false);
    expect(frontend.backend.view().rings).toEqual([]);
  });
}

test('a frontend whose nodes are gone is let go of', () => {
  const frontend = blockFrontend().connect();
  frontend.toolstack.remove(frontend.paths.frontend);
  expect(frontend.state()).toBe('6');
  expect(frontend.isUsed()).toBe(false);
});

// ---- requests

test('what is written is read again, in parts of pages too', () => {
  const frontend = blockFrontend().connect();
  const { guest } = frontend;
  guest.page(16).write(
    0,
    Uint8Array.from({ length: 4096 }, (_, at) => at >> 4),
  );
  guest.page(17).write(512, new Uint8Array(1024).fill(0xee));
  const written = [segment(16), segment(17, 2, 1)];
  expect(frontend.send({ operation: WRITE, sector: 100n, segments: written })).toEqual([OKAY]);
  expect(frontend.send({ operation: READ, sector: 107n, segments: [segment(18, 4, 2)] })).toEqual([OKAY]);
  expect(guest.page(18).read(1024, 512)).toEqual(guest.page(16).read(7 * 512, 512));
  expect(guest.page(18).read(1536, 1024)).toEqual(new Uint8Array(1024).fill(0xee));
  expect(guest.page(18).read(2560, 512)).toEqual(new Uint8Array(512));
  expect(guest.page(18).read(0, 1024)).toEqual(new Uint8Array(1024));
});

test('a flush is a request without data, or with data that is written', () => {
  const frontend = blockFrontend().connect();
  frontend.guest.page(16).write32(0, 77);
  expect(
    frontend.send({ operation: FLUSH }, { operation: FLUSH, sector: 9n, segments: [segment(16, 1)] }),
  ).toEqual([OKAY, OKAY]);
  expect(frontend.send({ operation: READ, sector: 9n, segments: [segment(17, 1)] })).toEqual([OKAY]);
  expect(frontend.guest.page(17).read32(0)).toBe(77);
});

test('a response has the id and the operation of its request', () => {
  const frontend = blockFrontend().connect();
  frontend.send({ operation: FLUSH, id: 0xffff_ffff_ffff_fff0n }, { operation: 200, id: 3n });
  expect(frontend.responses(0)).toEqual([
    { id: 0xffff_ffff_ffff_fff0n, operation: FLUSH, status: OKAY },
    { id: 3n, operation: 200, status: EOPNOTSUPP },
  ]);
});

test('operations that were not announced are not supported', () => {
  const frontend = blockFrontend().connect();
  const operations = [4, 7, 8, 255].map((operation) => ({ operation, segments: [segment(16)] }));
  expect(frontend.send(...operations)).toEqual(operations.map(() => EOPNOTSUPP));
});

test('a bad request is answered with an error, and the next one is served', () => {
  const frontend = blockFrontend({ sectors: 64 }).connect();
  frontend.grant(40, 40, 0);
  frontend.grant(41, 41, 1, 7);
  frontend.grant(42, 42, 1 | 4);
  frontend.grant(43, 5000);
  const good = { operation: READ, segments: [segment(16)] };
  const bad = [
    { ...good, segments: [] },
    { ...good, count: 12 },
    { ...good, count: 255 },
    { ...good, segments: [{ reference: 16, first: 3, last: 2 }] },
    { ...good, segments: [{ reference: 16, first: 0, last: 8 }] },
    { ...good, segments: [{ reference: 16, first: 255, last: 255 }] },
    // Beyond the end, also by a number that would wrap.
    { ...good, sector: 57n },
    { ...good, sector: 0xffff_ffff_ffff_ffffn },
    { ...good, sector: 0x8000_0000_0000_0000n },
    // References that are not in the table, unused, another domain's, read only, and of no page.
    ...[100_000, 0xffff_ffff, 40, 41, 42, 43].map((reference) => ({
      ...good,
      segments: [segment(reference)],
    })),
    // One of several.
    { ...good, segments: [segment(16), segment(40)] },
  ];
  for (const request of bad) {
    expect(
      frontend.send(request, good),
      JSON.stringify(request, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
    ).toEqual([ERROR, OKAY]);
  }
  // What is read only may be written from.
  expect(frontend.send({ operation: WRITE, segments: [segment(42)] })).toEqual([OKAY]);
  expect(frontend.state()).toBe('4');
  for (let page = 16; page < 64; page++) expect(frontend.domain.grantTable.isPinned(page)).toBe(false);
});

test('a disk that is read only says so, and refuses what is written', () => {
  const frontend = blockFrontend({ readOnly: true }).connect();
  const { toolstack, paths } = frontend;
  expect(toolstack.read(`${paths.backend}/info`)).toBe('4');
  expect(toolstack.read(`${paths.backend}/mode`)).toBe('r');
  const segments = [segment(16)];
  const operations = [{ operation: WRITE, segments }, { operation: FLUSH, segments }, { operation: FLUSH }];
  expect(frontend.send(...operations, { operation: READ, segments })).toEqual([ERROR, ERROR, ERROR, OKAY]);
});

// ---- the ring

test('a full ring is served at one event, across the end of the ring and of the numbers', () => {
  const frontend = blockFrontend();
  frontend.goOnFrom(0xffff_fff0);
  frontend.connect();
  const requests = Array.from({ length: 32 }, (_, index) => ({ operation: FLUSH, id: BigInt(1000 + index) }));
  expect(frontend.send(...requests)).toEqual(requests.map(() => OKAY));
  expect(frontend.ring.read32(RSP_PROD)).toBe(16);
  expect(frontend.responses(0xffff_fff0).map(({ id }) => id)).toEqual(requests.map(({ id }) => id));
  expect(frontend.backend.view().rings[0]).toMatchObject({
    requestConsumer: 16,
    responseProducer: 16,
    size: 32,
  });
});

test('the backend asks for the next request, and tells of a response when it was asked to', () => {
  const frontend = blockFrontend().connect();
  const { ring } = frontend;
  frontend.takeEvent();
  expect(ring.read32(REQ_EVENT)).toBe(1);
  frontend.send({ operation: FLUSH });
  expect(ring.read32(REQ_EVENT)).toBe(2);
  expect(frontend.isPending()).toBe(true);
  frontend.takeEvent();

  // rsp_event still is 1: whoever did not ask is not told.
  frontend.send({ operation: FLUSH });
  expect(frontend.isPending()).toBe(false);
  // Asked for the fourth: told when it comes, not before.
  ring.write32(RSP_EVENT, 4);
  frontend.send({ operation: FLUSH });
  expect(frontend.isPending()).toBe(false);
  frontend.send({ operation: FLUSH }, { operation: FLUSH });
  expect(frontend.isPending()).toBe(true);
});

test('a notification without a request changes nothing', () => {
  const frontend = blockFrontend().connect();
  frontend.takeEvent();
  const before = frontend.ring.read(0, 4096);
  frontend.notify();
  expect(frontend.ring.read(0, 4096)).toEqual(before);
  expect(frontend.isPending()).toBe(false);
});

for (const ahead of [33, 1000, 0x8000_0000, 0xffff_ffff]) {
  test(`req_prod ${ahead} ahead of the responses closes the device, and says why`, () => {
    const frontend = blockFrontend().connect();
    frontend.send({ operation: FLUSH });
    frontend.ring.write32(REQ_PROD, 1 + ahead);
    frontend.notify();
    expect(frontend.state()).toBe('5');
    const producer = (1 + ahead) >>> 0;
    expect(frontend.error()).toBe(
      `-22 req_prod is ${producer}, ${ahead} requests ahead of rsp_prod in a ring of 32`,
    );
    expect(frontend.isUsed()).toBe(false);
    // Its port has no other end any more.
    frontend.notify();
    expect(frontend.ring.read32(RSP_PROD)).toBe(1);
  });
}

test('a ring that writes itself does not keep the backend busy', () => {
  const frontend = blockFrontend().connect();
  const { guest } = frontend;
  // The first page of the disk is a ring with its indices further on, to be read into the ring's own page.
  guest.page(16).write32(REQ_PROD, 20);
  expect(frontend.send({ operation: WRITE, segments: [segment(16)] })).toEqual([OKAY]);
  frontend.send({ operation: READ, segments: [segment(RING_REFERENCE)] });
  frontend.settle();
  expect(frontend.state()).toBe('5');
  expect(frontend.error()).toBe('-22 req_prod changed while the requests were served');
});

test('a frontend that takes its grant back while the ring is mapped changes nothing for the backend', () => {
  const frontend = blockFrontend().connect();
  frontend.grant(RING_REFERENCE, 0, 0);
  expect(frontend.send({ operation: FLUSH })).toEqual([OKAY]);
  frontend.publish('state', '6');
  expect(frontend.isUsed()).toBe(false);
});

// ---- what decides how a machine goes on

test('indices, contents and the other end are state', () => {
  const one = blockFrontend().connect();
  const two = blockFrontend().connect();
  const saved = (frontend: typeof one): string => JSON.stringify(frontend.backend.save());
  expect(saved(one)).toBe(saved(two));
  one.send({ operation: FLUSH });
  expect(saved(one)).not.toBe(saved(two));
  two.send({ operation: FLUSH });
  expect(saved(one)).toBe(saved(two));
  one.guest.page(16).write8(0, 1);
  for (const frontend of [one, two]) frontend.send({ operation: WRITE, segments: [segment(16, 1)] });
  expect(saved(one)).not.toBe(saved(two));
});

test('every field of a connected backend is state, or follows from the configuration', () => {
  const frontend = blockFrontend().connect();
  frontend.send({ operation: WRITE, segments: [segment(16, 1)] });
  const text = (): string => JSON.stringify(frontend.backend.save());
  const before = text();
  const forgotten: string[] = [];
  for (const field of fieldsOf(frontend.backend)) {
    const undo = field.change();
    let after: string;
    try {
      after = text();
    } catch {
      after = 'it cannot be written down';
    }
    undo();
    if (after === before) forgotten.push(field.name);
  }
  const ours = forgotten.filter((name) => OWN.test(name) && !ROOM.test(name));
  expect(ours.filter((name) => !CONFIGURATION.has(name))).toEqual([]);
});
