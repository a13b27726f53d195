// The rings of Debian's kernel, as the debugger recorded them, against second sources: what came out of the console,
// what the xenstore server was asked, and what Linux counted at its disk.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import type { Inspections } from '../../emulator/debug/inspect/catalog.ts';
import { plainText } from '../../emulator/debug/plain-text.ts';
import { createInspector } from '../../emulator/debug/inspect/inspector.ts';
import { XenstoreServer } from '../../emulator/xen/xenstore/server.ts';
import { textOf } from '../../emulator/xen/xenstore/text.ts';
import { configured, fresh, type TestMachine } from '../emulator/machine/guests.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { folder } from './console.ts';
import { PROMPT } from './debian.ts';

interface Guest {
  readonly kernel: string;
  readonly ramdisk: string;
}

const guest = await external("Debian's arm64 kernel with its block frontend", async (): Promise<Guest> => {
  const { kernelVersion, vmlinuz, busybox, blockModules } = await fetchDebian({ modules: true });
  console.log(`Debian's kernel ${kernelVersion}`);
  const files = { '/xen-blkfront.ko': readFileSync(join(blockModules ?? '', 'xen-blkfront.ko')) };
  return { kernel: vmlinuz, ramdisk: writeInitramfs(join(folder, 'rings.cpio'), { busybox, files }) };
});

afterEach(() => vi.restoreAllMocks());

/** Two vCPUs, two queues. */
const DISK = ['vbd-51712 q0', 'vbd-51712 q1'];

async function booted({ kernel, ramdisk }: Guest, vcpus: number) {
  const cmdline = 'console=hvc0 cryptomgr.notests';
  const disk = ['scratch:4M,raw,xvda,w'];
  const domain = { name: 'debian', kernel, ramdisk, cmdline, memory: 256, vcpus, gicVersion: 3, disk };
  const machine: TestMachine = fresh(await configured({ domains: [domain] }));
  const inspector = createInspector(machine.loaded);
  const until = (text: string): void => {
    const from = machine.console.length;
    const { machine: running } = machine.loaded;
    while (!machine.console.includes(text, from)) {
      const end = running.runSlice(10_000_000);
      if (end.kind === 'idle') running.skipTo(end.deadline);
    }
  };
  until(PROMPT);
  return {
    machine,
    run(line: string): string {
      const from = machine.console.length;
      machine.loaded.consoleInput(1, new TextEncoder().encode(`${line}; echo the\\ end\n`));
      until(`the end\r\n${PROMPT}`);
      const printed = machine.console.slice(from).replaceAll('\r', '');
      return printed.slice(printed.indexOf('\n') + 1, printed.lastIndexOf('the end\n'));
    },
    inspect: <Name extends keyof Inspections>(
      name: Name,
      args: Inspections[Name]['arguments'] = {},
    ): Inspections[Name]['view'] =>
      inspector.inspect(name, args as Record<string, unknown>) as Inspections[Name]['view'],
  };
}

testWith([guest], 'console, xenstore and disk of Linux are recorded as they were', async (files: Guest) => {
  const asked: string[] = [];
  const process = XenstoreServer.prototype.process;
  vi.spyOn(XenstoreServer.prototype, 'process').mockImplementation(function (
    this: XenstoreServer,
    client,
    message,
  ) {
    asked.push(`${message.type} ${message.requestId} ${textOf(message.payload)}`);
    process.call(this, client, message);
  });
  const debian = await booted(files, 2);
  debian.run('dmesg -n 1; insmod /xen-blkfront.ko; sleep 1');

  const field = (fields: readonly { name: string; value: string }[], name: string): string =>
    fields.find((candidate) => candidate.name === name)?.value ?? '';
  const { messages: lines, lost } = debian.inspect('ringHistory', { ring: 'console' });
  const printed = lines
    .filter(({ from }) => from === 'frontend')
    .map(({ fields }) => field(fields, 'text'))
    .join('');
  expect(lost).toBe(0);
  expect(printed.length).toBeGreaterThan(10_000);
  // The prompt is no line yet. Long lines are several messages, so ends of lines are left out.
  const whole = debian.machine.console.slice(0, debian.machine.console.lastIndexOf('\n') + 1);
  expect(printed).toBe(plainText(whole.replaceAll(/[\r\n]+/g, '')));

  const xenstore = debian.inspect('ringHistory', { ring: 'xenstore' });
  const requests = xenstore.messages.filter(({ kind }) => kind === 'request');
  expect(requests.map(({ fields }) => `${field(fields, 'type')} ${field(fields, 'req_id')}`)).toEqual(
    asked.map((line) => line.split(' ').slice(0, 2).join(' ')),
  );
  for (const [order, { fields }] of requests.entries()) {
    const path = field(fields, 'path');
    expect(asked[order]).toContain(path);
  }
  expect(requests.length).toBeGreaterThan(50);
  for (const { counterpart } of requests) expect(counterpart).toBeDefined();

  debian.run(
    'dd if=/bin/busybox of=/dev/xvda bs=64k count=8 conv=fsync 2>/dev/null; echo 3 > /proc/sys/vm/drop_caches',
  );
  debian.run('dd if=/dev/xvda bs=16k skip=40 count=4 2>/dev/null | md5sum');
  // Documentation/block/stat.rst: the third number is sectors read, the seventh sectors written.
  const stat = debian.run('cat /sys/block/xvda/stat').trim().split(/\s+/).map(Number);
  const queues = DISK.map((ring) => debian.inspect('ringHistory', { ring }));
  expect(queues.map((queue) => [queue.lost, queue.forgotten])).toEqual(DISK.map(() => [0, 0]));
  const messages = queues.flatMap((queue) => queue.messages);
  const sectorsOf = (operation: string) => {
    const found = messages.filter(({ kind, fields }) => kind === 'request' && fields[0]?.words === operation);
    // Those with many segments have them in a page of their own, and Linux moves whole pages then.
    const indirect = messages
      .filter(({ fields }) => fields.some(({ name, words }) => name === 'indirect_op' && words === operation))
      .map(({ fields }) => Number(field(fields, 'nr_segments')) * 8);
    const direct = found.flatMap(({ fields }) =>
      fields
        .filter(({ name }) => name.endsWith('.last_sect'))
        .map(({ name, value }) => Number(value) - Number(field(fields, name.replace('last', 'first'))) + 1),
    );
    return [...indirect, ...direct].reduce((sum, count) => sum + count, 0);
  };
  // Numbers of requests differ: one of Linux with more segments than one of the ring has is several there.
  const sectorsRead = sectorsOf('read');
  const sectorsWritten = sectorsOf('write');
  expect([sectorsRead, sectorsWritten]).toEqual([stat[2], stat[6]]);
  expect(sectorsWritten).toBe(8 * 128);
  for (const { kind, counterpart } of messages) if (kind === 'request') expect(counterpart).toBeDefined();

  const { rings } = debian.inspect('rings');
  expect(rings.map(({ name, health }) => [name, health.sentence])).toEqual([
    ['console', 'idle: nothing is under way'],
    ['xenstore', 'idle: nothing is under way'],
    ...DISK.map((name) => [name, 'idle: nothing is under way']),
  ]);
});
