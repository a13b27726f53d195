// What a debugger does through the hypervisor, on the bundled guest.

import { expect, test } from 'vitest';
import { InputLog, momentOf, replay } from '../../../emulator/machine/input-log.ts';
import type { Action, MachineConfig } from '../../../emulator/machine/messages.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { configured, fresh, helloGuest, runUntil, type TestMachine } from './guests.ts';

const PROMPT = 'hello> ';

test('a paused domain executes nothing, and goes on where it was', async () => {
  const guest = await booted();
  const before = guest.machine.loaded.machine.engine.instructions;
  guest.act({ kind: 'pause', domain: 1 });
  expect(guest.domain()).toMatchObject({ state: 'paused', vcpus: [{ state: 'paused' }] });
  guest.type('help\n');
  guest.run(50);
  expect(guest.machine.loaded.machine.engine.instructions).toBe(before);
  guest.act({ kind: 'unpause', domain: 1 });
  expect(guest.domain()).toMatchObject({ state: 'running' });
  guest.machine.console = '';
  runUntil(guest.machine, PROMPT);
  expect(guest.machine.console).toContain('poweroff');
});

test('xenstore is written as the toolstack, and the guest sees it', async () => {
  const guest = await booted();
  guest.act({ kind: 'write-xenstore', path: '/local/domain/1/data/note', value: 'grüße' });
  const node = guest.store().node('/local/domain/1/data/note');
  expect(new TextDecoder().decode(node?.value)).toBe('grüße');
  guest.act({ kind: 'remove-xenstore', path: '/local/domain/1/data' });
  expect(guest.store().node('/local/domain/1/data/note')).toBeUndefined();
  expect(guest.store().node('/local/domain/1/data')).toBeUndefined();
});

test('a shutdown is asked for in control/shutdown', async () => {
  const guest = await booted();
  guest.act({ kind: 'shutdown', domain: 1, reason: 'poweroff' });
  const node = guest.store().node('/local/domain/1/control/shutdown');
  expect(new TextDecoder().decode(node?.value)).toBe('poweroff');
});

test('a masked port keeps its event until it is unmasked', async () => {
  const guest = await booted();
  const port = guest.port('console');
  guest.act({ kind: 'mask-event', domain: 1, port, masked: true });
  guest.type('help\n');
  guest.run(20);
  expect(guest.channel(port)).toMatchObject({ pending: true, masked: true });
  guest.act({ kind: 'mask-event', domain: 1, port, masked: false });
  expect(guest.channel(port)).toMatchObject({ pending: true, masked: false });
  guest.run(5);
  expect(guest.channel(port)).toMatchObject({ pending: false, masked: false });
});

test('an event is sent as the peer would send it', async () => {
  const guest = await booted();
  const port = guest.port('console');
  guest.act({ kind: 'mask-event', domain: 1, port, masked: true });
  guest.act({ kind: 'send-event', domain: 1, port });
  expect(guest.channel(port)).toMatchObject({ pending: true });
  // At domain 0's end, the console daemon looks at its ring.
  guest.act({ kind: 'send-event', domain: 0, port: guest.channel(port)?.remotePort ?? 0 });
});

test('a destroyed domain is gone, with its nodes, ports, grants and disks', async () => {
  const disk = ['scratch:1M,raw,xvda,w'];
  const guest = await booted(
    await configured({
      domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 64, gicVersion: 3, disk }],
    }),
  );
  expect(guest.machine.loaded.view?.daemons?.devices()).toMatchObject([{ state: 'Connected' }]);
  guest.act({ kind: 'destroy', domain: 1 });
  expect(guest.machine.loaded.view?.domains().map(({ id }) => id)).toEqual([0]);
  expect(guest.store().node('/local/domain/1')).toBeUndefined();
  expect(guest.store().node('/local/domain/0/backend/console/1')).toBeUndefined();
  expect(guest.store().node('/local/domain/0/backend/vbd/1')).toBeUndefined();
  expect(guest.machine.loaded.view?.daemons?.devices()).toEqual([]);
  expect(guest.machine.loaded.view?.daemons?.rings()).toEqual([]);
  expect(guest.machine.loaded.view?.eventChannels(0)?.ports).toEqual([]);
  expect(guest.ended).toEqual(['destroyed']);
  const before = guest.machine.loaded.machine.engine.instructions;
  guest.run(50);
  expect(guest.machine.loaded.machine.engine.instructions).toBe(before);
  expect(() => guest.act({ kind: 'destroy', domain: 1 })).toThrow('no domain 1');
});

