// Whatever a client sends: each packet gets exactly one reply, nothing is a bug of ours, and the session lives.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitPacket } from '../../../debug-adapter/gdb/command.ts';
import { allCommands } from '../../../debug-adapter/gdb/commands/all.ts';
import { framed } from '../../../debug-adapter/gdb/packets.ts';
import { GDB_FEATURES, gdbMachine, GdbTestClient } from '../support/gdb-client.ts';
import { NO_CONFIG, ScriptedMachine } from '../support/scripted-machine.ts';

/** They have no reply. */
const SILENT = new Set(['k', 'R']);

const part = fc.oneof(
  fc.constantFrom('p1.1', 'p1.-1', 'p-1.-1', 'p2.1', '-1', '0', 'p', 'p1.', '1', 'ffffffffffffffff'),
  fc.constantFrom(',', ';', ':', '=', '+', '.', '-', 'c', 's', 'r', 't', 'C05', 'r0,4', 'target.xml', 'read'),
  fc.integer({ min: 0, max: 0xffff_ffff }).map((number) => number.toString(16)),
  fc.string({ maxLength: 6, unit: 'binary-ascii' }),
);
const packet = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...allCommands.map(({ name }) => name)),
      fc.constantFrom('', ':', ';', ','),
      fc.array(part, { maxLength: 6 }),
    )
    .map(([name, separator, parts]) => name + separator + parts.join('')),
  fc.string({ maxLength: 20, unit: 'binary-ascii' }),
);

test('every packet has one reply', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(packet, { maxLength: 12 }), async (packets) => {
      const script = new ScriptedMachine();
      const client = new GdbTestClient(await gdbMachine(script, NO_CONFIG));
      await client.ask(GDB_FEATURES);
      for (const body of packets) {
        if (SILENT.has(splitPacket(body).name)) {
          await client.connection.session.receive(body);
          continue;
        }
        const reply = client.ask(body);
        // Should it run, it is stopped.
        client.interrupt();
        expect(await reply).toEqual(expect.any(String));
      }
      client.interrupt();
      expect(await client.ask('vCont?')).toBe('vCont;c;C;s;S;t;r');
      expect(client.bugs).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('arbitrary bytes on the wire leave the connection as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (noise) => {
      const client = new GdbTestClient(await gdbMachine(new ScriptedMachine(), NO_CONFIG));
      client.connection.receive(noise.filter((byte) => byte !== 0x24));
      expect(await client.ask('vCont?')).toBe('vCont;c;C;s;S;t;r');
    }),
  );
});

test('a client that sends without waiting is cut off, not kept in memory', async () => {
  const client = new GdbTestClient(await gdbMachine(new ScriptedMachine(), NO_CONFIG));
  const run = client.ask('vCont;c');
  for (let i = 0; i < 1000 && !client.isClosed; i++) client.connection.receive(framed('?'));
  expect(client.isClosed).toBe(true);
  client.interrupt();
  await run;
});
