// Stops at what the hypervisor does: with the bundled guest, which uses hypercalls, xenstore, grants, events,
// interrupts and a disk when it boots.

import { scratchSpec } from '../../xen/backends/block/disks.ts';
import { expect, test } from 'vitest';
import { eventCatalog } from '../../../../emulator/debug/events/catalog.ts';
import type { EventBreakpoint, MachineConfig, StopInfo } from '../../../../emulator/machine/messages.ts';
import type { Program } from '../../../../emulator/machine/stop-programs.ts';
import { configured } from '../guests.ts';
import { served } from '../served.ts';

const PROMPT = 'hello> ';
const VIRTUAL_TIMER = 27;
const encoder = new TextEncoder();

type Server = ReturnType<typeof served>;

async function guest(vcpus = 1, disk = false, names = ['hello']): Promise<MachineConfig> {
  const config = await configured({
    domains: names.map((name) => ({
      name,
      kernel: 'hello-xen.elf',
      memory: 16,
      vcpus,
    })),
  });
  const disks = [scratchSpec('xvda', 65_536)];
  return disk
    ? { ...config, domains: config.domains?.map((domain) => ({ ...domain, disks })) ?? [] }
    : config;
}

async function nextStop(server: Server): Promise<StopInfo> {
  const before = server.events('stopped').length;
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > before);
  return server.events('stopped').at(-1) as StopInfo;
}

const stopAt = (server: Server, ...events: readonly Partial<EventBreakpoint>[]) =>
  server.requests.setEventBreakpoints({
    events: events.map((event, i) => ({ id: i + 1, event: '', ...event })),
  });

const field = (name: string, value: number | bigint): Program => ({
  kind: 'binary',
  operator: '==',
  left: { kind: 'event', field: name },
  right: { kind: 'constant', value: BigInt(value) },
});
const text = (name: string, pattern: string): Program => ({ kind: 'event-text', field: name, pattern });

test('a hypercall by name stops with its arguments in words, and with its result', async () => {
  const server = served(await guest());
  await stopAt(server, { event: 'hypercall.event_channel_op.send' });
  const made = await nextStop(server);
  expect(made).toMatchObject({ reason: 'event', breakpointIds: [1], vcpu: { domain: 1, vcpu: 0 } });
  expect(made.event).toMatchObject({
    event: 'hypercall.event_channel_op.send',
    fields: { name: 'event_channel_op', op: 'EVTCHNOP_send', dom: 1n },
  });
  const port = made.event?.fields['port'];
  expect(made.event?.description).toBe(`Hypercall event_channel_op(send port ${port}) by d1v0`);
  // The machine stands behind the HVC.
  const { general } = await server.requests.readRegisters({ vcpu: made.vcpu, groups: ['general'] });
  expect(general?.pc).toBe((made.event?.fields['pc'] as bigint) + 4n);

  await stopAt(server, { event: 'hypercall.event_channel_op.send', stage: 'post' });
  const done = await nextStop(server);
  expect(done.event?.fields).toMatchObject({ ret: 0n, error: '' });
  expect(done.event?.description).toMatch(/^Hypercall event_channel_op\(send port \d+\) by d1v0 returned 0$/);
});

test('both stages, a group, and conditions over the event', async () => {
  const server = served(await guest());
  await stopAt(
    server,
    { event: 'hypercall', stage: 'both', condition: text('op', 'XENMEM_add_*') },
    { event: 'hypercall.xen_version', condition: field('a0', 99) },
  );
  const stop = await nextStop(server);
  expect(stop.breakpointIds).toEqual([1]);
  // Its end comes before the machine can stop.
  expect(stop.event?.fields['ret']).toBe(0n);
  expect(stop.event?.event).toBe('hypercall.memory_op.add_to_physmap');
});

test('xenstore by path: who writes what', async () => {
  const server = served(await guest(1, true));
  await stopAt(server, {
    event: 'xenstore.write',
    domain: 1,
    condition: text('path', '/local/domain/1/device/vbd/*/state'),
  });
  const stop = await nextStop(server);
  expect(stop.event?.fields).toMatchObject({ op: 'write', by: 1n });
  expect(stop.event?.description).toMatch(/^d1 writes \/local\/domain\/1\/device\/vbd\/\d+\/state = "\d"$/);
  await stopAt(server, { event: 'xenstore.read', condition: text('path', '*/name') });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT) || server.events('stopped').length > 1);
  expect(server.events('stopped').at(-1)?.event?.fields['path']).toMatch(/\/name$/);
});

