// The disks of the bundled guest: when files of the host are read and written, disks that come and go while it runs, and
// snapshots over files that change.

import { expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/errors.ts';
import { InputLog, momentOf, replay } from '../../../emulator/machine/input-log.ts';
import type { Action } from '../../../emulator/machine/messages.ts';
import { runToSnapshot, takeSnapshot } from '../../../emulator/machine/snapshot.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { type FakeFiles, fakeFiles } from '../formats/disk-image/fake-files.ts';
import { configured, fresh, runUntil, runUntilAnswered } from './guests.ts';

const PROMPT = 'hello> ';
const SIZE = 1 << 20;
const IMAGE = '/images/root.img';

const image = (): Uint8Array => Uint8Array.from({ length: SIZE }, (_, at) => (at >>> 9) & 0xff);

async function booted(disk: string[], files: FakeFiles) {
  const domain = { name: 'hello', kernel: 'hello-xen.elf', memory: 16, disk };
  const config = await configured({ domains: [domain] });
  const ends: string[] = [];
  const machine = fresh(config, (reason) => ends.push(reason), files);
  const log = new InputLog(machine.loaded);
  runUntil(machine, PROMPT);
  return {
    config,
    machine,
    log,
    ends,
    act: (action: Action) => log.enter({ kind: 'action', action }),
    type(line: string, until = PROMPT) {
      machine.console = '';
      log.enter({ kind: 'console', domain: 1, bytes: new TextEncoder().encode(`${line}\n`) });
      runUntil(machine, until);
      runUntilAnswered(machine);
      return machine.console.replaceAll('\r', '');
    },
    devices: () => machine.loaded.view?.daemons?.devices() ?? [],
    node: (path: string) => {
      const node = machine.loaded.view?.daemons?.xenstore.node(path);
      return node && new TextDecoder().decode(node.value);
    },
  };
}

test('a raw image that is written has what the guest wrote when the guest has powered off', async () => {
  const bytes = image();
  const files = fakeFiles({ [IMAGE]: bytes });
  const guest = await booted([`${IMAGE},raw,xvda,w`], files);
  expect(guest.type('disk')).toContain('64 sectors read back: equal');
  // The guest did not flush.
  expect(bytes).toEqual(image());
  guest.type('poweroff', 'off');
  for (let slices = 0; guest.ends.length === 0 && slices < 100; slices++)
    guest.machine.loaded.machine.runSlice(1e6);
  expect(guest.ends).toEqual(['poweroff']);
  expect(bytes.subarray(0, 1984 * 512)).toEqual(image().subarray(0, 1984 * 512));
  expect(bytes.subarray(1984 * 512)).not.toEqual(image().subarray(1984 * 512));
});

test('a run that is ended in the middle leaves what was written in the file', async () => {
  const bytes = image();
  const guest = await booted([`${IMAGE},raw,xvda,w`], fakeFiles({ [IMAGE]: bytes }));
  guest.type('disk');
  guest.machine.loaded.close?.();
  expect(bytes).not.toEqual(image());
});

test.each([`overlay:${IMAGE},raw,xvda,w`, `${IMAGE},raw,xvda,r`])(
  '%s leaves its file alone',
  async (disk) => {
    const bytes = image();
    const files = fakeFiles({ [IMAGE]: bytes });
    const guest = await booted([disk], files);
    guest.type('disk');
    guest.machine.loaded.close?.();
    expect(bytes).toEqual(image());
    expect(files.opened.map(({ writes, isOpen }) => ({ writes, isOpen }))).toEqual([
      { writes: 0, isOpen: false },
    ]);
  },
);

test('a large image is not read where the guest does not look', async () => {
  const size = 100e9;
  let read = 0;
  const files = fakeFiles({ [IMAGE]: new Uint8Array(512) });
  const large = {
    ...files,
    open: (path: string) => ({
      ...files.open(path, 'read'),
      size: size - (size % 512),
      read: (_offset: number, target: Uint8Array) => {
        read += target.length;
        target.fill(0);
        return target.length;
      },
    }),
  };
  const guest = await booted([`overlay:${IMAGE},raw,xvda,w`], large);
  expect(guest.devices()).toMatchObject([{ sectors: size / 512 }]);
  guest.type('disk read 5');
  expect(read).toBeLessThan(10_000);
});

test('a disk that cannot be had ends the start with its name', async () => {
  const files = fakeFiles({});
  await expect(booted([`${IMAGE},raw,xvda,w`], files)).rejects.toThrow(UserError);
  await expect(booted([`${IMAGE},raw,xvda,w`], files)).rejects.toThrow('no such file');
});

test('disks come and go while the guest runs, and a replay of the log is the same', async () => {
  const make = () => fakeFiles({ [IMAGE]: image() });
  const guest = await booted([], make());
  expect(guest.devices()).toEqual([]);
  const home = '/local/domain/1/device/vbd';
  guest.act({ kind: 'block-attach', domain: 1, disk: `overlay:${IMAGE},raw,xvdb,w` });
  guest.act({ kind: 'block-attach', domain: 1, disk: 'scratch:64K,raw,xvdc,w' });
  expect(guest.devices()).toMatchObject([{ sectors: 2048 }, { sectors: 128 }]);
  expect(() => guest.act({ kind: 'block-attach', domain: 1, disk: 'scratch:1M,raw,xvdc,w' })).toThrow(
    "'xvdc'",
  );
  expect(guest.node(`${home}/51744/backend`)).toBe('/local/domain/0/backend/vbd/1/51744');
  guest.act({ kind: 'block-resize', domain: 1, device: 'xvdc', size: 8192 });
  expect(guest.devices()).toMatchObject([{ sectors: 2048 }, { sectors: 16 }]);
  // No frontend has looked at it: it goes at once.
  guest.act({ kind: 'block-detach', domain: 1, device: 'xvdc', force: false });
  expect(guest.devices()).toMatchObject([{ sectors: 2048 }]);
  expect(guest.node(`${home}/51744`)).toBeUndefined();
  expect(guest.node('/libxl/1/device/vbd/51744')).toBeUndefined();
  expect(guest.node('/local/domain/0/backend/vbd/1/51744')).toBeUndefined();
  guest.type('help');

  guest.machine.loaded.machine.settle();
  const again = fresh(guest.config, () => {}, make());
  replay(again.loaded, guest.log.entries, momentOf(guest.machine.loaded));
  expect(stateHash(again.loaded)).toBe(stateHash(guest.machine.loaded));
});

// ---- snapshots

test('a snapshot over an image is run again, and one over a changed image is refused', async () => {
  const guest = await booted([`overlay:${IMAGE},raw,xvda,w`], fakeFiles({ [IMAGE]: image() }));
  guest.type('disk read 5');
  const snapshot = takeSnapshot(guest.machine.loaded, guest.log);
  const over = (bytes: Uint8Array, stamp = 'version 0') => {
    const files = fakeFiles({ [IMAGE]: bytes });
    const stamped = {
      ...files,
      open: (path: string) => ({ ...files.open(path, 'read'), stamp: () => stamp }),
    };
    return runToSnapshot(fresh(guest.config, () => {}, stamped).loaded, snapshot);
  };
  expect(over(image())).toEqual([]);
  // Changed where the guest did not look: it is there, and told.
  expect(over(image().fill(9, SIZE - 512), 'version 1')).toEqual([IMAGE]);
  const changed = image().fill(0x41, 5 * 512, 6 * 512);
  expect(() => over(changed, 'version 1')).toThrow('this image has changed since');
});

test('a snapshot is not run over an image that its guest has written since', async () => {
  const files = fakeFiles({ [IMAGE]: image() });
  const guest = await booted([`${IMAGE},raw,xvda,w`], files);
  guest.type('disk');
  const snapshot = takeSnapshot(guest.machine.loaded, guest.log);
  guest.machine.loaded.close?.();
  const written = {
    ...files,
    open: (path: string) => ({ ...files.open(path, 'write'), stamp: () => 'later' }),
  };
  const again = fresh(guest.config, () => {}, written).loaded;
  expect(() => runToSnapshot(again, snapshot)).toThrow('is a disk that its guest writes to');
});
