// The rings of the bundled guest on the real machine: what the record saw against what the guest printed, and
// against what the xenstore server was asked; the disk's ring against what the guest did with its disk; and the
// mistakes that it makes on purpose.

import { afterEach, expect, test, vi } from 'vitest';
import { createInspector } from '../../../../emulator/debug/inspect/inspector.ts';
import type { RingHistoryView } from '../../../../emulator/debug/inspect/ring-history.ts';
import type { RingSlotsView } from '../../../../emulator/debug/inspect/ring-slots.ts';
import type { RingsView, RingView } from '../../../../emulator/debug/inspect/rings.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import type { MachineInspector } from '../../../../emulator/machine/server.ts';
import { XS } from '../../../../emulator/xen/abi/xs-wire.ts';
import { Connection } from '../../../../emulator/xen/xenstore/connection.ts';
import { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { textOf } from '../../../../emulator/xen/xenstore/text.ts';
import { configured, fresh, runUntil, runUntilAnswered, type TestMachine } from '../../machine/guests.ts';

const PROMPT = 'hello> ';
const DISK = 'vbd-51712';

interface Observed {
  readonly guest: TestMachine;
  readonly inspector: Pick<MachineInspector, 'inspect'>;
  /** Everything since the beginning. */
  printed(): string;
  /** Types a line and runs to the next prompt; returns what came in between. */
  type(line: string): string;
}

interface Options {
  readonly gicVersion?: 2 | 3;
  readonly isRecorded?: boolean;
}

/** Recorded from the beginning, up to its prompt. */
async function started({ gicVersion = 3, isRecorded = true }: Options = {}): Promise<Observed> {
  const disk = ['scratch:1M,raw,xvda,w'];
  const domain = { name: 'hello', kernel: 'hello-xen.elf', memory: 16, gicVersion, disk };
  const guest = fresh(await configured({ domains: [domain] }));
  const inspector = isRecorded ? createInspector(guest.loaded) : { inspect: () => undefined };
  let earlier = '';
  runUntil(guest, PROMPT);
  return {
    guest,
    inspector,
    printed: () => earlier + guest.console,
    type(line) {
      earlier += guest.console;
      guest.console = '';
      guest.loaded.consoleInput(1, new TextEncoder().encode(`${line}\n`));
      runUntil(guest, PROMPT);
      runUntilAnswered(guest);
      return guest.console.replaceAll('\r', '');
    },
  };
}

afterEach(() => vi.restoreAllMocks());

const history = ({ inspector }: Observed, ring: string): RingHistoryView =>
  inspector.inspect('ringHistory', { ring }) as RingHistoryView;

function ringOf({ inspector }: Observed, name: string): RingView {
  const { rings } = inspector.inspect('rings', {}) as RingsView;
  const found = rings.find((ring) => ring.name === name);
  if (!found) throw new Error(`no ring ${name}`);
  return found;
}

const field = (message: RingHistoryView['messages'][number], name: string): string | undefined =>
  message.fields.find((candidate) => candidate.name === name)?.value;

test('the history of the console is what the guest printed, and what was typed', async () => {
  const observed = await started();
  observed.type('help');
  observed.type('echo some words');
  const { messages, lost } = history(observed, 'console');
  const printed = messages
    .filter(({ from }) => from === 'frontend')
    .map((message) => field(message, 'text') ?? '');
  // The prompt is no line yet.
  expect([...printed, PROMPT]).toEqual(observed.printed().split('\r\n'));
  const input = messages.filter(({ from }) => from === 'backend').map(({ summary }) => summary);
  expect(input).toEqual(['help', 'echo some words']);
  expect(lost).toBe(0);
});

test('the history of xenstore is what its server was asked and what it answered', async () => {
  const log: string[] = [];
  const name = (type: number) => Object.entries(XS).find(([, value]) => value === type)?.[0];
  const told = (type: number, payload: Uint8Array) =>
    `${name(type)} ${textOf(payload).replace(/\0$/, '').replaceAll('\0', ' ')}`;
  const process = XenstoreServer.prototype.process;
  vi.spyOn(XenstoreServer.prototype, 'process').mockImplementation(function (
    this: XenstoreServer,
    client,
    message,
  ) {
    log.push(`-> ${told(message.type, message.payload)}`.trim());
    process.call(this, client, message);
  });
  const reply = Connection.prototype.reply;
  vi.spyOn(Connection.prototype, 'reply').mockImplementation(function (this: Connection, message) {
    log.push(`<- ${told(message.type, message.payload)}`.trim());
    reply.call(this, message);
  });
  const observed = await started();
  observed.type('xs memory');
  observed.type('xs no/such/node');
  const { messages } = history(observed, 'xenstore');
  expect(
    messages
      .filter(({ kind }) => kind !== 'event')
      .map(({ kind, summary }) => `${kind === 'request' ? '->' : '<-'} ${summary}`),
  ).toEqual(log);
  expect(log.length).toBeGreaterThan(30);
  expect(log).toContain('<- ERROR ENOENT');
  for (const { kind, counterpart } of messages) if (kind !== 'event') expect(counterpart).toBeDefined();
});

test.each([2, 3] as const)(
  'on GICv%d the ring of the disk holds what the guest did with its disk',
  async (gicVersion) => {
    const observed = await started({ gicVersion });
    expect(ringOf(observed, DISK)).toMatchObject({
      protocol: 'block',
      frontend: { domain: 1, domainName: 'hello', port: 3, state: 'Connected' },
      backend: { domain: 0, domainName: 'Domain-0', isEmbedded: true, state: 'Connected' },
      pages: [{ reference: 8 }],
      health: { kind: 'idle' },
    });
    const printed = observed.type('disk');
    const [, count, start, requests] =
      /(\d+) sectors written from (\d+), in (\d+) requests/.exec(printed)?.map(Number) ?? [];
    if (count === undefined || start === undefined || requests === undefined) throw new Error(printed);
    expect(observed.type('disk write 5 some words')).toContain('sector 5: written');
    expect(observed.type('disk read 2048')).toContain('sector 2048: error -1');

    const { messages, lost } = history(observed, DISK);
    const asked = messages.filter(({ kind }) => kind === 'request');
    const each = count / requests;
    const sectors = Array.from(
      { length: requests },
      (_, i) => `sectors ${start + i * each}..${start + (i + 1) * each - 1}`,
    );
    expect(asked.map(({ summary }) => summary)).toEqual([
      ...sectors.map((range) => `write ${range}`),
      ...sectors.map((range) => `read ${range}`),
      'write sector 5',
      'read sector 2048',
    ]);
    const answers = messages.filter(({ kind }) => kind === 'response');
    expect(answers.map(({ summary }) => summary)).toEqual([
      ...sectors.map(() => 'write: okay'),
      ...sectors.map(() => 'read: okay'),
      'write: okay',
      'read: error',
    ]);
    for (const [order, answer] of answers.entries()) {
      expect(answer.counterpart).toBe(asked[order]?.number);
      expect(field(answer, 'id')).toBe(field(asked[order] ?? answer, 'id'));
    }
    expect(lost).toBe(0);
    expect(
      ringOf(observed, DISK).indices.map(({ name, value, certainty }) => [name, value, certainty]),
    ).toEqual([
      ['req_prod', 18, 'shared'],
      ['rsp_prod', 18, 'shared'],
      ['req_event', 19, 'shared'],
      ['rsp_event', 19, 'shared'],
      ['req_cons', 18, 'known'],
      ['rsp_cons', 18, 'inferred'],
    ]);
  },
);

test("a frontend that stops in the middle of a request: the panel's sentence and the slot say so", async () => {
  const observed = await started();
  observed.type('disk');
  const printed = observed.type('trouble request');
  const slot = Number(/is in slot (\d+)/.exec(printed)?.[1]);
  expect(slot).toBe(16);
  expect(ringOf(observed, DISK).health).toMatchObject({
    kind: 'suspicious',
    waiting: { side: 'backend', for: 'frontend' },
  });
  expect(ringOf(observed, DISK).health.sentence).toMatch(
    /^a request is filled in beyond req_prod, in slot 16: the frontend has stopped before publishing it/,
  );
  const { slots } = observed.inspector.inspect('ringSlots', { ring: DISK }) as RingSlotsView;
  expect(slots[slot]).toMatchObject({ state: 'unpublished', message: { summary: 'read sector 0' } });
  observed.type('trouble mend');
  expect(ringOf(observed, DISK).health.kind).toBe('idle');
});

test('a lost notification: requests are published, and the backend waits for the frontend', async () => {
  const observed = await started();
  observed.type('disk');
  expect(observed.type('trouble notify')).toContain('the notification that is owed is not sent');
  expect(ringOf(observed, DISK).health).toEqual({
    kind: 'stuck',
    sentence:
      'request 16 is published but the notification that the backend asked for has not been sent: the backend waits for the frontend',
    waiting: { side: 'backend', for: 'frontend' },
  });
  observed.type('trouble notify');
  expect(ringOf(observed, DISK).health.sentence).toMatch(/^requests 16\.\.17 are published but/);
  observed.type('trouble mend');
  expect(ringOf(observed, DISK).health.kind).toBe('idle');
  expect(history(observed, DISK).messages.at(-1)).toMatchObject({ kind: 'response', summary: 'read: okay' });
});

test('a masked event channel keeps an answer from the guest', async () => {
  const observed = await started();
  observed.type('trouble mask disk');
  expect(ringOf(observed, DISK).health).toEqual({
    kind: 'stuck',
    sentence:
      'the backend has answered 1 request that the frontend has not taken: its event channel 3 is pending but masked',
    waiting: { side: 'backend', for: 'frontend' },
  });
});

test('looking changes nothing, and a machine that is recorded runs as one that is not', async () => {
  const observed = await started();
  observed.type('disk');
  const before = stateHash(observed.guest.loaded);
  for (const view of ['rings', 'ringSlots', 'ringHistory']) observed.inspector.inspect(view, {});
  observed.inspector.inspect('ringSlots', { ring: DISK });
  expect(stateHash(observed.guest.loaded)).toBe(before);

  const unrecorded = await started({ isRecorded: false });
  unrecorded.type('disk');
  expect(stateHash(unrecorded.guest.loaded)).toBe(before);
});
