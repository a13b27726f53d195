// Rings of requests and responses: what each slot holds, whether somebody should have been told, who waits for whom.

import { expect, test } from 'vitest';
import { blockAnswer, blockRead, blockRing, FakeRings, FRONTEND, SlotRing } from './fake-rings.ts';

const states = (world: FakeRings): string[] => world.slots().slots.map(({ state }) => state);

const counted = (world: FakeRings): Record<string, number> =>
  Object.fromEntries(
    (world.ring().parts[0]?.counts ?? [])
      .filter(({ count }) => count > 0)
      .map(({ state, count }) => [state, count]),
  );

test('a ring that was just connected is idle, and every slot of it free', () => {
  const { world } = blockRing();
  expect(world.ring()).toMatchObject({
    name: 'vbd-51712',
    protocol: 'block',
    domain: FRONTEND,
    frontend: { domain: 1, port: 5, state: 'Connected' },
    backend: { domain: 2, port: 105, state: 'Connected' },
    pages: [{ reference: 8, ipa: '0x108000' }],
    occupancy: '32 of 32 slots free',
    health: { kind: 'idle', sentence: 'idle: nothing is under way' },
  });
  expect(new Set(states(world))).toEqual(new Set(['free']));
});

test('buffers that wait for packets are as it should be; none are not', () => {
  const world = new FakeRings();
  const nodes = { 'tx-ring-ref': '8', 'rx-ring-ref': '9', 'event-channel-tx': '5', 'event-channel-rx': '6' };
  const [, page] = world.device('vif', '0', nodes, [8, 9], [5, 6]);
  const ring = new SlotRing(page as DataView, 8);
  world.record();
  expect(world.ring('vif-0 rx').health).toMatchObject({
    kind: 'busy',
    waiting: { side: 'backend', for: 'frontend' },
  });
  ring.request((slot) => slot.setUint16(0, 1, true));
  ring.request((slot) => slot.setUint16(0, 1, true));
  world.tell('backend', 6);
  expect(world.ring('vif-0 rx').health).toEqual({
    kind: 'idle',
    sentence: 'idle: 2 buffers for what will come',
  });
  expect(world.ring('vif-0 tx').health.kind).toBe('idle');
});

test('a request waits, is taken, is answered, and its slot is free again', () => {
  const { world, ring } = blockRing();
  ring.request(blockRead(7, 64, 2));
  world.tell('backend');
  expect(counted(world)).toEqual({ free: 31, 'request waiting': 1 });
  expect(world.sentence()).toBe(
    'the frontend has published 1 request that the backend has not taken: it was told, and has not taken them',
  );
  expect(world.slots().slots[0]).toMatchObject({
    state: 'request waiting',
    index: 0,
    ipa: '0x108040',
    message: { summary: 'read sectors 64..79' },
  });

  ring.take();
  expect(counted(world)).toEqual({ free: 31, taken: 1 });
  expect(world.ring().health).toEqual({
    kind: 'busy',
    sentence: 'the backend has taken 1 request and not answered: the frontend waits for the backend',
    waiting: { side: 'frontend', for: 'backend' },
  });

  ring.respond(blockAnswer(7));
  world.tell('frontend');
  expect(counted(world)).toEqual({ free: 31, 'response waiting': 1 });
  expect(world.slots().slots[0]).toMatchObject({ message: { summary: 'read: okay' }, age: 0, latency: 10 });

  ring.takeResponses();
  expect(counted(world)).toEqual({ free: 32 });
  expect(world.sentence()).toBe('idle: nothing is under way');
});

test('the state of every slot is right all around the ring, also where the indices wrap at 2^32', () => {
  for (const start of [0, 0xffff_fff0]) {
    const { world, ring } = blockRing(new FakeRings(), start);
    for (let id = 0; id < 12; id++) ring.request(blockRead(id, id));
    ring.take(7);
    // The backend goes on: it asks again once it has taken everything.
    for (let id = 0; id < 4; id++) ring.respond(blockAnswer(id));
    world.backend = { requestConsumer: ring.requestConsumer, responseProducer: ring.responseProducer };
    const expected = Array.from({ length: 32 }, () => 'free');
    for (let index = 0; index < 12; index++) {
      const word = index < 4 ? 'response waiting' : index < 7 ? 'taken' : 'request waiting';
      expected[(start + index) % 32] = word;
    }
    expect(states(world)).toEqual(expected);
    expect(counted(world)).toEqual({ free: 20, 'response waiting': 4, taken: 3, 'request waiting': 5 });
    expect(world.slots().slots[(start + 5) % 32]?.index).toBe((start + 5) >>> 0);
  }
});

