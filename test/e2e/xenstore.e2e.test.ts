// What the guest itself sees of xenstore and of its event channels, against the views of the debugger on the same
// machine: Debian's xenstore-ls reads every node that the guest may read, and Linux counts its interrupts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Inspections } from '../../emulator/debug/inspect/catalog.ts';
import { createInspector } from '../../emulator/debug/inspect/inspector.ts';
import { configured, fresh, type TestMachine } from '../emulator/machine/guests.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian, fetchDebianPackage } from '../tools/fetch-debian.ts';
import { folder } from './console.ts';
import { PROMPT } from './debian.ts';

interface XenstoreGuest {
  readonly kernel: string;
  readonly ramdisk: string;
}

const guest = await external("Debian's arm64 kernel and xenstore-utils", async (): Promise<XenstoreGuest> => {
  const { vmlinuz, busybox, kernelVersion } = await fetchDebian();
  const file = async (name: string, place: string): Promise<Uint8Array> => {
    const { root, version } = await fetchDebianPackage(name, ['./usr/bin', './usr/lib', './lib']);
    console.log(`${name} ${version}`);
    return readFileSync(join(root, place));
  };
  const libraries = 'lib/aarch64-linux-gnu';
  const files = {
    '/bin/xenstore': await file('xenstore-utils', 'usr/bin/xenstore'),
    '/lib/libxenstore.so.4': await file('libxenstore4', `usr/${libraries}/libxenstore.so.4`),
    '/lib/libxentoolcore.so.1': await file('libxentoolcore1', `usr/${libraries}/libxentoolcore.so.1`),
    '/lib/libc.so.6': await file('libc6', `${libraries}/libc.so.6`),
    '/lib/ld-linux-aarch64.so.1': await file('libc6', `${libraries}/ld-linux-aarch64.so.1`),
  };
  console.log(`Debian's kernel ${kernelVersion}`);
  return { kernel: vmlinuz, ramdisk: writeInitramfs(join(folder, 'xenstore.cpio'), { busybox, files }) };
});

/** Debian's kernel at its prompt, with the inspections of it. */
async function booted({ kernel, ramdisk }: XenstoreGuest) {
  const machine: TestMachine = fresh(
    await configured({
      domains: [
        {
          name: 'debian',
          kernel,
          ramdisk,
          cmdline: 'console=hvc0 cryptomgr.notests',
          memory: 256,
          vcpus: 1,
          gicVersion: 3,
        },
      ],
    }),
  );
  const inspector = createInspector(machine.loaded);
  let seen = 0;
  const until = (text: string): string => {
    const from = seen;
    const { machine: running } = machine.loaded;
    while (!machine.console.includes(text, from)) {
      const end = running.runSlice(10_000_000);
      if (end.kind === 'idle') running.skipTo(end.deadline);
    }
    seen = machine.console.length;
    return machine.console.slice(from);
  };
  const type = (text: string): void => machine.loaded.consoleInput(1, new TextEncoder().encode(text));
  until(PROMPT);
  return {
    type,
    /** What was printed since it was asked for last. */
    until,
    /** Every vCPU waits, and for so long. */
    untilIdleFor(nanoseconds: number): void {
      const { machine: running } = machine.loaded;
      for (;;) {
        const end = running.runSlice(10_000_000);
        if (end.kind !== 'idle') continue;
        if (end.deadline - running.clock.nanoseconds() >= nanoseconds) return;
        running.skipTo(end.deadline);
      }
    },
    /** What the line printed, without carriage returns. */
    run(line: string): string {
      type(`${line}; echo the\\ end\n`);
      const printed = until(`the end\r\n${PROMPT}`).replaceAll('\r', '');
      return printed.slice(printed.indexOf('\n') + 1, printed.lastIndexOf('the end\n'));
    },
    inspect: <Name extends keyof Inspections>(
      name: Name,
      args: Inspections[Name]['arguments'] = {},
    ): Inspections[Name]['view'] =>
      inspector.inspect(name, args as Record<string, unknown>) as Inspections[Name]['view'],
  };
}

/** Lines of `xenstore ls -f -p` by path. */
function listed(text: string): Map<string, { value: string; permissions: string }> {
  const nodes = [...text.matchAll(/^(\/\S*) = "(.*)" {3}\((\S+)\)$/gm)];
  return new Map(
    nodes.map(([, path = '', value = '', permissions = '']) => [path, { value, permissions }] as const),
  );
}

testWith([guest], 'xenstore-ls in the guest lists what the view shows', async (files) => {
  const debian = await booted(files);
  debian.run("xenstore write -R data/text 'a <b>markup</b> & \\'; xenstore chmod data/text r1 b0 n0");
  debian.run('xenstore write -R data/deep/er/node 1; xenstore chmod -r data/deep n1 r0');
  const bytes = [...'a\u0001\u00ffb'].map((character) => character.charCodeAt(0));
  debian.run("xenstore write -R data/bytes $(printf 'a\\001\\377b')");
  const theirs = listed(debian.run('xenstore ls -f -p /local/domain/1'));
  const raw = debian.run('xenstore read -R data/bytes | od -An -tx1').trim();
  expect(
    raw
      .split(' ')
      .slice(0, 4)
      .map((digits) => Number.parseInt(digits, 16)),
  ).toEqual(bytes);

  const [top, ...nodes] = debian.inspect('xenstore', { path: '/local/domain/1' }).nodes;
  expect(top?.path).toBe('/local/domain/1');
  expect(nodes.map(({ path }) => path)).toEqual([...theirs.keys()]);
  let compared = 0;
  for (const { path, value, binary, permissions } of nodes) {
    expect(permissions).toBe(theirs.get(path)?.permissions);
    if (binary) {
      expect(path).toBe('/local/domain/1/data/bytes');
      expect(value).toBe('a\\x01\\xffb');
    } else {
      // xenstore-ls writes a backslash twice.
      expect(value).toBe(theirs.get(path)?.value.replaceAll('\\\\', '\\'));
    }
    compared++;
  }
  console.log(`${compared} nodes compared`);
  expect(compared).toBeGreaterThan(40);
  const { changes } = debian.inspect('xenstoreHistory', { path: '/local/domain/1/data/text' });
  expect(changes.map(({ words }) => words)).toEqual(['permissions set by d1', 'written by d1']);
});

testWith([guest], 'Linux counts the events of each port as the view does', async (files) => {
  const debian = await booted(files);
  debian.type('sleep 2; cat /proc/interrupts > /tmp/i; cat /tmp/i; echo the\\ end\n');
  // While it sleeps nothing is said on the console: what is counted now is what the file will show.
  debian.untilIdleFor(500_000_000);
  const { ports, abi } = debian.inspect('eventChannels');
  const printed = debian.until('the end\r\n');
  expect(abi).toBe('fifo');
  const names = { xenbus: 'xenstore', hvc_console: 'console' };
  let compared = 0;
  for (const [linux, use] of Object.entries(names)) {
    const line = new RegExp(`^ *\\d+: +(\\d+) +xen-dyn.* ${linux}\r?$`, 'm').exec(printed);
    const port = ports.find((one) => one.use === use);
    // Events that came while the port was pending are one to the guest.
    expect(port).toMatchObject({ pending: false });
    expect(Number(line?.[1])).toBe((port?.raised ?? NaN) - (port?.coalesced ?? NaN));
    compared++;
  }
  expect(compared).toBe(2);
});
