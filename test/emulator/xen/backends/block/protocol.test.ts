// What a block frontend may ask for beyond reads and writes of a ring page: barriers, discards, indirect segments,
// persistent grants, larger rings, more queues, other ABIs, other sectors; and what it gets when it asks for nonsense.

import { expect, test } from 'vitest';
import { UserError } from '../../../../../emulator/base/errors.ts';
import { RawImage } from '../../../../../emulator/formats/disk-image/disk-image.ts';
import { Disk, scratchDisk } from '../../../../../emulator/xen/backends/block/disk.ts';
import { fakeFile } from '../../../formats/disk-image/fake-files.ts';
import {
  BARRIER,
  type BlockFrontend,
  blockFrontend,
  DISCARD,
  FLUSH,
  INDIRECT,
  LARGE_RING,
  READ,
  type Segment,
  segment,
  WRITE,
} from './block-frontend.ts';

const OKAY = 0;
const ERROR = -1;
const EOPNOTSUPP = -2;

const pattern = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + (at >>> 8) * 7 + seed) & 0xff);

function diskBytes({ disk }: BlockFrontend, sector: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * 512);
  disk.read(sector * 512, bytes);
  return bytes;
}

// ---- flush and barrier

test('what was written is in the file after a flush or a barrier, and not before', () => {
  const file = fakeFile('disk.img', new Uint8Array(1 << 20));
  const disk = new Disk({ size: 1 << 20, image: new RawImage(file), writeThrough: file });
  const frontend = blockFrontend({ disk }).connect();
  frontend.guest.page(16).write(0, pattern(4096, 1));
  expect(frontend.send({ operation: WRITE, sector: 8n, segments: [segment(16)] })).toEqual([OKAY]);
  expect(file.writes).toBe(0);
  expect(frontend.send({ operation: FLUSH })).toEqual([OKAY]);
  expect(file.bytes.slice(4096, 8192)).toEqual(pattern(4096, 1));
  // A barrier is a write, and a flush.
  frontend.guest.page(16).write(0, pattern(512, 2));
  expect(frontend.send({ operation: BARRIER, segments: [segment(16, 1)] })).toEqual([OKAY]);
  expect(file.bytes.slice(0, 512)).toEqual(pattern(512, 2));
  expect(frontend.send({ operation: BARRIER })).toEqual([OKAY]);
});

test('a file that cannot be written is an error of the disk, and the next request is served', () => {
  const file = fakeFile('disk.img', new Uint8Array(65536));
  const full = {
    ...file,
    write: () => {
      throw new Error('no space left on device');
    },
  };
  const disk = new Disk({ size: 65536, image: new RawImage(file), writeThrough: full });
  const frontend = blockFrontend({ disk }).connect();
  expect(frontend.send({ operation: WRITE, segments: [segment(16)] }, { operation: FLUSH })).toEqual([
    OKAY,
    ERROR,
  ]);
  expect(frontend.failures.join()).toContain('no space left on device');
  expect(frontend.send({ operation: READ, segments: [segment(16)] })).toEqual([OKAY]);
});

test('an image that is damaged is an error of the disk', () => {
  const image = {
    size: 65536,
    files: [],
    read: () => {
      throw new UserError('the image is damaged', 'Mend it.');
    },
  };
  const frontend = blockFrontend({ disk: new Disk({ size: 65536, image }) }).connect();
  expect(frontend.send({ operation: READ, segments: [segment(16)] })).toEqual([ERROR]);
  expect(frontend.send({ operation: WRITE, segments: [segment(16)] })).toEqual([OKAY]);
});

// ---- discard

test('sectors that are discarded are zeros', () => {
  const frontend = blockFrontend().connect();
  frontend.guest.page(16).write(0, pattern(4096, 3));
  frontend.send({ operation: WRITE, sector: 16n, segments: [segment(16)] });
  expect(frontend.send({ operation: DISCARD, sector: 18n, sectors: 3n })).toEqual([OKAY]);
  const expected = pattern(4096, 3).fill(0, 1024, 2560);
  expect(diskBytes(frontend, 16, 8)).toEqual(expected);
  expect(frontend.send({ operation: DISCARD, sector: 0n, sectors: 2048n })).toEqual([OKAY]);
  expect(diskBytes(frontend, 16, 8)).toEqual(new Uint8Array(4096));
});