test('an interrupt by INTID: injected, acknowledged, ended', async () => {
  for (const event of ['irq.injected', 'irq', 'irq.ended']) {
    const server = served(await guest());
    await stopAt(server, { event, condition: field('intid', VIRTUAL_TIMER) });
    const stop = await nextStop(server);
    expect(stop).toMatchObject({ reason: 'event', vcpu: { domain: 1, vcpu: 0 } });
    expect(stop.event).toMatchObject({ event, fields: { intid: 27n, dom: 1n, vcpu: 0n } });
    await stopAt(server, { event, condition: field('intid', 200) });
    await server.requests.run({});
    server.turnsUntil(() => server.text(1).includes(PROMPT));
    expect(server.events('stopped')).toHaveLength(1);
  }
});

test('what happens to a guest stops at its events', async () => {
  const seen = new Map<string, string>();
  for (const [event, condition] of [
    ['evtchn.sent', undefined],
    ['evtchn.delivered', undefined],
    ['grant.copy', undefined],
    ['grant.map', undefined],
    ['ring.request', text('ring', 'vbd*')],
    ['ring.response', text('ring', 'vbd*')],
    ['xenstore.watch', undefined],
    ['s2fault.mmio', undefined],
    ['trap.hvc', undefined],
    ['trap.irq', undefined],
    ['sysreg.access', undefined],
    ['vcpu.blocked', undefined],
    ['vcpu.woken', undefined],
    ['vcpu.in', undefined],
    ['vcpu.out', undefined],
    ['el1exception.irq', undefined],
    ['el1exception', undefined],
    ['syscall', undefined],
    ['irq.injected', undefined],
    ['irq.listed', undefined],
    ['virq', undefined],
    ['xenstore.request.directory', undefined],
    ['xenstore.request.read', text('path', '*/ring-page-order')],
    ['ring.block.write', undefined],
    ['ring.xenstore.write', undefined],
    ['timer.program', undefined],
    ['timer.fire.virtual', undefined],
    ['tables', undefined],
    ['tlbi', undefined],
    ['cache', undefined],
    ['grant.revoked', undefined],
    ['console', text('text', '*I am domain*')],
  ] as const) {
    const server = served(await guest(1, true));
    await stopAt(server, { event, ...(condition && { condition }) });
    await server.requests.run({});
    server.turnsUntil(() => server.text(1).includes(PROMPT) || server.events('stopped').length > 0);
    if (event.startsWith('ring')) {
      await server.requests.consoleInput({ domain: 1, bytes: encoder.encode('disk\n') });
      server.turnsUntil(() => server.events('stopped').length > 0);
    }
    const [stop] = server.events('stopped');
    const sentence = stop?.event?.description ?? 'nothing';
    seen.set(event, sentence.replace(/0x[0-9a-f]{5,}/g, '0x...'));
    if (!stop?.event) continue;
    const row = eventCatalog.find(({ name }) => name === stop.event?.event);
    expect(row?.name ?? stop.event.event).toBe(stop.event.event);
    // Every field of the catalogue that it has is of the type that is said there.
    for (const { name, type } of row?.fields ?? []) {
      const value = stop.event.fields[name];
      if (value !== undefined) expect(typeof value === 'bigint' ? 'number' : 'text', name).toBe(type);
    }
    for (const name of Object.keys(stop.event.fields)) {
      if (row) expect(row.fields.map((one) => one.name)).toContain(name);
    }
  }
  expect(Object.fromEntries(seen)).toMatchInlineSnapshot(`
    {
      "cache": "d1v0 executes DC IVAC for 0x...",
      "console": "d1 prints "hello 1:   I am domain 1, 'hello'"",
      "el1exception": "d1v0 takes an exception at 0x...: SVC",
      "el1exception.irq": "d1v0 takes an exception at 0x...: IRQ",
      "evtchn.delivered": "Port 2 of d1 is pending",
      "evtchn.sent": "the toolstack raises the event at port 2 of d1",
      "grant.copy": "d1 copies grant 8 of d1",
      "grant.map": "the toolstack maps grant 8 of d1",
      "grant.revoked": "nothing",
      "irq.injected": "Interrupt 31 (Xen event channel) is injected into d1v0",
      "irq.listed": "d1v0 is shown interrupt 27 (timer (virtual)) in list register 0",
      "ring.block.write": "Request in ring vbd-51712 of d1: write sectors 120..127",
      "ring.request": "Request in ring vbd-51712 of d1: write sectors 120..127",
      "ring.response": "Response in ring vbd-51712 of d1: write: okay",
      "ring.xenstore.write": "Request in ring xenstore of d1: WRITE device/vbd/51712/ring-ref 8",
      "s2fault.mmio": "d1v0 writes guest physical address 0x... of vGICD",
      "syscall": "d1v0 takes an exception at 0x...: SVC",
      "sysreg.access": "d1v0 reads ID_AA64MMFR0_EL1, which the hypervisor traps: 0x...",
      "tables": "d1v0 sets TTBR0_EL1: tables at 0x..., ASID 0",
      "timer.fire.virtual": "The virtual timer of d1v0 fires",
      "timer.program": "The virtual timer of d1v0 is programmed: off",
      "tlbi": "d1v0 executes TLBI VMALLE1",
      "trap.hvc": "Trap of d1v0 to the hypervisor: hvc",
      "trap.irq": "Trap of d1v0 to the hypervisor: irq",
      "vcpu.blocked": "d1v0 waits",
      "vcpu.in": "d1v0 gets a CPU",
      "vcpu.out": "d1v0 leaves its CPU",
      "vcpu.woken": "d1v0 can run",
      "virq": "nothing",
      "xenstore.request.directory": "d1 asks xenstore: DIRECTORY device/vbd",
      "xenstore.request.read": "the toolstack asks xenstore: READ /local/domain/1/device/vbd/51712/ring-page-order: ENOENT",
      "xenstore.watch": "the toolstack is told that /local/domain/1/device/vbd/51712/state changed",
    }
  `);
});

