// Two ends of TCP against each other, over a link that loses, repeats and reorders what it is given.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tcp } from '../../../../emulator/xen/network/headers.ts';
import {
  TcpConnection,
  type TcpSegment,
  type TcpUser,
} from '../../../../emulator/xen/network/tcp-connection.ts';
import { FakeTimers } from './support.ts';

const MILLISECOND = 1e6;

class End implements TcpUser {
  connection: TcpConnection | undefined;
  readonly taken: number[] = [];
  /** In the order in which it was told. */
  readonly told: string[] = [];
  takesAtOnce = true;

  opened(): void {
    this.told.push('opened');
  }
  received(bytes: Uint8Array): void {
    this.taken.push(...bytes);
    if (this.takesAtOnce) this.connection?.took(bytes.length);
  }
  ended(): void {
    this.told.push('ended');
  }
  closed(isOrderly: boolean): void {
    this.told.push(isOrderly ? 'closed' : 'reset');
  }
}

/** `drop` says of each segment, by its number, whether the link loses it. */
function pair(drop: (index: number) => boolean = () => false) {
  const timers = new FakeTimers();
  const client = new End();
  const server = new End();
  const sent: TcpSegment[] = [];
  let index = 0;
  const linkTo = (other: () => TcpConnection) => ({
    timers,
    send: (segment: TcpSegment) => {
      sent.push(segment);
      if (drop(index++)) return;
      const copy: Tcp = { ...segment, payload: segment.payload.slice(), sourcePort: 1, destinationPort: 2 };
      timers.at(timers.now() + MILLISECOND, () => {
        if (other() === serverEnd && !accepted && copy.flags & 2) {
          accepted = true;
          serverEnd.accept(copy, 1460);
        } else other().receive(copy);
      });
    },
  });
  let accepted = false;
  const serverEnd: TcpConnection = new TcpConnection(
    linkTo(() => clientEnd),
    server,
    0xffff_ff00,
    'there',
  );
  const clientEnd: TcpConnection = new TcpConnection(
    linkTo(() => serverEnd),
    client,
    0x7fff_fff0,
    'here',
  );
  client.connection = clientEnd;
  server.connection = serverEnd;
  clientEnd.open(1460);
  const run = (steps = 100_000): void => {
    for (let i = 0; i < steps && timers.next(); i++);
  };
  return { client, server, clientEnd, serverEnd, run, sent, timers };
}

const bytes = (count: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 31 + seed * 7) & 255);

test('data of both directions arrives whole, and both ends hear of the end', () => {
  const { client, server, clientEnd, serverEnd, run } = pair();
  run();
  clientEnd.write(bytes(200_000));
  serverEnd.write(bytes(70_000, 2));
  clientEnd.end();
  serverEnd.end();
  run();
  expect(server.taken).toEqual([...bytes(200_000)]);
  expect(client.taken).toEqual([...bytes(70_000, 2)]);
  expect(clientEnd.state).toBe('closed');
  expect(serverEnd.state).toBe('closed');
  expect(client.told.at(-1)).toBe('closed');
  expect(server.told.at(-1)).toBe('closed');
});

test('one direction may end long before the other', () => {
  const { client, server, clientEnd, serverEnd, run } = pair();
  run();
  clientEnd.end();
  run();
  expect(server.told).toEqual(['opened', 'ended']);
  expect(clientEnd.state).toBe('fin-wait-2');
  serverEnd.write(bytes(5000));
  run();
  expect(client.taken).toEqual([...bytes(5000)]);
  serverEnd.end();
  run();
  expect(client.told.at(-1)).toBe('closed');
  expect(server.told.at(-1)).toBe('closed');
});

test('whatever segments are lost, what was written arrives once and in order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60_000 }),
      fc.uniqueArray(fc.nat(120), { maxLength: 30 }),
      (count, lost) => {
        const drops = new Set(lost);
        const { client, server, clientEnd, serverEnd, run } = pair((index) => drops.has(index));
        clientEnd.write(bytes(count));
        clientEnd.end();
        run();
        serverEnd.write(bytes(count >>> 1, 3));
        serverEnd.end();
        run();
        // Nine losses of one segment in a row end a connection: then what came is a beginning of what was sent.
        const whole = !client.told.includes('reset') && !server.told.includes('reset');
        const expected = bytes(count);
        if (whole) expect(server.taken.length).toBe(count);
        expect(server.taken).toEqual([...expected.subarray(0, server.taken.length)]);
        if (whole) expect(client.taken).toEqual([...bytes(count >>> 1, 3)]);
      },
    ),
    { numRuns: 60, seed: 20 },
  );
});

test('an end that takes nothing is sent no more than its window, and goes on when it has room', () => {
  const { server, clientEnd, serverEnd, run } = pair();
  run();
  server.takesAtOnce = false;
  clientEnd.write(bytes(300_000));
  run(2000);
  expect(server.taken.length).toBe(65_535);
  expect(clientEnd.state).toBe('established');
  for (let done = 0; done < 300_000; ) {
    const count = server.taken.length - done;
    done += count;
    serverEnd.took(count);
    run(500);
  }
  expect(server.taken).toEqual([...bytes(300_000)]);
});

test('an end that never answers is given up, and told so', () => {
  const { client, clientEnd, run } = pair(() => true);
  clientEnd.write(bytes(10));
  run();
  expect(client.told).toEqual(['reset']);
  expect(clientEnd.state).toBe('closed');
});

test('a reset ends both, and only one that fits is believed', () => {
  const { client, server, clientEnd, serverEnd, run } = pair();
  run();
  const forged = {
    sourcePort: 1,
    destinationPort: 2,
    flags: 4,
    window: 0,
    payload: new Uint8Array(0),
    acknowledgement: 0,
  };
  serverEnd.receive({ ...forged, sequence: 0x7fff_fff1 + 5000 });
  expect(server.told).toEqual(['opened']);
  clientEnd.abort();
  run();
  expect(client.told).toEqual(['opened', 'reset']);
  expect(server.told).toEqual(['opened', 'reset']);
});