test('a discard that is secure, behind the end, or of a disk that is read only does not happen', () => {
  const frontend = blockFrontend({ sectors: 64 }).connect();
  expect(
    frontend.send(
      { operation: DISCARD, sectors: 8n, flag: 1 },
      { operation: DISCARD, sector: 60n, sectors: 8n },
      { operation: DISCARD, sector: 2n ** 64n - 1n, sectors: 8n },
      { operation: DISCARD, sector: 1n, sectors: 2n ** 64n - 1n },
      { operation: DISCARD, sectors: 0n },
    ),
  ).toEqual([EOPNOTSUPP, ERROR, ERROR, ERROR, OKAY]);
  const readOnly = blockFrontend({ readOnly: true }).connect();
  expect(readOnly.send({ operation: DISCARD, sectors: 8n })).toEqual([ERROR]);
});

test("a disk that writes through, or says 'no-discard', does not offer to discard", () => {
  const file = fakeFile('disk.img', new Uint8Array(65536));
  const disk = new Disk({ size: 65536, image: new RawImage(file), writeThrough: file });
  for (const frontend of [
    blockFrontend({ disk }),
    blockFrontend({ text: 'scratch:1M,raw,xvda,w,no-discard' }),
  ]) {
    frontend.connect();
    expect(frontend.toolstack.read(`${frontend.paths.backend}/feature-discard`)).toBeUndefined();
    expect(frontend.send({ operation: DISCARD, sectors: 8n })).toEqual([EOPNOTSUPP]);
  }
});

// ---- indirect segments

test('an indirect request moves up to 256 segments', () => {
  const frontend = blockFrontend().connect();
  const pages = Array.from({ length: 64 }, (_, index) => 32 + index);
  for (const page of pages) frontend.guest.page(page).write(0, pattern(4096, page));
  const segments = pages.map((page) => segment(page));
  frontend.fillIndirect(16, segments);
  const write = { operation: INDIRECT, indirect: WRITE, pages: [16], count: 64, sector: 8n };
  expect(frontend.send(write)).toEqual([OKAY]);
  expect(frontend.responses(0)).toEqual([{ id: 0n, operation: WRITE, status: OKAY }]);
  for (const [index, page] of pages.entries()) {
    expect(diskBytes(frontend, 8 + index * 8, 8)).toEqual(pattern(4096, page));
  }
  // 256 sectors, one for each segment, into two pages: Xen counts 128 users of a grant.
  const many = Array.from(
    { length: 256 },
    (_, at): Segment => ({ reference: 20 + (at >> 7), first: at % 8, last: at % 8 }),
  );
  frontend.fillIndirect(17, many);
  expect(frontend.send({ ...write, indirect: READ, pages: [17], count: 256, sector: 8n })).toEqual([OKAY]);
  // Segments that lie over each other: the last ones stay.
  expect(frontend.guest.page(21).read(0, 4096)).toEqual(diskBytes(frontend, 8 + 248, 8));
});

