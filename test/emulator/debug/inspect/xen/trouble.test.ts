// Mistakes that the bundled guest makes on purpose, as the views of event channels, grants and xenstore tell them; and a
// record that changes nothing of the run.

import { expect, test } from 'vitest';
import { pa } from '../../../../../emulator/base/address.ts';
import type { Inspections } from '../../../../../emulator/debug/inspect/catalog.ts';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import { stateHash } from '../../../../../emulator/machine/state-hash.ts';
import { configured, fresh, runUntil, type TestMachine } from '../../../machine/guests.ts';

const PROMPT = 'hello> ';

async function booted({ inspected = true } = {}) {
  const disk = ['scratch:1M,raw,xvda,w'];
  const machine: TestMachine = fresh(
    await configured({
      domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 64, gicVersion: 3, disk }],
    }),
  );
  const inspector = inspected ? createInspector(machine.loaded) : undefined;
  runUntil(machine, PROMPT);
  return {
    machine,
    type(line: string): void {
      machine.console = '';
      machine.loaded.consoleInput(1, new TextEncoder().encode(`${line}\n`));
      runUntil(machine, `\n${PROMPT}`);
    },
    inspect: <Name extends keyof Inspections>(
      name: Name,
      args: Inspections[Name]['arguments'] = {},
    ): Inspections[Name]['view'] =>
      inspector?.inspect(name, args as Record<string, unknown>) as Inspections[Name]['view'],
  };
}

test('at rest nothing is found, and every port and grant has its use', async () => {
  const guest = await booted();
  const channels = guest.inspect('eventChannels');
  expect(channels.findings).toEqual([]);
  expect(channels.ports.map(({ use }) => use)).toEqual(['xenstore', 'console', 'vbd xvda']);
  const grants = guest.inspect('grants');
  expect(grants.findings.filter(({ severity }) => severity === 'warning')).toEqual([]);
  expect(grants.grants.map(({ use }) => use).slice(0, 3)).toEqual([
    'console ring',
    'xenstore ring',
    'ring of vbd xvda',
  ]);
  const [device] = guest.inspect('domains').domains[1]?.devices.filter(({ kind }) => kind === 'vbd') ?? [];
  expect(device).toMatchObject({ name: 'vbd xvda', connected: true, sentence: 'connected' });
});

test('a masked port: its event waits, and the view says so', async () => {
  const guest = await booted();
  guest.type('trouble mask disk');
  guest.type('help');
  const view = guest.inspect('eventChannels');
  expect(view.findings.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(
      /^Port 3 \(vbd xvda\) is pending and masked for [\d.]+ .s: the guest does not hear of it until the port is unmasked\.$/,
    ),
  ]);
  expect(view.ports[2]?.sender?.words).toBe('d0 through its port 3');
  // The request came from the guest, by the hypercall of its notify().
  const far = guest.inspect('eventChannels', { domain: 0 }).ports.find(({ port }) => port === 3);
  expect(far?.sender).toMatchObject({
    domain: 1,
    vcpu: 0,
    port: 3,
    pc: expect.stringMatching(/^0xffffff80/),
  });
  guest.type('trouble mend');
  expect(guest.inspect('eventChannels').findings).toEqual([]);
});

test('a leaked grant: granted, and never used', async () => {
  const guest = await booted();
  guest.type('trouble grant');
  const reference = Number(/reference (\d+)/.exec(guest.machine.console)?.[1]);
  // Its interrupts are when the record looks at the table.
  const { machine } = guest.machine.loaded;
  for (const milliseconds of [20, 200]) {
    machine.skipTo(machine.clock.nanoseconds() + milliseconds * 1_000_000);
    guest.type('help');
  }
  expect(guest.inspect('grants').findings.map(({ sentence }) => sentence)).toContainEqual(
    expect.stringMatching(
      new RegExp(`^d1 has granted reference ${reference} to d0 for \\d+ ms, which never used it\\.$`),
    ),
  );
  guest.type('trouble mend');
  expect(guest.inspect('grants').grants.map((grant) => grant.reference)).not.toContain(reference);
});

test('a grant that is revoked while it is mapped', async () => {
  const guest = await booted();
  guest.type('trouble revoke');
  expect(guest.inspect('grants').findings[0]).toMatchObject({
    severity: 'warning',
    kind: 'ended-while-mapped',
    sentence: expect.stringContaining(
      'took back grant 8 (ring of vbd xvda), but d0 still has its page mapped',
    ),
  });
  guest.type('trouble mend');
  expect(guest.inspect('grants').findings.filter(({ severity }) => severity === 'warning')).toEqual([]);
});

test("the entries of the view are those in the guest's memory", async () => {
  const guest = await booted();
  guest.type('trouble grant');
  const { frames, grants, total } = guest.inspect('grants');
  const { memory } = guest.machine.loaded.machine;
  const found = frames.flatMap(({ pa: place }) => {
    const bytes = memory.bytes(pa(Number(place)), 4096);
    const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: 512 }, (_, reference) => ({
      reference,
      flags: table.getUint16(reference * 8, true),
      domain: table.getUint16(reference * 8 + 2, true),
      gfn: table.getUint32(reference * 8 + 4, true),
    })).filter(({ flags }) => (flags & 3) !== 0);
  });
  expect(
    grants.map(({ reference, flags, to, gfn }) => ({
      reference,
      flags: Number(flags),
      domain: to.domain,
      gfn: Number(gfn),
    })),
  ).toEqual(found);
  expect(total).toBe(found.length);
  for (const { ipa, pa: place } of grants) {
    expect(guest.machine.loaded.paOfIpa(1, Number(ipa))).toBe(Number(place));
  }
});

test('a machine that is recorded and looked at runs as one that is not', async () => {
  const watched = await booted();
  const alone = await booted({ inspected: false });
  for (const line of ['trouble grant', 'trouble mask disk', 'trouble mend', 'help']) {
    watched.type(line);
    for (const name of ['domains', 'eventChannels', 'grants', 'xenstore', 'xenstoreHistory'] as const) {
      watched.inspect(name);
    }
    alone.type(line);
  }
  expect(stateHash(watched.machine.loaded)).toBe(stateHash(alone.machine.loaded));
});
