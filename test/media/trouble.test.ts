// What the bundled guest's command 'trouble' leaves in the hypervisor and in the ring, for whoever shows it.

import { describe, expect, test } from 'vitest';
import { pa } from '../../emulator/base/address.ts';
import type { MachineConfig } from '../../emulator/machine/messages.ts';
import * as layout from '../../emulator/memory/layout.ts';
import type { HypervisorView } from '../../emulator/xen/hypervisor/view.ts';
import {
  configured,
  fresh,
  runUntil,
  runUntilAnswered,
  type TestMachine,
} from '../emulator/machine/guests.ts';

const PROMPT = 'hello> ';
const GUEST = 1;
const DISK_PORT = 3;
const CONSOLE_PORT = 2;
const RING_REFERENCE = 8;
const TIMER = 27;

const GTF_permit_access = 1;
const GTF_readonly = 4;
const GTF_in_use = 8 | 16;

const config = (gicVersion: 2 | 3): Promise<MachineConfig> => {
  const disk = ['scratch:1M,raw,xvda,w'];
  return configured({ domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 64, gicVersion, disk }] });
};

/** Runs the guest to its prompt, and through each of the lines to the next one. */
async function after(gic: 2 | 3, ...lines: string[]): Promise<TestMachine & { view: HypervisorView }> {
  const machine = fresh(await config(gic));
  runUntil(machine, PROMPT);
  for (const line of lines) {
    machine.console = '';
    machine.loaded.consoleInput(GUEST, new TextEncoder().encode(`${line}\n`));
    runUntil(machine, `\n${PROMPT}`);
    runUntilAnswered(machine);
  }
  const { view } = machine.loaded;
  if (!view) throw new Error('there is no hypervisor');
  return Object.assign(machine, { view });
}

/** Runs it, and skips what is idle, until no timer is set either; returns the last deadline there was. */
function runUntilIdle({ loaded: { machine } }: TestMachine): number {
  for (let slices = 0; slices < 1000; slices++) {
    const end = machine.runSlice(Number.MAX_SAFE_INTEGER);
    if (end.kind !== 'idle') continue;
    if (!Number.isFinite(end.deadline)) return end.deadline;
    machine.skipTo(end.deadline);
  }
  return 0;
}

const port = (view: HypervisorView, number: number) =>
  view.eventChannels(GUEST)?.ports.find((row) => row.port === number);
const grant = (view: HypervisorView, reference: number) =>
  view.grantTable(GUEST)?.grants.find((row) => row.reference === reference);