test('indirect requests that make no sense are answered with an error, and nothing is moved', () => {
  const frontend = blockFrontend({ sectors: 64 }).connect();
  frontend.guest.page(32).write(0, pattern(4096, 1));
  frontend.fillIndirect(16, [segment(32)]);
  frontend.fillIndirect(18, [segment(32), segment(9)]);
  const good = { operation: INDIRECT, indirect: WRITE, pages: [16], count: 1 };
  const before = diskBytes(frontend, 0, 64);
  for (const bad of [
    { ...good, count: 257 },
    { ...good, count: 65535 },
    { ...good, count: 0 },
    { ...good, indirect: FLUSH },
    { ...good, indirect: INDIRECT },
    { ...good, indirect: DISCARD },
    // A page that is not granted, for the segments and in them.
    { ...good, pages: [9] },
    { ...good, pages: [18], count: 2 },
    { ...good, sector: 57n },
    // Segments that nobody wrote: of sectors 0 to 0 of reference 0.
    { ...good, pages: [33], count: 3 },
  ]) {
    expect(
      frontend.send(bad),
      JSON.stringify(bad, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
    ).toEqual([ERROR]);
  }
  expect(diskBytes(frontend, 0, 64)).toEqual(before);
  expect(frontend.send(good)).toEqual([OKAY]);
});

test('a page of segments that names itself is data like any other', () => {
  const frontend = blockFrontend().connect();
  frontend.fillIndirect(16, [segment(16), segment(17)]);
  const request = { operation: INDIRECT, indirect: READ, pages: [16], count: 2, sector: 0n };
  // The first segment overwrites the list; the second one is still what the list said.
  frontend.guest.page(20).write(0, pattern(4096, 9));
  frontend.send({ operation: WRITE, sector: 8n, segments: [segment(20)] });
  expect(frontend.send(request)).toEqual([OKAY]);
  expect(frontend.guest.page(16).read(0, 4096)).toEqual(new Uint8Array(4096));
  expect(frontend.guest.page(17).read(0, 4096)).toEqual(pattern(4096, 9));
});

// ---- persistent grants

test('persistent grants stay mapped until the device is closed', () => {
  const frontend = blockFrontend({ persistent: true }).connect();
  const isPinned = (reference: number) => frontend.domain.grantTable.isPinned(reference);
  frontend.send(
    { operation: WRITE, segments: [segment(16)] },
    { operation: READ, segments: [segment(16), segment(17)] },
  );
  expect([16, 17, 18].map(isPinned)).toEqual([true, true, false]);
  expect(frontend.backend.view().rings[0]?.persistentGrants).toBe(2);
  // The frontend takes its entry back, and keeps the page: who has it mapped goes on with it.
  frontend.grant(16, 40, 0);
  frontend.guest.page(16).write32(0, 0x77);
  frontend.send({ operation: WRITE, sector: 5n, segments: [segment(16, 1)] });
  expect(diskBytes(frontend, 5, 1)[0]).toBe(0x77);
  frontend.publish('state', '6');
  expect(frontend.isUsed()).toBe(false);
});

test('a grant that is only read cannot be persistent: it may be written later', () => {
  const frontend = blockFrontend({ persistent: true }).connect();
  frontend.grant(20, 20, 1 | 4);
  expect(frontend.send({ operation: WRITE, segments: [segment(20)] })).toEqual([ERROR]);
  const plain = blockFrontend().connect();
  plain.grant(20, 20, 1 | 4);
  expect(plain.send({ operation: WRITE, segments: [segment(20)] })).toEqual([OKAY]);
});

// ---- rings, queues, ABIs, sectors

test.each([1, 2, 3, 4])('a ring of 2^%i pages is served as one, slots across pages too', (order) => {
  const frontend = blockFrontend({ order }).connect();
  expect(frontend.state()).toBe('4');
  expect(frontend.backend.view().rings[0]).toMatchObject({ size: 32 << order });
  expect(frontend.backend.view().rings[0]?.references).toHaveLength(2 ** order);
  for (let round = 0; round < 3; round++) {
    const requests = Array.from({ length: frontend.size }, (_, index) => ({
      operation: FLUSH,
      id: BigInt(round * 1000 + index),
    }));
    expect(frontend.send(...requests)).toEqual(requests.map(() => OKAY));
    expect(frontend.responses(round * frontend.size).map(({ id }) => id)).toEqual(
      requests.map(({ id }) => id),
    );
  }
  frontend.publish('state', '6');
  expect(frontend.isUsed()).toBe(false);
});

test('a ring with one page that is not granted is none', () => {
  const frontend = blockFrontend({ order: 2 });
  frontend.offer();
  frontend.grant(LARGE_RING + 3, 0, 0);
  frontend.publish('state', '3');
  expect(frontend.error()).toBe(`-22 mapping ring-ref ${LARGE_RING + 3}: general_error`);
  expect(frontend.isUsed()).toBe(false);
});

test('each queue has its ring and its event channel', () => {
  const frontend = blockFrontend();
  const { guest, xen } = frontend;
  frontend.offer();
  frontend.publish('multi-queue-num-queues', '2');
  const rings = [40, 41].map((page) => guest.page(page));
  const ports = rings.map((ring, queue) => {
    ring.write32(4, 1);
    ring.write32(12, 1);
    const port = frontend.allocatePort();
    frontend.publish(`queue-${queue}/ring-ref`, String(40 + queue));
    frontend.publish(`queue-${queue}/event-channel`, String(port));
    return port;
  });
  frontend.publish('state', '3');
  expect(frontend.state()).toBe('4');
  expect(frontend.backend.view().rings).toMatchObject([
    { queue: 0, references: [40], frontendPort: ports[0] },
    { queue: 1, references: [41], frontendPort: ports[1] },
  ]);
  // A flush in the second one.
  rings[1]?.write8(64, FLUSH);
  rings[1]?.write32(0, 1);
  xen.guest('domU').call('EVTCHNOP_send', { port: ports[1] ?? 0 });
  frontend.settle();
  expect(rings.map((ring) => ring.read32(8))).toEqual([0, 1]);
  // The first one runs away, and both are closed.
  rings[0]?.write32(0, 100);
  xen.guest('domU').call('EVTCHNOP_send', { port: ports[0] ?? 0 });
  expect(frontend.state()).toBe('5');
  expect(frontend.isUsed()).toBe(false);
});

test('a queue that is not whole leaves nothing connected', () => {
  const frontend = blockFrontend();
  frontend.offer();
  frontend.publish('multi-queue-num-queues', '2');
  frontend.publish('queue-0/ring-ref', '40');
  frontend.publish('queue-0/event-channel', String(frontend.allocatePort()));
  frontend.publish('state', '3');
  expect(frontend.error()).toBe('-22 reading /local/domain/1/device/vbd/51712/queue-1/event-channel');
  expect(frontend.isUsed()).toBe(false);
  expect(frontend.backend.view().rings).toEqual([]);
});

test.each(['arm-abi', 'x86_64-abi', 'x86_32-abi'])(
  'requests are understood in the layout of %s',
  (protocol) => {
    const frontend = blockFrontend({ protocol }).connect();
    frontend.guest.page(16).write(0, pattern(4096, 5));
    frontend.fillIndirect(20, [segment(18)]);
    expect(
      frontend.send(
        { operation: WRITE, id: 77n, sector: 24n, segments: [segment(16)] },
        { operation: READ, id: 2n ** 63n, sector: 24n, segments: [segment(17, 4), segment(17, 4, 4)] },
        { operation: INDIRECT, indirect: READ, pages: [20], count: 1, sector: 24n },
        { operation: DISCARD, sector: 24n, sectors: 1n },
      ),
    ).toEqual([OKAY, OKAY, OKAY, OKAY]);
    expect(frontend.responses(0).map(({ id }) => id)).toEqual([77n, 2n ** 63n, 2n, 3n]);
    for (const page of [17, 18]) expect(frontend.guest.page(page).read(0, 4096)).toEqual(pattern(4096, 5));
    expect(diskBytes(frontend, 24, 1)).toEqual(new Uint8Array(512));
  },
);

test('a disk with sectors of 4096 bytes takes whole ones only', () => {
  const frontend = blockFrontend({ disk: scratchDisk(1 << 20, 4096) }).connect();
  const { toolstack, paths } = frontend;
  expect(toolstack.read(`${paths.backend}/sector-size`)).toBe('4096');
  expect(toolstack.read(`${paths.backend}/sectors`)).toBe('2048');
  const read = { operation: READ, segments: [segment(16)] };
  expect(
    frontend.send({ ...read, sector: 8n }, { ...read, sector: 4n }, { ...read, segments: [segment(16, 4)] }),
  ).toEqual([OKAY, ERROR, ERROR]);
});

// ---- time

test('answers come after the time that the disk needs, and those of one event together', () => {
  const frontend = blockFrontend().connect();
  const { ring, clock, timers } = frontend;
  const started = clock.time;
  frontend.put({ operation: READ, segments: [segment(16)] });
  frontend.put({ operation: FLUSH });
  frontend.push();
  frontend.notify();
  expect(ring.read32(8)).toBe(0);
  expect(frontend.backend.view().rings[0]).toMatchObject({ requestConsumer: 2, responseProducer: 0 });
  const due = frontend.backend.view().rings[0]?.answersAt ?? 0;
  expect(due).toBeGreaterThan(started + 4096 * 0.5);
  // What is asked meanwhile comes later: the disk does one thing at a time.
  clock.time += 160;
  frontend.put({ operation: FLUSH });
  frontend.push();
  frontend.notify();
  clock.time = timers.deadline - 16;
  timers.expire();
  expect(ring.read32(8)).toBe(0);
  clock.time += 16;
  timers.expire();
  expect(ring.read32(8)).toBe(2);
  expect(timers.deadline).toBeGreaterThan(due);
  frontend.settle();
  expect(ring.read32(8)).toBe(3);
});

test('a frontend that closes with requests under way gets no more answers', () => {
  const frontend = blockFrontend().connect();
  frontend.put({ operation: READ, segments: [segment(16)] });
  frontend.push();
  frontend.notify();
  frontend.publish('state', '5');
  expect(frontend.timers.deadline).toBe(Number.POSITIVE_INFINITY);
  frontend.settle();
  expect(frontend.ring.read32(8)).toBe(0);
  expect(frontend.isUsed()).toBe(false);
});

// ---- drives that are empty, go, or change their size

test('an empty drive waits for a medium', () => {
  const frontend = blockFrontend({ text: ',empty,hdc,r,cdrom' });
  frontend.offer();
  frontend.publish('state', '3');
  expect(frontend.toolstack.read(`${frontend.paths.backend}/state`)).toBe('2');
  expect(frontend.toolstack.read(`${frontend.paths.backend}/device-type`)).toBe('cdrom');
  expect(frontend.isUsed()).toBe(false);
});

test('a CD-ROM drive says that it is one', () => {
  const frontend = blockFrontend({ text: '/a.iso,,hdc,,cdrom' }).connect();
  const { toolstack, paths } = frontend;
  const read = (key: string) => toolstack.read(`${paths.backend}/${key}`);
  expect(['info', 'removable', 'mode', 'device-type', 'discard-enable'].map(read)).toEqual([
    '5',
    '1',
    'r',
    'cdrom',
    '0',
  ]);
  expect(frontend.send({ operation: WRITE, segments: [segment(16)] })).toEqual([ERROR]);
});

test('a disk that grows tells its frontend by another change to Connected', () => {
  const frontend = blockFrontend({ sectors: 2048 }).connect();
  const { backend, toolstack, paths } = frontend;
  const seen: string[] = [];
  toolstack.watch(`${paths.backend}/state`, 'test', () =>
    seen.push(toolstack.read(`${paths.backend}/sectors`) ?? ''),
  );
  expect(frontend.send({ operation: READ, sector: 2048n, segments: [segment(16)] })).toEqual([ERROR]);
  backend.resize(2 << 20);
  expect(seen.at(-1)).toBe('4096');
  expect(frontend.send({ operation: READ, sector: 2048n, segments: [segment(16)] })).toEqual([OKAY]);
  backend.resize(1 << 20);
  expect(frontend.send({ operation: READ, sector: 2048n, segments: [segment(16)] })).toEqual([ERROR]);
});

test('a device that is detached goes when its frontend has let go, and not before', () => {
  const frontend = blockFrontend().connect();
  frontend.backend.detach(false);
  expect(frontend.gone).toBe(false);
  expect(frontend.send({ operation: FLUSH })).toEqual([OKAY]);
  frontend.publish('state', '5');
  expect(frontend.gone).toBe(false);
  frontend.publish('state', '6');
  expect(frontend.gone).toBe(true);
  expect(frontend.isUsed()).toBe(false);
  // It is not heard any more.
  frontend.publish('state', '1');
  frontend.publish('state', '3');
  expect(frontend.isUsed()).toBe(false);
});

test('a device is taken away from a frontend that does not let go, and from one that never was there', () => {
  const frontend = blockFrontend().connect();
  frontend.backend.detach(true);
  expect(frontend.gone).toBe(true);
  expect(frontend.isUsed()).toBe(false);
  const absent = blockFrontend();
  absent.backend.detach(false);
  expect(absent.gone).toBe(true);
});