test('what cannot be is refused before anything changes', async () => {
  const guest = await booted();
  const refused: [Action, string][] = [
    [{ kind: 'pause', domain: 0 }, 'embedded toolstack'],
    [{ kind: 'pause', domain: 7 }, 'no domain 7'],
    [{ kind: 'unpause', domain: 1 }, 'not paused'],
    [{ kind: 'destroy', domain: 0 }, 'embedded toolstack'],
    [{ kind: 'shutdown', domain: 1, reason: 'sleep' as 'halt' }, "'sleep'"],
    [{ kind: 'send-event', domain: 1, port: 999 }, 'port 999'],
    [{ kind: 'send-event', domain: 1, port: -1 }, 'port -1'],
    [{ kind: 'send-event', domain: 1, port: 2.5 }, 'port 2.5'],
    [{ kind: 'send-event', domain: 9, port: 1 }, 'no domain 9'],
    [{ kind: 'mask-event', domain: 1, port: 0, masked: true }, 'port 0'],
    [{ kind: 'mask-event', domain: 0, port: 1, masked: true }, 'embedded toolstack'],
    [{ kind: 'write-xenstore', path: 'relative', value: '' }, "'relative'"],
    [{ kind: 'write-xenstore', path: '/a b', value: '' }, "'/a b'"],
    [{ kind: 'write-xenstore', path: '@releaseDomain', value: '' }, '@releaseDomain'],
    [{ kind: 'write-xenstore', path: '/x', value: 'y'.repeat(5000) }, '5003 bytes'],
    [{ kind: 'block-attach', domain: 7, disk: 'scratch:1M,raw,xvda,w' }, 'no domain 7'],
    [{ kind: 'block-attach', domain: 1, disk: 'scratch:1M,raw' }, 'without a vdev'],
    [{ kind: 'block-attach', domain: 1, disk: 'a.vhd,vhd,xvda' }, "format 'vhd'"],
    [{ kind: 'block-attach', domain: 1, disk: 'gone.img,raw,xvda,w' }, 'cannot open files'],
    [{ kind: 'block-detach', domain: 1, device: 'xvda', force: true }, 'no device vbd 51712'],
    [{ kind: 'block-detach', domain: 1, device: 'nvme', force: false }, "'nvme'"],
    [{ kind: 'block-resize', domain: 1, device: 'xvda', size: 4096 }, "no disk 'xvda'"],
    [{ kind: 'remove-xenstore', path: '/' }, 'root'],
    [{ kind: 'remove-xenstore', path: '/nothing' }, "'/nothing'"],
  ];
  guest.machine.loaded.machine.settle();
  const before = stateHash(guest.machine.loaded);
  for (const [action, words] of refused) expect(() => guest.act(action)).toThrow(words);
  expect(stateHash(guest.machine.loaded)).toBe(before);
  expect(guest.log.entries).toHaveLength(0);
});

test('a log with actions is replayed to the same state', async () => {
  const guest = await booted();
  const port = guest.port('console');
  const actions: Action[] = [
    { kind: 'write-xenstore', path: '/local/domain/1/data', value: 'one' },
    { kind: 'mask-event', domain: 1, port, masked: true },
    { kind: 'send-event', domain: 1, port },
    { kind: 'pause', domain: 1 },
    { kind: 'send-event', domain: 0, port: 2 },
    { kind: 'unpause', domain: 1 },
    { kind: 'mask-event', domain: 1, port, masked: false },
    { kind: 'remove-xenstore', path: '/local/domain/1/data' },
    { kind: 'shutdown', domain: 1, reason: 'reboot' },
  ];
  for (const action of actions) {
    guest.act(action);
    guest.type('echo x\n');
    guest.run(3);
    expect(() => guest.act({ kind: 'pause', domain: 5 })).toThrow('no domain 5');
  }
  guest.machine.loaded.machine.settle();
  const again = fresh(await helloGuest(3));
  replay(again.loaded, guest.log.entries, momentOf(guest.machine.loaded));
  expect(stateHash(again.loaded)).toBe(stateHash(guest.machine.loaded));
});

async function booted(config?: MachineConfig) {
  const ended: string[] = [];
  const machine: TestMachine = fresh(config ?? (await helloGuest(3)), (reason) => ended.push(reason));
  const log = new InputLog(machine.loaded);
  runUntil(machine, PROMPT);
  const view = machine.loaded.view!;
  const channel = (port: number) => view.eventChannels(1)?.ports.find((one) => one.port === port);
  return {
    machine,
    log,
    ended,
    act: (action: Action) => log.enter({ kind: 'action', action }),
    type: (text: string) => log.enter({ kind: 'console', domain: 1, bytes: new TextEncoder().encode(text) }),
    run(slices: number) {
      for (let slice = 0; slice < slices; slice++) {
        const end = machine.loaded.machine.runSlice(100_000);
        if (end.kind !== 'idle') continue;
        if (end.deadline === Infinity) return;
        machine.loaded.machine.skipTo(end.deadline);
      }
    },
    domain: () => view.domains().find(({ id }) => id === 1),
    store: () => view.daemons!.xenstore,
    channel,
    port: (use: string) => view.eventChannels(1)?.ports.find((one) => one.use === use)?.port ?? 0,
  };
}