test('a notification that was asked for and not sent: the backend waits for the frontend', () => {
  const { world, ring } = blockRing();
  for (let id = 0; id < 17; id++) {
    ring.request(blockRead(id, id));
    world.tell('backend');
    ring.take();
    ring.respond(blockAnswer(id));
    world.tell('frontend');
    ring.takeResponses();
  }
  ring.request(blockRead(17, 0));
  ring.request(blockRead(18, 0));
  expect(world.ring().health).toEqual({
    kind: 'stuck',
    sentence:
      'requests 17..18 are published but the notification that the backend asked for has not been sent: the backend waits for the frontend',
    waiting: { side: 'backend', for: 'frontend' },
  });
  expect(world.ring().notifications).toMatchObject([
    {
      to: 'backend',
      owed: 'yes',
      sentence:
        'yes: the backend asked to be told of request 17, which is there, and no event was raised since',
    },
    { to: 'frontend', owed: 'no', why: 'not asked for' },
  ]);
  world.tell('backend');
  expect(world.ring().notifications[0]).toMatchObject({ owed: 'no', why: 'told' });
});

test('no notification is owed below the event index, as RING_PUSH_REQUESTS_AND_CHECK_NOTIFY has it', () => {
  const { world, ring } = blockRing();
  ring.request(blockRead(0, 0));
  world.tell('backend');
  // The backend does not look yet: req_event stays, so a second request needs no second event.
  ring.request(blockRead(1, 0));
  expect(world.ring().notifications[0]).toMatchObject({ owed: 'no', why: 'told' });
  expect(world.ring().health.kind).toBe('busy');
  // A backend that polls asks for none at all.
  ring.page.setUint32(4, 100, true);
  expect(world.ring().notifications[0]).toMatchObject({ owed: 'no', why: 'not asked for' });
  expect(world.sentence()).toContain('it has not asked to be told of them');
});

test('answers wait behind a masked event channel', () => {
  const { world, ring } = blockRing();
  for (let id = 0; id < 3; id++) ring.request(blockRead(id, id));
  world.tell('backend');
  ring.take();
  for (let id = 0; id < 3; id++) ring.respond(blockAnswer(id));
  world.tell('frontend');
  world.bind(5, { pending: true, masked: true });
  expect(world.ring().health).toEqual({
    kind: 'stuck',
    sentence:
      'the backend has answered 3 requests that the frontend has not taken: its event channel 5 is pending but masked',
    waiting: { side: 'backend', for: 'frontend' },
  });
  world.bind(5, { pending: true });
  expect(world.ring().health).toMatchObject({
    kind: 'busy',
    sentence:
      'the backend has answered 3 requests that the frontend has not taken: its event channel 5 is pending, and it has not looked yet',
  });
});

test('a response that the frontend was not told of: the frontend waits for the backend', () => {
  const { world, ring } = blockRing();
  ring.request(blockRead(0, 0));
  world.tell('backend');
  ring.take();
  ring.respond(blockAnswer(0));
  expect(world.ring().health).toMatchObject({
    kind: 'stuck',
    sentence:
      'response 0 is published but the notification that the frontend asked for has not been sent: the frontend waits for the backend',
    waiting: { side: 'frontend', for: 'backend' },
  });
});

function oneRound({ world, ring }: { world: FakeRings; ring: SlotRing }, id: number): void {
  ring.request(blockRead(id, id));
  world.tell('backend');
  ring.take();
  ring.respond(blockAnswer(id));
  world.tell('frontend');
  ring.takeResponses();
}

test('a request that is filled in and not published is told as a guess, in a fresh slot and in a used one', () => {
  for (const rounds of [0, 5, 32, 45]) {
    const both = blockRing();
    for (let id = 0; id < rounds; id++) oneRound(both, id);
    expect(both.world.sentence()).toBe('idle: nothing is under way');
    both.ring.fill(blockRead(99, 8));
    const slot = rounds % 32;
    expect(both.world.ring().health).toMatchObject({
      kind: 'suspicious',
      waiting: { side: 'backend', for: 'frontend' },
    });
    expect(both.world.sentence()).toMatch(
      new RegExp(`^a request is filled in beyond req_prod, in slot ${slot}: .*a guess`),
    );
    expect(both.world.slots().slots[slot]).toMatchObject({
      state: 'unpublished',
      message: { summary: 'read sectors 8..15' },
    });
    both.ring.publish();
    expect(both.world.slots().slots[slot]?.state).toBe('request waiting');
  }
});

test('of a used slot nothing is guessed when its last content was never seen', () => {
  const { world, ring } = blockRing();
  for (let id = 0; id < 40; id++) {
    ring.request(blockRead(id, id));
    ring.take();
    ring.respond(blockAnswer(id));
    ring.takeResponses();
  }
  world.record();
  ring.fill(blockRead(99, 8));
  expect(world.ring().health.kind).toBe('idle');
});

test('a full ring says so', () => {
  const { world, ring } = blockRing();
  for (let id = 0; id < 32; id++) ring.request(blockRead(id, id));
  world.tell('backend');
  ring.take();
  expect(world.ring().occupancy).toBe('0 of 32 slots free');
  expect(world.sentence()).toContain('the backend has taken 32 requests');
  expect(world.sentence()).toContain('every slot is in use');
});

