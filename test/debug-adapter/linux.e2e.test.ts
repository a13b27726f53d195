// What the debugger knows of Debian's unmodified kernel without any debug file: by the BTF that it carries.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterEach, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { debian, PROMPT } from '../e2e/debian.ts';
import type { Guest } from '../e2e/debian.ts';
import { folder } from '../e2e/console.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { TestSession } from './support/drive.ts';

const withModule = await external("a module of Debian's arm64 kernel", async () => {
  const { blockModules = '', ...files } = await fetchDebian({ modules: true });
  const module = { '/xen-blkfront.ko': readFileSync(join(blockModules, 'xen-blkfront.ko')) };
  const { busybox } = files;
  return { ...files, initramfs: writeInitramfs(join(folder, 'module.cpio'), { busybox, files: module }) };
});

const open: TestSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.raw('disconnect', {});
});

/** A session whose guest has come to its shell and was paused there. */
async function atShell(configuration: Record<string, unknown>): Promise<TestSession> {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen', supportsInvalidatedEvent: true });
  await session.send('launch', configuration as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('configurationDone', {});
  await session.untilOne(() => consoleText(session).includes(PROMPT));
  const { threads } = await session.send('threads', {});
  await session.send('pause', { threadId: threads[0]?.id ?? 1 });
  await session.until('stopped');
  return session;
}

const consoleText = (session: TestSession): string =>
  session.events
    .flatMap(({ event, body }) => (event === 'xen/consoleData' ? [(body as { text: string }).text] : []))
    .join('')
    .replaceAll('\r', '');

const asGuest = ({ vmlinuz, initramfs }: Guest) => ({
  domains: [
    {
      kernel: vmlinuz,
      ramdisk: initramfs,
      cmdline: 'console=hvc0 cryptomgr.notests',
      memory: 256,
      vcpus: 2,
    },
  ],
});
const moved = ({ vmlinuz, initramfs }: Guest) => ({
  bare: {
    kernel: vmlinuz,
    ramdisk: initramfs,
    cmdline: 'console=ttyAMA0 cryptomgr.notests',
    memory: 256,
    kaslrSeed: 12345,
  },
});

/** Lines that printk() made of what a console shows. */
const printkLines = (text: string): string[] =>
  text.split('\n').filter((line) => /^\[ *\d+\.\d{6}\] /.test(line));

async function command(session: TestSession, expression: string): Promise<string> {
  return (await session.send('evaluate', { expression, context: 'repl' })).result;
}

testWith(
  [debian],
  'tasks, their stacks and the log of a Linux guest are read from its memory',
  async (guest) => {
    const session = await atShell(asGuest(guest));

    const { os, tasks, total } = await session.send('xen/tasks', {});
    expect(os).toBe('Linux');
    expect(total).toBe(tasks.length);
    expect(tasks.filter(({ pid }) => pid === 0).map(({ name, kernel }) => ({ name, kernel }))).toEqual([
      { name: 'swapper/0', kernel: true },
      { name: 'swapper/1', kernel: true },
    ]);
    expect(tasks.find(({ pid }) => pid === 1)).toMatchObject({ tgid: 1, parent: 0, kernel: false });
    expect(tasks.find(({ pid }) => pid === 2)).toMatchObject({
      name: 'kthreadd',
      state: 'sleeping',
      kernel: true,
    });
    expect(tasks.find(({ name }) => name === 'ksoftirqd/1')).toMatchObject({ parent: 2, cpu: 1 });

    // kthreadd waits in its loop, and the shell in a system call.
    const { frames } = await session.send('xen/taskStack', { pid: 2 });
    expect(frames.map(({ name }) => name.replace(/\+.*/, ''))).toEqual([
      '__switch_to',
      '__schedule',
      'schedule',
      'kthreadd',
      'ret_from_fork',
    ]);
    // Its frames have registers, of which only those that were saved are known, and none can be changed.
    const frameId = frames[2]?.frameId ?? 0;
    const pc = await session.send('evaluate', { expression: '$pc,x', frameId });
    expect(pc.result).toContain(frames[2]?.address);
    const { scopes } = await session.send('scopes', { frameId });
    expect(scopes.map(({ name }) => name)).toEqual(['Registers']);
    expect((await session.raw('setExpression', { expression: '$x19', value: '1', frameId })).success).toBe(
      false,
    );
    const shell = (await session.send('xen/taskStack', { pid: 1 })).frames;
    expect(shell.map(({ name }) => name)).toContainEqual(
      expect.stringMatching(/^— system call .* from EL0 —$/),
    );
    expect(await command(session, ':bt 2')).toMatch(/^2 kthreadd \(sleeping, kernel\)\n {2}__switch_to/);
    expect(await command(session, ':tasks')).toMatch(/^ +2 +2 +0 +\d+ sleeping +\[kthreadd\]$/m);

    // As values of expressions, here without a type.
    expect(await command(session, '$task(2).name')).toMatch(/kthreadd/);
    expect(await command(session, '$current.pid')).toBe('0');
    expect(await command(session, ':help')).toMatch(/^:tasks /m);

    // The console shows what the log has, but for debugging messages.
    const log = await command(session, ':dmesg');
    const shown = printkLines(consoleText(session));
    expect(shown.length).toBeGreaterThan(100);
    const { records } = await session.send('xen/log', {});
    const important = records.filter(({ level }) => level < 7);
    expect(important.map(({ text }) => text.split('\n')).flat()).toEqual(
      shown.map((line) => line.slice(line.indexOf('] ') + 2)),
    );
    expect(shown.filter((line) => !log.includes(`${line}\n`))).toEqual([]);
  },
);

testWith([debian], 'the thread of a vCPU carries the name of its task', async (guest) => {
  const session = await atShell(asGuest(guest));
  const { threads } = await session.send('threads', {});
  expect(threads.map(({ name }) => name.replace(/ \(.*/, ''))).toEqual([
    'd1 v0 · EL1 · swapper/0',
    'd1 v1 · EL1 · swapper/1',
  ]);
});

testWith([debian], 'a kernel that KASLR has moved has tasks and a log as well', async (guest) => {
  const session = await atShell(moved(guest));
  const { tasks } = await session.send('xen/tasks', {});
  expect(tasks.map(({ name }) => name)).toEqual(expect.arrayContaining(['swapper/0', 'kthreadd', 'kswapd0']));
  const log = await command(session, ':dmesg');
  expect(printkLines(consoleText(session)).filter((line) => !log.includes(`${line}\n`))).toEqual([]);
});

testWith(
  [debian],
  'while a program runs, the kernel that it cannot see is found by its own tables',
  async (guest) => {
    // KASLR has the kernel unmap itself at EL0 (KPTI).
    const session = await atShell(moved(guest));
    await session.send('continue', { threadId: 1 });
    await session.send('xen/console', { text: 'echo is ""on; while :; do :; done\n' });
    await session.untilOne(() => consoleText(session).includes('is on\n'));
    await session.send('pause', { threadId: 1 });
    await session.until('stopped');
    const { tasks } = await session.send('xen/tasks', {});
    expect(tasks.filter(({ vcpu }) => vcpu === 0)).toMatchObject([{ pid: 1, name: 'sh', state: 'running' }]);
    const { threads } = await session.send('threads', {});
    expect(threads[0]?.name).toMatch(/^cpu 0 · EL[01] · sh$/);
    const { frames } = await session.send('xen/taskStack', { pid: 2 });
    expect(frames[0]?.name).toMatch(/^__switch_to/);
  },
);

testWith([withModule], 'loaded modules are listed behind the kernel', async (guest) => {
  const session = await atShell(asGuest(guest));
  expect((await session.send('modules', {})).modules).toHaveLength(1);
  await session.send('continue', { threadId: 257 });
  await session.send('xen/console', { text: 'insmod /xen-blkfront.ko; echo is ""in\n' });
  await session.untilOne(() => consoleText(session).includes('is in\n'));
  await session.send('pause', { threadId: 257 });
  await session.until('stopped');
  const { modules } = await session.send('modules', {});
  expect(modules.slice(1)).toMatchObject([{ id: 'd1:module:xen_blkfront', name: 'xen_blkfront' }]);
  const [start = '', end = ''] = modules[1]?.addressRange?.split('-') ?? [];
  expect(BigInt(end) - BigInt(start)).toBeGreaterThan(0x1000n);
  expect(await command(session, ':modules')).toMatch(/^xen_blkfront +0xffff[0-9a-f]+ +\d+ live\n$/);
});

testWith([debian], 'the log can be read while no console prints', async (guest) => {
  const session = new TestSession(nodeHost(() => {}));
  open.push(session);
  await session.send('initialize', { adapterID: 'xen' });
  const silent = { ...asGuest(guest).domains[0], cmdline: 'console=hvc0 loglevel=0 cryptomgr.notests' };
  await session.send('launch', { domains: [silent] } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  // Before the first instruction there is nothing in it, and nothing else goes wrong.
  expect((await session.send('xen/log', {})).records).toEqual([]);
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'rest_init' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { records } = await session.send('xen/log', {});
  expect(records[0]?.text).toMatch(/^Booting Linux on physical CPU/);
  expect(records.length).toBeGreaterThan(50);
  expect(printkLines(consoleText(session))).toEqual([]);
  const { tasks } = await session.send('xen/tasks', {});
  expect(tasks).toMatchObject([{ pid: 0, name: 'swapper/0', state: 'running', vcpu: 0 }]);
});