/** The ring as both ends see it, and what the backend keeps for itself. */
function ringOf({ loaded, view }: Awaited<ReturnType<typeof after>>) {
  const ring = view.daemons?.devices()[0]?.rings[0];
  if (!ring) throw new Error('no disk is connected');
  const word = (offset: number): number =>
    loaded.machine.memory.read32(pa((ring.mfns[0] ?? 0) * 4096 + offset)) >>> 0;
  return {
    requestProducer: word(0),
    requestEvent: word(4),
    responseProducer: word(8),
    responseEvent: word(12),
    requestConsumer: ring.requestConsumer,
    /** operation and nr_segments of a slot, and its id. */
    slot: (index: number) => ({ head: word(64 + index * 112) & 0xffff, id: word(64 + index * 112 + 8) }),
  };
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('a connected disk is a ring at rest: nothing waits, and both ends ask for the next event', async () => {
    const guest = await after(gic);
    expect(ringOf(guest)).toMatchObject({
      requestProducer: 0,
      requestEvent: 1,
      responseProducer: 0,
      responseEvent: 1,
      requestConsumer: 0,
    });
    expect(guest.view.daemons?.devices()).toMatchObject([
      {
        kind: 'vbd',
        domid: GUEST,
        state: 'Connected',
        sectors: 2048,
        rings: [{ references: [RING_REFERENCE], frontendPort: DISK_PORT, size: 32 }],
      },
    ]);
    expect(port(guest.view, DISK_PORT)).toMatchObject({
      state: 'interdomain',
      remoteDomid: 0,
      masked: false,
    });
    expect(grant(guest.view, RING_REFERENCE)?.active).toMatchObject({ domid: 0, writers: 1 });
  });

  test('request: a slot is filled in, and no index says so', async () => {
    const guest = await after(gic, 'trouble request');
    const ring = ringOf(guest);
    expect(ring).toMatchObject({ requestProducer: 0, responseProducer: 0, requestConsumer: 0 });
    // A read of one segment.
    expect(ring.slot(0)).toEqual({ head: 0x0100, id: 0 });
    // Its page is granted, and not used.
    expect(grant(guest.view, 9)).toMatchObject({ flags: GTF_permit_access, domid: 0 });
    expect(grant(guest.view, 9)?.active).toBeUndefined();
  });

  test('notify: a request waits that the backend asked to be told of', async () => {
    const ring = ringOf(await after(gic, 'trouble notify'));
    expect(ring).toMatchObject({
      requestProducer: 1,
      requestEvent: 1,
      responseProducer: 0,
      requestConsumer: 0,
    });
    // The next one is not told either: req_event lies behind already.
    const stuck = ringOf(await after(gic, 'trouble notify', 'disk read 0'));
    expect(stuck).toMatchObject({
      requestProducer: 2,
      requestEvent: 1,
      responseProducer: 0,
      requestConsumer: 0,
    });
  });

  test('grant: an entry that nobody uses', async () => {
    const { view } = await after(gic, 'trouble grant', 'trouble grant');
    for (const reference of [9, 10]) {
      const leaked = grant(view, reference);
      expect(leaked).toMatchObject({ flags: GTF_permit_access | GTF_readonly, domid: 0, kind: 'ram' });
      expect(leaked?.active).toBeUndefined();
    }
  });

  test('revoke: an entry that is invalid and in use', async () => {
    const guest = await after(gic, 'trouble revoke');
    expect(grant(guest.view, RING_REFERENCE)).toMatchObject({ flags: 0, active: { domid: 0, writers: 1 } });
    // The ring goes on.
    const later = await after(gic, 'trouble revoke', 'disk');
    expect(later.console).toContain('64 sectors read back: equal');
  });

  test('mask disk: a response waits behind an event that is pending and masked', async () => {
    const guest = await after(gic, 'trouble mask disk');
    expect(port(guest.view, DISK_PORT)).toMatchObject({ pending: true, masked: true });
    expect(ringOf(guest)).toMatchObject({
      requestProducer: 1,
      requestConsumer: 1,
      responseProducer: 1,
      // Passed, and the frontend has not asked for the next: it has not looked.
      responseEvent: 1,
    });
  });

  test('mask console: its port is pending and masked, and the prompt goes on', async () => {
    const guest = await after(gic, 'trouble mask console', 'echo still there');
    expect(port(guest.view, CONSOLE_PORT)).toMatchObject({ pending: true, masked: true });
    expect(guest.console).toContain('\nstill there\r\n');
  });

  test('timer: its interrupt is pending and disabled', async () => {
    const guest = await after(gic, 'trouble timer');
    const timer = () => guest.view.vgic(GUEST)?.cpus[0]?.interrupts[TIMER];
    // It has fired once more, and nothing else wakes the guest.
    expect(runUntilIdle(guest)).toBe(Infinity);
    expect(timer()).toMatchObject({ enabled: false, queued: true, visible: false });
  });

  test('priority: interrupts are pending in list registers, and not of a priority that gets through', async () => {
    const guest = await after(gic);
    guest.loaded.consoleInput(GUEST, new TextEncoder().encode('trouble priority\n'));
    runUntil(guest, 'for ever\r\n');
    expect(runUntilIdle(guest)).toBe(Infinity);
    expect(guest.view.vgic(GUEST)?.cpus[0]?.interrupts[TIMER]).toMatchObject({
      enabled: true,
      visible: true,
    });
    // What is typed is one more that waits.
    guest.loaded.consoleInput(GUEST, Uint8Array.of(0x41));
    expect(runUntilIdle(guest)).toBe(Infinity);
    expect(guest.view.eventChannels(GUEST)?.vcpus[0]?.interrupt).toMatchObject({
      enabled: true,
      state: 'pending',
      priority: 0xa0,
      priorityMask: 0x80,
      runningPriority: 0xff,
    });
  });

  test('spin: a loop with interrupts masked', async () => {
    const guest = await after(gic);
    const { machine } = guest.loaded;
    guest.loaded.consoleInput(GUEST, new TextEncoder().encode('trouble spin\n'));
    runUntil(guest, 'for ever\r\n');
    const timer = () => guest.view.vgic(GUEST)?.cpus[0]?.interrupts[TIMER];
    for (let slices = 0; slices < 1000 && !timer()?.visible; slices++)
      machine.runSlice(Number.MAX_SAFE_INTEGER);
    expect(timer()).toMatchObject({
      enabled: true,
      visible: true,
    });
    const PSTATE_I = 1 << 7;
    expect((machine.cpus[0]?.read32(layout.PSTATE_DAIF) ?? 0) & PSTATE_I).toBe(PSTATE_I);
  });

  test('mend: everything is as at first', async () => {
    // With the console masked and the timer disabled, nothing would wake the prompt.
    const troubles = [
      'mask console',
      'mend',
      'request',
      'grant',
      'notify',
      'mask disk',
      'timer',
      'revoke',
      'mend',
    ];
    const guest = await after(gic, ...troubles.map((name) => `trouble ${name}`), 'disk');
    expect(guest.console).toContain('64 sectors read back: equal');
    for (const number of [DISK_PORT, CONSOLE_PORT]) {
      expect(port(guest.view, number)).toMatchObject({ masked: false });
    }
    expect(guest.view.grantTable(GUEST)?.grants.map(({ reference }) => reference)).toEqual([
      0,
      1,
      RING_REFERENCE,
    ]);
    expect(grant(guest.view, RING_REFERENCE)?.flags).toBe(GTF_permit_access | GTF_in_use);
  });
});