test("a backend's own index is known, others are inferred and said to be so", () => {
  const { world, ring } = blockRing();
  ring.request(blockRead(0, 0));
  const certainty = (name: string) => world.ring().indices.find((index) => index.name === name);
  expect(certainty('req_cons')).toMatchObject({
    value: 0,
    certainty: 'inferred',
    how: 'req_event - 1: where the backend looked last',
  });
  expect(certainty('rsp_cons')).toMatchObject({ value: 0, certainty: 'inferred' });
  expect(certainty('req_prod')).toMatchObject({
    value: 1,
    place: 1,
    certainty: 'shared',
    writer: 'frontend',
  });
  world.backend = { requestConsumer: 1, responseProducer: 0 };
  expect(certainty('req_cons')).toMatchObject({
    value: 1,
    certainty: 'known',
    how: "the backend's own index",
  });
});

test('responses out of order: a request that was answered already says so, and latencies go by id', () => {
  const { world, ring } = blockRing();
  for (const id of [10, 11, 12]) ring.request(blockRead(id, id));
  world.tell('backend');
  ring.take();
  ring.respond(blockAnswer(12, -1));
  world.tell('frontend');
  const { slots } = world.slots();
  expect(slots[0]).toMatchObject({
    state: 'response waiting',
    message: { summary: 'read: error' },
    latency: 10,
  });
  expect(slots[2]).toMatchObject({ state: 'taken', note: 'answered already, in another slot' });
  expect(slots[1]?.note).toBeUndefined();
  expect(world.history().messages.map(({ number, counterpart }) => [number, counterpart])).toEqual([
    [1, undefined],
    [2, undefined],
    [3, 4],
    [4, 3],
  ]);
  expect(world.ring().recorded).toEqual({ messages: 4, lost: 0, unanswered: 2 });
});

test('what nobody could see is counted as lost', () => {
  const { world, ring } = blockRing();
  for (let id = 0; id < 50; id++) {
    ring.request(blockRead(id, id));
    ring.take();
    ring.respond(blockAnswer(id));
    ring.takeResponses();
  }
  world.tell('backend');
  const { messages, lost, note } = world.history();
  // Every request was answered in its slot; 18 of the responses were overwritten by later requests.
  expect(messages.map(({ kind }) => kind)).toEqual(Array.from({ length: 32 }, () => 'response'));
  expect(lost).toBe(50 + 18);
  expect(note).toBe('68 messages were not seen: overwritten before an event came');
});

test('indices that cannot be are shown with the reason, and nothing is read by them', () => {
  const { world, ring } = blockRing();
  ring.page.setUint32(0, 40, true);
  expect(world.ring().health).toEqual({
    kind: 'impossible',
    sentence:
      'these indices cannot be: req_prod 40 is 40 requests ahead of rsp_prod 0, in a ring of 32 slots',
  });
  expect(new Set(states(world))).toEqual(new Set(['unknown']));
  ring.page.setUint32(0, 0, true);
  ring.page.setUint32(8, 3, true);
  expect(world.sentence()).toBe(
    'these indices cannot be: rsp_prod 3 is ahead of req_prod 0: more responses than requests',
  );
  ring.page.setUint32(8, 0, true);
  world.backend = { requestConsumer: 9, responseProducer: 0 };
  expect(world.sentence()).toContain("the backend's req_cons 9 is not between");
});

test('a ring that is not connected names both states', () => {
  const { world } = blockRing();
  world.write('/local/domain/1/device/vbd/51712', { state: '3' });
  world.write('/local/domain/2/backend/vbd/1/51712', { state: '2' });
  expect(world.ring().health).toEqual({
    kind: 'not connected',
    sentence: 'not connected: the frontend is Initialised, the backend InitWait',
  });
});

test('a thousand messages are kept, and the others are said to be gone', () => {
  const both = blockRing();
  for (let id = 0; id < 1200; id++) oneRound(both, id);
  const { messages, forgotten, note } = both.world.history();
  expect(messages).toHaveLength(1000);
  expect(forgotten).toBe(1400);
  expect(note).toBe('1400 older messages are not shown');
  expect(messages.at(-1)).toMatchObject({ number: 2400, kind: 'response', latency: { nanoseconds: 10 } });
  expect(messages[0]).toMatchObject({ number: 1401, kind: 'request', summary: 'read sectors 700..707' });
});

test('an id that is used again while nobody was told belongs to two requests, each with its answer', () => {
  const { world, ring } = blockRing();
  ring.request(blockRead(1, 0));
  world.tell('backend');
  ring.take();
  // The frontend finds the answer by itself, and asks for something else at once.
  ring.respond(blockAnswer(1));
  ring.takeResponses();
  ring.request(blockRead(1, 8));
  world.tell('backend');
  ring.take();
  ring.respond(blockAnswer(1, -1));
  world.tell('frontend');
  expect(
    world.history().messages.map(({ number, summary, counterpart }) => [number, summary, counterpart]),
  ).toEqual([
    [1, 'read sectors 0..7', 2],
    [2, 'read: okay', 1],
    [3, 'read sectors 8..15', 4],
    [4, 'read: error', 3],
  ]);
});