test('shutting down stops once more, with the state there to be looked at', async () => {
  const server = served(await guest());
  await stopAt(server, { event: 'crash' }, { event: 'psci.SYSTEM_OFF' });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT));
  await server.requests.consoleInput({ domain: 1, bytes: encoder.encode('poweroff\n') });
  server.turnsUntil(() => server.events('stopped').length > 0 || server.events('terminated').length > 0);
  expect(server.events('stopped')).toMatchObject([{ reason: 'event' }]);
  await server.requests.run({});
  server.turnsUntil(() => server.events('terminated').length > 0);
  expect(server.events('terminated')).toMatchObject([{ domain: 1, reason: 'poweroff' }]);
});

test('a domain of two: the events of the other one do not stop', async () => {
  const server = served(await guest(1, false, ['one', 'two']));
  await stopAt(server, { event: 'hypercall', domain: 2 });
  for (let i = 0; i < 20; i++) expect((await nextStop(server)).vcpu.domain).toBe(2);
  const before = server.events('stopped').length;
  await stopAt(server, {
    event: 'hypercall',
    log: [{ kind: 'value', program: { kind: 'event', field: 'dom' } }],
  });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT) && server.text(2).includes(PROMPT));
  expect(server.events('stopped')).toHaveLength(before);
  const domains = new Set(server.events('hit').map(({ values }) => values[0]));
  expect([...domains].sort()).toEqual([1n, 2n]);
  expect(server.events('hit')[0]?.event?.description).toMatch(/^Hypercall /);
});

test('listening to everything changes nothing', async () => {
  const config = await guest(2, true);
  const hashes: string[] = [];
  for (const isHeard of [false, true]) {
    const server = served(config);
    if (isHeard) {
      const never: Program = { kind: 'constant', value: 0n };
      await stopAt(
        server,
        ...eventCatalog.map(({ name }) => ({ event: name, stage: 'both' as const, condition: never })),
      );
    }
    await server.requests.run({});
    server.turnsUntil(() => server.text(1).includes(PROMPT));
    await server.requests.pause({});
    server.turnsUntil(() => server.events('stopped').length > 0);
    hashes.push(await server.requests.stateHash({}));
  }
  expect(hashes[1]).toBe(hashes[0]);
});

test('what is no event is refused', async () => {
  const server = served(await guest());
  await expect(async () => stopAt(server, { event: 'hypercall.nothing' })).rejects.toThrow(
    "there is no event 'hypercall.nothing'",
  );
});

test('names and fields of the catalogue are unique, and every group has a row of its own or a category', () => {
  const names = eventCatalog.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { fields, description, stages } of eventCatalog) {
    expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
    expect(description).toMatch(/^[A-Z].*\.$/);
    expect(stages.length).toBeGreaterThan(0);
  }
});
